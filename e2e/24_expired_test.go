package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// certificatesLive is how long the certificates of TestExpired last after its masters were
// switched on.
const certificatesLive = 3 * time.Minute

// TestExpired: all certificates of all masters end at the same time, three minutes after they
// were switched on. Until then another flag of the API servers is delivered by scripts while a
// client writes. Then etcd restarts on all masters, as after a power loss: nobody trusts
// anybody. Renewed certificates, delivered by scripts, are all that it takes.
func TestExpired(t *testing.T) {
	s := scenario(t, "24 all certificates have ended")
	ends := time.Now().Add(certificatesLive).Truncate(time.Second)
	c := endingCluster(t, ends)
	t.Cleanup(func() { must(t, c.Remove()); shared = nil })

	done := writer(t, c)
	must(t, c.Change("serviceNodePortRange: 30000-32700"))
	s.figure(t, "another flag delivered", delivered(t, c))
	done(s)

	time.Sleep(time.Until(ends.Add(time.Second)))
	allAtOnce(t, c, "etcd.service")
	if out, err := c.Workstation("hagen pki check --live --timeout 20s"); err == nil || !strings.Contains(err.Error(), "kube-apiserver at 10.10.10.80:6443: its certificate expired") {
		t.Errorf("hagen pki check --live does not see that certificates have ended: %s", out)
	}
	sayThatTheyEnded(t, c)
	if leaders, err := c.EtcdLeaders(); err == nil && len(leaders) > 0 {
		t.Fatalf("etcd has a leader without certificates: %v", leaders)
	}

	begin := time.Now()
	_, err := c.Workstation("hagen pki renew --expiring 1h")
	must(t, err)
	delivered(t, c)
	s.figure(t, "renewed and delivered", time.Since(begin))
	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, "to healthy", time.Since(begin))
	done = writer(t, c)
	time.Sleep(2 * time.Second)
	done(s)
	_, err = c.Workstation("hagen pki check --live --within 1h --timeout 20s")
	must(t, err)
	certificatesWatched(t, c)
}

// sayThatTheyEnded: a unit of each master fails, and says what has ended where the journal and the
// console have it.
func sayThatTheyEnded(t *testing.T, c *site.Cluster) {
	t.Helper()
	const unit = "hagen-certificates.service"
	for _, m := range c.Masters {
		if _, err := m.Exec("systemctl", "start", unit); err == nil {
			t.Errorf("%s: %s succeeds", m.Name, unit)
		}
		said, err := m.Journal("--output=cat", "--boot", "--unit="+unit)
		must(t, err)
		where, err := m.Property(unit, "StandardError")
		must(t, err)
		if !strings.Contains(said, "hagen: /etc/etcd/pki/etcd-server.pem: expired on ") || where != "journal+console" {
			t.Errorf("%s: %s does not say that a certificate has ended: %s: %s", m.Name, unit, where, said)
		}
	}
}

// endingCluster boots the seed's cluster with leaves that all end at the same time.
func endingCluster(t *testing.T, ends time.Time) *site.Cluster {
	t.Helper()
	if shared != nil {
		must(t, shared.Remove())
		shared = nil
	}
	p := site.PartsOfEnvironment()
	openSite(t, p)
	c, err := site.NewCluster(p, network, site.Ending)
	must(t, err)
	shared = c
	must(t, c.RenderEnding(ends))
	must(t, c.Install(c.Hosts()...))
	must(t, c.Boot(c.Hosts()...))
	within(t, 2*time.Minute, c.Healthy)
	if !time.Now().Before(ends) {
		t.Fatal("the certificates ended before the cluster was healthy")
	}
	return c
}

// delivered brings what hagen render would write now to the machines, as the scripts of hagen plan
// do it with further flags, and renders. It gives how long the scripts took.
func delivered(t *testing.T, c *site.Cluster, flags ...string) time.Duration {
	t.Helper()
	delta := filepath.Join(c.Dir, "delta")
	_, err := c.Workstation("hagen plan " + strings.Join(append(flags, "--delta", delta), " ") + " rendered/kubernetes .")
	must(t, err)
	begin := time.Now()
	out, err := c.Workstation("sh "+delta+"/deliver.sh", runsOn(c))
	took := time.Since(begin)
	t.Log(out)
	must(t, err)
	must(t, c.RenderWith())
	must(t, os.RemoveAll(delta))
	return took
}

// allAtOnce restarts a unit of all masters before any of them has started again.
func allAtOnce(t *testing.T, c *site.Cluster, unit string) {
	t.Helper()
	for _, verb := range []string{"stop", "start --no-block"} {
		for _, m := range c.Masters {
			_, err := m.Exec("sh", "-c", fmt.Sprintf("systemctl %s %s", verb, unit))
			must(t, err)
		}
	}
}
