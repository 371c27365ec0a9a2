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
