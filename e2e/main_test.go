// Package e2e boots what hagen renders, on one machine with real parts, and
// breaks it. Start it with the script run, which makes all that is needed.
package e2e

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"hagen/e2e/site"
)

func TestMain(m *testing.M) {
	if os.Getenv("E2E_WORK") == "" {
		fmt.Fprintln(os.Stderr, "e2e: these tests boot machines; start them with e2e/run")
		os.Exit(0)
	}
	begin := time.Now()
	result := m.Run()
	if err := printTable(os.Getenv("E2E_TABLE"), time.Since(begin)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		result = 1
	}
	if path := os.Getenv("E2E_FIGURES"); path != "" && result == 0 {
		if err := writeFigures(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			result = 1
		}
	}
	if os.Getenv("E2E_KEEP") != "" && shared != nil {
		keep()
	}
	os.Exit(result)
}

// keep leaves the hosts on until somebody ends this process.
func keep() {
	fmt.Printf(`
The hosts are on. From another terminal:
  e2e/run enter operator kubectl get --raw /readyz
  e2e/run enter operator kubectl -n kube-system get leases
  e2e/run enter kubem00 systemctl status
  e2e/run enter %s journalctl -t haproxy
Their directories are below %s, as "operator" sees it.
Ctrl-C here switches them off and removes them.
`, shared.Hosts()[len(shared.Hosts())-1].Name, shared.Dir)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
}

var (
	network   *site.Network
	shared    *site.Cluster // the one that is there
	sharing   sync.Mutex
	poweredOn time.Time // when its machines were switched on first
)

// cluster gives the seed's cluster, which most scenarios share.
func cluster(t *testing.T) *site.Cluster {
	t.Helper()
	return clusterOf(t, site.Seed)
}

// clusterOf gives a layout's cluster, formed and healthy. A scenario that
// broke it before has it brought back here. The scenarios of one layout come
// one after the other: a cluster of another is removed.
func clusterOf(t *testing.T, layout site.Layout) *site.Cluster {
	t.Helper()
	sharing.Lock()
	defer sharing.Unlock()
	if shared != nil && shared.Layout.Name != layout.Name {
		must(t, shared.Remove())
		shared = nil
	}
	p := site.PartsOfEnvironment()
	openSite(t, p)
	if shared == nil {
		c, err := site.NewCluster(p, network, layout)
		must(t, err)
		shared = c
		if len(c.HAProxyHosts()) == 0 {
			standIn, err = c.Forward()
			must(t, err)
		}
		must(t, c.Render("standard"))
		must(t, c.Install(c.Hosts()...))
		poweredOn = time.Now()
		must(t, c.Boot(c.Hosts()...))
	}
	for _, h := range shared.Hosts() {
		if !h.On() {
			must(t, h.Boot())
		}
	}
	_, err := site.Until(2*time.Minute, shared.Healthy)
	must(t, err)
	return shared
}

// openSite makes the network, which all clusters share.
func openSite(t *testing.T, p site.Parts) {
	t.Helper()
	if network == nil {
		n, err := site.NewNetwork(p.Work)
		must(t, err)
		network = n
	}
}

// saveJournals keeps every host's journal of a failed scenario, and says
// where.
func saveJournals(t *testing.T) {
	if shared == nil {
		return
	}
	dir := filepath.Join(os.Getenv("E2E_SAVE"), time.Now().Format("20060102-150405-")+t.Name())
	if err := shared.Save(dir); err != nil {
		t.Logf("not every journal could be kept: %v", err)
	}
	t.Logf("the hosts' journals: %s", dir)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within waits until there is no error, and gives how long that took.
func within(t *testing.T, limit time.Duration, ask func() error) time.Duration {
	t.Helper()
	took, err := site.Until(limit, ask)
	must(t, err)
	return took
}

// operator is an administrator's client through the load balancer.
func operator(t *testing.T, c *site.Cluster, how site.Connections, limit time.Duration) *site.Client {
	t.Helper()
	client, err := c.Operator(how, limit)
	must(t, err)
	return client
}

// kubectl runs kubectl as the operator and gives what it printed.
func kubectl(t *testing.T, c *site.Cluster, args ...string) string {
	t.Helper()
	out, err := c.Kubectl(args...)
	must(t, err)
	return out
}
