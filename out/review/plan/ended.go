package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// vital is a row: a flag that names certificates without which etcd or an API server
// serves nobody. An authority has ended when all certificates in its file have.
type vital struct {
	unit, flag string
	authority  bool
}

var vitals = []vital{
	{facts.EtcdUnit, "--cert-file", false},
	{facts.EtcdUnit, "--peer-cert-file", false},
	{facts.EtcdUnit, "--trusted-ca-file", true},
	{facts.EtcdUnit, "--peer-trusted-ca-file", true},
	{facts.APIUnit, "--tls-cert-file", false},
	{facts.APIUnit, "--etcd-certfile", false},
	{facts.APIUnit, "--etcd-cafile", true},
	{facts.APIUnit, "--client-ca-file", true},
}

// ended are files of machines that hold ended certificates.
type ended struct {
	files map[string][]string // by host
	last  time.Time           // when the last of them ended
}

func (e ended) hosts(hosts []Host) (names []string) {
	for _, h := range hosts {
		if len(e.files[h.Name]) > 0 {
			names = append(names, h.Name)
		}
	}
	return names
}

// endedOn lists the files of one side that hold ended certificates.
func (p planner) endedOn(machines []node.Node) ended {
	e := ended{files: map[string][]string{}}
	if p.options.Now.IsZero() {
		return e
	}
	for _, n := range machines {
		for _, row := range vitals {
			file := facts.Flag(n, row.unit, row.flag)
			if file == "" || slices.Contains(e.files[n.Name], file) {
				continue
			}
			if at, is := row.endOf(facts.FileAt(n, file).Contents); is && at.Before(p.options.Now) {
				e.files[n.Name] = append(e.files[n.Name], file)
				if at.After(e.last) {
					e.last = at
				}
			}
		}
	}
	return e
}

// endOf returns when the certificates in a file end: of a chain its first, of
// authorities the last.
func (row vital) endOf(contents []byte) (end time.Time, is bool) {
	all, _ := node.ReadSummaries(strings.Split(strings.TrimSpace(string(redact.Identified(contents))), "\n"))
	for i, c := range all {
		at, err := time.Parse(time.RFC3339, c.To)
		if err != nil || i > 0 && !row.authority {
			continue
		}
		if is = true; at.After(end) {
			end = at
		}
	}
	return end, is
}

// afterEnd makes a plan one that can be followed although certificates on the machines
// have ended: what asks the cluster comes when it answers again.
func (p planner) afterEnd() {
	was, is := p.endedOn(p.before.Machines), p.endedOn(p.after.Machines)
	hosts, still := was.hosts(p.before.Cluster.Hosts()), is.hosts(p.after.Cluster.Hosts())
	if len(still) > 0 {
		p.plan.Cautions = append(p.plan.Cautions, order.Caution{Hosts: still,
			Text: "certificates without which etcd or API servers serve nobody have ended, and the new documents have them, too: first hagen pki renew --expiring 30d"})
		return
	}
	at := p.heals(was)
	if len(hosts) == 0 || at < 0 {
		return
	}
	p.plan.Prepare = slices.DeleteFunc(p.plan.Prepare, func(c Check) bool { return asksCluster(c.Command) })
	p.postpone(at)
	for i, c := range p.plan.Verify {
		p.plan.Verify[i].Seconds = max(c.Seconds, quorumSeconds)
	}
	text := fmt.Sprintf("certificates without which etcd or API servers serve nobody ended on %s: no check asks the cluster before it can answer again, in step %d", was.last.Format(time.DateOnly), at+1)
	if p.plan.From != p.plan.To || slices.ContainsFunc(p.plan.Steps[:at+1], func(s Step) bool { return s.Action == diff.Membership }) {
		text += ". This plan changes more than certificates, for which the cluster has to answer: first renew them, and deliver them alone, with the former cluster file"
	}
	p.plan.Cautions = append(p.plan.Cautions, order.Caution{Hosts: hosts, Text: text})
}

// postponed returns those of some checks that the preparation lost.
func (p planner) postponed(checks []Check) []Check {
	return slices.DeleteFunc(checks, func(c Check) bool {
		return slices.ContainsFunc(p.plan.Prepare, func(prepared Check) bool { return prepared.Text == c.Text })
	})
}

// heals is the index of the step after which no machine uses an ended certificate any
// more; -1 if no step changes one.
func (p planner) heals(was ended) int {
	at := -1
	for i, s := range p.plan.Steps {
		for _, file := range was.files[s.Host] {
			reads := slices.ContainsFunc(p.plan.Changes, func(c diff.Change) bool {
				return c.Name == file && slices.Contains(c.Hosts, s.Host) && slices.ContainsFunc(c.Effects, func(e diff.Effect) bool {
					return e.Unit == s.Unit && e.Action != diff.Nothing && e.Action != diff.PickUp
				})
			})
			if s.Document != "" || slices.Contains(s.Write, file) || reads && vitalTo(s.Unit) {
				at = i
			}
		}
	}
	return at
}

func vitalTo(unit string) bool {
	return slices.ContainsFunc(vitals, func(row vital) bool { return row.unit == unit })
}

// postpone moves the checks that ask the cluster from the steps before it can answer to
// the step after which it does. A member of etcd that has started again opens its port for
// clients when a quorum answers, and shows no certificate before, and so does an API server
// when etcd answers. A restart before that waits for nobody.
func (p planner) postpone(at int) {
	var later []Command
	for i := range p.plan.Steps[:at+1] {
		s := &p.plan.Steps[i]
		now := []Command{}
		for _, c := range s.Checks {
			if s.Action == diff.Restart || c.Host == "" || c.Asks == UnitStays || c.Asks == DaemonHealthy {
				later = append(later, c)
			} else {
				now = append(now, c)
			}
		}
		if len(now) != len(s.Checks) {
			s.Checks, s.WaitFor = now, ""
		}
		for n, c := range s.Commands {
			if c.Host != "" {
				s.Commands[n].Text = strings.Replace(c.Text, "systemctl restart ", "systemctl restart --no-block ", 1)
			}
		}
	}
	s := &p.plan.Steps[at]
	s.WaitFor = "the cluster answers again"
	for _, c := range slices.Concat(p.answersAgain(), later) {
		if !slices.ContainsFunc(s.Checks, func(other Command) bool { return other.Text == c.Text && other.Host == c.Host }) {
			s.Checks = append(s.Checks, c.within(max(c.Seconds, quorumSeconds)))
		}
	}
}

// answersAgain asks what could not be asked before the first step. A load balancer may
// still have an ended authority: each API server is asked itself.
func (p planner) answersAgain() []Command {
	checks := memberChecks()
	for _, h := range p.after.Cluster.APIServers() {
		if p.before.host(h.Name).APIPort != 0 {
			checks = append(checks, ready(p.ask(h), APIReady))
		}
	}
	return checks
}

// asksCluster reports whether a command needs a cluster that answers.
func asksCluster(c Command) bool {
	return c.Host == "" && (strings.Contains(c.Text, "etcdctl ") || strings.Contains(c.Text, "kubectl "))
}
