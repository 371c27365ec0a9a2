package diff

import "hagen/gen/node"

// Member is one of etcd's, as its machine's own unit tells.
type Member struct {
	Name     string // --name
	Host     string // the machine
	PeerURLs string // --initial-advertise-peer-urls, joined by commas
}

// Members lists those of a set of machines, in their order.
func Members(machines []node.Node) (all []Member) {
	for i := range machines {
		if m, is := memberOf(&machines[i]); is {
			all = append(all, Member{m.name, machines[i].Name, m.peers})
		}
	}
	return all
}

// member is one of etcd's, as its own unit tells.
type member struct{ name, peers, data, cluster, state string }

func memberOf(n *node.Node) (member, bool) {
	if !runs(n, etcdUnit) {
		return member{}, false
	}
	m := member{name: n.Name}
	for _, flag := range []struct {
		name  string
		value *string
	}{
		{"--name", &m.name}, {"--initial-advertise-peer-urls", &m.peers}, {"--data-dir", &m.data},
		{"--initial-cluster", &m.cluster}, {"--initial-cluster-state", &m.state},
	} {
		if value := Flag(*n, etcdUnit, flag.name); value != "" {
			*flag.value = value
		}
	}
	return m, true
}

// members are those that etcd has before anything is done.
func members(pairs []machines) (all []member) {
	for _, p := range pairs {
		if m, is := memberOf(p.before); is {
			all = append(all, m)
		}
	}
	return all
}

func membersAfter(pairs []machines) (all []member) {
	for _, p := range pairs {
		if m, is := memberOf(p.after); is {
			all = append(all, m)
		}
	}
	return all
}
