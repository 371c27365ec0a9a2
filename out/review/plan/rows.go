package plan

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/out/review/risk"
	"hagen/profiles"
)

// good is a row: how to see that a unit works on a host. A command ends with
// exit code 0 then. Units without a row have to be active.
type good struct {
	unit string
	see  func(w way, h cluster.Host) []Command
}

var goods = []good{
	{facts.EtcdUnit, func(w way, h cluster.Host) []Command {
		return memberChecks(w.changes(w.plan.From.Etcd, w.plan.To.Etcd, fmt.Sprintf(
			`ETCDCTL_ENDPOINTS=%s etcdctl endpoint status --write-out=fields | grep '"Version" : "%s"'`, control.EtcdURL(w.after.Cluster, h), w.plan.To.Etcd)))
	}},
	{facts.APIUnit, func(w way, h cluster.Host) []Command {
		ask := kubectl(h, w.after.Cluster.APIServer.Port, h.Name)
		return append([]Command{{Text: ask + " get --raw=/readyz"}},
			w.changes(w.plan.From.Kubernetes, w.plan.To.Kubernetes, fmt.Sprintf(`%s get --raw=/version | grep '"gitVersion": "v%s"'`, ask, w.plan.To.Kubernetes))...)
	}},
	{facts.HAProxyUnit, func(w way, h cluster.Host) []Command {
		e := w.after.Cluster.Endpoint
		return []Command{active(facts.HAProxyUnit, h), {Text: kubectl(h, e.Port, e.Host) + " get --raw=/readyz"}}
	}},
}

// unitChecks see that a unit works.
func (w way) unitChecks(unit string, h cluster.Host) []Command {
	for _, g := range goods {
		if g.unit == unit {
			return g.see(w, h)
		}
	}
	return []Command{active(unit, h)}
}

// machineChecks see that all of a machine works: every unit that the goods are
// about, in their order, then those that only have to be active.
func (w way) machineChecks(h cluster.Host) []Command {
	var units []string
	for _, u := range machine(w.after, h.Name).WithContainers().Units {
		if u.Enabled && strings.HasSuffix(u.Name, ".service") {
			units = append(units, u.Name)
		}
	}
	checks := []Command{}
	for _, g := range goods {
		for _, u := range units {
			if u == g.unit {
				checks = append(checks, g.see(w, h)...)
			}
		}
	}
	for _, u := range units {
		if !hasRow(u) {
			checks = append(checks, active(u, h))
		}
	}
	return checks
}

func hasRow(unit string) bool {
	for _, g := range goods {
		if g.unit == unit {
			return true
		}
	}
	return false
}

func active(unit string, h cluster.Host) Command {
	return Command{h.Name, "systemctl is-active " + unit}
}

// memberChecks ask all members of etcd, whoever they are by then.
func memberChecks(more []Command) []Command {
	return append([]Command{{Text: "etcdctl endpoint health --cluster"}}, more...)
}

// changes is a command that only says something if a version changes.
func (w way) changes(from, to profiles.Version, text string) []Command {
	if from == to {
		return nil
	}
	return []Command{{Text: text}}
}

// kubectl asks what answers at a port of one host, by the name in its
// certificate: no load balancer is between.
func kubectl(h cluster.Host, port uint16, name string) string {
	return fmt.Sprintf("kubectl --server=https://%s --tls-server-name=%s", netip.AddrPortFrom(h.Address(), port), name)
}

// first is what has to hold and to be done before the first step. The
// documents come last: a render replaces the administrator's kubeconfig, and
// the tree that tells who was there before.
func (w way) first(steps []order.Step) []Check {
	checks := []Check{
		{Command{Text: "etcdctl endpoint health --cluster"}, "every member of etcd is healthy: with one ill, the next that restarts may be one too many"},
		{Command{Text: "kubectl get --raw=/readyz"}, ""},
	}
	if w.options.NodesFit {
		checks = append(checks, Check{Command{Text: risk.NodeRanges},
			fmt.Sprintf("no Node has a range outside of the new ones, %v", w.after.Cluster.Pods)})
	}
	from, to := w.plan.From, w.plan.To
	if from.Kubernetes.Line() != to.Kubernetes.Line() {
		checks = append(checks, Check{Command{Text: "kubectl get nodes"},
			fmt.Sprintf("kubelets must be %s to %s: no more than three minor releases older than the new API servers, and never newer than one", older(to.Kubernetes, 3), from.Kubernetes.Line())})
	}
	if from != to {
		// It holds every Secret: in the tree it is private, and nothing that a
		// repository takes.
		dir := path.Join("rendered", w.after.Cluster.Name, "snapshots")
		checks = append(checks, Check{Command{Text: fmt.Sprintf("mkdir -p %s && ETCDCTL_ENDPOINTS=%s etcdctl snapshot save %[1]s/before-%[3]s.db", dir, control.EtcdURL(w.before.Cluster, w.staying()), to.Kubernetes)},
			"nothing else leads back to an older minor release"})
	}
	if hosts, _ := order.Joining(steps); len(hosts) > 0 {
		checks = append(checks, Check{Command{Text: w.render("--join")},
			fmt.Sprintf("before the next, which forgets who was there: documents to join the others with, for %s, in %s", strings.Join(hosts, ", "), path.Join("join", w.after.Cluster.Name))})
	}
	return append(checks, Check{Command{Text: w.render()}, "the new documents, and the certificates that they need"})
}

// render is the command of this plan's cluster file. It is told what the plan
// was, so that it does not warn of what is done here.
func (w way) render(flags ...string) string {
	if w.options.NodesFit {
		flags = append(flags, risk.NodesFit)
	}
	return strings.Join(append(append([]string{"hagen render"}, flags...), "-f", w.options.File), " ")
}

// older is the minor release that is so many before another.
func older(v profiles.Version, by int) string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(max(0, v.Minor-by))
}

// last is what has to hold in the end.
func (w way) last() []Check {
	checks := []Check{{Command{Text: "etcdctl endpoint health --cluster"}, ""}, {Command{Text: "kubectl get --raw=/readyz"}, ""}}
	if w.options.NodesFit {
		checks = append(checks, Check{Command{Text: risk.NodeRanges}, "kubelets that were stopped may be started: their Nodes get ranges of the new ones"})
	}
	if len(order.HostsOf(w.plan.Order.Steps, diff.SwitchOff))+len(order.HostsOf(w.plan.Order.Steps, diff.Boot)) > 0 {
		checks = append(checks, Check{Command{Text: "etcdctl member list"}, "exactly the masters of the new cluster file"})
	}
	return checks
}

// later is what ends the names that certificates keep for clients.
func (w way) later() []Check {
	former := control.FormerNames(w.after.Cluster)
	if len(former) == 0 {
		return nil
	}
	return []Check{
		{Command{Text: "hagen pki forget -f " + w.options.File + " " + strings.Join(former, " ")}, "only when no client dials them any more: the kubeconfigs of kubelets, people and pipelines, and what pods were told"},
		{Command{Text: w.render()}, "the API servers' certificates without them; each takes its own up by itself when it is written on its master"},
	}
}
