package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestUpgrade: an operator takes a cluster from the release before to the
// newest, as hagen plan says and with its very commands, while two clients
// write. No acknowledged write is lost.
func TestUpgrade(t *testing.T) {
	for _, way := range []struct{ name, flag string }{{"in place", ""}, {"re-imaged", "--reimage"}} {
		t.Run(way.name, func(t *testing.T) { upgrade(t, way.name, way.flag) })
	}
}

func upgrade(t *testing.T, name, flag string) {
	s := scenario(t, "18 upgrade, "+name)
	layout := site.Older
	layout.Name += " " + name
	c := clusterOf(t, layout)
	newest := layout
	newest.Previous = false
	p := planned(t, c, newest, flag)

	space := freshNamespace(t, c, "upgrade")
	const interval = 200 * time.Millisecond
	each := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "each", interval)
	one := operator(t, c, site.OneForAll, 5*time.Second).Write(space, "one", interval)
	newer := onlyNewer(t, c)
	time.Sleep(2 * time.Second)

	begin := time.Now()
	c.Parts.Masters = c.Parts.Binaries // the images that are at hand now
	p.follow(t, c)
	s.figure(t, "all of it", time.Since(begin))
	within(t, 2*time.Minute, c.Healthy)
	time.Sleep(2 * time.Second)
	s.figure(t, "longest write gap, new connections", each.Gap(begin, time.Now()))
	s.figure(t, "one connection", one.Gap(begin, time.Now()))
	newer.count(t, s)
	nothingLost(t, s, begin, each, one)
	runs(t, c, c.Parts.Binaries)
}

// nothingLost ends clients that write, and finds what was acknowledged.
func nothingLost(t *testing.T, s *row, begin time.Time, all ...*site.Writes) {
	t.Helper()
	for _, w := range all {
		w.Stop()
		lost, err := w.Lost()
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
		}
		s.figures = append(s.figures, fmt.Sprintf("%d of %d writes acknowledged, %d lost", w.Acked(begin), w.Sent, len(lost)))
	}
}

// asking is two clients that read an API which the newest release has and the one
// before does not.
type asking struct{ passed, alone *site.Reads }

// onlyNewer starts both: one as everybody reads, one that each API server answers by
// itself, which is what everybody would see without --peer-ca-file.
func onlyNewer(t *testing.T, c *site.Cluster) asking {
	const path, interval = "/apis/storagemigration.k8s.io/v1/storageversionmigrations", 100 * time.Millisecond
	client := operator(t, c, site.NewEachTime, 5*time.Second)
	return asking{client.Read(path, interval), client.Unproxied().Read(path, interval)}
}

// count counts answers 404 from the moment when an API server that has the API
// answered.
func (a asking) count(t *testing.T, s *row) {
	t.Helper()
	a.passed.Stop()
	a.alone.Stop()
	since, found := a.alone.First(http.StatusOK)
	if !found {
		t.Fatal("no API server has the newer API: name one that only the newest release has")
	}
	missed, of := a.passed.Count(since, http.StatusNotFound)
	alone, ofAlone := a.alone.Count(since, http.StatusNotFound)
	s.note(t, "newer API: 404 in %d of %d answers, %d of %d without the peer proxy", missed, of, alone, ofAlone)
	if alone == 0 {
		t.Error("releases never mixed: this counts nothing")
	}
	if missed*4 > alone {
		t.Errorf("the peer proxy left %d of %d answers 404", missed, alone)
	}
}

// runs asks whether the binaries of a directory really run everywhere.
func runs(t *testing.T, c *site.Cluster, binaries string) {
	t.Helper()
	for _, m := range c.Masters {
		for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			pid, err := m.Property(name+".service", "MainPID")
			must(t, err)
			running, err := m.Exec("sha256sum", "/proc/"+pid+"/exe")
			must(t, err)
			want, err := site.Run("sha256sum", filepath.Join(binaries, name))
			must(t, err)
			if running[:64] != want[:64] {
				t.Errorf("%s runs another %s", m.Name, name)
			}
		}
	}
}
