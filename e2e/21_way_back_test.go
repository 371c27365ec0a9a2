package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestWayBack: an operator takes a cluster to the newest release, whose API servers still
// behave like the release before; goes back; takes it there again; and lets it behave like
// the newest. Each is a plan, followed to the letter, while two clients write. The newest
// release writes an object of each kind before it goes back.
func TestWayBack(t *testing.T) {
	s := scenario(t, "21 upgrade in two steps, and back")
	former := site.Older
	former.Name += " and back"
	c := clusterOf(t, former)
	before, newest := c.Parts.Masters, c.Parts.Binaries
	emulating, whole := former, former
	emulating.Previous, whole.Previous = false, false
	release := os.Getenv("E2E_PREVIOUS")
	emulating.Further = []string{"emulatedVersion: " + release[:strings.LastIndex(release, ".")]}

	space := freshNamespace(t, c, "back")
	const interval = 200 * time.Millisecond
	each := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "each", interval)
	one := operator(t, c, site.OneForAll, 5*time.Second).Write(space, "one", interval)
	newer := onlyNewer(t, c)
	begin := time.Now()
	to := func(name string, l site.Layout, binaries string) {
		t.Helper()
		t.Log(name)
		from := time.Now()
		p := planned(t, c, l, "")
		c.Parts.Masters = binaries
		p.follow(t, c)
		must(t, c.Accept())
		s.figure(t, name, time.Since(from))
		within(t, 2*time.Minute, c.Healthy)
		runs(t, c, binaries)
	}

	to("up", emulating, newest)
	made := everyKind(t, c, space)
	to("back", former, before)
	for _, name := range made {
		if got := kubectl(t, c, "-n", space, "get", name, "-o", "name"); got != name {
			t.Errorf("%s is lost: %s", name, got)
		}
	}
	to("up again", emulating, newest)
	if at, found := newer.alone.First(http.StatusOK); found {
		t.Errorf("an API server has served an API of the newest release since %s", at)
	}
	to("as the newest", whole, newest)
	s.figure(t, "longest write gap, new connections", each.Gap(begin, time.Now()))
	s.figure(t, "one connection", one.Gap(begin, time.Now()))
	newer.count(t, s)
	nothingLost(t, s, begin, each, one)
}

// everyKind makes an object of each kind that takes one without further ones, and gives
// their names.
func everyKind(t *testing.T, c *site.Cluster, space string) (made []string) {
	t.Helper()
	for _, line := range []string{
		"secret generic a --from-literal=key=value", "serviceaccount a", "deployment a --image=a", "job a --image=a", "cronjob a --image=a --schedule=@daily",
		"service clusterip a --tcp=80", "ingress a --rule=a/*=a:80", "poddisruptionbudget a --selector=a=a --min-available=1", "quota a --hard=pods=9",
		"role a --verb=get --resource=pods", "rolebinding a --role=a --user=a",
	} {
		made = append(made, kubectl(t, c, append(append([]string{"-n", space, "create"}, strings.Fields(line)...), "-o", "name")...))
	}
	// What kubectl has no words for, also of kinds of the newest stable groups.
	const objects = `
{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"a"},"spec":{"limits":[{"type":"Pod","max":{"cpu":"9"}}]}}
{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"a"},"spec":{"podSelector":{}}}
{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"a"},"spec":{"maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"}}}
{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaimTemplate","metadata":{"name":"a"},"spec":{"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"a"}}]}}}}
{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"a"},"addressType":"IPv4","endpoints":[]}
{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"a"},"spec":{"serviceName":"a","selector":{"matchLabels":{"a":"a"}},"template":{"metadata":{"labels":{"a":"a"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}
`
	file := filepath.Join(c.Dir, "every-kind.json")
	must(t, os.WriteFile(file, []byte(objects), 0o644))
	return append(made, strings.Fields(kubectl(t, c, "-n", space, "create", "-f", file, "-o", "name"))...)
}
