package read

import (
	"strconv"
	"time"

	"hagen/gen/lazy"
)

// LongestProxyTime is the longest that HAProxy can store: milliseconds in 31
// bits.
const LongestProxyTime = 1<<31*time.Millisecond - 1

var proxyTime = lazy.Regexp(`^([0-9]{1,10})(us|ms|s|m|h|d)?$`)

// ParseProxyTime reads HAProxy's times; a bare number is milliseconds
// (configuration manual, 2.5).
func ParseProxyTime(text string) (time.Duration, bool) {
	parts := proxyTime().FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(parts[1]) // at most ten digits
	unit := map[string]time.Duration{"us": time.Microsecond, "": time.Millisecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[parts[2]]
	if time.Duration(n) > LongestProxyTime/unit {
		return LongestProxyTime, true
	}
	return time.Duration(n) * unit, true
}

// Notices returns how long it takes until a server that does not answer is
// marked as down, and the first option that sets it. The first check that
// fails comes an interval after the last, the others after fastinter
// (configuration manual, 5.2).
func (s Server) Notices() (time.Duration, Word) {
	fall, at := 3, s.Address
	for _, option := range []string{"fall", "fastinter", "inter"} {
		if w, given := s.Options[option]; given {
			at = w
		}
	}
	if n, err := strconv.Atoi(s.Value("fall")); err == nil {
		fall = n
	}
	inter, ok := ParseProxyTime(s.Value("inter"))
	if !ok {
		inter = 2 * time.Second
	}
	next, ok := ParseProxyTime(s.Value("fastinter"))
	if !ok {
		next = inter
	}
	return inter + time.Duration(fall-1)*next, at
}
