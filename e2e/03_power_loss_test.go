package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Bounds that hold on a busy machine, too. What is really reached is in the
// table, and in docs/failover.md.
const (
	writeGapBound  = 10 * time.Second
	endpointsBound = 45 * time.Second
	leasesBound    = 90 * time.Second
)

// Each master in turn loses its power while clients write through the load
// balancer, and comes back later.
func TestPowerLoss(t *testing.T) {
	for round := range rounds() {
		for i := range 3 {
			t.Run(fmt.Sprintf("round %d, kubem0%d", round+1, i), func(t *testing.T) { powerLoss(t, i) })
		}
	}
}

// rounds is how often something is measured: once, but for figures.
func rounds() int {
	n, _ := strconv.Atoi(os.Getenv("E2E_ROUNDS"))
	return max(n, 1)
}

// loss is what one power loss showed.
type loss struct {
	leader, leases         bool // what the machine held
	newConnections, oneFor time.Duration
	endpoints, leasesMoved time.Duration
	back, backGap          time.Duration
	acknowledged           int
}

var losses []loss

func powerLoss(t *testing.T, i int) {
	s := scenario(t, fmt.Sprintf("3 power loss of kubem0%d", i))
	s.repeated = true
	c := cluster(t)
	victim := c.Masters[i]
	client := operator(t, c, site.NewEachTime, 2*time.Second)
	l := loss{}
	leader, err := c.EtcdLeader()
	must(t, err)
	l.leader = leader == victim.Name
	held := heldBy(t, client, victim.Name)
	l.leases = len(held) > 0

	space := freshNamespace(t, c, "power")
	const interval = 200 * time.Millisecond
	each := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "each", interval)
	there, err := c.OperatorAt(victim, 5*time.Second)
	must(t, err)
	one := there.Write(space, "one", interval)
	time.Sleep(3 * time.Second)

	off := time.Now()
	must(t, victim.PowerOff())
	l.endpoints, l.leasesMoved = untilReplaced(t, client, victim, held, off)
	on := time.Now()
	l.newConnections, l.oneFor = each.Gap(off.Add(-time.Second), on), one.Gap(off.Add(-time.Second), on)

	must(t, victim.Boot())
	within(t, time.Minute, c.Healthy)
	l.back = time.Since(on)
	time.Sleep(2 * time.Second)
	l.backGap = max(each.Gap(on, time.Now()), one.Gap(on, time.Now()))
	each.Stop()
	one.Stop()
	l.acknowledged = each.Acked(off) + one.Acked(off)
	for _, w := range []*site.Writes{each, one} {
		lost, err := w.Lost()
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
		}
	}
	report(t, s, l)
	losses = append(losses, l)
}

// report puts a loss into the table and holds it against the bounds.
func report(t *testing.T, s *row, l loss) {
	if l.leader {
		s.note(t, "held etcd's leader")
	}
	if l.leases {
		s.note(t, "held a lease")
		s.figure(t, "leases moved", l.leasesMoved)
	}
	s.figure(t, "write gap", l.newConnections)
	s.figure(t, "on one connection", l.oneFor)
	s.figure(t, "endpoints", l.endpoints)
	s.figure(t, "back", l.back)
	s.figure(t, "gap then", l.backGap)
	s.note(t, "%d writes, 0 lost", l.acknowledged)
	if l.newConnections > writeGapBound || l.oneFor > writeGapBound || l.endpoints > endpointsBound || l.leasesMoved > leasesBound {
		t.Error("a bound is broken")
	}
}

// freshNamespace makes a namespace for one scenario's writes.
func freshNamespace(t *testing.T, c *site.Cluster, prefix string) string {
	name := fmt.Sprintf("%s-%d", prefix, time.Now().Unix())
	kubectl(t, c, "create", "namespace", name)
	return name
}

// heldBy gives the leases that a host holds.
func heldBy(t *testing.T, client *site.Client, host string) []string {
	var held []string
	for _, lease := range site.Leases {
		holder, err := client.Holder(lease)
		must(t, err)
		if holder == host {
			held = append(held, lease)
		}
	}
	return held
}

// untilReplaced waits until nobody is sent to the host any more and others
// have its leases, and gives when each was so.
func untilReplaced(t *testing.T, client *site.Client, victim *site.Host, held []string, since time.Time) (endpoints, leases time.Duration) {
	t.Helper()
	within(t, leasesBound, func() error {
		if endpoints == 0 {
			if addresses, err := client.Slice(); err == nil && !slices.Contains(addresses, victim.Address.String()) {
				endpoints = time.Since(since)
			}
		}
		held = slices.DeleteFunc(held, func(lease string) bool {
			holder, err := client.Holder(lease)
			if err != nil || holder == victim.Name {
				return false
			}
			leases = time.Since(since)
			return true
		})
		if endpoints == 0 || len(held) > 0 {
			return errors.New("endpoints or leases still name " + victim.Name)
		}
		return nil
	})
	return endpoints, leases
}
