package site

import (
	"time"
)

// leavesLive is how long the leaves of an Ending cluster last, and staggered how much less at most:
// that of the last master by an eighth, in equal parts.
const (
	leavesLive = 24 * time.Hour
	staggered  = leavesLive / 8
)

// RenderEnding renders the cluster with leaves of the masters that all end at the same time. hagen
// never signs such ones. So each master's are signed in a copy of the PKI, at another time, when
// they end then and the others' do not, and taken from it, as git would merge them.
func (c *Cluster) RenderEnding(ends time.Time) error {
	if err := c.Change(); err != nil {
		return err
	}
	if err := c.hagenAt(ends.Add(-leavesLive), "render"); err != nil {
		return err
	}
	for i, m := range c.Masters[1:] {
		earlier := staggered * time.Duration(i+1) / time.Duration(len(c.Masters))
		if _, err := c.Workstation("cp -a pki copy"); err != nil {
			return err
		}
		if err := c.hagenAt(ends.Add(earlier-leavesLive), "pki", "renew", "--pki", "copy", "--expiring", "30h"); err != nil {
			return err
		}
		_, err := c.Workstation("for d in hosts records/hosts; do rm -r pki/$d/$m && mv copy/$d/$m pki/$d/; done; rm -r copy", "m="+m.Name)
		if err != nil {
			return err
		}
	}
	if _, err := c.Workstation("hagen pki renew cluster/admin"); err != nil {
		return err
	}
	return c.RenderWith()
}

// hagenAt runs hagen beside the cluster file at another time.
func (c *Cluster) hagenAt(then time.Time, args ...string) error {
	_, err := Run("env", append([]string{"-C", c.Dir, "HAGEN_TEST_NOW=" + then.UTC().Format(time.RFC3339), c.Parts.HagenThen}, args...)...)
	return err
}
