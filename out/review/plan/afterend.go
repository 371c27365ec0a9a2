package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// afterEnd makes a plan one that can be followed although certificates on the machines
// have ended. What only some of them have ended waits for these machines alone. Where etcd
// cannot answer, nobody can say whether the next step is safe: the plan then is for
// certificates alone, which cannot make that worse.
func (p planner) afterEnd() {
	is := endedOn(p.after.Machines, p.options.Now)
	hosts, still := p.ended.hosts(p.before.Cluster.Hosts()), is.hosts(p.after.Cluster.Hosts())
	if len(still) > 0 {
		p.caution(still, "certificates without which etcd or API servers serve nobody have ended, and the new documents have them, too: first hagen pki renew --expiring 30d")
		return
	}
	if len(hosts) == 0 || p.healed() < 0 {
		return
	}
	since := "certificates without which etcd or API servers serve nobody ended on " + p.ended.last.Format(time.DateOnly)
	switch more := p.more(); {
	case p.ended.quorumOf(p.before):
		p.some()
		p.caution(hosts, since+": before they have new ones, only the others are asked")
	case more != "":
		p.plan.CertificatesFirst = true
		p.caution(hosts, fmt.Sprintf("%s, and etcd has no quorum without them. This plan changes more than certificates (%s), for which the cluster has to answer: do not follow it. First renew them, and deliver them alone, with the former cluster file, and with the former hagen if a newer one is what changes more", since, more))
	default:
		p.none()
		p.caution(hosts, fmt.Sprintf("%s, and etcd has no quorum without them: no check asks the cluster before it can answer again, in step %d", since, p.healed()+1))
	}
}

// caution adds a caution, before all others.
func (p planner) caution(hosts []string, text string) {
	p.plan.Cautions = slices.Insert(p.plan.Cautions, 0, order.Caution{Hosts: hosts, Text: text})
}

// more names what a plan does beside delivering certificates; "" is nothing. Files that no
// unit acts for, and units that serve nobody, disturb nothing.
func (p planner) more() string {
	if p.plan.From != p.plan.To {
		return "it is an upgrade"
	}
	for _, s := range p.plan.Steps {
		serves := slices.ContainsFunc(healthChecks, func(row healthCheck) bool { return row.unit == s.Unit })
		switch s.Action {
		case diff.Nothing:
			continue
		case diff.Restart, diff.Reload:
			if len(s.Install) == 0 && (!serves || p.certificatesAlone(s)) {
				continue
			}
		case diff.Start, diff.Stop:
			if !serves {
				continue
			}
		}
		return s.Title()
	}
	return ""
}

// certificatesAlone reports whether a unit acts for certificates and their keys alone.
func (p planner) certificatesAlone(s Step) bool {
	for _, c := range p.plan.Changes {
		if !slices.Contains(c.Hosts, s.Host) || !concerns(c, s.Unit) {
			continue
		}
		for _, name := range append([]string{c.Name}, c.KeyFiles...) {
			was, is := facts.FileAt(p.before.machine(s.Host), name), facts.FileAt(p.after.machine(s.Host), name)
			if c.Kind != diff.KindFile || was.Path == "" || is.Path == "" || besideCertificates(was.Contents) != besideCertificates(is.Contents) {
				return false
			}
		}
	}
	return true
}

// besideCertificates is what a file has beside certificates and private keys.
func besideCertificates(contents []byte) string {
	text := certificate().ReplaceAllString(string(redact.Identified(contents)), "")
	return strings.Join(strings.Fields(privateKey().ReplaceAllString(text, "")), " ")
}

// none takes the checks that ask the cluster from the steps before it can answer to the step after
// which it does. A member of etcd that has started again opens its port for clients when a
// quorum answers, and shows no certificate before, and so does an API server when etcd
// answers. A restart before that waits for nobody.
func (p planner) none() {
	at := p.healed()
	p.plan.Prepare = slices.DeleteFunc(p.plan.Prepare, func(c Check) bool { return asksCluster(c.Command) })
	var later []Command
	for i := range p.plan.Steps[:at+1] {
		s := &p.plan.Steps[i]
		later = append(later, s.without(func(c Command) bool {
			return s.Action == diff.Restart || c.Host == "" || c.Asks == UnitStays || c.Asks == DaemonHealthy
		})...)
		for n, c := range s.Commands {
			if c.Host != "" {
				s.Commands[n].Text = strings.Replace(c.Text, "systemctl restart ", "systemctl restart --no-block ", 1)
			}
		}
	}
	s := &p.plan.Steps[at]
	s.WaitFor = "the cluster answers again"
	s.also(slices.Concat(p.answersAgain(), later)...)
	for i, c := range p.plan.Verify {
		p.plan.Verify[i].Seconds = max(c.Seconds, quorumSeconds)
	}
}

