package plan

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/pki"
)

// kinds are the sides that one cluster file gives.
type kinds struct {
	file, tree, twins Side
	cluster           *cluster.Cluster
	trial             diff.Side // with certificates of its own
}

// longer reports whether make test ALL=1 runs.
func longer() bool { return os.Getenv("HAGEN_TESTS") == "all" }

// TestSides plans each example between cluster files, between the trees rendered from them,
// between twins of these, and between a cluster file with trial certificates and a tree:
// changes, refusals, risks, steps and commands are the same.
func TestSides(t *testing.T) {
	tried := 0
	for _, g := range groups {
		for row, c := range g.changes {
			name := g.prefix + c.field
			if c.what != "" {
				name += ", " + c.what
			}
			field := expand(g.prefix + c.field)[0]
			for i, e := range examples[name] {
				if c.rollout == Fixed || !longer() && (i > 0 || row > 0 && c.refused == nil) {
					continue
				}
				from, to := e.texts(field)
				before, after := bothKinds(t, from, to)
				tried++
				what := fmt.Sprintf("%s: %s; %s → %s", field, strings.ReplaceAll(e.with, "\n", "; "), strings.ReplaceAll(e.from, "\n", "; "), strings.ReplaceAll(e.to, "\n", "; "))
				comparePlans(t, what, before, after, Options{File: "cluster.yaml", Reimage: tried%2 == 0})
			}
		}
	}
	if tried < 15 {
		t.Errorf("%d changes", tried)
	}
}

// comparePlans holds the plans between all kinds of sides against that between files.
func comparePlans(t *testing.T, what string, before, after kinds, options Options) {
	t.Helper()
	want := Of(before.file, after.file, options)
	beside := func(k kinds, other Side) Side {
		s := TakeCredentials(k.trial, other.Side)
		made, err := OfFile(k.cluster, s.Machines, s.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	for _, test := range []struct {
		sides         string
		before, after Side
	}{
		{"tree/tree", before.tree, after.tree}, {"twins/twins", before.twins, after.twins}, {"twins/tree", before.twins, after.tree},
		{"file/tree", beside(before, after.tree), after.tree}, {"tree/file", before.tree, beside(after, before.tree)},
	} {
		got := Of(test.before, test.after, options)
		if before.cluster.Profile.Name != after.cluster.Profile.Name { // and another operating system, which trees for Ignition do not name
			got.Order = want.Order
		}
		a, b := comparable(t, want), comparable(t, got)
		a, b = index.ReplaceAllString(a, `"field": "masters.`), index.ReplaceAllString(b, `"field": "masters.`)
		if strings.Contains(what, "dns: external") { // no file of a tree has HAProxy's address
			a, b = comparable(t, withoutDNS(want)), comparable(t, withoutDNS(got))
			a, b = frontAddress.ReplaceAllString(a, "kubectl"), frontAddress.ReplaceAllString(b, "kubectl")
		}
		if a != b {
			t.Errorf("%s: %s differs from file/file:\n%s", what, test.sides, firstDifference(a, b))
		}
	}
}

func withoutDNS(p Plan) Plan {
	of := func(c order.Caution) bool { return strings.HasPrefix(c.Text, "DNS has to resolve ") }
	p.Cautions = slices.DeleteFunc(slices.Clone(p.Cautions), of)
	p.ReimageCautions = slices.DeleteFunc(slices.Clone(p.ReimageCautions), of)
	return p
}

var frontAddress = regexp.MustCompile(`kubectl --server=https://[0-9.]+:6443 --tls-server-name=(kubernetes|api.example.com)`)

// comparable is a plan in JSON without what only a cluster file says.
func comparable(t *testing.T, p Plan) string {
	t.Helper()
	p.CleanUp = []Check{}
	// A new certificate has another key each time.
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return strings.Join(x[max(0, i-12):min(len(x), i+6)], "\n") + "\n--- instead\n" + strings.Join(y[max(0, i-2):min(len(y), i+6)], "\n")
		}
	}
	return "longer"
}

// bothKinds makes all kinds of sides of two cluster files. The trees have one PKI.
func bothKinds(t *testing.T, from, to string) (before, after kinds) {
	t.Helper()
	set, trial := pki.Set{}, pki.Set{}
	for _, k := range []struct {
		into *kinds
		text string
	}{{&before, from}, {&after, to}} {
		c, err := clusterOf(t, k.text)
		if err != nil {
			t.Fatal(err)
		}
		k.into.cluster = c
		k.into.trial, _, trial = renderedOf(t, c, trial)
		made, machines, issued := renderedOf(t, c, set)
		set = issued
		if k.into.file, err = OfFile(c, made.Machines, made.Kubeconfig); err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{document.AdminPath: {Data: made.Kubeconfig}}
		if made.Rights != nil {
			files[document.RightsPath] = &fstest.MapFile{Data: made.Rights}
		}
		for _, m := range machines {
			for _, d := range m.Documents {
				files[document.Path(m.Host.Name, d.Format)] = &fstest.MapFile{Data: d.Text}
			}
		}
		k.into.tree, k.into.twins = treesOf(t, files)
	}
	return before, after
}

// renderedOf renders a cluster.
func renderedOf(t *testing.T, c *cluster.Cluster, set pki.Set) (diff.Side, []gen.Machine, pki.Set) {
	t.Helper()
	issued, err := pki.Issue(control.Requests(c), set, time.Now(), Keys, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	machines, err := gen.Render(c, issued.Set, control.Options{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := diff.Side{Systems: Systems(c), Rights: control.Rights(c), Kubeconfig: control.Kubeconfig(c, control.EndpointServer(c), issued.Set[control.ClusterAuthority], issued.Set[control.Admin])}
	for _, m := range machines {
		s.Machines = append(s.Machines, m.Node)
	}
	return s, machines, issued.Set
}

// treesOf reads a tree, and makes twins of its machines.
func treesOf(t *testing.T, files fstest.MapFS) (tree, twins Side) {
	t.Helper()
	read, err := rendered.ReadMachines(files)
	if err != nil {
		t.Fatal(err)
	}
	tree = treeSide(t, read)
	v := twin.ViewOf(twin.Machines(read))
	for i := range read.Hosts {
		read.Hosts[i].Node = v.Node(read.Hosts[i].Node)
	}
	for i := range read.Others {
		read.Others[i].Text = v.File(read.Others[i].Path, read.Others[i].Text)
	}
	return tree, treeSide(t, read)
}

func treeSide(t *testing.T, read rendered.Tree) Side {
	t.Helper()
	s := diff.Side{Systems: map[string]diff.System{}}
	for _, h := range read.Hosts {
		s.Machines = append(s.Machines, h.Node)
		s.Systems[h.Node.Name] = diff.System{Name: h.Said, Family: h.Family()}
	}
	for _, f := range read.Others {
		switch f.Path {
		case document.AdminPath:
			s.Kubeconfig = f.Text
		case document.RightsPath:
			s.Rights = f.Text
		}
	}
	made, err := OfTree(s, read.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// index is a place in the file's list of masters, which a tree does not have.
var index = regexp.MustCompile(`"field": "masters\[\d+\]\.`)
