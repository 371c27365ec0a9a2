package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// All machines are off at once and are switched on again one by one, in any
// order: the cluster returns by itself. E2E_STAGGER is the time between two
// of them; two minutes when figures are taken.
func TestAllOffAndOn(t *testing.T) {
	stagger, err := time.ParseDuration(os.Getenv("E2E_STAGGER"))
	if err != nil {
		stagger = 20 * time.Second
	}
	for _, order := range [][]int{{3, 0, 1, 2}, {2, 1, 0, 3}, {1, 3, 2, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) { allOffAndOn(t, order, stagger) })
	}
}

func allOffAndOn(t *testing.T, order []int, stagger time.Duration) {
	c := cluster(t)
	hosts := c.Hosts()
	var names []string
	for _, i := range order {
		names = append(names, hosts[i].Name)
	}
	s := scenario(t, "7 all off, on in order "+strings.Join(names, " "))
	space := freshNamespace(t, c, "off")
	writes := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "write", 100*time.Millisecond)
	time.Sleep(3 * time.Second)
	must(t, c.PowerOff(hosts...))
	writes.Stop()
	for n, i := range order {
		if n > 0 {
			time.Sleep(stagger)
		}
		must(t, hosts[i].Boot())
	}
	begin := time.Now()
	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, fmt.Sprintf("every %.0f s one; last power-on to healthy", stagger.Seconds()), time.Since(begin))
	lost, err := writes.Lost()
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
	}
	for _, h := range hosts {
		within(t, 30*time.Second, func() error {
			_, err := h.Exec("systemctl", "is-system-running")
			return err
		})
	}
}
