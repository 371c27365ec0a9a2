package pki

import (
	"fmt"
	"testing"
	"time"
)

// TestStagger: what does the same on several hosts ends one after the other, within an eighth of
// its life; what is there is not issued again for it, and what is shared is not moved.
func TestStagger(t *testing.T) {
	const ca = "authorities/a/ca"
	requests := []Request{authorityRequest(ca), clientRequest("cluster/admin", ca), serverRequest("cluster/server", ca)}
	for i := range 3 {
		requests = append(requests, serverRequest(fmt.Sprintf("hosts/kubem0%d/server", i), ca), clientRequest(fmt.Sprintf("hosts/kubem0%d/admin", i), ca))
	}
	now := testNow.UTC().Truncate(time.Second)
	check := func(set Set, now time.Time, n int, name string, number int) {
		t.Helper()
		life := set[name].Request.Lifetime
		want := now.Add(life - life*time.Duration(number)/time.Duration(staggered*n)).Truncate(time.Second)
		if got := certOf(t, set, name).NotAfter; got.Sub(want).Abs() > time.Second {
			t.Errorf("%s ends at %s, want %s", name, got, want)
		}
	}
	apart := func(set Set, n int) {
		t.Helper()
		life := set["hosts/kubem00/server"].Request.Lifetime
		for i := range n {
			for j := range i {
				a, b := certOf(t, set, fmt.Sprintf("hosts/kubem0%d/server", i)).NotAfter, certOf(t, set, fmt.Sprintf("hosts/kubem0%d/server", j)).NotAfter
				if a.Sub(b).Abs() < seconds(life, 1, 2*staggered*n) {
					t.Errorf("kubem0%d and kubem0%d end at %s and %s", i, j, a, b)
				}
			}
		}
	}
	first := issue(t, requests, nil, testNow).Set
	for i := range 3 {
		check(first, now, 3, fmt.Sprintf("hosts/kubem0%d/server", i), i)
		check(first, now, 3, fmt.Sprintf("hosts/kubem0%d/admin", i), i)
	}
	check(first, now, 1, "cluster/admin", 0)
	check(first, now, 1, "cluster/server", 0)

	// More hosts move nobody who has a certificate, and end near none of theirs.
	more := append(requests, serverRequest("hosts/kubem03/server", ca), serverRequest("hosts/kubem04/server", ca))
	second := issue(t, more, first, testNow)
	for _, c := range second.Changes {
		if (c.Action == Kept) != (first[c.Name].Cert != nil) {
			t.Errorf("%+v", c)
		}
	}
	apart(second.Set, 5)
	// Nor does a renewal of one, or of some with their authority.
	later := now.Add(24 * time.Hour)
	apart(renew(t, second.Set, false, later, "hosts/kubem02/server"), 5)
	apart(renew(t, second.Set, false, later, "hosts/kubem01/server", "hosts/kubem02/server", ca), 5)

	// Those that end with their authority are staggered, too, and still in the future.
	short := now.Add(10*365*24*time.Hour - time.Hour)
	cut := renew(t, second.Set, false, short, "hosts/kubem00/server", "hosts/kubem04/server")
	if a, b := certOf(t, cut, "hosts/kubem00/server").NotAfter, certOf(t, cut, "hosts/kubem04/server").NotAfter; !b.Before(a) || !b.After(short) || a.After(certOf(t, cut, ca).NotAfter) {
		t.Error(a, b)
	}
	if got := (place{number: 1, of: 2}).earlier(100 * year); got <= 0 || got > 100*year/8 {
		t.Error(got)
	}
	if got := (place{number: 8, of: 9}).earlier(time.Second); got != 0 {
		t.Error(got)
	}
}

