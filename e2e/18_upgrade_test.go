package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hagen/e2e/site"
)

// plan is what hagen plan --json prints, as far as an operator follows it.
type plan struct {
	Possible        bool
	Environment     []variable
	Prepare, Verify []command
	Steps           []struct {
		Action, Host, Unit string
		Install            []struct{ Name, Path string }
		Write, Remove      []string
		Document           string
		Commands, Checks   []command
	}
}

type variable struct{ Name, Value string }

type command struct {
	Host, Command     string
	Environment       []variable
	ExitCode, Seconds int
}

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
	for _, w := range []*site.Writes{each, one} {
		w.Stop()
		lost, err := w.Lost()
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
		}
		s.figures = append(s.figures, fmt.Sprintf("%d of %d writes acknowledged, %d lost", w.Acked(begin), w.Sent, len(lost)))
	}
	runsNewest(t, c)
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
	if missed*10 > alone {
		t.Errorf("the peer proxy left %d of %d answers 404", missed, alone)
	}
}

// planned gives the plan from a cluster to a layout.
func planned(t *testing.T, c *site.Cluster, to site.Layout, flag string) (p plan) {
	t.Helper()
	file, err := c.Plan(to)
	must(t, err)
	out, err := c.Workstation("hagen plan --json " + flag + " cluster.yaml " + file)
	must(t, err)
	must(t, json.Unmarshal([]byte(out), &p))
	if !p.Possible || len(p.Steps) == 0 {
		t.Fatalf("no plan: %s", out)
	}
	return p
}

// follow does all that a plan says.
func (p plan) follow(t *testing.T, c *site.Cluster) {
	t.Helper()
	f := follower{t: t, c: c, environment: words(p.Environment)}
	for _, b := range p.Prepare {
		f.run(b)
	}
	for i, step := range p.Steps {
		t.Logf("step %d: %s %s %s", i+1, step.Host, step.Action, step.Unit)
		h, err := c.Host(step.Host)
		must(t, err)
		for _, b := range step.Install {
			must(t, h.Put(filepath.Join(c.Parts.Binaries, b.Name), b.Path))
		}
		for _, place := range step.Write {
			must(t, h.Write(c.Document(h), place))
		}
		switch step.Action {
		case "re-image":
			must(t, c.Reimage(h))
		case "boot":
			must(t, h.Install(c.Parts, filepath.Join(c.Dir, step.Document, "config.ign")))
			must(t, h.Boot())
		}
		if len(step.Remove) > 0 {
			t.Fatalf("this test does not know how to do that: %+v", step)
		}
		for _, command := range step.Commands {
			f.run(command)
		}
		for _, check := range step.Checks {
			within(t, time.Duration(check.Seconds)*time.Second, func() error { return f.try(check) })
		}
	}
	for _, a := range p.Verify {
		f.run(a)
	}
}

func words(environment []variable) (all []string) {
	for _, v := range environment {
		all = append(all, v.Name+"="+v.Value)
	}
	return all
}

// follower runs a plan's commands where they are meant to be run.
type follower struct {
	t           *testing.T
	c           *site.Cluster
	environment []string
}

func (f follower) run(c command) {
	f.t.Helper()
	must(f.t, f.try(c))
}

func (f follower) try(c command) error {
	if c.Host == "" {
		_, err := f.c.Workstation(c.Command, slices.Concat(f.environment, words(c.Environment))...)
		return err
	}
	h, err := f.c.Host(c.Host)
	if err != nil {
		return err
	}
	_, err = h.Exec("sh", "-c", c.Command)
	return err
}

// runsNewest asks what really runs everywhere.
func runsNewest(t *testing.T, c *site.Cluster) {
	t.Helper()
	for _, m := range c.Masters {
		for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			pid, err := m.Property(name+".service", "MainPID")
			must(t, err)
			running, err := m.Exec("sha256sum", "/proc/"+pid+"/exe")
			must(t, err)
			want, err := site.Run("sha256sum", filepath.Join(c.Parts.Binaries, name))
			must(t, err)
			if running[:64] != want[:64] {
				t.Errorf("%s runs another %s", m.Name, name)
			}
		}
	}
}
