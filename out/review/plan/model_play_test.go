package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// play takes a plan from its first command to its last, and returns what goes wrong.
func (w *world) play() []string {
	w.hold("before")
	for _, c := range w.plan.Prepare {
		w.mustRun("before", c.Command)
	}
	for i := 0; i < len(w.plan.Steps); {
		together := 1
		for w.plan.Steps[i].AllAtOnce && i+together < len(w.plan.Steps) && w.plan.Steps[i+together].AllAtOnce {
			together++
		}
		w.next = i + together
		w.steps(i, w.plan.Steps[i:w.next])
		i = w.next
	}
	for _, c := range w.plan.Verify {
		w.mustRun("after", c.Command)
	}
	w.arrived()
	for _, c := range w.plan.CleanUp {
		w.mustRun("later", c.Command)
	}
	return w.problems
}

func (w *world) mustRun(when string, c Command) {
	if err := w.run(c); err != nil {
		w.problem("%s: %s: %v", when, c.Text, err)
	}
}

// steps takes a step, or several all at once: first it stops what acts, and asks what must
// hold meanwhile; then it acts, and asks the step's checks and what must hold then.
func (w *world) steps(at int, steps []Step) {
	when := fmt.Sprintf("step %d, %s", at+1, steps[0].Title())
	for _, s := range steps {
		for _, unit := range stops(s) {
			w.down[s.Host+" "+unit] = true
		}
	}
	w.meanwhile(when, steps[0])
	w.mustSpare(when+", meanwhile", steps[0])
	for _, s := range steps {
		w.take(when, s)
	}
	w.elect()
	w.mustRead(when)
	for _, s := range steps {
		for _, c := range s.Checks {
			w.mustRun(when+", check", c)
		}
		w.mustFail(when, s)
	}
	w.heldOnce(when, steps)
	w.hold(when)
	w.mustSpare(when, steps[0])
	if w.trace != nil {
		w.trace(fmt.Sprintf("%-50s %s", when, w))
	}
}

// mustRead asks that no member of etcd is of a minor release that cannot read the others'
// data: they have to be let go back to it first.
func (w *world) mustRead(when string) {
	for _, host := range w.hosts(facts.EtcdUnit) {
		v, _ := profiles.ParseVersion(w.machines[host].runs[facts.EtcdUnit].version)
		if older(v, w.before.file.Etcd) && w.downgrade != v.Line() {
			w.problem("%s: etcd %s of %s cannot read the others' data", when, v, host)
		}
	}
}

// String is who answers: members of etcd, the first of which leads, API servers, and those
// that each HAProxy finds.
func (w *world) String() string {
	var members, ways []string
	for _, e := range w.members {
		switch host := w.hostOf(e); {
		case !e.started:
			members = append(members, "("+strings.TrimPrefix(e.peer, "https://")+")")
		case e.learner:
			members = append(members, "("+host+")")
		case host == w.leader:
			members = append([]string{host + "*"}, members...)
		case host != "":
			members = append(members, host)
		}
	}
	for _, host := range w.hosts(facts.HAProxyUnit) {
		ways = append(ways, fmt.Sprintf("%s → %s", host, strings.Join(w.behind(w.proxyOf(host)), " ")))
	}
	return fmt.Sprintf("etcd %s | API %s | %s", strings.Join(members, " "), strings.Join(w.ready(), " "), strings.Join(ways, ", "))
}

// stops are the units of a machine that a step stops for a time; "" is all of the machine.
func stops(s Step) []string {
	switch s.Action {
	case diff.Reimage, diff.SwitchOff:
		return []string{""}
	case diff.Restart, diff.Stop:
		return []string{s.Unit}
	}
	return nil
}

// take does what a step says.
func (w *world) take(when string, s Step) {
	for _, unit := range stops(s) {
		delete(w.down, s.Host+" "+unit)
	}
	m := w.machines[s.Host]
	switch s.Action {
	case diff.Boot, diff.Reimage:
		if !w.rendered(s) {
			w.problem("%s: nothing has rendered %s", when, s.Document)
		}
		w.boot(s, s.Action == diff.Reimage)
		m = w.machines[s.Host]
	case diff.Membership:
	default:
		if m == nil || !m.on {
			w.problem("%s: %s has no power", when, s.Host)
			return
		}
	}
	if len(s.Write) > 0 && !w.rendered(s) {
		w.problem("%s: nothing has rendered the new document", when)
	}
	for _, b := range s.Install {
		if name := strings.TrimSuffix(s.Unit, ".service"); b.Name == name {
			m.installed[name] = b.Version
			continue
		}
		maps.Copy(m.installed, facts.Versions(w.after.machine(s.Host)))
	}
	for _, place := range s.Write {
		if !m.write(w.after.machine(s.Host), place) {
			w.problem("%s: the document of %s has no %s", when, s.Host, place)
		}
	}
	for _, place := range s.Remove {
		m.remove(place)
	}
	for _, c := range s.Commands {
		w.mustRun(when, c)
	}
}

