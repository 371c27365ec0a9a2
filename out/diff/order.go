package diff

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// Step is a part of the order in which machines may take a change.
type Step struct {
	Action     Action   `json:"action"`
	Unit       string   `json:"unit,omitempty"`
	Hosts      []string `json:"hosts"`
	OneAtATime bool     `json:"oneAtATime"`
	Until      string   `json:"until,omitempty"`    // what to wait for before the next host or step
	Commands   []string `json:"commands,omitempty"` // for etcd
	Note       string   `json:"note,omitempty"`
}

type turn struct{ unit, until string }

// pace are rows: a unit, in the order in which units are restarted, and what
// to wait for before the next machine. docs/failover.md holds what was measured.
var pace = []turn{
	{etcdUnit, "every member is healthy again (etcdctl endpoint health --cluster)"},
	{apiUnit, "its /readyz answers"},
	{"kube-controller-manager.service", "it is active; another one leads meanwhile"},
	{"kube-scheduler.service", "it is active; another one leads meanwhile"},
	{haproxyUnit, "it answers at /alive on its own machine"},
	{keepalivedUnit, "it is active; the virtual IP may move"},
}

// order tells what comes after what: etcd is told, new machines boot, then
// unit by unit, and what is gone is switched off at last. Machines that cannot take
// it in place stand at the end.
func order(pairs []machines) []Step {
	var steps []Step
	if told := membership(pairs); told != nil {
		steps = append(steps, *told)
	}
	steps = append(steps, wholeMachines(pairs, Boot, roleMaster)...)
	steps = append(steps, wholeMachines(pairs, Boot, "")...)
	rows := slices.Clone(pace)
	for _, p := range pairs { // units that are not hagen's
		for _, e := range p.effects {
			if e.Unit != "" && !slices.ContainsFunc(rows, func(t turn) bool { return t.unit == e.Unit }) {
				rows = append(rows, turn{e.Unit, "it is active"})
			}
		}
	}
	for _, row := range rows {
		for _, action := range []Action{Reload, Restart, Start, Stop} {
			if hosts := hostsWith(pairs, action, row.unit); len(hosts) > 0 {
				step := Step{Action: action, Unit: row.unit, Hosts: hosts}
				if action != Reload {
					step.OneAtATime, step.Until = len(hosts) > 1, row.until
				}
				if action == Stop {
					step.Until = ""
				}
				steps = append(steps, step)
			}
		}
	}
	steps = append(steps, wholeMachines(pairs, Reimage, roleMaster)...)
	steps = append(steps, wholeMachines(pairs, Reimage, "")...)
	return append(steps, wholeMachines(pairs, SwitchOff, "any")...)
}

