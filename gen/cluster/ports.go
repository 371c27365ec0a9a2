package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

const (
	defaultAPIPort = 6443
	// In mode colocated HAProxy has the endpoint's port on every master.
	besideHAProxy = 6444
)

// apiPortWritten returns the API servers' port as written, or its default.
func (v *validation) apiPortWritten() int {
	switch p := v.spec.APIServer.Port; {
	case p.At.Written():
		return p.Value
	case v.c.Balancing.Mode == Colocated:
		return int(v.besidePort())
	}
	return defaultAPIPort
}

// besidePort returns the default port of API servers beside HAProxy.
func (v *validation) besidePort() uint16 {
	if v.c.Endpoint.Port == besideHAProxy {
		return defaultAPIPort
	}
	return besideHAProxy
}

// Ports of the masters' daemons that no field changes.
const (
	EtcdClientPort        = 2379
	EtcdPeerPort          = 2380
	EtcdMetricsPort       = 2381
	ControllerManagerPort = 10257
	SchedulerPort         = 10259
)

// takenPorts lists ports that daemons have in every cluster: on all addresses or,
// like systemd-resolved, on one address, which also clashes with a listener on all.
// A row with a profile counts only there: the 2018 guide's daemons are older and
// listen elsewhere. hagen does not set up workers, but node ports are opened on them,
// too (pkg/cluster/ports).
var takenPorts = []struct {
	port    uint16
	daemon  string
	profile string
	on      []Role
}{
	{22, "sshd", "", allRoles},
	{53, "systemd-resolved", "", allRoles},
	{EtcdClientPort, "etcd", "", []Role{Master}},
	{EtcdPeerPort, "etcd", "", []Role{Master}},
	{EtcdMetricsPort, "etcd", profiles.Standard, []Role{Master}},
	{ControllerManagerPort, "kube-controller-manager", profiles.Standard, []Role{Master}},
	{SchedulerPort, "kube-scheduler", profiles.Standard, []Role{Master}},
	{8080, "kube-apiserver", profiles.Classic, []Role{Master}}, // its port without TLS
	{10252, "kube-controller-manager", profiles.Classic, []Role{Master}},
	{10251, "kube-scheduler", profiles.Classic, []Role{Master}},
	{10249, "kube-proxy", "", []Role{worker}},
	{10250, "kubelet", "", []Role{worker}},
	{10256, "kube-proxy", "", []Role{worker}},
}

// worker is a role without machines in the cluster file.
const worker Role = "worker"

var allRoles = []Role{Master, LoadBalancer, worker}

// listenerAt returns the daemon that has a port on every machine of a role, or "".
func (v *validation) listenerAt(port uint16, role Role) string {
	for _, d := range takenPorts {
		if d.port == port && (d.profile == "" || d.profile == v.c.Profile.Name) && slices.Contains(d.on, role) {
			return d.daemon
		}
	}
	return ""
}

// defaultNodePorts is the default of kube-apiserver.
var defaultNodePorts = PortRange{30000, 32767}

// ephemeral is the kernel's default range for outgoing connections
// (net.ipv4.ip_local_port_range).
var ephemeral = PortRange{32768, 60999}

const writeNodePorts = "write for example 30000-32767"

var portRange = lazy.Regexp(`^([1-9][0-9]{0,4})-([1-9][0-9]{0,4})$`)

// nodePorts reads the range of NodePort services. It must not contain a daemon's
// port: a service may get it, and kube-proxy then takes it over on every node, even
// if a daemon listens there. It should not overlap with the kernel's range for
// outgoing connections (help text of kube-apiserver --service-node-port-range).
func (v *validation) nodePorts() {
	v.c.NodePorts = defaultNodePorts
	field := v.spec.ServiceNodePortRange
	if !field.At.Written() {
		return
	}
	m := portRange().FindStringSubmatch(field.Value)
	if m == nil {
		v.fault(field.At, spec.Quote(field.Value)+" is not a valid range of ports", "write first-last, for example 30000-32767")
		return
	}
	first, _ := strconv.Atoi(m[1]) // at most five digits: cannot fail
	last, _ := strconv.Atoi(m[2])
	if last > 65535 || first > last {
		v.fault(field.At, field.Value+" is not a range within 1-65535", writeNodePorts)
		return
	}
	v.c.NodePorts = PortRange{uint16(first), uint16(last)}
	if port, daemon := v.daemonWithin(v.c.NodePorts); daemon != "" {
		v.fault(field.At, fmt.Sprintf("%s contains port %d, which is %s's", field.Value, port, daemon), writeNodePorts)
		return
	}
	if v.c.NodePorts.Last >= ephemeral.First && v.c.NodePorts.First <= ephemeral.Last {
		v.warn(field.At, fmt.Sprintf("%s overlaps the ports %d-%d that Linux uses for outgoing connections", field.Value, ephemeral.First, ephemeral.Last),
			"set net.ipv4.ip_local_port_range on workers, or "+writeNodePorts)
	}
}

