package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Two of three masters lose their power: nobody can write. They come back,
// and every acknowledged write is there.
func TestTwoOfThreeLost(t *testing.T) {
	s := scenario(t, "6 two of three masters lost")
	c := cluster(t)
	space := freshNamespace(t, c, "quorum")
	writes := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "write", 100*time.Millisecond)
	time.Sleep(3 * time.Second)
	victims := c.Masters[:2]
	must(t, c.PowerOff(victims...))
	// What was under way may still be answered.
	time.Sleep(6 * time.Second)
	from := time.Now()
	time.Sleep(10 * time.Second)
	if n := writes.Acked(from); n > 0 {
		t.Errorf("%d writes were acknowledged by one member of three", n)
	}
	on := time.Now()
	must(t, c.Boot(victims...))
	within(t, 2*time.Minute, func() error {
		if writes.Acked(on) == 0 {
			return fmt.Errorf("no write is acknowledged")
		}
		return nil
	})
	s.figure(t, "power-on to first write", time.Since(on))
	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, "to healthy", time.Since(on))
	writes.Stop()
	lost, err := writes.Lost()
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
	}
	sameData(t, c)
	s.note(t, "%d writes, 0 lost", writes.Acked(time.Time{}))
}

// sameData compares the hashes that etcd's members have of their data at one
// revision.
func sameData(t *testing.T, c *site.Cluster) {
	t.Helper()
	within(t, 30*time.Second, func() error {
		out, err := c.Etcdctl("endpoint", "hashkv", "--write-out=json")
		if err != nil {
			return err
		}
		var members []struct {
			HashKV struct {
				Hash         uint64
				HashRevision uint64 `json:"hash_revision"`
			}
		}
		if err := json.Unmarshal([]byte(out), &members); err != nil {
			return err
		}
		for _, m := range members {
			if m != members[0] {
				return fmt.Errorf("members differ: %s", out)
			}
		}
		return nil
	})
}
