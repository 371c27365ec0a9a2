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
		if got := certOf(t, set, name).NotAfter; got.Sub(want).Abs() > time.Second || !got.After(now.Add(life-life/8)) {
			t.Errorf("%s ends at %s, want %s", name, got, want)
		}
	}
	first := issue(t, requests, nil, testNow).Set
	for i := range 3 {
		check(first, now, 3, fmt.Sprintf("hosts/kubem0%d/server", i), i)
		check(first, now, 3, fmt.Sprintf("hosts/kubem0%d/admin", i), i)
	}
	check(first, now, 1, "cluster/admin", 0)
	check(first, now, 1, "cluster/server", 0)

	// More hosts move nobody who has a certificate.
	more := append(requests, serverRequest("hosts/kubem03/server", ca), serverRequest("hosts/kubem04/server", ca))
	second := issue(t, more, first, testNow)
	for _, c := range second.Changes {
		if (c.Action == Kept) != (first[c.Name].Cert != nil) {
			t.Errorf("%+v", c)
		}
	}
	check(second.Set, now, 5, "hosts/kubem03/server", 3)
	// A renewal of one knows its place among all, as one of all does.
	later := now.Add(24 * time.Hour)
	check(renew(t, second.Set, false, later, "hosts/kubem02/server"), later, 5, "hosts/kubem02/server", 2)
	check(renew(t, second.Set, false, later, "hosts/kubem01/server", "hosts/kubem02/server", ca), later, 5, "hosts/kubem02/server", 2)

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

// TestStaggeredEnd: no certificate ends before the one in whose place it comes.
func TestStaggeredEnd(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for _, c := range []struct {
		former time.Time
		want   int // days
	}{{time.Time{}, 80 - 5}, {day(-10), 80 - 5}, {day(10), 80 - 5}, {day(77), 77}, {day(90), 80}} {
		if got := (place{number: 1, of: 2, former: c.former}).end(now, day(80)); got != day(c.want) {
			t.Errorf("after one until %s: %s, want %s", c.former, got, day(c.want))
		}
	}
}
