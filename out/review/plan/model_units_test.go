package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
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

// quorum reports whether etcd can write: of how many members how many answer.
func (w *world) quorum() (answer, all int) {
	for _, e := range w.members {
		if w.answering(e) {
			answer++
		}
	}
	return answer, len(w.members)
}

// elect lets another member lead if the leader does not answer.
func (w *world) elect() {
	first := ""
	for _, e := range w.members {
		host := w.hostOf(e)
		if host == "" || !e.started {
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
		return e.started && host != "" && slices.Contains(strings.Split(w.flag(host, facts.EtcdUnit, "--listen-client-urls"), ","), url)
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
