package pki

import (
	"path"
	"slices"
	"time"
)

// Leaves with the same last name in folders beside each other, such as hosts/kubem00/apiserver and
// hosts/kubem01/apiserver, do the same on several machines. If all ended in one second, none would
// be left to serve while the others are renewed. So each but the first, by name, is signed to end
// earlier, by up to an eighth of its life. That is no part of a request: nothing is issued again
// for it, and a later signature may place a leaf differently.
const staggered = 8

// place is a leaf's place among those that do the same, from 0, and the end of the certificate
// that it has, if any.
type place struct {
	number, of int
	former     time.Time
}

// end returns when a certificate of this place ends that could until then: not before its former
// one, since somebody relies on that.
func (p place) end(now, until time.Time) time.Time {
	staggered := until.Add(-p.earlier(until.Sub(now)))
	if p.former.Before(staggered) {
		return staggered
	}
	if p.former.Before(until) {
		return p.former
	}
	return until
}

// earlier returns how much before its end a certificate of this place ends that would live so long.
func (p place) earlier(life time.Duration) time.Duration {
	if p.of == 0 {
		return 0
	}
	seconds := int64(life/time.Second) * int64(p.number) / int64(staggered*p.of)
	return time.Duration(seconds) * time.Second
}

// places returns the places of the leaves of a set and of requests.
func places(set Set, requests []Request) map[string]place {
	alike := map[string][]string{}
	add := func(r Request) {
		key := path.Join(path.Dir(path.Dir(r.Name)), path.Base(r.Name))
		if r.Kind == Leaf && !slices.Contains(alike[key], r.Name) {
			alike[key] = append(alike[key], r.Name)
		}
	}
	for _, item := range set {
		add(item.Request)
	}
	for _, r := range requests {
		add(r)
	}
	found := map[string]place{}
	for _, names := range alike {
		slices.Sort(names)
		for i, name := range names {
			found[name] = place{number: i, of: len(names)}
		}
	}
	return found
}
