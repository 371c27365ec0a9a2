package cluster

import (
	"fmt"
	"net/netip"
	"slices"

	"hagen/gen/spec"
)

// maxPublicIPs is one for each load balancer.
const maxPublicIPs = 20

// publicIPs reads the addresses that the network translates to machines with HAProxy. It
// comes after the virtual IPs.
func (v *validation) publicIPs(lb spec.LoadBalancer) {
	list := lb.PublicIP
	switch {
	case !list.At.Written():
		return
	case len(list.Items) == 0:
		v.fault(list.At, "is empty", "write the address that your network translates, or remove the line")
	case len(list.Items) > maxPublicIPs:
		v.fault(list.At, fmt.Sprintf("has %d addresses, at most %d are possible", len(list.Items), maxPublicIPs), "write one for each load balancer")
	case v.c.Balancing.Mode == External:
		remedy := "add loadBalancers, or write mode: colocated"
		if lb.Mode.At.Written() {
			remedy = "remove it; write an external load balancer's address as the endpoint"
		}
		v.fault(list.At, "hagen makes no load balancer to which the network could translate it", remedy)
		return
	}
	for _, field := range list.Items {
		if a := v.publicIP(field); a.IsValid() {
			v.c.Balancing.PublicIPs = append(v.c.Balancing.PublicIPs, a)
		}
	}
}

// publicIP reads one of the addresses; the zero Addr when faulty.
func (v *validation) publicIP(field spec.Text) netip.Addr {
	a := v.address(field)
	b := v.c.Balancing
	owner := slices.IndexFunc(v.c.Hosts(), func(h Host) bool { return slices.Contains(h.Addresses, a) })
	switch {
	case !a.IsValid():
	case owner >= 0:
		v.fault(field.At, fmt.Sprintf("%s is the address of %s, so nothing translates it", a, v.c.Hosts()[owner].Name), "remove it, or write the address that the network translates to it")
	case slices.Contains(b.VirtualIPs, a):
		v.fault(field.At, fmt.Sprintf("%s is the virtual IP, which machines have", a), "remove it, or write the address that the network translates to it")
	case routes(v.c.Hosts(), a):
		v.fault(field.At, fmt.Sprintf("%s is the machines' gateway, which cannot be dialled for a load balancer", a), "write the address that the network translates to a load balancer")
	case slices.Contains(b.PublicIPs, a):
		v.fault(field.At, fmt.Sprintf("%s is in the list twice", a), "remove one")
	default:
		return a
	}
	return netip.Addr{}
}
