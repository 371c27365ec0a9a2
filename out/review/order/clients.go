package order

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// access is how clients outside the masters reach the API servers.
type access struct {
	url       string   // in the administrator's kubeconfig; "" if the tree has none
	name      string   // of the endpoint; "" if it is an address
	by        string   // what answers there, for messages
	addresses []string // at which clients find the machines with HAProxy
	own       []string // that these machines have
	inHosts   bool     // machines look up the name in /etc/hosts
}

// accessOf reads the access from a side's kubeconfig and machines.
func accessOf(s diff.Side) access {
	var a access
	dialled := "" // host of the URL
	k, _, _ := read.ParseKubeconfig(node.File{Contents: s.Kubeconfig}, nil)
	if a.url = k.Server.Value(); a.url != "" {
		if u, err := url.Parse(a.url); err == nil {
			dialled = u.Hostname()
		}
		if !isAddress(dialled) {
			a.name = dialled
		}
	}
	if name := k.ServerName.Value(); name != "" {
		a.name = name
	}
	virtual, on, masters := "", []string{}, false
	for i := range s.Machines {
		n := &s.Machines[i]
		if !facts.Runs(n, facts.HAProxyUnit) {
			continue
		}
		on = append(on, n.Name)
		masters = masters || facts.RoleOf(n).Control
		a.addresses = append(a.addresses, facts.OwnAddresses(n)...)
		if v := facts.VirtualIP(n); v != "" {
			virtual = v
		}
	}
	alone := machineAt(s.Machines, a.name, dialled)
	switch {
	case len(on) == 0 && alone != nil:
		a.by, a.addresses = alone.Name+" itself", facts.OwnAddresses(alone)
	case len(on) == 0:
		a.by = foreign
	case masters:
		a.by = "HAProxy on the masters"
	default:
		a.by = "HAProxy on machines of its own"
	}
	if virtual != "" {
		a.by, a.addresses = a.by+" with the virtual IP "+virtual, []string{virtual}
	}
	if len(s.Machines) > 0 && a.name != "" && len(on) > 0 {
		if known := facts.LookUp(&s.Machines[0], a.name); len(known) > 0 {
			a.addresses, a.inHosts = known, true
		}
	}
	a.own = a.addresses
	switch {
	case s.Answers != nil:
		a.addresses = s.Answers
	case len(on) > 0 && isAddress(dialled) && !slices.Contains(a.own, dialled):
		a.addresses = []string{dialled} // which the network translates
	}
	return a
}

// foreign is a load balancer of which no document knows.
const foreign = "a load balancer that is not hagen's"

// machineAt returns the machine with a name or an address, nil if there is none.
func machineAt(machines []node.Node, name, address string) *node.Node {
	i := slices.IndexFunc(machines, func(n node.Node) bool {
		return n.Name == name || slices.Contains(facts.OwnAddresses(&n), address)
	})
	if i < 0 {
		return nil
	}
	return &machines[i]
}

