package diff

import (
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// warning is a row: a detail that a reviewer should not miss.
type warning struct {
	unit, flag string // that names the file, or is the detail itself
	detail     string // of the file; "" with a flag that changes
	text       string
}

var warnings = []warning{
	{facts.APIUnit, "--encryption-provider-config", detailSecret, "the key that encrypts Secrets is another: what is in etcd cannot be read with it"},
	{facts.APIUnit, "--service-account-key-file", detailPublicKey, "the service-account key is another: tokens that pods have are refused"},
	{facts.APIUnit, "--service-account-key-file", detailPrivateKey, "the service-account key is another: tokens that pods have are refused"},
	{facts.APIUnit, "--service-account-issuer", "", "the issuer of service-account tokens is another: tokens that pods have are refused"},
	{facts.APIUnit, "--secure-port", "", "until machines agree on the API servers' port, those who dial the other one are refused: a load balancer finds only the machines that have the port it knows"},
	{facts.EtcdUnit, "--listen-peer-urls", "", "members do not reach one that has moved until etcd has been told"},
}

func cautions(pairs []machines) []Caution {
	var out []Caution
	add := func(host, text string) {
		i := slices.IndexFunc(out, func(c Caution) bool { return c.Text == text })
		if i < 0 {
			i = len(out)
			out = append(out, Caution{Text: text})
		}
		if host != "" && !slices.Contains(out[i].Hosts, host) {
			out[i].Hosts = append(out[i].Hosts, host)
		}
	}
	for _, p := range pairs {
		if p.before == nil || p.after == nil || len(p.changes) == 0 {
			continue
		}
		for _, c := range p.changes {
			if hasDetail(c, detailAuthority) {
				add(p.name, "an authority is another: machines with the old one and machines with the new one do not trust each other, so this cannot go one machine at a time")
			}
			if text := ofDisks(c); text != "" {
				add(p.name, text)
			}
			for _, w := range warnings {
				read := slices.ContainsFunc(p.judge.named[c.Name], func(m mention) bool { return m.unit == w.unit && m.by == w.flag })
				if w.detail != "" && read && hasDetail(c, w.detail) || w.detail == "" && c.Name == w.unit && c.How == Changed && hasDetail(c, w.flag) {
					add(p.name, w.text)
				}
			}
			for _, d := range c.Details {
				if text := leap(d); text != "" {
					add(p.name, text)
				}
			}
		}
		for _, r := range slices.Concat(archRisk(*p.before, *p.after), RangeRisks(*p.before, *p.after)) {
			add(p.name, r.Problem)
		}
		if text := apart(p); text != "" {
			add(p.name, text)
		}
	}
	for _, r := range ofOtherMasters(pairs) {
		add("", r.Problem)
	}
	if text := heldTwice(pairs); text != "" {
		add("", text)
	}
	for _, alone := range aloneOnes(pairs) {
		add(alone[0], alone[1])
	}
	for i := range out {
		if out[i].Hosts == nil {
			out[i].Hosts = []string{}
		}
	}
	return out
}

// ofOtherMasters tells the risks where no master is on both sides.
func ofOtherMasters(pairs []machines) []Risk {
	var before, after *node.Node
	for _, p := range pairs {
		was, is := facts.RoleOf(p.before).Control, facts.RoleOf(p.after).Control
		switch {
		case was && is:
			return nil
		case was && before == nil:
			before = p.before
		case is && after == nil:
			after = p.after
		}
	}
	if before == nil || after == nil {
		return nil
	}
	return RangeRisks(*before, *after)
}

// leap warns of a release that is not the next one.
func leap(d Detail) string {
	name, isBinary := strings.CutPrefix(d.What, "binary ")
	from, ok := profiles.ParseVersion(d.From)
	to, ok2 := profiles.ParseVersion(d.To)
	if !isBinary || d.How != Changed || !ok || !ok2 {
		return ""
	}
	return profiles.Skew(name, from, to)
}

// aloneOnes warns of what stops when the only machine that does it restarts.
func aloneOnes(pairs []machines) [][2]string {
	var out [][2]string
	for _, row := range []struct{ unit, text string }{
		{facts.EtcdUnit, "the only member of etcd: nothing can be read or written while it restarts"},
		{facts.APIUnit, "the only API server: the API is away while it restarts"},
		{facts.HAProxyUnit, "the only load balancer: clients outside the masters reach no API server while HAProxy restarts"},
	} {
		var have []string
		for _, p := range pairs {
			if facts.Runs(p.after, row.unit) {
				have = append(have, p.name)
			}
		}
		hit := func(host string) bool {
			return slices.Contains(hostsWith(pairs, Restart, row.unit), host) || slices.Contains(hostsWith(pairs, Reimage, ""), host)
		}
		if len(have) == 1 && hit(have[0]) {
			out = append(out, [2]string{have[0], row.text})
		}
		if row.unit == facts.EtcdUnit && len(have) == 2 && slices.ContainsFunc(have, hit) {
			out = append(out, [2]string{"", "etcd has two members: nothing can be written while one restarts"})
		}
	}
	return out
}