// rendered reports whether the workstation has the new documents.
func (w *world) rendered(Step) bool {
	return slices.ContainsFunc(w.plan.Prepare, func(c Check) bool {
		return strings.HasPrefix(c.Text, "hagen render ") && !strings.Contains(c.Text, "--join")
	}) &&
		w.workstation.file == w.after.file
}

// mustFail asks the checks of a step once more while what it has started does not run: one
// of them has to say so.
func (w *world) mustFail(when string, s Step) {
	var units []string
	switch s.Action {
	case diff.Restart, diff.Start, diff.Reload:
		units = []string{s.Unit}
	case diff.Boot, diff.Reimage, diff.Membership:
		if s.Action == diff.Membership && (!strings.Contains(s.Commands[0].Text, "member promote") || w.machines[s.Host] == nil) {
			return
		}
		if w.learns(s.Host) { // its API server has to wait
			units = []string{facts.EtcdUnit}
			break
		}
		for _, u := range w.machines[s.Host].disk.WithContainers().Units {
			if u.Enabled {
				units = append(units, u.Name)
			}
		}
	}
	for _, unit := range units {
		w.down[s.Host+" "+unit] = true
		found := slices.ContainsFunc(s.Checks, func(c Command) bool { return w.run(c) != nil })
		delete(w.down, s.Host+" "+unit)
		if !found {
			w.problem("%s: no check fails while %s does not run", when, unit)
		}
	}
}

// learns reports whether a machine's member of etcd is a learner.
func (w *world) learns(host string) bool {
	return slices.ContainsFunc(w.members, func(e etcdMember) bool { return e.learner && w.hostOf(e) == host })
}

// meanwhile asks what must hold while a step acts.
func (w *world) meanwhile(when string, s Step) {
	if answer, all := w.quorum(); answer <= all/2 && !w.warned("only member of etcd", "etcd has only two members", "nothing can be written until") {
		w.problem("%s: meanwhile %d of %d members of etcd answer", when, answer, all)
	}
	if s.Action == diff.Membership || s.Action == diff.Boot || s.Action == diff.Nothing {
		return
	}
	for _, unit := range []string{facts.APIUnit, "kube-controller-manager.service", "kube-scheduler.service"} {
		if len(w.hosts(unit)) == 0 && len(w.before.file.APIServers()) > 1 {
			w.problem("%s: meanwhile no %s runs", when, unit)
		}
	}
	if len(w.hosts(facts.APIUnit)) == 0 && !w.warned("the only API server") {
		w.problem("%s: meanwhile no API server runs, and nothing says so", when)
	}
	w.reached(when + ", meanwhile")
	if s.Action != diff.Restart || s.Unit != facts.APIUnit || len(w.before.file.APIServers()) < 3 || len(w.after.file.APIServers()) < 3 || w.warned("the API servers' new port") {
		return
	}
	for _, host := range w.hosts(facts.HAProxyUnit) {
		if found, all := len(w.behind(w.proxyOf(host))), len(w.ready()); found < min(2, all) {
			w.problem("%s: meanwhile HAProxy finds %d of %d API servers", when, found, all)
		}
	}
}

// reached asks whether clients reach an API server through a machine with HAProxy.
func (w *world) reached(when string) {
	fronts := w.before.file.HAProxyHosts()
	if len(fronts) == 0 || w.warned(cuts...) {
		return
	}
	hosts := w.hosts(facts.HAProxyUnit)
	if len(w.before.file.Balancing.VirtualIPs) > 0 && len(w.after.file.Balancing.VirtualIPs) > 0 {
		// Another address takes none away.
		said := w.warned("nobody holds it") && slices.Equal(w.before.file.Balancing.VirtualIPs, w.after.file.Balancing.VirtualIPs)
		if hosts = w.sharing(); len(hosts) == 0 && !said {
			w.problem("%s: nobody holds the virtual IP", when)
		}
		if said {
			return
		}
	}
	for _, host := range hosts {
		if len(w.behind(w.proxyOf(host))) > 0 {
			return
		}
	}
	w.problem("%s: no HAProxy finds an API server", when)
}

// hold asks what must hold between two steps.
func (w *world) hold(when string) {
	w.elect()
	if len(w.members) == 0 { // whatever a caution says
		w.problem("%s: etcd has no member", when)
	}
	if answer, all := w.quorum(); answer <= all/2 && !w.warned("the only member of etcd", "nothing can be written until") {
		w.problem("%s: %d of %d members of etcd answer", when, answer, all)
	} else if answer > all/2 && w.leader == "" {
		w.problem("%s: nobody leads etcd", when)
	}
	apis := w.hosts(facts.APIUnit)
	for _, host := range apis {
		for _, name := range slices.Concat(w.dialled, w.before.file.Names(w.machines[host].host)) {
			if !w.covers(host, facts.APIUnit, "--tls-cert-file", name) {
				w.problem("%s: the certificate of %s does not have %s", when, host, name)
			}
		}
		member := slices.ContainsFunc(w.members, func(e etcdMember) bool { return w.hostOf(e) == host })
		if member && !w.learns(host) && !slices.Contains(w.ready(), host) && !w.later(host) { // without one, it is switched off next
			w.problem("%s: the API server of %s finds no etcd", when, host)
		}
	}
	if len(w.ready()) == 0 {
		w.problem("%s: no API server runs", when)
	}
	for _, host := range w.hosts(facts.EtcdUnit) {
		for url := range strings.SplitSeq(w.flag(host, facts.EtcdUnit, "--initial-advertise-peer-urls"), ",") {
			at, err := netip.ParseAddrPort(strings.TrimPrefix(url, "https://"))
			if err != nil || !w.covers(host, facts.EtcdUnit, "--peer-cert-file", at.Addr().String()) {
				w.problem("%s: the certificate of etcd on %s does not have %s", when, host, at.Addr())
			}
		}
	}
	w.reached(when)
	w.mustLead(when)
	w.mustFind(when)
	w.mustKeep(when)
	w.mustServe(when)
}

