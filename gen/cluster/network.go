package cluster

import (
	"fmt"
	"net/netip"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
)

// specials lists ranges of addresses that no machine can have as its own (RFC 6890;
// RFC 4291, 2.4; RFC 3879).
var specials = []struct {
	prefix netip.Prefix
	kind   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local, which RFC 3879 deprecates"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// special returns the kind of special addresses that a range contains, or "".
func special(p netip.Prefix) string {
	for _, s := range specials {
		if s.prefix.Overlaps(p) {
			return s.kind
		}
	}
	return ""
}

var (
	withPort = lazy.Regexp(`^([0-9.]+):[0-9]+$`)
	// Some read 010 in an address as eight and others as ten.
	leadingZeros = lazy.Regexp(`(^|\.)0+([0-9])`)
)

// address reads one address of a machine; the zero Addr when faulty.
func (v *validation) address(field spec.Text) netip.Addr {
	if !field.At.Written() {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(field.Value)
	switch {
	case err != nil:
		problem, remedy := addressProblem(field.Value)
		v.fault(field.At, problem, remedy)
	case a.Zone() != "":
		v.fault(field.At, spec.Quote(field.Value)+" has a zone, which has a meaning on one machine only", "write "+a.WithZone("").String())
	case a.Is4In6():
		v.fault(field.At, spec.Quote(field.Value)+" is IPv4, written as IPv6", "write "+a.Unmap().String())
	case a.Is6() && v.c.Profile.OnlyIPv4:
		v.onlyIPv4(field.At, a.String(), "write an IPv4 address")
	case !v.ordinary(field.At, a):
	default:
		v.outside(field.At, a)
		return a
	}
	return netip.Addr{}
}

// addressProblem says what is wrong with a text that is not an address.
func addressProblem(value string) (problem, remedy string) {
	if inner, found := strings.CutPrefix(value, "["); found {
		inner, _, _ = strings.Cut(inner, "]")
		if a, err := netip.ParseAddr(inner); err == nil {
			return spec.Quote(value) + " has brackets, which belong to URLs", "write " + a.String()
		}
	}
	if p, err := netip.ParsePrefix(value); err == nil {
		return spec.Quote(value) + " is an address with a prefix length", "write " + p.Addr().String()
	}
	problem = spec.Quote(value) + " is not an IP address"
	if a, err := netip.ParseAddr(strings.TrimSpace(value)); err == nil {
		return problem, "write " + a.String() + " without spaces"
	}
	if m := withPort().FindStringSubmatch(value); m != nil {
		return problem, "write " + m[1] + ", without the port"
	}
	if a, err := netip.ParseAddr(leadingZeros().ReplaceAllString(value, "$1$2")); err == nil {
		return problem + ": some of its numbers begin with 0", "write " + a.String()
	}
	return problem, "write for example 10.10.10.80"
}

// ordinary faults an address that no machine can have as its own.
func (v *validation) ordinary(at spec.At, a netip.Addr) bool {
	kind := special(netip.PrefixFrom(a, a.BitLen()))
	if kind != "" {
		v.fault(at, fmt.Sprintf("%s is %s: no other machine could reach it", a, kind), "write the address that other machines dial")
	}
	return kind == ""
}

// outside faults an address inside the service or pod range: packets to it
// would never leave the machine that sends them.
func (v *validation) outside(at spec.At, a netip.Addr) bool {
	before := len(v.faults)
	const remedy = "machines, services and pods need separate ranges: change the address or the range"
	for _, p := range v.c.Services {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s is in the service range %s", a, p), remedy)
		}
	}
	for _, p := range v.c.Pods {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s is in the pod range %s", a, p), remedy)
		}
	}
	return len(v.faults) == before
}
