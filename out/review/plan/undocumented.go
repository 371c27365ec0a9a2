package plan

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/facts"
)

// undocumented returns the new side's masters of which the old side has no document, although those of others name
// them as members of etcd: they do not join.
func undocumented(before, after Side) (hosts []Host) {
	var known []string // NAME=URL
	for _, m := range facts.Members(before.Machines) {
		known = append(known, strings.Split(m.Cluster, ",")...)
	}
	for _, h := range after.Cluster.Members() {
		n := after.machine(h.Name)
		m, _ := facts.MemberOf(&n)
		named := slices.ContainsFunc(strings.Split(m.PeerURLs, ","), func(url string) bool { return slices.Contains(known, m.Name+"="+url) })
		if named && before.host(h.Name).Name == "" {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// documented is the old side with the new document of each such master that is left out: it is off, and gets
// nothing. A plan that leaves it in is refused.
func (s Side) documented(after Side, without []string) (Side, []Refusal) {
	var refused []Refusal
	for _, h := range undocumented(s, after) {
		if !slices.Contains(without, h.Name) {
			refused = append(refused, Refusal{h.field + ".name", fmt.Sprintf("OLD has no document of %s, although those of other masters name it as a member of etcd: what it has is not known", h.Name),
				"name as OLD documents of all machines; if it is off, leave it out: --without " + h.Name})
			continue
		}
		s.Machines = append(slices.Clone(s.Machines), after.machine(h.Name))
		s.Cluster.hosts = append(slices.Clone(s.Cluster.hosts), h)
	}
	return s, refused
}
