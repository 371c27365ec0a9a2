package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hagen/gen/cases"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/rendered"
)

// goldens are those that were read.
var goldens = map[string]rendered.Tree{}

// side gives a golden tree, to be changed.
func side(tb testing.TB, name string) diff.Side {
	tb.Helper()
	read, known := goldens[name]
	if !known {
		files, err := cases.Dir("../../../testdata").GoldenFS(name)
		if err != nil {
			tb.Fatal(err)
		}
		if read, err = rendered.ReadMachines(files); err != nil {
			tb.Fatal(err)
		}
		goldens[name] = read
	}
	s := diff.Side{Kubeconfig: read.Others[0].Text}
	for _, h := range read.Hosts {
		n := h.Node
		n.Groups, n.Users, n.Directories = slices.Clone(n.Groups), slices.Clone(n.Users), slices.Clone(n.Directories)
		n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
		s.Machines = append(s.Machines, n)
	}
	return s
}

// longer is a fingerprint that an edit has made too long.
var longer = regexp.MustCompile(`\b([0-9a-f]{64})[0-9a-f]\b`)

// replace changes a text in all files and units of the hosts whose name begins
// so, of files at one path or units of one name if where is not empty.
func replace(hosts, where, old, new string) func(*diff.Side) {
	return func(s *diff.Side) {
		found := 0
		change := func(name, text string) string {
			if where != "" && name != where {
				return text
			}
			found += strings.Count(text, old)
			return longer.ReplaceAllString(strings.ReplaceAll(text, old, new), "$1")
		}
		for i := range s.Machines {
			n := &s.Machines[i]
			if !strings.HasPrefix(n.Name, hosts) {
				continue
			}
			for k, f := range n.Files {
				n.Files[k].Contents = []byte(change(f.Path, string(f.Contents)))
			}
			for k, u := range n.Units {
				n.Units[k].Contents = change(u.Name, u.Contents)
			}
		}
		if found == 0 {
			panic(fmt.Sprintf("%q is not in %s of %s", old, where, hosts))
		}
	}
}

// on changes hosts whose name begins so.
func on(hosts string, do func(*node.Node)) func(*diff.Side) {
	return func(s *diff.Side) {
		for i := range s.Machines {
			if strings.HasPrefix(s.Machines[i].Name, hosts) {
				do(&s.Machines[i])
			}
		}
	}
}

func fileAt(n *node.Node, path string) *node.File {
	for i := range n.Files {
		if n.Files[i].Path == path {
			return &n.Files[i]
		}
	}
	panic(path)
}

// join adds a master or load balancer like one that is there.
func join(like, name string) func(*diff.Side) {
	return func(s *diff.Side) {
		for _, n := range s.Machines {
			if n.Name == like {
				n.Name = name
				n.Units = slices.Clone(n.Units)
				for i := range n.Units {
					n.Units[i].Contents = strings.ReplaceAll(strings.ReplaceAll(n.Units[i].Contents, "--name="+like, "--name="+name), "10.10.10.80", "10.10.10.83")
				}
				s.Machines = append(s.Machines, n)
				return
			}
		}
	}
}

func leave(name string) func(*diff.Side) {
	return func(s *diff.Side) {
		s.Machines = slices.DeleteFunc(s.Machines, func(n node.Node) bool { return n.Name == name })
	}
}

const masters = "kubem00, kubem01, kubem02\n"

// trial is a golden tree that is edited, and what is told of that.
type trial struct {
	what   string
	golden string // "" is standard
	edit   []func(*diff.Side)
	open   []string // items of which all lines are shown
	want   []string // pieces of the text
	not    []string
}