// daemonWithin finds a port of a daemon in the range of node ports.
func (v *validation) daemonWithin(r PortRange) (port uint16, daemon string) {
	if p := uint16(v.apiPortWritten()); r.Contains(p) && !v.spec.APIServer.Port.At.Written() {
		return p, "kube-apiserver"
	}
	for _, d := range takenPorts {
		if r.Contains(d.port) && (d.profile == "" || d.profile == v.c.Profile.Name) {
			return d.port, d.daemon
		}
	}
	return 0, ""
}

func (v *validation) apiServer() {
	v.c.APIServer.Port = uint16(v.apiPortWritten())
	if field := v.spec.APIServer.Port; field.At.Written() {
		v.apiPort(field)
	}
	sans := v.spec.APIServer.ExtraSANs
	v.atMost(sans.At, len(sans.Items), maxSANs, "write those that clients dial; *.example.com covers all names of a domain")
	seen := map[string]int{}
	for _, field := range sans.Items {
		if !field.At.Written() {
			continue
		}
		if line, twice := seen[field.Value]; twice {
			v.fault(field.At, fmt.Sprintf("%s is written a second time (first on line %d)", spec.Quote(field.Value), line), "keep one of the two")
			continue
		}
		seen[field.Value] = field.At.Line
		v.extraSAN(field)
	}
}

func (v *validation) apiPort(field spec.Int) {
	remedy := fmt.Sprintf("write for example %d", defaultAPIPort)
	if v.c.Balancing.Mode == Colocated {
		remedy = fmt.Sprintf("write for example %d", v.besidePort())
	}
	if field.Value < 1 || field.Value > 65535 {
		v.fault(field.At, fmt.Sprintf("%d is not a port", field.Value), "write one of 1-65535, for example 6443")
		return
	}
	port := uint16(field.Value)
	if v.c.Balancing.Mode == Colocated && port == v.c.Endpoint.Port {
		v.fault(field.At, fmt.Sprintf("port %d is the endpoint's port, HAProxy's on every master", port), remedy+", or leave it out")
		return
	}
	if daemon := v.listenerAt(port, Master); daemon != "" {
		v.fault(field.At, fmt.Sprintf("port %d is %s's on every master", port, daemon), remedy)
		return
	}
	if v.c.NodePorts.Contains(port) {
		v.fault(field.At, fmt.Sprintf("port %d is in the node port range %d-%d", port, v.c.NodePorts.First, v.c.NodePorts.Last), remedy)
		return
	}
	if ephemeral.Contains(port) {
		v.warn(field.At, ephemeralProblem(port), "write one below 32768")
	}
	v.c.APIServer.Port = port
}

func ephemeralProblem(port uint16) string {
	return fmt.Sprintf("Linux may give port %d to an outgoing connection before the daemon starts", port)
}

// extraSAN reads a name or an address of either family; a wildcard may stand
// for the first label (RFC 6125, 6.4.3).
func (v *validation) extraSAN(field spec.String) {
	const remedy = "write for example api.example.com or 192.0.2.1, without scheme and port"
	if a, err := netip.ParseAddr(field.Value); err == nil {
		if a.Zone() != "" {
			v.fault(field.At, spec.Quote(field.Value)+" has a zone, which certificates cannot contain", "write "+a.WithZone("").String())
			return
		}
		v.c.APIServer.ExtraAddresses = append(v.c.APIServer.ExtraAddresses, a.Unmap())
		return
	}
	name, wild := strings.CutPrefix(field.Value, "*.")
	whole, likely := name, tidy(name)
	if wild {
		whole, likely = "x."+name, "*."+likely // as long as what is written
	}
	problem, better := nameProblem(whole, maxDNSName, "api.example.com")
	switch {
	case field.Value == "" || problem != "" && dnsSubdomain().MatchString(whole):
		v.fault(field.At, problem, better)
	case problem != "" && dnsSubdomain().MatchString(tidy(name)):
		v.fault(field.At, spec.Quote(field.Value)+noDNSName, "write "+likely)
	case problem != "" || numericEnd().MatchString(name):
		v.fault(field.At, spec.Quote(field.Value)+" is neither a DNS name nor an address", remedy)
	default:
		v.c.APIServer.ExtraNames = append(v.c.APIServer.ExtraNames, field.Value)
	}
}
