package check

import (
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
)

const keepalivedConfig = "/etc/keepalived/keepalived.conf"

// VirtualRouter is a machine that holds a virtual address in turn with others:
// what its keepalived.conf says of it (VRRP, RFC 5798).
type VirtualRouter struct {
	Host    string
	ID      string // the number that tells virtual routers on one network apart
	Address string // the virtual address
}

// VirtualRouters reads those of the nodes that are some.
func VirtualRouters(nodes []node.Node) []VirtualRouter {
	var machines []*machine
	for _, n := range nodes {
		machines = append(machines, newMachine(n))
	}
	var out []VirtualRouter
	for _, r := range routers(machines) {
		out = append(out, VirtualRouter{r.Name, r.routerID, r.address})
	}
	return out
}

// vrrp is what a keepalived.conf says of the one virtual address in it.
type vrrp struct {
	*machine
	routerID, priority, source, address string
	peers                               []string
}

var (
	vrrpValue = regexp.MustCompile(`(?m)^\s*(virtual_router_id|priority|unicast_src_ip) (\S+)$`)
	vrrpPeers = regexp.MustCompile(`unicast_peer \{([^}]*)\}`)
	vrrpHeld  = regexp.MustCompile(`virtual_ipaddress \{\s*(\S+)`)
)

// routers reads the keepalived.conf of every machine that has one.
func routers(machines []*machine) []vrrp {
	var out []vrrp
	for _, m := range machines {
		f, found := m.files[keepalivedConfig]
		if !found {
			continue
		}
		text := string(f.Contents)
		r := vrrp{machine: m}
		for _, line := range vrrpValue.FindAllStringSubmatch(text, -1) {
			switch line[1] {
			case "virtual_router_id":
				r.routerID = line[2]
			case "priority":
				r.priority = line[2]
			case "unicast_src_ip":
				r.source = line[2]
			}
		}
		if found := vrrpPeers.FindStringSubmatch(text); found != nil {
			r.peers = strings.Fields(found[1])
		}
		if found := vrrpHeld.FindStringSubmatch(text); found != nil {
			r.address = found[1]
		}
		out = append(out, r)
	}
	return out
}

// virtualAddresses: the machines that hold a virtual address in turn speak of
// the same one to each other, none is another's equal, and every API server
// can be verified under it.
func virtualAddresses(machines []*machine) {
	all := routers(machines)
	for i, r := range all {
		if r.routerID != all[0].routerID || r.address != all[0].address {
			r.find(keepalivedConfig, "is about %s, number %s; %s's is about %s, number %s", r.address, r.routerID, all[0].Name, all[0].address, all[0].routerID)
		}
		for j, other := range all {
			if i != j && !slices.Contains(r.peers, other.source) {
				r.find(keepalivedConfig, "does not name %s of %s as a peer", other.source, other.Name)
			}
			if i < j && r.priority == other.priority {
				r.find(keepalivedConfig, "has the priority of %s", other.Name)
			}
		}
		if len(r.peers) != len(all)-1 || slices.Contains(r.peers, r.source) {
			r.find(keepalivedConfig, "has %d peers, there are %d other machines", len(r.peers), len(all)-1)
		}
		if _, found := r.files["/etc/haproxy/haproxy.cfg"]; !found {
			r.find(keepalivedConfig, "would take the address to a machine without HAProxy")
		}
	}
	if len(all) == 0 {
		return
	}
	for _, m := range machines {
		if f := m.flags(apiServerUnit); f != nil {
			m.covers(f["tls-cert-file"], all[0].address)
		}
	}
}
