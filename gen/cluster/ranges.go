package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/spec"
)

// rangeRule bounds the prefix length of a range of one family.
type rangeRule struct {
	least, most  int
	node         int // of pods: the prefix length of a node's part
	large, small string
	example      string
}

// rangeRules are the rules of a list of ranges, by IP version.
type rangeRules map[int]rangeRule

// Services need .1 (the API server) and .10 (cluster DNS); an API server accepts at
// most 20 host bits (cmd/kube-apiserver/app/options, validateMaxCIDRRange). The pod
// range is split into one /24 or /64 per node (cmd/kube-controller-manager/app,
// defaultNodeMaskCIDRIPv4 and …IPv6), at most 2^16 of them
// (pkg/controller/nodeipam/ipam/cidrset).
var (
	serviceRules = rangeRules{
		4: {
			least: 12, most: 28, example: "10.32.0.0/16",
			large: "larger than an API server takes", small: "too small: .1 is the API server's and .10 the cluster DNS's",
		},
		6: {
			least: 108, most: 124, example: "fd00:10:32::/112",
			large: "larger than an API server takes", small: "too small: ::1 is the API server's and ::a the cluster DNS's",
		},
	}
	podRules = rangeRules{
		4: {
			least: 8, most: 24, node: 24, example: "10.38.0.0/16",
			large: "larger than the controller manager can cut into /24s", small: "too small: every node takes a /24 of it",
		},
		6: {
			least: 48, most: 64, node: 64, example: "fd00:10:38::/48",
			large: "larger than the controller manager can cut into /64s", small: "too small: every node takes a /64 of it",
		},
	}
)

// version returns the IP version of an address.
func version(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

func (v *validation) network() {
	v.c.Services = v.ranges(v.spec.ServiceCIDRs, serviceRules)
	v.c.Pods = v.ranges(v.spec.PodCIDRs, podRules)
	for i, s := range v.c.Services {
		for j, p := range v.c.Pods {
			if s.Overlaps(p) {
				v.fault(v.spec.PodCIDRs.Items[j].At, fmt.Sprintf("%s overlaps the service range %s", p, s),
					fmt.Sprintf("write a range that does not overlap %s (line %d)", s, v.spec.ServiceCIDRs.Items[i].At.Line))
			}
		}
	}
	for j, p := range v.c.Pods {
		if node := podRules[version(p.Addr())].node; p.Bits() == node {
			v.warn(v.spec.PodCIDRs.Items[j].At, fmt.Sprintf("%s has room for the pods of one node: every node takes a /%d", p, node), fmt.Sprintf("write a /%d or larger", node-1))
		}
	}
	v.families()
}

// families compares the families of services and pods: a service has an address of
// the primary family at least, and leads to pods' addresses of the same family.
func (v *validation) families() {
	services, pods := v.c.Services, v.c.Pods
	if len(services) != len(v.spec.ServiceCIDRs.Items) || len(pods) != len(v.spec.PodCIDRs.Items) || len(services) == 0 || len(pods) == 0 {
		return // a fault of its own
	}
	for i, s := range services {
		has := slices.ContainsFunc(pods, func(p netip.Prefix) bool { return sameFamily(s.Addr(), p.Addr()) })
		if !has {
			v.fault(v.spec.PodCIDRs.At, fmt.Sprintf("holds no %s range, but services have one, %s (line %d): services with such addresses would reach no pod", family(s.Addr()), s, v.spec.ServiceCIDRs.Items[i].At.Line),
				"write a range of each family that services have, for example "+podRules[version(s.Addr())].example)
			return
		}
	}
	if !sameFamily(services[0].Addr(), pods[0].Addr()) {
		v.fault(v.spec.PodCIDRs.Items[0].At, fmt.Sprintf("%s is %s, and the first service range is %s: the first ranges set the primary family, which must be the same", pods[0], family(pods[0].Addr()), family(services[0].Addr())),
			"write the pod ranges in the order of the service ranges")
	}
}

// ranges reads a list of one range, or of one of each family. Faulty ranges are left
// out.
func (v *validation) ranges(list spec.List[spec.Text], rules rangeRules) []netip.Prefix {
	if !list.At.Written() {
		return nil // required: decoding has reported it
	}
	if len(list.Items) == 0 {
		v.fault(list.At, "is empty", fmt.Sprintf("write one range, or one of each family: [%s]", rules[4].example))
	}
	var out []netip.Prefix
	for _, field := range list.Items {
		if !field.At.Written() {
			continue // its type is wrong: decoding has reported it
		}
		p, ok := v.oneRange(field, rules)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(out, func(o netip.Prefix) bool { return sameFamily(o.Addr(), p.Addr()) }); i >= 0 {
			v.fault(field.At, fmt.Sprintf("%s is a second %s range, beside %s: there is one of each family", p, family(p.Addr()), out[i]), "keep one of the two")
			continue
		}
		out = append(out, p)
	}
	return out
}

func (v *validation) oneRange(field spec.Text, rules rangeRules) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(field.Value)
	if err != nil {
		v.fault(field.At, spec.Quote(field.Value)+" is not a range of addresses", rangeRemedy(field.Value, rules))
		return p, false
	}
	rule := rules[version(p.Addr())]
	switch kind := special(p); {
	case p.Addr().Is4In6():
		v.fault(field.At, fmt.Sprintf("%s is IPv4, written as IPv6", p), "write the IPv4 range, for example "+rules[4].example)
	case !p.Addr().Is4() && v.c.Profile.OnlyIPv4:
		v.onlyIPv4(field.At, p.String(), "write an IPv4 range, for example "+rules[4].example)
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
		return p, true
	}
	return p, false
}

// onlyIPv4 faults IPv6 in a profile whose releases do not know it.
func (v *validation) onlyIPv4(at spec.At, what, remedy string) {
	v.fault(at, fmt.Sprintf("%s is IPv6, and profile %s supports only IPv4", what, v.c.Profile.Name), remedy)
}

func rangeRemedy(value string, rules rangeRules) string {
	a, err := netip.ParseAddr(value)
	_, unspaced := netip.ParsePrefix(strings.TrimSpace(value))
	switch {
	case err == nil && a.Is4():
		return fmt.Sprintf("write it with its prefix length, for example %s", netip.PrefixFrom(a, 16).Masked())
	case err == nil:
		return fmt.Sprintf("write it with its prefix length, for example %s", rules[6].example)
	case unspaced == nil:
		return "write " + strings.TrimSpace(value) + " without spaces"
	case strings.Contains(value, ","):
		return "write one range, for example " + rules[4].example + ", or a list of one of each family"
	}
	return "write it as address/length, for example " + rules[4].example
}

// private lists ranges that are not used on the Internet: RFC 1918, RFC 6598
// (carriers), RFC 2544 (benchmarks), RFC 5737 (documentation).
var private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15",
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")

// public notes a range that may belong to others: 172.32.0.0 is the usual mistake.
// With IPv6 public ranges are common, and nobody makes them up.
func (v *validation) public(at spec.At, p netip.Prefix, rule rangeRule) {
	if !p.Addr().Is4() {
		return
	}
	for _, own := range private {
		if own.Contains(p.Addr()) && own.Bits() <= p.Bits() {
			return
		}
	}
	v.note(at, fmt.Sprintf("%s is public: pods cannot reach the Internet hosts with these addresses", p),
		"unless they are yours, write a private range, for example "+rule.example)
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}