// some takes the checks of servers that still show an ended certificate to the step after
// which they show another, and asks the other ones before.
func (p planner) some() {
	var prepare []Check
	for _, c := range p.plan.Prepare {
		for _, asked := range p.askOthers(-1, c.Command) {
			prepare = append(prepare, Check{asked, c.Why})
		}
	}
	p.plan.Prepare = prepare
	later := map[int][]Command{}
	for i := range p.plan.Steps {
		s := &p.plan.Steps[i]
		checks := []Command{}
		for _, c := range s.Checks {
			others := p.askOthers(i, c)
			if len(others) != 1 || others[0].Text != c.Text {
				at := p.healed(facts.APIUnit)
				if c.Asks == MembersHealthy {
					at = p.healed(facts.EtcdUnit)
				}
				later[at] = append(later[at], c)
			}
			if c.Asks == MembersHealthy || len(others) == 1 {
				checks = append(checks, others...)
			}
		}
		if s.Checks = checks; len(checks) == 0 {
			s.WaitFor = ""
		}
	}
	for i, checks := range later {
		p.plan.Steps[i].also(checks...)
	}
}

// askOthers turns a command that asks servers of which some still show ended certificates
// when a step is done into those that ask the others.
func (p planner) askOthers(step int, c Command) []Command {
	if c.Host != "" {
		return []Command{c}
	}
	var urls []string
	var servers []Command
	others, asksOne, without := false, false, false
	for _, h := range p.hostsAfter(step) {
		switch {
		case p.endedAfter(step, h.Name, facts.EtcdUnit):
			without = true
		case h.EtcdURL != "":
			urls = append(urls, h.EtcdURL)
		}
		if h.APIPort == 0 {
			continue
		}
		asked := strings.Contains(c.Text, p.ask(h)+" ")
		asksOne = asksOne || asked
		if p.endedAfter(step, h.Name, facts.APIUnit) {
			others = others || asked
		} else {
			servers = append(servers, ready(p.ask(h), APIReady).within(c.Seconds))
		}
	}
	switch {
	case c.Asks == MembersHealthy && without:
		text := fmt.Sprintf("%s=%s etcdctl endpoint health", etcdEndpoints, strings.Join(urls, ","))
		return []Command{onWorkstation(text).asked(MembersHealthy, "every member answers whose certificate has not ended").within(c.Seconds)}
	case others:
		return nil // it is asked later
	case !asksOne && strings.HasPrefix(c.Text, "kubectl ") && p.healed(facts.APIUnit) > step && (len(servers) == 0 || strings.HasSuffix(c.Text, "/readyz")):
		return servers // a load balancer may lead to any of them
	}
	return []Command{c}
}

// hostsAfter lists the former machines as they are when a step is done: some have moved, or
// left.
func (p planner) hostsAfter(step int) (hosts []Host) {
	for _, h := range p.before.Cluster.Hosts() {
		for _, s := range p.plan.Steps[:step+1] {
			switch {
			case s.Host != h.Name:
			case s.Document != "":
				h = p.after.host(h.Name)
			case s.Action == diff.SwitchOff:
				h = Host{}
			}
		}
		if h.Name != "" {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// without takes checks away from a step, and returns them.
func (s *Step) without(gone func(Command) bool) (taken []Command) {
	left := []Command{}
	for _, c := range s.Checks {
		if gone(c) {
			taken = append(taken, c)
		} else {
			left = append(left, c)
		}
	}
	if len(taken) > 0 {
		s.Checks, s.WaitFor = left, ""
	}
	return taken
}

// also adds checks that a step does not have yet, with the time that a quorum may need.
func (s *Step) also(checks ...Command) {
	for _, c := range checks {
		if !slices.ContainsFunc(s.Checks, func(other Command) bool { return other.Text == c.Text && other.Host == c.Host }) {
			s.Checks = append(s.Checks, c.within(max(c.Seconds, quorumSeconds)))
		}
	}
}

// postponed returns those of some checks that the preparation lost.
func (p planner) postponed(checks []Check) []Check {
	return slices.DeleteFunc(checks, func(c Check) bool {
		return slices.ContainsFunc(p.plan.Prepare, func(prepared Check) bool { return prepared.Text == c.Text })
	})
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
