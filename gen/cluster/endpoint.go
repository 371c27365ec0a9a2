package cluster

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
)

const endpointRemedy = "write name:port or address:port, for example kubernetes:6443"

// hostPort writes a name or an address with a port; an IPv6 address is put in
// brackets (RFC 3986, 3.2.2).
func hostPort(host string, port uint16) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a, port).String()
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// endpoint reads the endpoint and finds out what answers there. It runs before the
// API server's port is validated, so it reads that field itself.
func (v *validation) endpoint() {
	field := v.spec.Endpoint
	if !field.At.Written() {
		return
	}
	v.c.Endpoint.At = field.At
	if !v.splitEndpoint(field) {
		return
	}
	e, vips, proxies := &v.c.Endpoint, v.c.Balancing.VirtualIPs, v.c.HAProxyHosts()
	e.Public = v.c.Balancing.PublicIPs
	public := slices.Contains(e.Public, e.Address)
	for _, h := range v.c.Hosts() {
		if len(h.Addresses) > 0 && (h.Name == e.Host || slices.Contains(h.Addresses, e.Address)) {
			e.Answered = v.answered(h)
			v.answering(h)
			return
		}
	}
	switch {
	case len(vips) > 0 && (slices.Contains(vips, e.Address) || public || !e.Address.IsValid()):
		e.Answered = vips
	case len(proxies) > 0 && (public || !e.Address.IsValid()):
		for _, h := range proxies {
			if len(h.Addresses) > 0 {
				e.Answered = append(e.Answered, v.c.FrontAddresses(h)...)
			}
		}
	}
	v.otherEndpoint()
}

// answered returns the addresses of a machine that answer at the endpoint.
func (v *validation) answered(h Host) []netip.Addr {
	if v.c.RunsHAProxy(h) {
		return v.c.FrontAddresses(h)
	}
	return []netip.Addr{v.c.APIAddress(h)}
}

// answering checks the machine that the endpoint names.
func (v *validation) answering(h Host) {
	e, proxies := v.c.Endpoint, v.c.HAProxyHosts()
	what := string(haproxyRoles[v.c.Balancing.Mode]) + "s"
	switch {
	case !v.c.RunsHAProxy(h) && h.Role.Runs(apiServer):
		v.answeringMaster(h)
	case !v.c.RunsHAProxy(h): // mode has a fault
	case len(v.c.Balancing.VirtualIPs) > 0:
		v.warn(e.At, fmt.Sprintf("the endpoint is one of %d %s, so clients do not use the virtual IP: when %s is down they do not find the others", len(proxies), what, h.Name),
			fmt.Sprintf("write %s, or a name for it", netip.AddrPortFrom(v.c.Balancing.VirtualIPs[0], e.Port)))
	case len(proxies) > 1:
		v.warn(e.At, fmt.Sprintf("the endpoint is one of %d %s: when %s is down clients do not find the others", len(proxies), what, h.Name),
			"write a DNS name of all of them, or add loadBalancer.virtualIP")
	}
}

// answeringMaster checks an endpoint that is a master without HAProxy.
func (v *validation) answeringMaster(h Host) {
	e := v.c.Endpoint
	if port := v.apiPortWritten(); int(e.Port) != port {
		v.fault(e.At, fmt.Sprintf("%s is a master, whose API server listens on port %d", e.Host, port), "write "+hostPort(e.Host, uint16(port)))
		return
	}
	if len(v.c.APIServers()) > 1 {
		v.warn(e.At, fmt.Sprintf("the endpoint is one master: when %s is down clients do not reach the others", h.Name), v.besideMaster())
	}
}

// besideMaster is the remedy for an endpoint that is one master.
func (v *validation) besideMaster() string {
	balancers := v.c.Of(LoadBalancer)
	if len(balancers) == 0 {
		return "add a load balancer, or write loadBalancer.mode: colocated"
	}
	switch vips := v.c.Balancing.VirtualIPs; {
	case len(vips) > 0:
		return fmt.Sprintf("write %s, the virtual IP", netip.AddrPortFrom(vips[0], v.c.Endpoint.Port))
	case len(balancers) > 1:
		return "write a DNS name of all load balancers"
	}
	return fmt.Sprintf("write %s:%d, the load balancer", balancers[0].Name, v.c.Endpoint.Port)
}

