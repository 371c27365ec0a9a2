package pki

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Leaves with the same last name in folders beside each other, such as hosts/kubem00/apiserver and
// hosts/kubem01/apiserver, do the same on several machines. If all ended in one second, none would
// be left to serve while the others are renewed. So each but the first, by name, is signed to end
// earlier, by up to an eighth of its life. That is no part of a request: nothing is issued again
// for it, and a later signature may place a leaf differently.
const staggered = 8

// place is a leaf's place among those that do the same, from 0, the end of the certificate that it
// has, if any, and the ends of the others.
type place struct {
	number, of int
	former     time.Time
	others     []time.Time
}

// end returns when a certificate of this place ends that could until then. It ends at its place, or
// when its former one did if that is later and can be: somebody may rely on that. But it is never
// near the end of another, and never more than an eighth of its life before until.
func (p place) end(now, until time.Time) time.Time {
	if p.of < 2 {
		return until
	}
	life := until.Sub(now)
	wanted := until.Add(-p.earlier(life))
	if p.former.After(wanted) && p.former.Before(until) {
		wanted = p.former
	}
	// The others leave room: each takes less than a part of the eighth.
	apart := seconds(life, 1, 2*staggered*p.of)
	first := until.Add(-seconds(life, 1, staggered))
	candidates := []time.Time{wanted, first, until}
	for _, other := range p.others {
		candidates = append(candidates, other.Add(apart), other.Add(-apart))
	}
	slices.SortStableFunc(candidates, func(a, b time.Time) int { return nearer(wanted, a, b) })
	for _, c := range candidates {
		if !c.Before(first) && !c.After(until) && !slices.ContainsFunc(p.others, func(other time.Time) bool { return c.Sub(other).Abs() < apart }) {
			return c
		}
	}
	return wanted // its life is seconds
}

// nearer orders times after a wanted one before those before it, and by their distance.
func nearer(wanted, a, b time.Time) int {
	if a.Before(wanted) == b.Before(wanted) {
		return int(a.Sub(wanted).Abs()/time.Second - b.Sub(wanted).Abs()/time.Second)
	}
	if a.Before(wanted) {
		return 1
	}
	return -1
}

// earlier returns how much before its end a certificate of this place ends that would live so long.
func (p place) earlier(life time.Duration) time.Duration {
	if p.of == 0 {
		return 0
	}
	return seconds(life, p.number, staggered*p.of)
}

// seconds returns a part of a life in whole seconds.
func seconds(life time.Duration, number, of int) time.Duration {
	return time.Duration(int64(life/time.Second)*int64(number)/int64(of)) * time.Second
}

// ends returns when the pending leaves end, by their names. Those that do the same are placed one
// after the other, since each depends on where the others are.
func (run *issuance) ends(requests []Request, pending []int, issuers map[string]issuer) map[string]time.Time {
	groups, ends := alike(run.set, requests), map[string]time.Time{}
	waiting := map[string]bool{}
	for _, i := range pending {
		waiting[requests[i].Name] = true
	}
	inOrder := slices.SortedFunc(slices.Values(pending), func(a, b int) int { return strings.Compare(requests[a].Name, requests[b].Name) })
	for _, i := range inOrder {
		name := requests[i].Name
		p := place{number: slices.Index(groups[role(name)], name), of: len(groups[role(name)])}
		for _, other := range groups[role(name)] {
			cert, err := run.set[other].X509()
			switch end, placed := ends[other]; {
			case placed:
				p.others = append(p.others, end)
			case err == nil && other == name:
				p.former = cert.NotAfter
			case err == nil && !waiting[other]:
				p.others = append(p.others, cert.NotAfter)
			}
		}
		ends[name] = p.end(run.now, issuers[requests[i].Authority].until(requests[i], run.now))
	}
	return ends
}

// role is what leaves that do the same have in common.
func role(name string) string { return path.Join(path.Dir(path.Dir(name)), path.Base(name)) }

// alike returns the names of the leaves of a set and of requests by their role, sorted.
func alike(set Set, requests []Request) map[string][]string {
	groups := map[string][]string{}
	add := func(r Request) {
		if at := role(r.Name); r.Kind == Leaf && !slices.Contains(groups[at], r.Name) {
			groups[at] = append(groups[at], r.Name)
		}
	}
	for _, item := range set {
		add(item.Request)
	}
	for _, r := range requests {
		add(r)
	}
	for _, names := range groups {
		slices.Sort(names)
	}
	return groups
}
