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

// way is how clients outside the masters come to the API servers.
type way struct {
	url       string   // that the administrator's kubeconfig dials; "" if the tree has none
	name      string   // of the endpoint; "" if it is an address
	by        string   // what answers there, in words
	addresses []string // at which hagen's machines answer
}

// wayIn reads a side's.
func wayIn(s diff.Side) way {
	var w way
	k, _, _ := read.ParseKubeconfig(node.File{Contents: s.Kubeconfig}, nil)
	if w.url = k.Server.Value(); w.url != "" {
		if u, err := url.Parse(w.url); err == nil {
			if _, err := netip.ParseAddr(u.Hostname()); err != nil {
				w.name = u.Hostname()
			}
		}
	}
	if name := k.ServerName.Value(); name != "" {
		w.name = name
	}
	virtual, on, masters := "", []string{}, false
	for i := range s.Machines {
		n := &s.Machines[i]
		if !facts.Runs(n, facts.HAProxyUnit) {
			continue
		}
		on = append(on, n.Name)
		masters = masters || facts.RoleOf(n).Control
		w.addresses = append(w.addresses, facts.OwnAddresses(n)...)
		if v := facts.VirtualIP(n); v != "" {
			virtual = v
		}
	}
	switch {
	case len(on) == 0:
		w.by = "a load balancer that is not hagen's"
	case masters:
		w.by = "HAProxy on the masters"
	default:
		w.by = "HAProxy on machines of its own"
	}
	if virtual != "" {
		w.by, w.addresses = w.by+" with the virtual IP "+virtual, []string{virtual}
	}
	if len(s.Machines) > 0 && w.name != "" && len(on) > 0 {
		if known := facts.LookUp(&s.Machines[0], w.name); len(known) > 0 {
			w.addresses = known
		}
	}
	return w
}

// ways warns of what has to follow outside the machines when clients are to
// come in another way: nobody there is told by a document.
func ways(before, after diff.Side, pairs []diff.Pair) (out []Caution) {
	say := func(format string, args ...any) {
		out = append(out, Caution{Hosts: []string{}, Text: fmt.Sprintf(format, args...)})
	}
	old, new := wayIn(before), wayIn(after)
	if len(before.Machines) == 0 || len(after.Machines) == 0 || old.url == "" || new.url == "" {
		return nil
	}
	switch same := old.url == new.url && slices.Equal(old.addresses, new.addresses); {
	case old.by != new.by && same:
		say("clients came in by %s and are to come in by %s, at the same address", old.by, new.by)
	case old.by != new.by:
		say("clients came in by %s and are to come in by %s: the former has to serve until DNS and kubeconfigs lead to the latter", old.by, new.by)
	}
	if old.url != new.url {
		say("kubeconfigs outside these machines (kubelets', people's, pipelines') dial %s and have to dial %s: make them anew (hagen kubeconfig), and hand them out before the former stops answering", old.url, new.url)
	}
	switch {
	case new.name == "":
	case len(new.addresses) == 0 && (old.by != new.by || old.name != new.name):
		say("DNS has to lead %s to the load balancer that is not hagen's", new.name)
	case len(new.addresses) == 0: // whose /etc/hosts tells nothing any more
		if len(old.addresses) > 0 {
			say("DNS has to know %s, as machines do not find it by themselves any more: %s", new.name, strings.Join(old.addresses, ", "))
		}
	case old.name != new.name:
		say("DNS has to know %s: %s", new.name, strings.Join(new.addresses, ", "))
	case !slices.Equal(old.addresses, new.addresses):
		say("DNS has to give %s %s instead of %s", new.name, strings.Join(new.addresses, ", "), orNothing(old.addresses))
	}
	return append(out, handedOver(pairs)...)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "what it gives"
	}
	return strings.Join(list, ", ")
}

// handedOver warns of an address that clients dial and that goes from some
// machines to others: it cannot be at both.
func handedOver(pairs []diff.Pair) (out []Caution) {
	if heldTwice(pairs) != "" {
		return nil // which is worse, and told
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
			out = append(out, Caution{Hosts: []string{}, Text: fmt.Sprintf("%s goes from %s to %s: nobody answers there from the end of the former until the latter serves",
				address, strings.Join(from[address], ", "), strings.Join(to, ", "))})
		}
	}
	return out
}

// heldTwice warns of a virtual address that moves from some machines to
// others: the two groups do not hear each other, and each holds it.
func heldTwice(pairs []diff.Pair) string {
	var from, to []string
	address := ""
	for _, p := range pairs {
		before, after := facts.VirtualIP(p.Before), facts.VirtualIP(p.After)
		switch {
		case before != "" && after == "":
			from, address = append(from, p.Name), before
		case before == "" && after != "":
			to = append(to, p.Name)
		}
	}
	if len(from) == 0 || len(to) == 0 {
		return ""
	}
	return fmt.Sprintf("%s moves from %s to %s, who do not hear each other and would both hold it: stop keepalived on the former first",
		address, strings.Join(from, ", "), strings.Join(to, ", "))
}
