package cluster

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"hagen/gen/spec"
)

// rangeRule bounds a range in prefix bits.
type rangeRule struct {
	least, most  int
	large, small string
	example      string
}

// Services need .1 (the API server) and .10 (cluster DNS); an API server
// takes no more than 20 bits of hosts (cmd/kube-apiserver/app/options,
// validateMaxCIDRRange). Pods are cut into one /24 a node, at most 2^16 of
// them (pkg/controller/nodeipam/ipam/cidrset).
var (
	serviceRule = rangeRule{
		least: 12, most: 28, example: "10.32.0.0/16",
		large: "larger than an API server takes", small: "too small: .1 is the API server's and .10 the cluster DNS's",
	}
	podRule = rangeRule{
		least: 8, most: 24, example: "10.38.0.0/16",
		large: "larger than the controller manager can cut into /24s", small: "too small: every node takes a /24 of it",
	}
)

func (v *validation) network() {
	v.c.Services = v.ranges(v.spec.ServiceCIDRs, serviceRule)
	v.c.Pods = v.ranges(v.spec.PodCIDRs, podRule)
	for i, s := range v.c.Services {
		for j, p := range v.c.Pods {
			if s.Overlaps(p) {
				v.fault(v.spec.PodCIDRs.Items[j].At, fmt.Sprintf("%s overlaps the service range %s", p, s),
					fmt.Sprintf("write a range apart from %s (line %d)", s, v.spec.ServiceCIDRs.Items[i].At.Line))
			}
		}
	}
	for j, p := range v.c.Pods {
		if p.Bits() == podRule.most {
			v.warn(v.spec.PodCIDRs.Items[j].At, fmt.Sprintf("%s has room for the pods of one node: every node takes a /24", p), "write a /23 or larger")
		}
	}
}

// ranges reads a list of one IPv4 range. What is faulty is left out.
func (v *validation) ranges(list spec.List[spec.Text], rule rangeRule) []netip.Prefix {
	if !v.one(list.At, len(list.Items), "range", rule.example) {
		return nil
	}
	field := list.Items[0]
	if !field.At.Written() {
		return nil // its type is wrong, which decoding has said
	}
	p, err := netip.ParsePrefix(field.Value)
	if err != nil {
		v.fault(field.At, spec.Quote(field.Value)+" is not a range of addresses", rangeRemedy(field.Value, rule))
		return nil
	}
	if !p.Addr().Is4() {
		v.fault(field.At, field.Value+" is IPv6, which hagen does not do yet", "write an IPv4 range, for example "+rule.example)
		return nil
	}
	switch kind := special(p); {
	case p != p.Masked():
		v.fault(field.At, fmt.Sprintf("%s is an address within a range", p), "write the range: "+p.Masked().String())
	case p.Bits() > rule.most:
		v.fault(field.At, fmt.Sprintf("%s is %s", p, rule.small), fmt.Sprintf("write /%d or larger, for example %s", rule.most, rule.example))
	case p.Bits() < rule.least:
		v.fault(field.At, fmt.Sprintf("%s is %s", p, rule.large), fmt.Sprintf("write /%d or smaller, for example %s", rule.least, rule.example))
	case kind != "":
		v.fault(field.At, fmt.Sprintf("%s is %s, at least in part: no machine can have such addresses", p, kind), "write for example "+rule.example)
	default:
		v.public(field.At, p, rule)
		return []netip.Prefix{p}
	}
	return nil
}

func rangeRemedy(value string, rule rangeRule) string {
	a, err := netip.ParseAddr(value)
	_, blank := netip.ParsePrefix(strings.TrimSpace(value))
	switch {
	case err == nil && a.Is4():
		return fmt.Sprintf("write it with its bits, for example %s", netip.PrefixFrom(a, 16).Masked())
	case blank == nil:
		return "write " + strings.TrimSpace(value) + " without blanks"
	case strings.Contains(value, ","):
		return "write one IPv4 range, for example " + rule.example
	}
	return "write it as address/bits, for example " + rule.example
}