// later reports whether a step that follows restarts a host's API server.
func (w *world) later(host string) bool {
	return slices.ContainsFunc(w.plan.Steps[w.next:], func(s Step) bool {
		return s.Host == host && (s.Unit == facts.APIUnit || s.Action == diff.Reimage)
	})
}

// etcdFor reports whether etcd answers an API server at a URL: on the loopback its own.
func (w *world) etcdFor(host, url string) bool {
	if address, err := netip.ParseAddrPort(strings.TrimPrefix(url, "https://")); err == nil && address.Addr().IsLoopback() {
		return w.up(host, facts.EtcdUnit) && !w.learns(host) && slices.Contains(strings.Split(w.flag(host, facts.EtcdUnit, "--listen-client-urls"), ","), url)
	}
	return w.clientAt(url)
}

// arrived compares the cluster with what the new cluster file describes.
func (w *world) arrived() {
	if err := w.kubeconfig(w.after.Kubeconfig, w.after); err != nil {
		w.problem("after: the new kubeconfig: %v", err)
	}
	for _, h := range w.after.file.Hosts() {
		m, want := w.machines[h.Name], w.after.machine(h.Name)
		if w.away(h.Name) {
			continue
		}
		if m == nil || !m.on {
			w.problem("after: %s has no power", h.Name)
			continue
		}
		versions := facts.Versions(want)
		for _, u := range want.WithContainers().Units {
			if _, runs := m.runs[u.Name]; u.Enabled && !runs {
				w.problem("after: %s of %s does not run", u.Name, h.Name)
			}
			if version := versions[strings.TrimSuffix(u.Name, ".service")]; version != "" && m.runs[u.Name].version != version {
				w.problem("after: %s of %s is still %s", u.Name, h.Name, m.runs[u.Name].version)
			}
		}
		for _, f := range want.Files {
			if has := facts.FileAt(m.disk, f.Path); string(has.Contents) != string(f.Contents) {
				w.problem("after: %s has another %s", h.Name, f.Path)
			}
		}
		for _, u := range want.Units {
			if facts.UnitOf(m.disk, u.Name).Exec != facts.UnitOf(want, u.Name).Exec || !slices.ContainsFunc(m.disk.Units, func(o node.Unit) bool { return o.Name == u.Name && o.Contents == u.Contents }) {
				w.problem("after: %s has another %s", h.Name, u.Name)
			}
		}
	}
	for name, m := range w.machines {
		for unit, s := range m.runs {
			product := strings.TrimSuffix(unit, ".service")
			if m.on && (s.version != m.installed[product] || facts.UnitOf(s.at, unit).Exec != facts.UnitOf(m.disk, unit).Exec || !slices.EqualFunc(actingFlags(facts.UnitOf(s.at, unit)), actingFlags(facts.UnitOf(m.disk, unit)), sameFlag)) {
				w.problem("after: %s of %s does not run what is on its disk", unit, name)
			}
		}
		if m.on && w.after.hostOf(name).Name == "" {
			w.problem("after: %s still has power", name)
		}
	}
	for _, host := range w.hosts(facts.HAProxyUnit) {
		servers := slices.DeleteFunc(slices.Clone(w.after.file.APIServers()), func(h cluster.Host) bool { return w.away(h.Name) })
		if found := w.behind(w.proxyOf(host)); len(found) != len(servers) {
			w.problem("after: HAProxy of %s finds %v", host, found)
		}
	}
}

// actingFlags are those that a running unit goes by: a member that has data ignores what
// etcd began with.
func actingFlags(u facts.Unit) []facts.Setting {
	return slices.DeleteFunc(slices.Clone(u.Flags), func(f facts.Setting) bool { return strings.HasPrefix(f.Name, "--initial-cluster") })
}

func sameFlag(a, b facts.Setting) bool { return a.Name == b.Name && slices.Equal(a.Values, b.Values) }

// warned reports whether a plan says one of these things beforehand.
func (w *world) warned(texts ...string) bool {
	for _, c := range w.plan.Cautions {
		for _, text := range texts {
			if strings.Contains(c.Text, text) {
				return true
			}
		}
	}
	return false
}
