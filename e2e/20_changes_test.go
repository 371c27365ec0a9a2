package e2e

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestChanges: one cluster's endpoint is renamed, its load balancer is replaced by
// another machine, and its masters move to other addresses, each as hagen plan says and
// with its very commands. Clients write throughout with what they were given before. They
// get something new only when plan lets go of what they dial: before the first load
// balancer is switched off.
func TestChanges(t *testing.T) {
	s := scenario(t, "20 endpoint renamed, load balancer replaced, masters moved")
	c := clusterOf(t, site.Changing)
	t.Cleanup(func() { must(t, c.Remove()); shared = nil }) // nobody else knows what it became
	given := &clients{t: t, c: c, space: freshNamespace(t, c, "changes")}

	pod, err := c.InPod(slices.Concat(site.Changing.Front, site.Replaced.Front), clientLimit)
	must(t, err)
	given.write("pod", pod)
	former := given.out("first")
	given.change(s, "renamed", site.Renamed, nil)
	given.out("renamed")
	given.change(s, "replaced", site.Replaced, func(step planStep) {
		if step.Action == "switch off" {
			must(t, c.Resolve())
			given.out("replaced")
			given.retire("first", "renamed")
		}
	})
	if _, _, err := former.Do(context.Background(), http.MethodGet, "/readyz", nil); err == nil {
		t.Error("the first load balancer still answers")
	}
	given.refused(s, site.Changing.Endpoint)
	given.change(s, "moved", site.Moved, nil)
	given.end(s)
}

const clientLimit = 10 * time.Second

// clients are those that write while a cluster changes.
type clients struct {
	t       *testing.T
	c       *site.Cluster
	space   string
	begin   time.Time
	since   map[string]time.Time
	writing map[string]*site.Writes
	ended   map[string]*site.Writes
}

// out gives a client the administrator's kubeconfig as it is now, to write with.
func (all *clients) out(name string) *site.Client {
	all.t.Helper()
	client := operator(all.t, all.c, site.NewEachTime, clientLimit)
	all.write(name, client)
	return client
}

func (all *clients) write(name string, client *site.Client) {
	if all.writing == nil {
		all.writing, all.ended, all.begin = map[string]*site.Writes{}, map[string]*site.Writes{}, time.Now()
		all.since = map[string]time.Time{}
	}
	all.since[name] = time.Now()
	all.writing[name] = client.Write(all.space, name, 200*time.Millisecond)
}

// retire ends clients, which have got something new to dial.
func (all *clients) retire(names ...string) {
	for _, name := range names {
		all.writing[name].Stop()
		all.ended[name] = all.writing[name]
		delete(all.writing, name)
	}
}

// change plans a layout, follows the plan, and cleans up as it says.
func (all *clients) change(s *row, name string, to site.Layout, before func(planStep)) {
	t, c := all.t, all.c
	t.Helper()
	p := planned(t, c, to, "")
	must(t, c.Become(to))
	begin := time.Now()
	must(t, p.followWith(t, c, before))
	s.figure(t, name, time.Since(begin))
	within(t, 2*time.Minute, c.Healthy)
	for client, w := range all.writing {
		from := begin
		if given := all.since[client]; given.After(from) {
			from = given
		}
		s.figure(t, client+" gap", w.Gap(from, time.Now()))
	}
	f := follower{c: c, environment: words(p.Environment)}
	for _, command := range p.CleanUp {
		must(t, f.try(command))
	}
	must(t, c.Accept())
	for _, m := range c.Masters {
		for _, file := range []string{"apiserver.pem", "apiserver-key.pem"} {
			must(t, m.Write(c.Document(m), filepath.Join("/etc/kubernetes/pki", file)))
		}
	}
}

// TestPodRange moves the range of pods. hagen refuses that, and says what to do with
// Nodes that have ranges of the old one. With such a Node left, a step's check finds that
// no controller manager leads for long; without it the plan is followed to its end.
func TestPodRange(t *testing.T) {
	s := scenario(t, "20 another pod range")
	c := clusterOf(t, site.Changing)
	t.Cleanup(func() { must(t, c.Remove()); shared = nil }) // nobody else knows its range
	done := writer(t, c)
	const node = "worker"
	ranges := func() (string, error) {
		return c.Kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDRs}")
	}
	has := func(begin string) {
		t.Helper()
		must(t, c.AddNode(node))
		within(t, time.Minute, func() error {
			if got, err := ranges(); err != nil || !strings.HasPrefix(got, `["`+begin) {
				return fmt.Errorf("the Node has the ranges %q: %v", got, err)
			}
			return nil
		})
	}
	has("10.38.")
	if p, refused := ask(t, c, site.Ranged, ""); refused == nil || p.Possible {
		t.Error("hagen does not refuse another pod range")
	}
	p := planned(t, c, site.Ranged, "--nodes-fit")
	must(t, c.Become(site.Ranged))
	begin := time.Now()
	found := p.followWith(t, c, nil)
	if found == nil || !strings.Contains(found.Error(), "kube-controller-manager") {
		t.Errorf("with a Node outside the new range the plan comes to its end: %v", found)
	}
	s.figure(t, "a Node outside the new pod range found after", time.Since(begin))
	kubectl(t, c, "delete", "node", node)
	begin = time.Now()
	must(t, p.followWith(t, c, nil))
	s.figure(t, "pod range", time.Since(begin))
	has("10.39.")
	within(t, 2*time.Minute, c.Healthy)
	done(s)
}

// refused waits until no API server has a certificate for a name that nobody may dial
// any more.
func (all *clients) refused(s *row, name string) {
	all.t.Helper()
	for _, m := range all.c.Masters {
		s.figure(all.t, m.Name+" refuses "+name+" after", within(all.t, 2*time.Minute, func() error {
			if err := all.c.Ask(name, m); !site.Distrusts(err) {
				return fmt.Errorf("%s answers a client that wants %s: %v", m.Name, name, err)
			}
			return nil
		}))
	}
}

// end stops all clients, and counts what they lost and who was refused.
func (all *clients) end(s *row) {
	t := all.t
	t.Helper()
	for name := range all.writing {
		all.writing[name].Stop()
		all.ended[name] = all.writing[name]
	}
	client := operator(t, all.c, site.NewEachTime, clientLimit)
	acked, lost, refused, distrusted := 0, 0, 0, 0
	for name, w := range all.ended {
		var gone []string
		within(t, time.Minute, func() (err error) { gone, err = w.LostAt(client); return err })
		if len(gone) > 0 || w.Distrusted > 0 {
			t.Errorf("%s: %d acknowledged writes are lost, %d were refused by TLS", name, len(gone), w.Distrusted)
		}
		acked, lost = acked+w.Acked(all.begin), lost+len(gone)
		refused, distrusted = refused+w.Refused, distrusted+w.Distrusted
	}
	s.note(t, "%d writes, %d lost; %d not acknowledged, of these %d by TLS", acked, lost, refused, distrusted)
}