// TestStaggeredEnd: a certificate ends at its place, or with its former one if that is later, but
// not near another.
func TestStaggeredEnd(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n float64) time.Time { return now.Add(time.Duration(n * 24 * float64(time.Hour))) }
	for _, c := range []struct {
		former, other time.Time
		want          float64 // days
	}{
		{want: 75}, {former: day(-10), want: 75}, {former: day(10), want: 75}, {former: day(77), want: 77},
		{former: day(80), want: 75}, {former: day(90), want: 75},
		{other: day(75), want: 77.5}, {other: day(74), want: 76.5}, {other: day(80), want: 75}, {other: day(200), want: 75},
		{former: day(77), other: day(77), want: 79.5}, {former: day(79), other: day(79), want: 76.5},
	} {
		p := place{number: 1, of: 2, former: c.former}
		if !c.other.IsZero() {
			p.others = []time.Time{c.other}
		}
		if got := p.end(now, day(80)); got != day(c.want) {
			t.Errorf("after one until %s, beside one until %s: %s, want %s", c.former, c.other, got, day(c.want))
		}
	}
}

// TestStaggeredApart: whatever leaves had before, and whichever are renewed, no two of them that do
// the same end near each other.
func TestStaggeredApart(t *testing.T) {
	const ca = "authorities/a/ca"
	authority := issue(t, []Request{authorityRequest(ca)}, nil, testNow).Set
	by, err := newIssuer(authority[ca])
	if err != nil {
		t.Fatal(err)
	}
	now := testNow.UTC().Truncate(time.Second)
	former := map[string]func(life time.Duration, i int) time.Duration{
		"none":            nil,
		"equal":           func(life time.Duration, _ int) time.Duration { return life / 2 },
		"equal, late":     func(life time.Duration, _ int) time.Duration { return life - life/100 },
		"equal, at once":  func(life time.Duration, _ int) time.Duration { return life },
		"longer":          func(life time.Duration, i int) time.Duration { return 4*life - life*time.Duration(i)/6 },
		"staggered":       func(life time.Duration, i int) time.Duration { return life - life*time.Duration(i)/72 },
		"the other way":   func(life time.Duration, i int) time.Duration { return life - life*time.Duration(9-i)/72 },
		"seconds between": func(life time.Duration, i int) time.Duration { return life - time.Duration(i)*time.Second },
	}
	for _, life := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 90 * 24 * time.Hour, year, 100 * year} {
		for was, ends := range former {
			for n := 2; n <= 9; n++ {
				checkApart(t, by, now, life, n, was, ends)
			}
		}
	}
}

// checkApart renews the subsets of n leaves one after the other: all, each, and some.
func checkApart(t *testing.T, by issuer, now time.Time, life time.Duration, n int, was string, ends func(time.Duration, int) time.Duration) {
	t.Helper()
	for subset := 1; subset < 1<<n; subset += 1 + n*n/8 {
		set, requests := Set{}, []Request{}
		for i := range n {
			r := serverRequest(fmt.Sprintf("hosts/m%d/server", i), by.name)
			r.Lifetime = life
			if ends != nil {
				cert := *by.cert
				cert.NotAfter = now.Add(ends(life, i)).Truncate(time.Second)
				set[r.Name] = Item{Request: r, Cert: []byte("-"), parsed: &parsed{text: "-", cert: &cert}}
			}
			requests = append(requests, r)
		}
		var pending []int
		for i := range n {
			if ends == nil || subset>>i&1 == 1 {
				pending = append(pending, i)
			}
		}
		run := newIssuance(requests, set, now)
		got := run.ends(requests, pending, map[string]issuer{by.name: by})
		apart := seconds(by.until(requests[0], now).Sub(now), 1, 2*staggered*n)
		for _, i := range pending {
			end, until := got[requests[i].Name], by.until(requests[i], now)
			if end.After(until) || end.Before(until.Add(-until.Sub(now)/staggered-time.Second)) {
				t.Errorf("%s, %v, %d hosts, subset %b: %d ends at %s, not shortly before %s", was, life, n, subset, i, end, until)
			}
			for j := range n {
				other, renewed := got[requests[j].Name]
				if !renewed {
					other = set[requests[j].Name].parsed.cert.NotAfter
				}
				if i != j && end.Sub(other).Abs() < apart {
					t.Errorf("%s, %v, %d hosts, subset %b: %d and %d end at %s and %s", was, life, n, subset, i, j, end, other)
				}
			}
		}
	}
}
