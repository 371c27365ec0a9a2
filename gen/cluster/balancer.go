package cluster

import (
	"regexp"
	"strconv"
	"time"

	"hagen/gen/spec"
)

func (v *validation) loadBalancer() {
	t := v.spec.LoadBalancer.Timeouts
	// connect and check as measured; the others in docs/decisions.md.
	v.c.Timeouts = Timeouts{
		Connect: v.timeout(t.Connect, time.Second),
		Client:  v.timeout(t.Client, time.Minute),
		Server:  v.timeout(t.Server, time.Minute),
		Tunnel:  v.timeout(t.Tunnel, day),
		Check:   v.timeout(t.Check, 1500*time.Millisecond),
	}
	if t.At.Written() && len(v.spec.LoadBalancers.Items) == 0 {
		v.warn(t.At, "there is no load balancer whose timeouts these could be", "")
	}
}

var timeoutText = regexp.MustCompile(`^([1-9][0-9]{0,8})(ms|s|m|h|d)$`)

// timeout reads HAProxy's time format; HAProxy keeps milliseconds in 31 bits
// (configuration manual, 2.5 "Time format").
func (v *validation) timeout(field spec.Text, fallback time.Duration) time.Duration {
	if !field.At.Written() {
		return fallback
	}
	m := timeoutText.FindStringSubmatch(field.Value)
	if m == nil {
		v.fault(field.At, spec.Quote(field.Value)+" is not a time", "write a number with its unit: 500ms, 10s, 5m, 1h")
		return fallback
	}
	number, _ := strconv.Atoi(m[1]) // at most nine digits: cannot fail
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}[m[2]]
	d := time.Duration(number) * unit
	if time.Duration(number) > 24*day/unit || d < 10*time.Millisecond {
		v.fault(field.At, field.Value+" is out of range", "write 10ms to 24d")
		return fallback
	}
	return d
}
