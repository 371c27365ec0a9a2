package site

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Operator is the address of the operator's workstation, which is where the tests
// run. It is also the switch's.
const Operator = "10.10.10.1"

// operator6 is its other one.
const operator6 = "fd00:10::1"

// Network is a switch with a DHCP server.
type Network struct {
	dhcp *exec.Cmd
}

// NewNetwork makes the switch in the namespace of this process, and starts
// the DHCP server there. Hosts are known to it by their MAC address, as a
// site would have it; it knows those of all the addresses of the site.
func NewNetwork(dir string) (*Network, error) {
	err := all(
		"ip link set lo up",
		"ip link add br0 type bridge",
		"ip link set br0 type bridge stp_state 0 forward_delay 0",
		"ip addr add "+Operator+"/24 dev br0",
		"ip addr add "+StandIn+"/24 dev br0",
		"ip addr add "+operator6+"/64 dev br0 nodad",
		"ip link set br0 up",
	)
	if err != nil {
		return nil, err
	}
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0",
		"--interface=br0", "--bind-interfaces", "--dhcp-authoritative", "--no-ping",
		"--dhcp-range=10.10.10.0,static,255.255.255.0,1h",
		"--dhcp-leasefile=" + filepath.Join(dir, "leases"),
		"--log-facility=" + filepath.Join(dir, "dhcp.log"),
	}
	for n := range byte(254) {
		h := Host{Address: netip.AddrFrom4([4]byte{10, 10, 10, n + 1})}
		args = append(args, fmt.Sprintf("--dhcp-host=%s,%s", h.mac(), h.Address))
	}
	dhcp := exec.Command("dnsmasq", args...)
	dhcp.Stderr = os.Stderr
	return &Network{dhcp}, dhcp.Start()
}

// plug gives a host a network namespace of its own with one interface, its
// cable in the switch.
func (n *Network) plug(h *Host) error {
	ns, cable := h.Name, cable(h)
	return all(
		"ip netns add "+ns,
		fmt.Sprintf("ip link add %s type veth peer name host0 address %s netns %s", cable, h.mac(), ns),
		"ip link set "+cable+" master br0",
		"ip link set "+cable+" up",
		"ip -n "+ns+" link set lo up",
	)
}

// silence takes the cable's signal away: nothing that the host still sends
// arrives, as when its power fails.
func (n *Network) silence(h *Host) error { return all("ip link set " + cable(h) + " down") }

// unplug removes the cable and the interface.
func (n *Network) unplug(h *Host) error {
	return all("ip link del "+cable(h), "ip netns del "+h.Name)
}

// cable is the switch's end of a host's cable. An interface has 15 letters.
func cable(h *Host) string { return "v-" + strings.TrimPrefix(h.Name, "kube") }

// mac is the address that DHCP knows the host by, or does not know.
func (h *Host) mac() string {
	a := h.Address.As16()
	known := 0
	if h.Static {
		known = 6
	}
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", known, a[12], a[13], a[14], a[15])
}
