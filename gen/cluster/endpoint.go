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
	e := &v.c.Endpoint
	for _, h := range v.c.Hosts() {
		if len(h.Addresses) == 0 || h.Name != e.Host && !slices.Contains(h.Addresses, e.Address) {
			continue
		}
		e.Answered = []netip.Addr{h.Address()}
		v.answering(h)
	}
	v.balancerPort()
	if len(e.Answered) == 0 {
		v.externalEndpoint()
	}
}

// answering looks at the machine that the endpoint names.
func (v *validation) answering(h Host) {
	e := v.c.Endpoint
	if h.Role == LoadBalancer {
		if n := len(v.c.Balancers); n > 1 {
			v.warn(e.At, fmt.Sprintf("the endpoint is one of %d load balancers: when %s is down clients do not find the others", n, h.Name),
				"write a DNS name that stands for all of them")
		}
		return
	}
	port := defaultAPIPort
	if p := v.spec.APIServer.Port; p.At.Written() {
		port = p.Value
	}
	if int(e.Port) != port {
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
		return "add a load balancer"
	}
	return fmt.Sprintf("write %s:%d, the load balancer", v.c.Balancers[0].Name, v.c.Endpoint.Port)
}

// balancerPort holds the endpoint's port, on which the load balancers listen,
// against what else listens there.
func (v *validation) balancerPort() {
	e := v.c.Endpoint
	if len(v.c.Balancers) == 0 {
		return
	}
	for _, d := range balancerPorts {
		if d.port == e.Port {
			v.fault(e.At, fmt.Sprintf("port %d is %s's on every load balancer", e.Port, d.daemon), fmt.Sprintf("write for example %s:6443", e.Host))
			return
		}
	}
	if ephemeral.Contains(e.Port) {
		v.warn(e.At, ephemeralProblem(e.Port), "write one below 32768")
	}
}

// externalEndpoint looks at one that is no machine of the cluster.
func (v *validation) externalEndpoint() {
	e := v.c.Endpoint
	if e.Address.IsValid() {
		v.fault(e.At, fmt.Sprintf("no machine of the cluster has the address %s", e.Address),
			"write the name or address of a load balancer, or the DNS name of one outside the cluster")
		return
	}
	v.clusterDNS(e.At, e.Host)
	remedy := ""
	for _, h := range v.c.Hosts() {
		if strings.HasPrefix(h.Name, e.Host+".") {
			remedy = fmt.Sprintf("if it is the machine, write its whole name: %s:%d", h.Name, e.Port)
			break
		}
	}
	v.warn(e.At, fmt.Sprintf("%s is no machine of the cluster: your DNS must know the name, and something must answer there on port %d", e.Host, e.Port), remedy)
}

var portText = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)

// splitEndpoint reads host:port.
func (v *validation) splitEndpoint(field spec.String) bool {
	e := &v.c.Endpoint
	host, digits, found := strings.Cut(field.Value, ":")
	number, err := strconv.ParseUint(digits, 10, 16)
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
	case !found || digits == "":
		problem = "has no port"
	case !portText.MatchString(digits) || err != nil:
		problem = "has no port of 1-65535 after the colon"
	}
	if problem != "" {
		v.fault(field.At, spec.Quote(field.Value)+" "+problem, remedy)
		return false
	}
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
func (v *validation) endpointName(field spec.String, host string) bool {
	problem, remedy := nameProblem(host, maxDNSName, "")
	short, _, _ := strings.Cut(host, ".")
	likely := tidy(host)
	switch {
	case problem != "" && likely == host && dnsSubdomain.MatchString(host):
		v.fault(field.At, problem, remedy)
	case problem != "" && dnsSubdomain.MatchString(likely):
		v.fault(field.At, problem, fmt.Sprintf("write %s:%d", likely, v.c.Endpoint.Port))
	case problem != "" || numericEnd.MatchString(host):
		v.fault(field.At, spec.Quote(host)+" is neither a DNS name nor an address", endpointRemedy)
	case short == "localhost":
		v.fault(field.At, spec.Quote(host)+" is another machine for everyone who dials it", "write the name of a load balancer, for example kubernetes:6443")
	default:
		return true
	}
	return false
}
