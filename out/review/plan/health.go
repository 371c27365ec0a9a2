package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// healthCheck is a row: checks that succeed if a unit works on a host. Besides, a daemon
// has to run and go on running.
type healthCheck struct {
	unit   string
	checks func(p planner, h Host) []Command
}

var healthChecks = []healthCheck{
	{facts.EtcdUnit, func(p planner, h Host) []Command {
		return append(memberChecks(), ifChanged(p.plan.From.Etcd, p.plan.To.Etcd, EtcdVersion, fmt.Sprintf(`ETCDCTL_ENDPOINTS=%s etcdctl endpoint status --write-out=fields | grep '"Version" : "%s"'`, h.EtcdURL, p.plan.To.Etcd))...)
	}},
	{facts.APIUnit, func(p planner, h Host) []Command {
		return append([]Command{ready(p.ask(h), APIReady)},
			ifChanged(p.plan.From.Kubernetes, p.plan.To.Kubernetes, APIVersion, fmt.Sprintf(`%s get --raw=/version | grep '"gitVersion": "v%s"'`, p.ask(h), p.plan.To.Kubernetes))...)
	}},
	elected("kube-controller-manager", 10257, 10252),
	elected("kube-scheduler", 10259, 10251),
	{facts.HAProxyUnit, func(p planner, h Host) []Command {
		e, checks := p.after.Cluster.Endpoint, []Command{}
		if alive := facts.Alive(p.after.machine(h.Name)); alive != "" {
			checks = append(checks, answers200(h.Name, alive, BalancerAlive))
		}
		if !h.Front().IsValid() || e.Port == 0 { // no file of a tree says where it is
			return append(checks, ready("kubectl", BalancerReady))
		}
		return append(checks, ready(kubectl(h.Front(), e.Port, p.endpointName()), BalancerReady))
	}},
	{facts.KeepalivedUnit, func(p planner, h Host) []Command {
		checks, port := []Command{}, p.holders.port()
		for _, address := range h.VirtualIPs {
			if port != 0 {
				checks = append(checks, ready(kubectl(address, port, p.endpointName()), VirtualIPReady))
			}
		}
		return append(checks, p.holders.checks()...)
	}},
}

// elected is the row of a daemon of which one leads. Old releases answer without TLS, on
// another port.
func elected(daemon string, port, insecurePort uint16) healthCheck {
	unit := daemon + ".service"
	return healthCheck{unit, func(p planner, h Host) []Command {
		n := p.after.machine(h.Name)
		health := func(scheme, flag string, port uint16) string {
			address, _ := netip.ParseAddr(facts.Flag(n, unit, flag))
			return scheme + "://" + netip.AddrPortFrom(address, port).String() + "/healthz"
		}
		at := health("https", "--bind-address", port)
		if facts.Flag(n, unit, "--bind-address") == "" {
			at = health("http", "--address", insecurePort)
		}
		locked := leaseLock
		if v := p.plan.To.Kubernetes; v.Major == 1 && v.Minor < 20 {
			locked = endpointLock
		}
		return []Command{answers200(h.Name, at, DaemonHealthy), leaderStays(p.ask(h), daemon, locked)}
	}}
}

// ask is kubectl asking a host's own API server.
func (p planner) ask(h Host) string {
	return kubectl(h.Address(), h.APIPort, h.Name)
}

// endpointName is a name of the endpoint that all API servers have in their certificates at
// each step: certificates keep the former one, and get a new one one after the other.
func (p planner) endpointName() string {
	return cmp.Or(p.before.Cluster.Endpoint.Host, p.after.Cluster.Endpoint.Host)
}

// memberChecks ask all members that etcd has at that time. The names follow when all
// steps before are known.
func memberChecks() []Command { return []Command{membersHealthy(), membersStarted(nil)} }

// ifChanged returns a check that is needed only if the version changes.
func ifChanged(from, to profiles.Version, asks Asks, text string) []Command {
	if from == to {
		return nil
	}
	return []Command{onWorkstation(text).asked(asks, to.String())}
}

// unitChecks returns checks of whether a unit works.
func (p planner) unitChecks(unit string, h Host) []Command {
	if runsOnce(p.after.machine(h.Name), unit) {
		return []Command{active(unit, h.Name)}
	}
	return append(p.rowChecks(h, unit), stays(h.Name, unit))
}

// rowChecks returns the checks of the units that have a row, in the order of the rows.
func (p planner) rowChecks(h Host, units ...string) (checks []Command) {
	for _, g := range healthChecks {
		if slices.Contains(units, g.unit) {
			checks = append(checks, g.checks(p, h)...)
		}
	}
	return checks
}

// runsOnce reports whether a unit is no daemon.
func runsOnce(n node.Node, unit string) bool {
	if !strings.HasSuffix(unit, ".service") {
		return true
	}
	for _, s := range facts.UnitOf(n, unit).Settings {
		if s.Name == "Type" && strings.Join(s.Values, "") == "oneshot" {
			return true
		}
	}
	return false
}

// machineChecks returns checks of all units that start with a machine.
func (p planner) machineChecks(h Host) []Command {
	var units []string
	for _, u := range p.after.machine(h.Name).WithContainers().Units {
		if u.Enabled {
			units = append(units, u.Name)
		}
	}
	checks := append(p.rowChecks(h, units...), p.servedChecks(p.after, h.Name, nil)...)
	if len(units) > 0 {
		checks = append(checks, stays(h.Name, units...))
	}
	for i := range checks {
		checks[i] = checks[i].within(bootSeconds)
	}
	return append([]Command{}, checks...)
}

// learnerChecks returns checks of a machine whose member of etcd learns: its API server is not
// ready before it is promoted.
func (p planner) learnerChecks(h Host) []Command {
	checks := []Command{membersStarted(nil)}
	if n := p.after.machine(h.Name); facts.Runs(&n, facts.KeepalivedUnit) {
		checks = append(checks, p.holders.checks()...) // nobody's API server may be behind the address yet
	}
	checks = append(checks, stays(h.Name, facts.EtcdUnit))
	for i := range checks {
		checks[i] = checks[i].within(bootSeconds)
	}
	return checks
}

// server is a row: a unit that shows a certificate to its clients.
type server struct {
	unit, flag string // the flag names the file
	at         func(Host) string
	with       string // options of openssl
}

var servers = []server{
	{facts.EtcdUnit, "--cert-file", func(h Host) string { return strings.TrimPrefix(h.EtcdURL, "https://") }, ` -cert "$ETCDCTL_CERT" -key "$ETCDCTL_KEY"`},
	{facts.APIUnit, "--tls-cert-file", func(h Host) string {
		return netip.AddrPortFrom(h.Address(), h.APIPort).String()
	}, ""},
}

// servedChecks returns checks of the certificates that a host's units show and that change:
// all of them, or those among the files that a step writes. A unit that has picked up
// another certificate shows it. Units listen as on one of the sides.
func (p planner) servedChecks(on Side, name string, written []string) (checks []Command) {
	was, is := p.before.machine(name), p.after.machine(name)
	for _, s := range servers {
		file := facts.Flag(is, s.unit, s.flag)
		if file == "" || !facts.Runs(&was, s.unit) || !p.changes(name, file) {
			continue
		}
		if item := control.ItemAt(p.after.Cluster.Profile, cluster.Master, name, file); item != "" && (written == nil || slices.Contains(written, file)) {
			checks = append(checks, serves(s.at(on.host(name)), path.Join(p.pki(), item+".pem"), s.with))
		}
	}
	return checks
}
