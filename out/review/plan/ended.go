package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
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
	files map[unitOn][]string
	last  time.Time // when the last of them ended
}

// unitOn is a unit of a machine.
type unitOn struct{ host, unit string }

// has reports whether a unit of a host uses an ended certificate; with "", whether one does.
func (e ended) has(host, unit string) bool {
	if unit == "" {
		return slices.ContainsFunc(slices.Collect(maps.Keys(e.files)), func(on unitOn) bool { return on.host == host })
	}
	return len(e.files[unitOn{host, unit}]) > 0
}

func (e ended) hosts(hosts []Host) (names []string) {
	for _, h := range hosts {
		if e.has(h.Name, "") {
			names = append(names, h.Name)
		}
	}
	return names
}

// first returns hosts in their order, but those that use an ended certificate first.
func (e ended) first(hosts []string) []string {
	hosts = slices.Clone(hosts)
	slices.SortStableFunc(hosts, func(a, b string) int {
		switch x, y := e.has(a, ""), e.has(b, ""); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return hosts
}

// endedOn lists the files of one side that hold ended certificates.
func endedOn(machines []node.Node, now time.Time) ended {
	e := ended{files: map[unitOn][]string{}}
	if now.IsZero() {
		return e
	}
	for _, n := range machines {
		for _, row := range vitals {
			file, on := facts.Flag(n, row.unit, row.flag), unitOn{n.Name, row.unit}
			if file == "" || slices.Contains(e.files[on], file) {
				continue
			}
			if at, is := row.endOf(facts.FileAt(n, file).Contents); is && at.Before(now) {
				e.files[on] = append(e.files[on], file)
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

// quorumOf reports whether so many members of etcd on a side are without an ended
// certificate that they answer.
func (e ended) quorumOf(s Side) bool {
	good, all := 0, 0
	for _, h := range s.Cluster.hosts {
		if h.EtcdURL == "" {
			continue
		}
		if all++; !e.has(h.Name, facts.EtcdUnit) {
			good++
		}
	}
	return good > all/2
}

// heals is the index of the step after which a unit of a host uses no ended certificate any
// more; -1 if no step changes one.
func (p planner) heals(on unitOn) int {
	at := -1
	for i, s := range p.plan.Steps {
		if s.Host != on.host {
			continue
		}
		for _, file := range p.ended.files[on] {
			reads := s.Unit == on.unit && slices.ContainsFunc(p.plan.Changes, func(c diff.Change) bool {
				return c.Name == file && slices.Contains(c.Hosts, s.Host) && slices.ContainsFunc(c.Effects, func(e diff.Effect) bool {
					return e.Unit == s.Unit && e.Action != diff.Nothing && e.Action != diff.PickUp
				})
			})
			if s.Document != "" || slices.Contains(s.Write, file) || reads {
				at = i
			}
		}
	}
	return at
}

// healed is the index of the step after which no host uses an ended certificate any more.
func (p planner) healed(units ...string) int {
	at := -1
	for on := range p.ended.files {
		if len(units) == 0 || slices.Contains(units, on.unit) {
			at = max(at, p.heals(on))
		}
	}
	return at
}

// endedAfter reports whether a unit of a host uses an ended certificate when a step is done;
// -1 is before the first.
func (p planner) endedAfter(step int, host, unit string) bool {
	return p.ended.has(host, unit) && p.heals(unitOn{host, unit}) > step
}
