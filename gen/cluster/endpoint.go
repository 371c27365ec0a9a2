package cluster

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/spec"
)

const endpointRemedy = "write name:port or address:port, for example kubernetes:6443"

// endpoint finds out who answers there. It comes before the API server's port
// is known to be valid, so it asks the field.
func (v *validation) endpoint() {
	field := v.spec.Endpoint
	if !field.At.Written() {
		return
	}
	v.c.Endpoint.At = field.At
	if !v.splitEndpoint(field) {
		return
	}
	e, vip, fronts := &v.c.Endpoint, v.c.Balancing.VirtualIP, v.c.Fronts()
	for _, h := range v.c.Hosts() {
		if len(h.Addresses) > 0 && (h.Name == e.Host || slices.Contains(h.Addresses, e.Address)) {
			e.Answered = []netip.Addr{h.Address()}
			v.answering(h)
			return
		}
	}
	switch {
	case vip.IsValid() && (e.Address == vip || !e.Address.IsValid()):
		e.Answered = []netip.Addr{vip}
	case len(fronts) > 0 && !e.Address.IsValid():
		for _, h := range fronts {
			e.Answered = append(e.Answered, h.Addresses...)
		}
	}
	v.frontName()
}

// answering looks at the machine that the endpoint names.
func (v *validation) answering(h Host) {
	e, fronts := v.c.Endpoint, v.c.Fronts()
	what := map[Mode]string{Dedicated: "load balancers", Colocated: "masters"}[v.c.Balancing.Mode]
	switch {
	case !v.c.IsFront(h) && h.Role == Master:
		v.answeringMaster(h)
	case !v.c.IsFront(h): // mode says so
	case v.c.Balancing.VirtualIP.IsValid():
		v.warn(e.At, fmt.Sprintf("the endpoint is one of %d %s, so the virtual IP is of no use to clients: when %s is down they do not find the others", len(fronts), what, h.Name),
			fmt.Sprintf("write %s:%d, or a name for it", v.c.Balancing.VirtualIP, e.Port))
	case len(fronts) > 1:
		v.warn(e.At, fmt.Sprintf("the endpoint is one of %d %s: when %s is down clients do not find the others", len(fronts), what, h.Name),
			"write a DNS name that stands for all of them, or add loadBalancer.virtualIP")
	}
}

// answeringMaster: the endpoint is a master without HAProxy.
func (v *validation) answeringMaster(h Host) {
	e := v.c.Endpoint
	if port := v.apiPortWritten(); int(e.Port) != port {
		v.fault(e.At, fmt.Sprintf("%s is a master, whose API server listens on port %d", e.Host, port), fmt.Sprintf("write %s:%d", e.Host, port))
		return
	}
	if len(v.c.Masters) > 1 {
		v.warn(e.At, fmt.Sprintf("the endpoint is one master: when %s is down nobody reaches the others", h.Name), v.besideMaster())
	}
}

// besideMaster is what to write instead of one master as the endpoint.
func (v *validation) besideMaster() string {
	if len(v.c.Balancers) == 0 {
		return "add a load balancer, or write loadBalancer.mode: colocated"
	}
	switch vip := v.c.Balancing.VirtualIP; {
	case vip.IsValid():
		return fmt.Sprintf("write %s:%d, the virtual IP", vip, v.c.Endpoint.Port)
	case len(v.c.Balancers) > 1:
		return "write a DNS name that stands for all load balancers"
	}
	return fmt.Sprintf("write %s:%d, the load balancer", v.c.Balancers[0].Name, v.c.Endpoint.Port)
}

