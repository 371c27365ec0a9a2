package pki

import "time"

const (
	leafNotice      = 30 * 24 * time.Hour
	authorityNotice = 365 * 24 * time.Hour
)

// Notice returns how long before its end a certificate with a lifetime is near it: 30
// days, an authority a year, and at most the last third of its life. A new certificate
// for a month is not near its end.
func Notice(life time.Duration, authority bool) time.Duration {
	notice := leafNotice
	if authority {
		notice = authorityNotice
	}
	return min(notice, life/3)
}

// SignedAfter reports whether an authority's certificate was signed after a leaf that begins at a
// time. Then who was given the leaf has its former certificate. The certificate's own begin does not
// say so: it stays when an authority is renewed.
func (r Request) SignedAfter(until, begin time.Time) bool {
	return begin.Add(backdate).Before(until.Add(-r.Lifetime))
}
