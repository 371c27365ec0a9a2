package plan

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// answering reports whether a member answers, by the list of members: its peers dial it
// where the list says.
func (w *world) answering(e etcdMember) bool { return e.started && w.hostOf(e) != "" }

// hostOf returns the host that runs a member where the list says, "" if none does.
func (w *world) hostOf(e etcdMember) string {
	for _, host := range w.hosts(facts.EtcdUnit) {
		if w.flag(host, facts.EtcdUnit, "--name") == e.name && w.flag(host, facts.EtcdUnit, "--listen-peer-urls") == e.peer {
			return host
		}
	}
	return ""
}

// quorum reports whether etcd can write: of how many members that vote how many answer.
func (w *world) quorum() (answer, all int) {
	for _, e := range w.members {
		if e.learner {
			continue
		}
		if all++; w.answering(e) {
			answer++
		}
	}
	return answer, all
}

// mustSpare asks that one more member may die at each step of a machine that comes or goes,
// from three on, unless new masters need the addresses of those that go.
func (w *world) mustSpare(when string, s Step) {
	was, is := w.before.file.Members(), w.after.file.Members()
	if slices.ContainsFunc(was, func(h cluster.Host) bool { return w.away(h.Name) }) {
		return // there may be none to spare
	}
	if w.stays(s.Host) || len(was) < 3 || len(is) < 3 || w.knowLearners() != nil {
		return
	}
	for _, m := range is {
		if w.before.hostOf(m.Name).Name == "" && slices.ContainsFunc(w.before.file.Hosts(), func(h cluster.Host) bool {
			return slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return slices.Contains(m.Addresses, a) })
		}) {
			return // it needs the address of one that goes
		}
	}
	if answer, all := w.quorum(); answer-1 <= all/2 {
		w.problem("%s: %d of %d members of etcd answer, and none may die", when, answer, all)
	}
}

// knowLearners asks that all members know learners.
func (w *world) knowLearners() error {
	for _, host := range w.hosts(facts.EtcdUnit) {
		if v, _ := profiles.ParseVersion(w.machines[host].runs[facts.EtcdUnit].version); v.Compare(profiles.Version{Major: 3, Minor: 4}) < 0 {
			return fmt.Errorf("etcd %s of %s knows no learners", v, host)
		}
	}
	return nil
}

// elect lets another member lead if the leader does not answer.
func (w *world) elect() {
	first := ""
	for _, e := range w.members {
		host := w.hostOf(e)
		if host == "" || !e.started || e.learner {
			continue
		}
		if host == w.leader {
			return
		}
		if first == "" {
			first = host
		}
	}
	w.leader = first
	if answer, all := w.quorum(); answer <= all/2 {
		w.leader = ""
	}
}

// clientAt reports whether a member of etcd answers clients at a URL.
func (w *world) clientAt(url string) bool {
	return slices.ContainsFunc(w.members, func(e etcdMember) bool {
		host := w.hostOf(e)
		return e.started && !e.learner && host != "" && slices.Contains(strings.Split(w.flag(host, facts.EtcdUnit, "--listen-client-urls"), ","), url)
	})
}

// on asks that a command's machine has power.
func (w *world) on(c Command) error {
	if m := w.machines[c.Host]; m == nil || !m.on {
		return fmt.Errorf("%s has no power", c.Host)
	}
	return nil
}

// act is systemctl.
func (w *world) act(m *machine, verb, unit string) error {
	known := slices.ContainsFunc(m.disk.WithContainers().Units, func(u node.Unit) bool { return u.Name == unit })
	switch {
	case verb == "disable --now":
		if _, runs := m.runs[unit]; !runs {
			return fmt.Errorf("%s has no %s", m.host.Name, unit)
		}
		delete(m.runs, unit)
		return nil
	case !known:
		return fmt.Errorf("%s has no %s", m.host.Name, unit)
	case m.unread[unit]:
		return fmt.Errorf("systemd of %s has not read the new %s", m.host.Name, unit)
	case verb == "reload":
		if _, runs := m.runs[unit]; !runs {
			return fmt.Errorf("%s of %s does not run", unit, m.host.Name)
		}
		m.reload(unit)
		return nil
	}
	m.start(unit)
	if e, is := facts.MemberOf(&m.disk); is && unit == facts.EtcdUnit {
		w.joinEtcd(m, e, true)
	}
	return nil
}

// running asks whether a unit runs.
func (w *world) running(c Command, unit string) error {
	if err := w.on(c); err != nil {
		return err
	}
	if !w.up(c.Host, unit) {
		return fmt.Errorf("%s of %s does not run", unit, c.Host)
	}
	return nil
}

// ports are those of daemons on the loopback of their machine.
var ports = map[string]string{"10257": "kube-controller-manager.service", "10252": "kube-controller-manager.service", "10259": "kube-scheduler.service", "10251": "kube-scheduler.service"}

// local asks a URL on a machine.
func (w *world) local(host, at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	if unit := ports[u.Port()]; unit != "" {
		if !w.up(host, unit) {
			return fmt.Errorf("%s of %s does not run", unit, host)
		}
		return nil
	}
	if !w.up(host, facts.HAProxyUnit) || w.proxyOf(host).alive != at {
		return fmt.Errorf("HAProxy of %s does not answer at %s", host, at)
	}
	return nil
}

// fetched is a machine that has fetched its binaries.
func (w *world) fetched(c Command) error {
	for name, version := range facts.Versions(w.after.machine(c.Host)) {
		w.machines[c.Host].installed[name] = version
	}
	return w.on(c)
}