// cutsOff reports whether the URL of earlier kubeconfigs ends in the same moment in which that
// of later ones begins: only the port differs of what answers there.
func (a access) cutsOff(now access) bool {
	earlier, err := url.Parse(a.url)
	later, err2 := url.Parse(now.url)
	return err == nil && err2 == nil && earlier.Hostname() == later.Hostname() && earlier.Port() != later.Port() && a.by == now.by && a.by != foreign
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// answersIn reports whether earlier kubeconfigs may go on to dial their URL: it leads to
// where clients find the API servers now, as far as that is known.
func (a access) answersIn(now access) bool {
	earlier, err := url.Parse(a.url)
	later, err2 := url.Parse(now.url)
	if err != nil || err2 != nil || earlier.Port() != later.Port() {
		return false
	}
	unknown := len(now.addresses) == 0 && a.name == now.name && a.by == now.by
	return unknown || earlier.Hostname() == now.name || slices.Contains(slices.Concat(now.addresses, now.own), earlier.Hostname())
}

// ofAccess warns of what has to change outside the machines, where no document arrives,
// when clients reach the API servers in another way.
func ofAccess(before, after diff.Side, pairs []diff.Pair) (out []Caution) {
	say := func(format string, args ...any) {
		out = append(out, Caution{Hosts: []string{}, Text: fmt.Sprintf(format, args...)})
	}
	old, new := accessOf(before), accessOf(after)
	if len(before.Machines) == 0 || len(after.Machines) == 0 || old.url == "" || new.url == "" {
		return nil
	}
	switch same := old.url == new.url && slices.Equal(old.addresses, new.addresses); {
	case old.by != new.by && same:
		say("clients now use %s instead of %s, at the same address", new.by, old.by)
	case old.by != new.by:
		say("clients now use %s instead of %s: keep the old one running until DNS and kubeconfigs lead to the new one", new.by, old.by)
	}
	switch {
	case old.url == new.url || old.answersIn(new):
	case old.cutsOff(new):
		say("kubeconfigs outside these machines (of kubelets, people, pipelines) dial %s and have to dial %s, which answers only from when the other no longer does: clients are cut off in between. Make new ones before (hagen kubeconfig), and hand them out right after that step", old.url, new.url)
	default:
		say("kubeconfigs outside these machines (of kubelets, people, pipelines) dial %s and have to dial %s: make new ones (hagen kubeconfig) and hand them out before the old address stops answering", old.url, new.url)
	}
	switch {
	case new.name == "":
	case len(new.addresses) == 0 && (old.by != new.by || old.name != new.name):
		say("DNS has to resolve %s to %s", new.name, strings.Replace(foreign, "a ", "the ", 1))
	case old.inHosts && !new.inHosts && old.name == new.name:
		answer := new.addresses
		if len(answer) == 0 {
			answer = old.addresses
		}
		say("DNS has to resolve %s, which is no longer in /etc/hosts of machines: %s", new.name, strings.Join(answer, ", "))
	case len(new.addresses) == 0:
	case old.name != new.name:
		say("DNS has to resolve %s: %s", new.name, strings.Join(new.addresses, ", "))
		if old.name != "" && !old.inHosts && old.by == new.by && len(old.addresses) > 0 && !overlap(old.addresses, new.addresses) {
			say("DNS has to resolve %s to %s, too, instead of %s, as long as clients dial it", old.name, strings.Join(new.addresses, ", "), strings.Join(old.addresses, ", "))
		}
	case !slices.Equal(old.addresses, new.addresses):
		say("DNS has to resolve %s to %s instead of %s", new.name, strings.Join(new.addresses, ", "), orNothing(old.addresses))
	}
	return append(out, handedOver(pairs)...)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "its present addresses"
	}
	return strings.Join(list, ", ")
}

// handedOver warns of an address that clients dial and that moves between machines: only
// one machine can have it.
func handedOver(pairs []diff.Pair) (out []Caution) {
	if unheld(pairs) != "" {
		return nil // the worse case has its own caution
	}
	kept := keptAddresses(pairs)
	from := map[string][]string{}
	for _, p := range pairs {
		if facts.Runs(p.Before, facts.HAProxyUnit) {
			for _, address := range without(facts.Addresses(p.Before), kept) {
				from[address] = append(from[address], p.Name)
			}
		}
	}
	for _, address := range slices.Sorted(maps.Keys(from)) {
		var to []string
		for _, p := range pairs {
			if facts.Runs(p.After, facts.HAProxyUnit) && slices.Contains(facts.Addresses(p.After), address) {
				to = append(to, p.Name)
			}
		}
		if len(to) > 0 {
			out = append(out, Caution{Hosts: []string{}, Text: fmt.Sprintf("%s moves from %s to %s: nothing answers there from when the old one stops until the new one serves",
				address, strings.Join(from[address], ", "), strings.Join(to, ", "))})
		}
	}
	return out
}