// wholeMachines is a step about whole machines: masters, or with "" all others.
func wholeMachines(pairs []machines, action Action, which string) []Step {
	var hosts []string
	for _, p := range pairs {
		is := role(p.after)
		if which != "any" && (which == roleMaster) != (is == roleMaster) {
			continue
		}
		if p.does(action, "") {
			hosts = append(hosts, p.name)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	step := Step{Action: action, Hosts: hosts, OneAtATime: len(hosts) > 1 && action != SwitchOff}
	switch {
	case action == SwitchOff:
	case !slices.ContainsFunc(pairs, func(p machines) bool { return p.before != nil }):
		step.OneAtATime, step.Note = false, "a new cluster: in any order, at any time"
	case which == roleMaster:
		step.Until = "every member of etcd is healthy and its /readyz answers"
	default:
		step.Until = "it serves"
	}
	if action == Reimage && which == roleMaster {
		step.Note = keepData
	}
	return []Step{step}
}

// keepData is what a master needs when its root is made anew.
const keepData = "a master that keeps /var/lib/etcd rejoins by itself; for one that does not, etcd has to remove the member and add it again"

func hostsWith(pairs []machines, action Action, unit string) []string {
	var hosts []string
	for _, p := range pairs {
		if p.does(action, unit) {
			hosts = append(hosts, p.name)
		}
	}
	return hosts
}

// reimage lists machines that change and were there before, masters first.
func reimage(pairs []machines) []string {
	var masters, others []string
	for _, p := range pairs {
		switch {
		case p.before == nil || p.after == nil || len(p.changes) == 0:
		case role(p.after) == roleMaster:
			masters = append(masters, p.name)
		default:
			others = append(others, p.name)
		}
	}
	return append(masters, others...)
}

// member is one of etcd's, as its own unit tells.
type member struct{ host, peers, data string }

func members(pairs []machines, side func(machines) *node.Node) []member {
	var all []member
	for _, p := range pairs {
		n := side(p)
		if n == nil {
			continue
		}
		for _, u := range n.Units {
			if u.Name != etcdUnit {
				continue
			}
			m := member{host: p.name}
			for _, f := range readUnit(u.Contents).flags {
				switch f.name {
				case "--name":
					m.host = f.values[0]
				case "--initial-advertise-peer-urls":
					m.peers = strings.Join(f.values, ",")
				case "--data-dir":
					m.data = strings.Join(f.values, ",")
				}
			}
			all = append(all, m)
		}
	}
	return all
}

// membership is the step in which etcd is told who leaves, moves and joins.
func membership(pairs []machines) *Step {
	before := members(pairs, func(p machines) *node.Node { return p.before })
	after := members(pairs, func(p machines) *node.Node { return p.after })
	if len(before) == 0 || len(after) == 0 {
		return nil // a new cluster, or the end of one
	}
	step := Step{Action: Membership, Unit: etcdUnit, OneAtATime: true, Until: "every member is healthy (etcdctl endpoint health --cluster)"}
	find := func(list []member, name string) *member {
		for i := range list {
			if list[i].host == name {
				return &list[i]
			}
		}
		return nil
	}
	tell := func(m member, format string, args ...any) {
		step.Hosts = append(step.Hosts, m.host)
		step.Commands = append(step.Commands, "etcdctl member "+fmt.Sprintf(format, args...))
	}
	for _, m := range before {
		if find(after, m.host) == nil {
			tell(m, "remove ID-OF-%s", m.host)
		}
	}
	joins := false
	for _, m := range after {
		switch old := find(before, m.host); {
		case old == nil:
			tell(m, "add %s --peer-urls=%s", m.host, m.peers)
			joins = true
		case old.peers != m.peers:
			tell(m, "update ID-OF-%s --peer-urls=%s", m.host, m.peers)
		case old.data != m.data:
			tell(m, "remove ID-OF-%s", m.host)
			tell(m, "add %s --peer-urls=%s", m.host, m.peers)
			joins = true
		}
	}
	if len(step.Commands) == 0 {
		return nil
	}
	step.Hosts = slices.Compact(step.Hosts)
	step.OneAtATime = len(step.Commands) > 1
	if joins {
		step.Until = "every member is healthy again, one that joins after its boot (etcdctl endpoint health --cluster)"
		step.Note = "a member that joins has to be started with --initial-cluster-state=existing; documents say new"
	}
	return &step
}

// warning is a row: a detail that a reviewer should not miss.
type warning struct {
	unit, flag string // that names the file, or is the detail itself
	detail     string // of the file; "" with a flag that changes
	text       string
}

var warnings = []warning{
	{apiUnit, "--encryption-provider-config", detailSecret, "the key that encrypts Secrets is another: what is in etcd cannot be read with it"},
	{apiUnit, "--service-account-key-file", detailPublicKey, "the service-account key is another: tokens that pods have are refused"},
	{apiUnit, "--service-account-key-file", detailPrivateKey, "the service-account key is another: tokens that pods have are refused"},
	{apiUnit, "--service-account-issuer", "", "the issuer of service-account tokens is another: tokens that pods have are refused"},
	{apiUnit, "--service-cluster-ip-range", "", "services that exist keep their old addresses"},
	{"kube-controller-manager.service", "--cluster-cidr", "", "nodes that exist keep their old pod ranges"},
	{apiUnit, "--secure-port", "", "until machines agree on the API servers' port, those who dial the other one are refused: a load balancer finds only the machines that have the port it knows"},
	{etcdUnit, "--listen-peer-urls", "", "members do not reach one that has moved until etcd has been told"},
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

// leap warns of a release that is not the next one (Kubernetes' version skew
// policy; etcd's upgrade guides).
func leap(d Detail) string {
	name, isBinary := strings.CutPrefix(d.What, "binary ")
	from, ok := profiles.ParseVersion(d.From)
	to, ok2 := profiles.ParseVersion(d.To)
	if !isBinary || d.How != Changed || !ok || !ok2 || name != "etcd" && !strings.HasPrefix(name, "kube-") {
		return ""
	}
	switch {
	case to.Compare(from) < 0 && (to.Minor != from.Minor || to.Major != from.Major):
		return fmt.Sprintf("%s goes back from %s to %s: upstream does not support that with data of the newer release", name, from, to)
	case to.Major != from.Major || to.Minor > from.Minor+1:
		return fmt.Sprintf("%s leaps from %s to %s: upstream supports one minor release at a time", name, from, to)
	}
	return ""
}

// aloneOnes warns of what stops when the only machine that does it restarts.
func aloneOnes(pairs []machines) [][2]string {
	var out [][2]string
	for _, row := range []struct{ unit, text string }{
		{etcdUnit, "the only member of etcd: nothing can be read or written while it restarts"},
		{apiUnit, "the only API server: the API is away while it restarts"},
		{"haproxy.service", "the only load balancer: clients outside the masters reach no API server while HAProxy restarts"},
	} {
		var have []string
		for _, p := range pairs {
			if p.after != nil && slices.ContainsFunc(p.after.Units, func(u node.Unit) bool { return u.Name == row.unit }) {
				have = append(have, p.name)
			}
		}
		if hit := hostsWith(pairs, Restart, row.unit); len(have) == 1 && len(hit) == 1 {
			out = append(out, [2]string{have[0], row.text})
		}
		if row.unit == etcdUnit && len(have) == 2 && len(hostsWith(pairs, Restart, row.unit)) > 0 {
			out = append(out, [2]string{"", "etcd has two members: nothing can be written while one restarts"})
		}
	}
	return out
}