// otherEndpoint checks an endpoint that is not the name or address of a machine.
func (v *validation) otherEndpoint() {
	e, b := v.c.Endpoint, v.c.Balancing
	if e.Address.IsValid() {
		meant := v.spec.LoadBalancer.VirtualIP.At.Written() && len(b.VirtualIPs) == 0 // a fault of its own
		if len(e.Answered) == 0 && !meant && !(b.Mode == External && v.spec.LoadBalancer.Mode.At.Written()) {
			remedy := "write the name or address of a load balancer, or loadBalancer.mode: external if it is the address of one outside the cluster"
			if len(v.c.HAProxyHosts()) > 0 && !v.spec.LoadBalancer.PublicIP.At.Written() {
				remedy = fmt.Sprintf("write the name or address of a load balancer; if your network translates %[1]s to one, write loadBalancer.publicIP: %[1]s, too", e.Address)
			}
			if len(b.VirtualIPs) > 0 {
				remedy = fmt.Sprintf("write %s, the virtual IP; if your network translates %[2]s to it, write loadBalancer.publicIP: %[2]s, too", netip.AddrPortFrom(b.VirtualIPs[0], e.Port), e.Address)
			}
			if len(e.Public) > 0 {
				remedy = fmt.Sprintf("write %s, the public address, or the name or address of a load balancer", netip.AddrPortFrom(e.Public[0], e.Port))
			}
			v.fault(e.At, fmt.Sprintf("no machine of the cluster has the address %s", e.Address), remedy)
		}
		if slices.Contains(e.Public, e.Address) {
			v.note(e.At, fmt.Sprintf("no machine has the address %s: clients in the machines' own network, such as kubelets, reach it only if your network translates their connections, too", e.Address), "")
		}
		return
	}
	v.clusterDNS(e.At, e.Host)
	if !v.c.HostsFile {
		return // with dns: external, DNS knows it
	}
	problem := fmt.Sprintf("%s is not a machine of the cluster: your DNS must know the name, and something must answer there on port %d", e.Host, e.Port)
	if len(e.Answered) > 0 {
		problem = fmt.Sprintf("%s is not a machine of the cluster: your DNS must give it %s", e.Host, addressList(e.Dialled()))
	}
	remedy := ""
	for _, h := range v.c.Hosts() {
		if strings.HasPrefix(h.Name, e.Host+".") {
			remedy = fmt.Sprintf("if you mean the machine, write its full name: %s:%d", h.Name, e.Port)
			break
		}
	}
	v.note(e.At, problem, remedy)
}

// addressList writes addresses for use in a sentence.
func addressList(addresses []netip.Addr) string {
	texts := names(addresses, netip.Addr.String)
	if last := len(texts) - 1; last > 0 {
		return "the addresses " + strings.Join(texts[:last], ", ") + " and " + texts[last]
	}
	return "the address " + texts[0]
}

var portText = lazy.Regexp(`^[1-9][0-9]{0,4}$`)

// validPort reports whether the text is a port, without sign or leading zero.
func validPort(digits string) bool {
	_, err := strconv.ParseUint(digits, 10, 16)
	return portText().MatchString(digits) && err == nil
}

// splitEndpoint reads host:port.
func (v *validation) splitEndpoint(field spec.Text) bool {
	e := &v.c.Endpoint
	host, digits, found := strings.Cut(field.Value, ":")
	inner, bracketed := strings.CutPrefix(field.Value, "[")
	if bracketed {
		host, digits, found = strings.Cut(inner, "]:")
	}
	literal, literalErr := netip.ParseAddr(host)
	problem, remedy := "", endpointRemedy
	switch {
	case strings.Contains(field.Value, "://"):
		problem = "is a URL"
		if u, err := url.Parse(field.Value); err == nil && u.Port() != "" {
			remedy = "write " + u.Host
		}
	case strings.Contains(field.Value, ","):
		problem = "is more than one endpoint"
	case bracketed && !found:
		problem, remedy = "has no port", "write "+strings.TrimSuffix(field.Value, ":")+":6443"
	case bracketed && (literalErr != nil || literal.Is4()):
		problem = "has no IPv6 address in its brackets"
	case !bracketed && strings.Count(field.Value, ":") > 1:
		problem, remedy = withoutBrackets(field.Value)
	case validPort(field.Value):
		problem = "is a port without a host"
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
	if literalErr == nil {
		faults := len(v.faults)
		if literal = v.address(spec.Text{Value: host, At: field.At}); literal.IsValid() {
			e.Host, e.Address = literal.String(), literal
		}
		return len(v.faults) == faults
	}
	return v.endpointName(field, host)
}

// withoutBrackets says what is wrong with an endpoint of several colons and no
// brackets. It does not guess which colon comes before the port.
func withoutBrackets(value string) (problem, remedy string) {
	remedy = "write [address]:port, for example [fd00:10::2]:6443"
	if at := strings.LastIndex(value, ":"); validPort(value[at+1:]) {
		if a, err := netip.ParseAddr(value[:at]); err == nil && a.Is6() {
			return "is an IPv6 address without brackets", fmt.Sprintf("write [%s]:%s", a, value[at+1:])
		}
	}
	if a, err := netip.ParseAddr(value); err == nil && a.Is6() {
		return "is an IPv6 address without a port", fmt.Sprintf("write it with its port, for example [%s]:6443", a)
	}
	return "has several colons, but is not an IPv6 address", remedy
}

// endpointName faults a name in an endpoint that clients cannot look up.
func (v *validation) endpointName(field spec.Text, host string) bool {
	problem, remedy := nameProblem(host, maxDNSName, "")
	likely := tidy(host)
	switch {
	case problem != "" && likely == host && dnsSubdomain().MatchString(host):
		v.fault(field.At, problem, remedy)
	case problem != "" && dnsSubdomain().MatchString(likely):
		v.fault(field.At, problem, fmt.Sprintf("write %s:%d", likely, v.c.Endpoint.Port))
	case problem != "" || numericEnd().MatchString(host):
		v.fault(field.At, spec.Quote(host)+" is neither a DNS name nor an address", endpointRemedy)
	case loopbackName().MatchString(host):
		v.fault(field.At, spec.Quote(host)+" means the machine that dials it", "write the name of a load balancer, for example kubernetes:6443")
	default:
		return true
	}
	return false
}
