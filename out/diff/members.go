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