// try compares each golden with what the edits make of it, in all forms.
func try(t *testing.T, trials []trial) {
	t.Helper()
	for _, test := range trials {
		golden := test.golden
		if golden == "" {
			golden = "standard"
		}
		before, after := side(t, golden), side(t, golden)
		for _, edit := range test.edit {
			edit(&after)
		}
		before.Systems = map[string]diff.System{}
		for host := range after.Systems {
			before.Systems[host] = diff.System{Name: "fcos", Family: "fcos"}
		}
		d := order.Of(before, after, test.open...)
		got := Text(d, Heading{Cluster: "c", Before: "old", After: "new"}, Style{})
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: lacks %q:\n%s", test.what, want, got)
			}
		}
		for _, not := range test.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: holds %q:\n%s", test.what, not, got)
			}
		}
		if back := order.Of(after, before, test.open...); back.Same != d.Same || len(back.Changes) == 0 != d.Same {
			t.Errorf("%s: the way back differs: %+v", test.what, back)
		}
		if markdown := Markdown(d, Heading{Cluster: "c", Before: "old", After: "new"}); strings.Contains(markdown, "MAGIC") || strings.Contains(markdown, "\x1b") {
			t.Errorf("%s: %s", test.what, markdown)
		}
		if text, err := json.Marshal(d); err != nil || bytes.Contains(text, []byte("MAGIC")) || bytes.Contains(text, []byte("null")) {
			t.Errorf("%s: %v %s", test.what, err, text)
		}
	}
}

// TestNewCluster: all of it may boot at the same time, and nobody has to tell
// etcd.
func TestNewCluster(t *testing.T) {
	d := order.Of(diff.Side{}, side(t, "standard"))
	got := Text(d, Heading{}, Style{})
	if !strings.Contains(got, "1. boot kubem00, kubem01, kubem02\n     a new cluster: in any order, at any time\n  2. boot kubernetes\n") || strings.Contains(got, "etcd has") {
		t.Error(got)
	}
	if d := order.Of(diff.Side{}, diff.Side{}); !d.Same {
		t.Error(d)
	}
}

// TestRights: the manifest of rights that a tree has first, or another, shows; of a tree of an
// earlier release, or a part of one, nothing is missing.
func TestRights(t *testing.T) {
	without, with, edited := side(t, "standard"), side(t, "standard"), side(t, "standard")
	with.Rights, edited.Rights = []byte("kind: A\n"), []byte("kind: B\n")
	part := with
	part.Kubeconfig = nil
	for _, k := range []struct {
		before, after diff.Side
		want          string
	}{
		{without, with, "\nno machine\n  + rbac.yaml added\n      → nothing happens: it is on no machine: kubectl apply -f"},
		{with, edited, "\nno machine\n  ~ rbac.yaml\n"},
		{with, with, ""}, {with, without, ""}, {part, without, ""}, {without, part, ""},
	} {
		got := Text(order.Of(k.before, k.after), Heading{}, Style{})
		if !strings.Contains(got, k.want) || (k.want == "") != strings.Contains(got, "nothing changes") {
			t.Errorf("lacks %q:\n%s", k.want, got)
		}
	}
}

// TestKubeconfig: the administrator's is told by meaning, and is no machine's.
func TestKubeconfig(t *testing.T) {
	before, after := side(t, "standard"), side(t, "standard")
	text := string(after.Kubeconfig)
	for _, mark := range []string{"client-certificate-data: certificate, SHA-256 ", "private key of the public key with SHA-256 "} {
		_, digits, _ := strings.Cut(text, mark)
		text = strings.ReplaceAll(text, digits[:8], "00000000")
	}
	after.Kubeconfig = []byte(strings.Replace(text, "subject CN=admin,O=hagen:administrators", "subject CN=admin,O=admins", 1))
	got := Text(order.Of(before, after), Heading{}, Style{})
	for _, want := range []string{"\nno machine\n  ~ admin.kubeconfig\n", "client-certificate-data subject changed from CN=admin,O=hagen:administrators to CN=admin,O=admins",
		"client-certificate-data key replaced", "client-key-data replaced", "hand it to its users", "0 of 4 machines change"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}
