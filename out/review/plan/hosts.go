package plan

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/read"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// between returns the steps of files at any time before those of units and machines. An
// /etc/hosts that leads a dialled name elsewhere has to wait until something serves there.
func (p planner) between(files, acts []Step) []Step {
	after := make([][]Step, len(acts)+1) // after that many acts
	for _, s := range files {
		at := 0
		if i := slices.Index(s.Write, read.HostsPath); i >= 0 {
			at = p.served(s.Host, acts)
			if at > 0 {
				s.Write = slices.Delete(s.Write, i, i+1)
			}
		}
		if len(s.Write)+len(s.Remove)+len(s.Commands) > 0 {
			after[0] = append(after[0], s)
		}
		if at > 0 {
			late := newStep(diff.Nothing, s.Host, "")
			late.Write, late.Note = []string{read.HostsPath}, onlyNow
			after[at] = append(after[at], late)
		}
	}
	out := after[0]
	for i, s := range acts {
		out = slices.Concat(out, []Step{s}, after[i+1])
	}
	return out
}

// onlyNow is the note of an /etc/hosts that had to wait.
const onlyNow = "not before: names in it lead to what serves only now"

// served is the number of steps after which something serves at an address of each name that
// a machine dials and looks up in its new /etc/hosts.
func (p planner) served(host string, acts []Step) (at int) {
	was, is := p.before.machine(host), p.after.machine(host)
	for _, name := range p.dialled(host) {
		old, addresses := facts.LookUp(&was, name), facts.LookUp(&is, name)
		if len(old) == 0 || len(addresses) == 0 || slices.ContainsFunc(addresses, func(a string) bool { return slices.Contains(old, a) }) {
			continue // nobody dials it yet, or one of the former addresses remains
		}
		first := len(acts)
		for _, a := range addresses {
			first = min(first, p.gets(a, acts))
		}
		at = max(at, first)
	}
	return at
}

// dialled lists the names under which clients on a machine dial the API servers.
func (p planner) dialled(host string) (names []string) {
	for _, s := range []Side{p.before, p.after} {
		names = append(names, s.Cluster.Endpoint.Host)
		n := s.machine(host)
		for _, u := range n.Units {
			if _, server := facts.Kubeconfig(&n, u.Name); server != "" {
				if at, err := url.Parse(server); err == nil {
					names = append(names, at.Hostname())
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// gets is the number of steps after which a machine has an address; 0 if one has it from the
// beginning, or none does.
func (p planner) gets(text string, acts []Step) int {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return 0
	}
	var hosts []string
	for _, h := range p.after.Cluster.Hosts() {
		own := slices.Concat(h.Addresses, h.VirtualIPs)
		was := p.before.host(h.Name)
		if !slices.Contains(own, address) {
			continue
		}
		if slices.Contains(slices.Concat(was.Addresses, was.VirtualIPs), address) {
			return 0
		}
		hosts = append(hosts, h.Name)
	}
	return 1 + slices.IndexFunc(acts, func(s Step) bool {
		return slices.Contains(hosts, s.Host) && (s.Action == diff.Boot || s.Action == diff.Reimage || s.Unit == facts.KeepalivedUnit && s.Action != diff.Nothing)
	})
}

// loses reports whether a machine's new document no longer has its /etc/hosts.
func (p planner) loses(host string) bool {
	return !p.plan.Same && hasHosts(p.before, host) && !hasHosts(p.after, host) && p.after.host(host).Name != ""
}

func hasHosts(s Side, host string) bool {
	return facts.FileAt(s.machine(host), read.HostsPath).Path != ""
}

// ownHosts is the command that leaves a machine an /etc/hosts with its own name: the image's
// is gone since the first boot.
func (p planner) ownHosts(host string) Command {
	lines := []string{"'127.0.0.1 localhost'", "'::1 localhost'"}
	for _, a := range p.after.host(host).Addresses {
		lines = append(lines, fmt.Sprintf("'%s %s'", a, host))
	}
	return onHost(host, "printf '%s\\n' "+strings.Join(lines, " ")+" > "+read.HostsPath)
}

// lostNames warns of names that machines no longer know by themselves, and of who dials them.
func lostNames(p planner) []order.Caution {
	var hosts, names, dialled []string
	for _, h := range p.after.Cluster.Hosts() {
		if !p.loses(h.Name) {
			continue
		}
		hosts = append(hosts, h.Name)
		for _, unit := range p.before.machine(h.Name).Units {
			was := p.before.machine(h.Name)
			_, server := facts.Kubeconfig(&was, unit.Name)
			if at, err := url.Parse(server); err == nil && len(facts.LookUp(&was, at.Hostname())) > 0 && at.Hostname() != "localhost" {
				dialled = append(dialled, strings.TrimSuffix(unit.Name, ".service")+" dials "+at.Hostname())
			}
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	for _, h := range p.after.Cluster.Hosts() {
		if h.Address().IsValid() {
			names = append(names, fmt.Sprintf("%s: %s", h.Name, h.Address()))
		}
	}
	slices.Sort(dialled)
	text := "their /etc/hosts keeps only their own names: DNS has to resolve the machines' names before (" + strings.Join(names, ", ") + ")"
	if len(dialled) > 0 {
		text += "; of the daemons, " + strings.Join(slices.Compact(dialled), ", ")
	} else {
		text += ", although no daemon of the control plane dials one of them"
	}
	return []order.Caution{{Hosts: hosts, Text: text}}
}

// leftovers warns of other files that stay although the new documents do not have them: they
// stand in the place of the image's. A machine that the plan re-images has none.
func leftovers(p planner) (out []order.Caution) {
	anew := order.HostsOf(p.plan.Order.Steps, diff.Reimage)
	for _, c := range p.plan.Changes {
		if c.Kind != diff.KindFile || c.How != diff.Removed || c.Name == read.HostsPath {
			continue
		}
		hosts := slices.DeleteFunc(slices.Clone(c.Hosts), func(host string) bool {
			return slices.Contains(anew, host) || p.after.host(host).Name == "" || !facts.Replaces(facts.FileAt(p.before.machine(host), c.Name))
		})
		if len(hosts) > 0 {
			out = append(out, order.Caution{Hosts: hosts, Text: c.Name + " stays as it is until the machine is re-imaged: it stands in the place of the image's, without which its program may not start"})
		}
	}
	return out
}
