package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Every machine is switched on with its document, once, and nothing is done
// afterwards.
func TestFormation(t *testing.T) {
	s := scenario(t, "1 formation")
	c := cluster(t)
	s.figure(t, "power-on to healthy", time.Since(poweredOn))
	timeline(t, s, c)

	bootedCleanly(t, c)
	certificatesWatched(t, c)
	client := operator(t, c, site.NewEachTime, 5*time.Second)
	must(t, client.Get("/readyz", nil))
	if out := kubectl(t, c, "get", "--raw", "/readyz"); out != "ok" {
		t.Errorf("kubectl gets %q from /readyz", out)
	}
	want := []string{"10.10.10.80", "10.10.10.81", "10.10.10.82"}
	for _, ask := range []func() ([]string, error){client.Slice, client.Endpoints} {
		got, err := ask()
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("endpoints are %v", got)
		}
	}
	leaders, err := c.EtcdLeaders()
	must(t, err)
	if len(leaders) != 3 {
		t.Errorf("etcd's members: %v", leaders)
	}
	for _, lease := range site.Leases {
		holder, err := client.Holder(lease)
		must(t, err)
		if !strings.HasPrefix(holder, "kubem") {
			t.Errorf("%s is held by %s", lease, holder)
		}
	}
}

// bootedCleanly looks for traces of a boot that did not go as it should.
func bootedCleanly(t *testing.T, c *site.Cluster) {
	t.Helper()
	for _, h := range c.Hosts() {
		name, err := h.Exec("hostname")
		must(t, err)
		if name != h.Name {
			t.Errorf("%s calls itself %s", h.Name, name)
		}
		within(t, 30*time.Second, func() error {
			state, err := h.Exec("systemctl", "is-system-running")
			if state != "running" {
				failed, _ := h.Exec("systemctl", "list-units", "--failed", "--no-legend")
				return fmt.Errorf("%s is %s: %s %w", h.Name, state, failed, err)
			}
			return nil
		})
		for _, unit := range c.Units(h) {
			restarts, err := h.Property(unit, "NRestarts")
			must(t, err)
			if restarts != "0" {
				t.Errorf("%s: %s was restarted %s times", h.Name, unit, restarts)
			}
		}
	}
}

// certificatesWatched runs what the timer runs minutes after a boot. Its user may reach all
// certificates: it fails if it cannot read one.
func certificatesWatched(t *testing.T, c *site.Cluster) {
	t.Helper()
	for _, h := range c.Hosts() {
		state, err := h.Property("hagen-certificates.timer", "ActiveState")
		must(t, err)
		if state != "active" {
			t.Errorf("%s: hagen-certificates.timer is %s", h.Name, state)
		}
		if _, err := h.Exec("systemctl", "start", "hagen-certificates.service"); err != nil {
			said, _ := h.Journal("--output=cat", "--boot", "--unit=hagen-certificates.service")
			t.Errorf("%s: %v\n%s", h.Name, err, said)
		}
	}
}

// timeline tells when each unit of each host was active on its first boot,
// in seconds after the first process began, by systemd's own clock.
func timeline(t *testing.T, s *row, c *site.Cluster) {
	t.Helper()
	latest := map[string]time.Duration{}
	for _, m := range c.Hosts() {
		began, err := m.Property("", "UserspaceTimestampMonotonic")
		must(t, err)
		line := m.Name
		for _, unit := range append([]string{"systemd-networkd-wait-online.service", "hagen-binaries.service"}, c.Units(m)...) {
			active, err := m.Property(unit, "ActiveEnterTimestampMonotonic")
			must(t, err)
			var from, to int64
			fmt.Sscan(began, &from)
			fmt.Sscan(active, &to)
			after := time.Duration(to-from) * time.Microsecond
			latest[unit] = max(latest[unit], after)
			line += fmt.Sprintf(", %s %.1f s", unit, after.Seconds())
		}
		t.Log(line)
	}
	for _, unit := range append(c.Units(c.Masters[0]), c.Units(c.Balancers[0])...) {
		s.figure(t, strings.TrimSuffix(unit, ".service"), latest[unit])
	}
}
