package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/risk"
	"hagen/profiles"
)

// warning is a row: a detail that a reviewer should not miss.
type warning struct {
	unit, flag string // the flag that names the file, or the detail itself
	detail     string // of the file; "" if the flag itself changes
	text       string
}

var warnings = []warning{
	{facts.APIUnit, "--encryption-provider-config", diff.DetailSecret, "the key that encrypts Secrets changes: what is in etcd cannot be read with the new one"},
	{facts.APIUnit, "--service-account-key-file", diff.DetailPublicKey, "the service-account key changes: tokens that pods have are refused"},
	{facts.APIUnit, "--service-account-key-file", diff.DetailPrivateKey, "the service-account key changes: tokens that pods have are refused"},
	{facts.APIUnit, "--secure-port", "", "until all machines have the API servers' new port, connections to the other port fail: a load balancer finds only the machines with the port that it has"},
	{facts.EtcdUnit, "--listen-peer-urls", "", "members do not reach a member that has moved until etcd has its new address"},
}

// matches reports whether a change of a machine calls for the warning. A machine that gets
// the file with another role had no other one before.
func (w warning) matches(p diff.Pair, c diff.Change) bool {
	if w.detail != "" {
		return c.How == diff.Changed && p.Reads(w.unit, w.flag, c.Name) && c.Has(w.detail)
	}
	return c.Name == w.unit && c.How == diff.Changed && c.Has(w.flag)
}

// cautions returns what the changes of machines call for.
func cautions(pairs []diff.Pair) []Caution {
	var out []Caution
	add := func(host, text string) {
		i := slices.IndexFunc(out, func(c Caution) bool { return c.Text == text })
		if i < 0 {
			i = len(out)
			out = append(out, Caution{Hosts: []string{}, Text: text})
		}
		if host != "" && !slices.Contains(out[i].Hosts, host) {
			out[i].Hosts = append(out[i].Hosts, host)
		}
	}
	for _, p := range pairs {
		if !p.Stays() || len(p.Changes) == 0 {
			continue
		}
		for _, c := range p.Changes {
			if c.Has(diff.DetailAuthority) {
				add(p.Name, "an authority changes: machines with the old one and machines with the new one do not trust each other, so this cannot be done one machine at a time")
			}
			if text := ofDisks(c); text != "" {
				add(p.Name, text)
			}
			for _, w := range warnings {
				if w.matches(p, c) {
					add(p.Name, w.text)
				}
			}
			for _, d := range c.Details {
				if text := skew(d, facts.Emulated(*p.Before)); text != "" {
					add(p.Name, text)
				}
			}
		}
		for _, r := range slices.Concat(risk.OfArchitecture(*p.Before, *p.After), risk.OfRanges(*p.Before, *p.After), risk.OfIssuers(*p.Before, *p.After)) {
			add(p.Name, r.Problem)
		}
		if was, is, found := p.Renumbered(); found {
			add(p.Name, fmt.Sprintf("the virtual router of %s gets the ID %s instead of %s: until all of its machines have it, two of them hold the address. So reload keepalived on all at once, even before you re-image them one after the other", is.Address, is.ID, was.ID))
		}
	}
	for _, r := range ofOtherMasters(pairs) {
		add("", r.Problem)
	}
	if text := unheld(pairs); text != "" {
		add("", text)
	}
	for _, alone := range singleInstances(pairs) {
		add(alone[0], alone[1])
	}
	return out
}

// ofOtherMasters returns the risks if no master is on both sides.
func ofOtherMasters(pairs []diff.Pair) []risk.Risk {
	var before, after *node.Node
	for _, p := range pairs {
		was, is := facts.RoleOf(p.Before).Control, facts.RoleOf(p.After).Control
		switch {
		case was && is:
			return nil
		case was && before == nil:
			before = p.Before
		case is && after == nil:
			after = p.After
		}
	}
	if before == nil || after == nil {
		return nil
	}
	return slices.Concat(risk.OfRanges(*before, *after), risk.OfIssuers(*before, *after))
}

// skew warns of a release that is not the next one. The API servers have behaved like
// another minor release, "" for none.
func skew(d diff.Detail, emulated string) string {
	name, isBinary := strings.CutPrefix(d.What, "binary ")
	from, ok := profiles.ParseVersion(d.From)
	to, ok2 := profiles.ParseVersion(d.To)
	if !isBinary || d.How != diff.Changed || !ok || !ok2 {
		return ""
	}
	if text := profiles.Skew(name, from, to, emulated); text != "" || name != profiles.Etcd || to.Line() == from.Line() || to.Compare(from) > 0 {
		return text
	}
	return fmt.Sprintf("etcd goes back from %s to %s: a member starts with it only after etcdctl downgrade enable %s, when all of them store what it can read", from, to, to.Line())
}

// OnlyTwoMembers is said of a cluster with two masters when one of them restarts.
const OnlyTwoMembers = "etcd has only two members: nothing can be written while one restarts"

// singleInstances warns of services that stop while the only machine that runs them
// restarts.
func singleInstances(pairs []diff.Pair) [][2]string {
	var out [][2]string
	for _, row := range []struct{ unit, text string }{
		{facts.EtcdUnit, "the only member of etcd: nothing can be read or written while it restarts"},
		{facts.APIUnit, "the only API server: the API is unavailable while it restarts"},
		{facts.HAProxyUnit, "the only load balancer: clients outside the masters reach no API server while HAProxy restarts"},
	} {
		var have []string
		for _, p := range pairs {
			if facts.Runs(p.After, row.unit) {
				have = append(have, p.Name)
			}
		}
		hit := func(host string) bool {
			return slices.Contains(hostsWith(pairs, diff.Restart, row.unit), host) || slices.Contains(hostsWith(pairs, diff.Reimage, ""), host)
		}
		if len(have) == 1 && hit(have[0]) && slices.ContainsFunc(pairs, func(p diff.Pair) bool { return p.Name == have[0] && facts.Runs(p.Before, row.unit) }) {
			out = append(out, [2]string{have[0], row.text})
		}
		if row.unit == facts.EtcdUnit && len(have) == 2 && slices.ContainsFunc(have, hit) {
			out = append(out, [2]string{"", OnlyTwoMembers})
		}
	}
	return out
}

// ofDisks warns of data on disks: a new disk is empty, and data on an unmounted one is no
// longer visible.
func ofDisks(c diff.Change) string {
	wiped := false
	for _, d := range c.Details {
		wiped = wiped || d.To == "wiped"
	}
	switch {
	case c.Kind != diff.KindDisk && c.Kind != diff.KindFilesystem && c.Kind != diff.KindMount:
		return ""
	case wiped:
		return fmt.Sprintf("%s %s: every re-image erases it", c.Kind, c.Name)
	case c.Kind == diff.KindMount:
		return fmt.Sprintf("%s: another disk is mounted there, or none: move its data first, or let it be created again (etcd: as a member that lost its disk)", c.Name)
	case c.How == diff.Changed:
		return fmt.Sprintf("%s %s changes: Ignition fails on a disk with other contents, and erases it only if the cluster file says so", c.Kind, c.Name)
	}
	return ""
}
