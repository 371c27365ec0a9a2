package control

import (
	"testing"
	"time"

	"hagen/gen/cluster"
)

// TestCalendar: no two masters take a snapshot at the same time.
func TestCalendar(t *testing.T) {
	for _, test := range []struct {
		every   time.Duration
		masters int
		want    []string
	}{
		{6 * time.Hour, 3, []string{"*-*-* 00,06,12,18:00:00 UTC", "*-*-* 02,08,14,20:00:00 UTC", "*-*-* 04,10,16,22:00:00 UTC"}},
		{time.Hour, 3, []string{"*-*-* *:00:00 UTC", "*-*-* *:20:00 UTC", "*-*-* *:40:00 UTC"}},
		{15 * time.Minute, 3, []string{"*-*-* *:00,15,30,45:00 UTC", "*-*-* *:05,20,35,50:00 UTC", "*-*-* *:10,25,40,55:00 UTC"}},
		{24 * time.Hour, 5, []string{"*-*-* 00:00:00 UTC", "*-*-* 04:48:00 UTC", "*-*-* 09:36:00 UTC", "*-*-* 14:24:00 UTC", "*-*-* 19:12:00 UTC"}},
		{30 * time.Minute, 1, []string{"*-*-* *:00,30:00 UTC"}},
	} {
		c := &cluster.Cluster{Snapshots: cluster.Snapshots{Every: test.every}}
		for i := range test.masters {
			c.Masters = append(c.Masters, cluster.Host{Name: string(rune('a' + i)), Role: cluster.Master})
		}
		for i, h := range c.Masters {
			if got := (site{c, h}).calendar(); got != test.want[i] {
				t.Errorf("every %v, master %d of %d: %s, want %s", test.every, i, test.masters, got, test.want[i])
			}
		}
	}
}
