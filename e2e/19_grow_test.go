package e2e

import (
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestGrow: three masters become five as hagen plan says, while a client
// writes, and then two of the first three die.
func TestGrow(t *testing.T) {
	s := scenario(t, "19 from three masters to five")
	layout := site.Seed
	layout.Name = site.Grown.Name
	c := clusterOf(t, layout)
	t.Cleanup(func() { must(t, c.Remove()); shared = nil }) // nobody else knows five
	p := planned(t, c, site.Grown, "")
	must(t, c.Become(site.Grown))
	done := writer(t, c)
	begin := time.Now()
	p.follow(t, c)
	s.figure(t, "all of it", time.Since(begin))
	within(t, 2*time.Minute, c.Healthy)
	members := memberList(t, c)
	if started := strings.Count(strings.Join(members, "\n"), ", started, kubem0"); len(members) != 5 || started != 5 {
		t.Errorf("etcd has the members %v", members)
	}
	w := startWriting(t, c)
	must(t, c.PowerOff(c.Masters[0], c.Masters[1]))
	time.Sleep(5 * time.Second)
	w.untilAgain(t)
	w.end(t, s)
	must(t, c.Boot(c.Masters[0], c.Masters[1]))
	within(t, 2*time.Minute, c.Healthy)
	done(s)
}