// frontName looks at an endpoint that is no machine's name or address.
func (v *validation) frontName() {
	e, b := v.c.Endpoint, v.c.Balancing
	if e.Address.IsValid() {
		meant := v.spec.LoadBalancer.VirtualIP.At.Written() && !b.VirtualIP.IsValid() // a fault of its own
		if len(e.Answered) == 0 && !meant && !(b.Mode == External && v.spec.LoadBalancer.Mode.At.Written()) {
			remedy := "write the name or address of a load balancer, or loadBalancer.mode: external if it is that of one outside the cluster"
			if b.VirtualIP.IsValid() {
				remedy = fmt.Sprintf("write %s:%d, the virtual IP", b.VirtualIP, e.Port)
			}
			v.fault(e.At, fmt.Sprintf("no machine of the cluster has the address %s", e.Address), remedy)
		}
		return
	}
	v.clusterDNS(e.At, e.Host)
	problem := fmt.Sprintf("%s is no machine of the cluster: your DNS must know the name, and something must answer there on port %d", e.Host, e.Port)
	if len(e.Answered) > 0 {
		problem = fmt.Sprintf("%s is no machine of the cluster: your DNS must give it %s", e.Host, addressList(e.Answered))
	}
	remedy := ""
	for _, h := range v.c.Hosts() {
		if strings.HasPrefix(h.Name, e.Host+".") {
			remedy = fmt.Sprintf("if it is the machine, write its whole name: %s:%d", h.Name, e.Port)
			break
		}
	}
	v.warn(e.At, problem, remedy)
}

// addressList writes addresses as a sentence does.
func addressList(addresses []netip.Addr) string {
	texts := names(addresses, netip.Addr.String)
	if last := len(texts) - 1; last > 0 {
		return "the addresses " + strings.Join(texts[:last], ", ") + " and " + texts[last]
	}
	return "the address " + texts[0]
}

var portText = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)

// validPort says whether the text is a port as everybody writes it.
func validPort(digits string) bool {
	_, err := strconv.ParseUint(digits, 10, 16)
	return portText.MatchString(digits) && err == nil
}

// splitEndpoint reads host:port.
func (v *validation) splitEndpoint(field spec.Text) bool {
	e := &v.c.Endpoint
	host, digits, found := strings.Cut(field.Value, ":")
	problem, remedy := "", endpointRemedy
	switch {
	case strings.Contains(field.Value, "://"):
		problem = "is a URL"
		if u, err := url.Parse(field.Value); err == nil && u.Port() != "" {
			remedy = "write " + u.Host
		}
	case strings.Contains(field.Value, ","):
		problem = "is more than one endpoint"
	case strings.HasPrefix(host, "[") || strings.Count(field.Value, ":") > 1:
		problem = "is IPv6, which hagen does not do yet, or not name:port"
	case validPort(field.Value):
		problem = "is a port without a machine"
	case !found || digits == "":
		problem = "has no port"
	case !validPort(digits):
		problem = "has no port of 1-65535 after the colon"
	}
	if problem != "" {
		v.fault(field.At, spec.Quote(field.Value)+" "+problem, remedy)
		return false
	}
	number, _ := strconv.Atoi(digits) // a valid port: cannot fail
	e.Host, e.Port = host, uint16(number)
	if a, err := netip.ParseAddr(host); err == nil {
		if !v.ordinary(field.At, a) {
			return false
		}
		e.Address = a
		return v.outside(field.At, a)
	}
	return v.endpointName(field, host)
}

// endpointName holds the name in an endpoint against what clients can look up.
func (v *validation) endpointName(field spec.Text, host string) bool {
	problem, remedy := nameProblem(host, maxDNSName, "")
	likely := tidy(host)
	switch {
	case problem != "" && likely == host && dnsSubdomain.MatchString(host):
		v.fault(field.At, problem, remedy)
	case problem != "" && dnsSubdomain.MatchString(likely):
		v.fault(field.At, problem, fmt.Sprintf("write %s:%d", likely, v.c.Endpoint.Port))
	case problem != "" || numericEnd.MatchString(host):
		v.fault(field.At, spec.Quote(host)+" is neither a DNS name nor an address", endpointRemedy)
	case loopbackName.MatchString(host):
		v.fault(field.At, spec.Quote(host)+" is another machine for everyone who dials it", "write the name of a load balancer, for example kubernetes:6443")
	default:
		return true
	}
	return false
}
