package e2e

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// onlineBound is how soon a machine with static addresses has its network: with
// a wait for a router's advertisement it takes 12 s.
const onlineBound = 8 * time.Second

// Clusters whose machines have static addresses, of IPv6 alone and of both
// families. On their switch no DHCP server knows them and no router advertises
// itself. They form, take writes through what stands in front of the API
// servers, and outlive the power loss of a master.
func TestNetworks(t *testing.T) {
	for _, layout := range []site.Layout{site.IPv6, site.DualStack} {
		t.Run(layout.Name, func(t *testing.T) {
			s := scenario(t, "14 "+layout.Name)
			c := clusterOf(t, layout)
			s.figure(t, "power-on to healthy", time.Since(poweredOn))
			bootedCleanly(t, c)
			online(t, s, c)
			for _, h := range c.Hosts() {
				onlyStatic(t, h)
			}
			client := operator(t, c, site.NewEachTime, 5*time.Second)
			addresses, err := client.Slice()
			must(t, err)
			if !slices.Equal(addresses, layout.Endpoints) {
				t.Errorf("endpoints are %v", addresses)
			}
			certificateHolds(t, c)
			servicesHaveBoth(t, c, client)
			masterLosesPower(t, s, c)
		})
	}
}

// online tells when the machines had their network, by systemd's own clock.
func online(t *testing.T, s *row, c *site.Cluster) {
	t.Helper()
	var latest time.Duration
	for _, h := range c.Hosts() {
		began, err := h.Property("", "UserspaceTimestampMonotonic")
		must(t, err)
		active, err := h.Property("network-online.target", "ActiveEnterTimestampMonotonic")
		must(t, err)
		var from, to int64
		fmt.Sscan(began, &from)
		fmt.Sscan(active, &to)
		after := time.Duration(to-from) * time.Microsecond
		t.Logf("%s has its network after %.1f s", h.Name, after.Seconds())
		latest = max(latest, after)
	}
	s.figure(t, "network online", latest)
	if latest > onlineBound {
		t.Errorf("a machine had to wait %s for its network", latest)
	}
}

// onlyStatic: a machine has the addresses that the cluster file gives it, and
// none that somebody else gave it. The virtual IP is somebody's, too.
func onlyStatic(t *testing.T, h *site.Host) {
	t.Helper()
	out, err := h.Exec("ip", "-oneline", "addr", "show", "dev", "host0", "scope", "global")
	must(t, err)
	if !strings.Contains(out, " "+h.Address.String()+"/") || strings.Contains(out, "dynamic") {
		t.Errorf("%s has\n%s", h.Name, out)
	}
	if h.Address.Is6() {
		if out, err := h.Exec("ip", "-4", "-oneline", "addr", "show", "dev", "host0"); err != nil || out != "" {
			t.Errorf("%s has an IPv4 address: %s %v", h.Name, out, err)
		}
	}
}

// servicesHaveBoth makes a service of each family that services have.
func servicesHaveBoth(t *testing.T, c *site.Cluster, client *site.Client) {
	t.Helper()
	wanted := 1
	if c.Layout.SecondIP != "" {
		wanted = 2
	}
	const name = "both"
	object := `{"apiVersion":"v1","kind":"Service","metadata":{"name":"both"},"spec":{"ipFamilyPolicy":"PreferDualStack","ports":[{"port":80}]}}`
	path := c.Dir + "/service.json"
	must(t, os.WriteFile(path, []byte(object), 0o644))
	kubectl(t, c, "create", "-f", path)
	var service struct {
		Spec struct{ ClusterIPs []string }
	}
	must(t, client.Get("/api/v1/namespaces/default/services/"+name, &service))
	if got := service.Spec.ClusterIPs; len(got) != wanted || net.ParseIP(got[0]) == nil {
		t.Errorf("a service has the addresses %v", got)
	}
}

// A master loses its power while clients write, and comes back.
func masterLosesPower(t *testing.T, s *row, c *site.Cluster) {
	victim := c.Masters[0]
	if c.Layout.VirtualIP != "" {
		victim = inUse(t, c)
	}
	client := operator(t, c, site.NewEachTime, 2*time.Second)
	held := heldBy(t, client, victim.Name)
	w := startWriting(t, c)
	off := time.Now()
	must(t, victim.PowerOff())
	endpoints, leases := untilReplaced(t, client, victim, held, off)
	w.untilAgain(t)
	on := time.Now()
	each, one := w.gaps(off.Add(-time.Second), on)
	s.figure(t, "write gap", each)
	s.figure(t, "on one connection", one)
	s.figure(t, "endpoints", endpoints)
	if len(held) > 0 {
		s.figure(t, "leases moved", leases)
	}
	must(t, victim.Boot())
	within(t, time.Minute, c.Healthy)
	s.figure(t, "back", time.Since(on))
	w.untilAgain(t)
	w.end(t, s)
	if max(each, one) > writeGapBound || endpoints > endpointsBound {
		t.Error("a bound is broken")
	}
}