// private are the addresses that the Internet does not use: RFC 1918, RFC
// 6598 (carriers), RFC 2544 (benchmarks), RFC 5737 (documentation).
var private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15",
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")

// public warns of a range that may be somebody else's: 172.32.0.0 is the
// usual slip.
func (v *validation) public(at spec.At, p netip.Prefix, rule rangeRule) {
	for _, own := range private {
		if own.Contains(p.Addr()) && own.Bits() <= p.Bits() {
			return
		}
	}
	v.warn(at, fmt.Sprintf("%s is public: pods cannot reach whoever has these addresses on the Internet", p),
		"unless they are yours, write a private range, for example "+rule.example)
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// one faults a list that does not hold exactly one item: the list is there
// for a second family, which is not.
func (v *validation) one(at spec.At, n int, what, example string) bool {
	if !at.Written() {
		return false // required, and decoding has said so
	}
	if n == 0 {
		v.fault(at, "is empty", fmt.Sprintf("write one IPv4 %s: [%s]", what, example))
	}
	if n > 1 {
		v.fault(at, fmt.Sprintf("holds %d values; hagen does one IPv4 %s for now, a second family is not there yet", n, what), "keep one")
	}
	return n == 1
}

// specials are the addresses that no one machine can have (RFC 6890).
var specials = []struct {
	prefix netip.Prefix
	kind   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
}

// special names the kind of special addresses that a range of IPv4 holds, or
// "".
func special(p netip.Prefix) string {
	for _, s := range specials {
		if s.prefix.Overlaps(p) {
			return s.kind
		}
	}
	return ""
}

var (
	withPort = regexp.MustCompile(`^([0-9.]+):[0-9]+$`)
	// 010 is eight for some readers of addresses and ten for others.
	leadingZeros = regexp.MustCompile(`(^|\.)0+([0-9])`)
)

// address reads one IPv4 address of a machine; the zero Addr when faulty.
func (v *validation) address(field spec.Text) netip.Addr {
	if !field.At.Written() {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(field.Value)
	switch {
	case err != nil:
		problem, remedy := addressProblem(field.Value)
		v.fault(field.At, problem, remedy)
	case !a.Is4():
		v.fault(field.At, field.Value+" is IPv6, which hagen does not do yet", "write an IPv4 address")
	case !v.ordinary(field.At, a):
	default:
		v.outside(field.At, a)
		return a
	}
	return netip.Addr{}
}

// addressProblem says what is wrong with what is no address.
func addressProblem(value string) (problem, remedy string) {
	if p, err := netip.ParsePrefix(value); err == nil {
		return spec.Quote(value) + " is an address with a prefix length", "write " + p.Addr().String()
	}
	problem = spec.Quote(value) + " is not an IP address"
	if a, err := netip.ParseAddr(strings.TrimSpace(value)); err == nil {
		return problem, "write " + a.String() + " without blanks"
	}
	if m := withPort.FindStringSubmatch(value); m != nil {
		return problem, "write " + m[1] + ", without the port"
	}
	if a, err := netip.ParseAddr(leadingZeros.ReplaceAllString(value, "$1$2")); err == nil {
		return problem + ": some of its numbers begin with 0", "write " + a.String()
	}
	return problem, "write for example 10.10.10.80"
}

// ordinary faults an address that no one machine can have.
func (v *validation) ordinary(at spec.At, a netip.Addr) bool {
	kind := special(netip.PrefixFrom(a, 32))
	if kind != "" {
		v.fault(at, fmt.Sprintf("%s is %s: no other machine could reach it", a, kind), "write the address that other machines dial")
	}
	return kind == ""
}

// outside faults an address inside the service or pod range: packets to it
// would never leave the machine that sends them.
func (v *validation) outside(at spec.At, a netip.Addr) bool {
	before := len(v.faults)
	const remedy = "machines, services and pods need ranges apart: change the address or the range"
	for _, p := range v.c.Services {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s lies in the service range %s", a, p), remedy)
		}
	}
	for _, p := range v.c.Pods {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s lies in the pod range %s", a, p), remedy)
		}
	}
	return len(v.faults) == before
}
