package plan

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/cases"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/pki"
	"hagen/profiles"
)

const record = "../../../gen/redact/lines.txt"

// owned gives the names in a cluster file a mark of their own, or others that are
// longer.
func owned(text, name, device string) string {
	for _, r := range []struct{ from, to string }{
		{`\b(kubem|lb)([0-9])`, name + "${1}${2}"},
		{`\bname: (static|ipv6|dual-stack|two-addresses|spare|other|ops|core|m[0-9])\b`, "name: " + name + "${1}"},
		{`\bkubernetes\b`, name + "kubernetes"},
		{`\b([a-z0-9]*)\.?(example\.(?:com|net))`, "${1}." + name + "${2}"},
		{`([ /:])\.` + name, "${1}" + name},
		{`([^-])\bedge-7`, "${1}" + name + "edge-7"},
		{`\ba\.internal`, name + "a.internal"},
		{`\b(ens|enp1s|eth)([0-9])`, device + "${1}${2}"},
	} {
		text = regexp.MustCompile(r.from).ReplaceAllString(text, r.to)
	}
	return text
}

// variants are fields of which lines depend on the value, more than the examples have.
var variants = []string{
	"etcd: {snapshots: {every: 30m}}", "etcd: {snapshots: {every: 1h, keep: 2}}", "etcd: {snapshots: {every: 24h}}",
	"network: {ntp: [ntp.example.com]}", "network: {ntp: [10.10.10.1, 'fd00::1', a.example.com, b.example.com]}", "apiServer: {port: 443}",
}

// clusterFiles are those of the golden cases, with each operating system, and both
// sides of all examples. An everyday run has each case with its own system, and every
// third example.
func clusterFiles(t *testing.T) []string {
	t.Helper()
	var texts []string
	names, err := cases.Dir("../../../testdata").Names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile("../../../testdata/" + name + "/cluster.yaml")
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
		if !*update && !longer() {
			continue
		}
		for _, system := range profiles.Systems() {
			texts = append(texts, regexp.MustCompile(`(?m)\bos: [a-z]+$`).ReplaceAllString(string(text), "os: "+system.Name),
				strings.Replace(string(text), "\nspec:\n", "\nspec:\n  os: "+system.Name+"\n", 1))
		}
	}
	for _, v := range variants {
		for _, system := range profiles.Systems() {
			f := newFile()
			f.put("spec.", v+"\nos: "+system.Name)
			texts = append(texts, f.text())
		}
	}
	tried := 0
	for _, g := range groups {
		for _, c := range g.changes {
			name := g.prefix + c.field
			if c.what != "" {
				name += ", " + c.what
			}
			for _, e := range examples[name] {
				for _, field := range expand(g.prefix + c.field) {
					if tried++; !*update && !longer() && tried%3 != 0 {
						continue
					}
					from, to := e.texts(field)
					texts = append(texts, from, to)
				}
			}
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// rendersOf gives the machines of a cluster file, in every way in which they are
// rendered; none if the file is refused.
func rendersOf(t *testing.T, text string, set pki.Set) (sides []Side, issued pki.Set) {
	t.Helper()
	one, issued, err := side(t, text, set)
	if err != nil {
		return nil, set
	}
	sides = append(sides, one)
	c, err := clusterOf(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if c.Profile.Name == "classic" || text == newFile().text() {
		return sides, issued
	}
	joining := control.Joining{}
	for _, m := range c.Members() {
		joining[m.Name] = ""
	}
	for _, o := range []control.Options{
		{Restore: control.Restore{SHA256: strings.Repeat("0f", 32), Path: cluster.RestoreDir + "/snapshot.db"}},
		{Joining: joining},
	} {
		nodes, err := control.Nodes(c, issued, o)
		if err != nil {
			t.Fatal(err)
		}
		sides = append(sides, Side{Side: diff.Side{Machines: nodes, Kubeconfig: one.Kubeconfig, Rights: one.Rights}})
	}
	nodes, err := control.Nodes(c, inRotation(t, issued, pki.PhaseTrust, control.Rotatable(c)...), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return append(sides, Side{Side: diff.Side{Machines: nodes, Kubeconfig: one.Kubeconfig}}), issued
}

// inRotation returns a set in which items are in their next phase.
func inRotation(t *testing.T, set pki.Set, phase pki.Phase, rows ...control.Rotated) pki.Set {
	t.Helper()
	set = maps.Clone(set)
	for _, row := range rows {
		item, err := set[row.Item].Rotate(phase, control.NextNames(set[row.Item]), time.Now(), Keys, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set[row.Item] = item
	}
	if phase != pki.PhaseIssue {
		return set
	}
	var leaves []pki.Request
	for _, item := range set {
		if item.Request.Kind == pki.Leaf {
			leaves = append(leaves, item.Request)
		}
	}
	issued, err := pki.Renew(leaves, set, true, time.Now(), Keys, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Set
}

// TestLines: whatever a cluster file says, a twin shows all lines that hagen renders
// from it, with whichever names.
func TestLines(t *testing.T) {
	first, err := pki.Issue(nil, nil, time.Now(), Keys, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := first.Set
	texts := clusterFiles(t)
	recorder := redact.NewRecorder()
	rendering := func(name, device string, do func(Side)) (count int) {
		for _, text := range texts {
			var sides []Side
			sides, set = rendersOf(t, owned(text, name, device), set)
			for _, s := range sides {
				do(s)
				count++
			}
		}
		return count
	}
	if *update {
		n := rendering(redact.OwnName, redact.OwnDevice, func(s Side) { addLines(t, recorder, s) })
		if err := os.WriteFile(record, []byte(recorder.Text()), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("the lines of %d renders are recorded", n)
		return
	}
	v := redact.ViewOf(nil) // one, which shows an equal text of another render at once
	for _, names := range []struct{ name, device string }{{"", ""}, {"a-1.prod-", "x"}} {
		n := rendering(names.name, names.device, func(s Side) { shownWhole(t, v, s) })
		if n < 150 || longer() && n < 300 {
			t.Errorf("%d renders", n)
		}
	}
}

// addLines records the lines of machines.
func addLines(t *testing.T, r *redact.Recorder, s Side) {
	t.Helper()
	add := func(item, text string) {
		if unknown := r.Add(item, text); len(unknown) > 0 {
			t.Errorf("%s: not values of a kind: %q", item, unknown)
		}
	}
	var open []string
	for _, n := range s.Machines {
		for _, f := range n.Files {
			open = append(open, f.Path)
		}
	}
	v := redact.ViewOf(nil, append(open, "admin.kubeconfig", "rbac.yaml")...)
	for _, n := range s.Machines {
		add(redact.ItemRole, n.Role)
		for _, o := range origins(n) {
			add(redact.ItemComment, o.Why)
			add(redact.ItemComment, o.Section)
		}
		for _, f := range n.Files {
			add(f.Path, string(v.File(f.Path, f.Contents)))
		}
		for _, u := range n.Units {
			add(u.Name, u.Contents)
			for _, d := range u.DropIns {
				add(u.Name, d.Contents)
			}
		}
	}
	add("admin.kubeconfig", string(v.File("admin.kubeconfig", s.Kubeconfig)))
	add("rbac.yaml", string(v.File("rbac.yaml", s.Rights)))
}

// shownWhole finds what is not shown of machines.
func shownWhole(t *testing.T, v *redact.View, s Side) {
	t.Helper()
	shown := func(item, text string) {
		for i, line := range strings.Split(text, "\n") {
			if strings.Contains(line, redact.Hidden) {
				t.Fatalf("%s:%d: %s; if it is right, make golden records it", item, i+1, line)
			}
		}
	}
	for _, n := range s.Machines {
		twin := v.Node(n)
		shown("machine", fmt.Sprintf("%+v", withoutTexts(twin)))
		if twin.Role != n.Role {
			t.Fatalf("role %q", twin.Role)
		}
		was := origins(n)
		for i, o := range origins(twin) {
			if shown("comment", o.Why+o.Section); o.Section != was[i].Section || o.Why != was[i].Why {
				t.Fatalf("comment %q %q is shown as %q %q", was[i].Section, was[i].Why, o.Section, o.Why)
			}
		}
		for i, f := range twin.Files {
			shown(f.Path, string(f.Contents))
			if f.Source.URL != n.Files[i].Source.URL || f.User != n.Files[i].User {
				t.Fatalf("%s: %+v", f.Path, f)
			}
		}
		for i, u := range twin.Units {
			if u.Contents != n.Units[i].Contents {
				shown(u.Name, u.Contents)
				t.Fatalf("%s is shown as %s", n.Units[i].Contents, u.Contents)
			}
		}
	}
	shown("admin.kubeconfig", string(v.File("admin.kubeconfig", s.Kubeconfig)))
	shown("rbac.yaml", string(v.File("rbac.yaml", s.Rights)))
}

// withoutTexts is a machine without the texts of its files and units.
func withoutTexts(n node.Node) node.Node {
	n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
	for i := range n.Files {
		n.Files[i].Contents = nil
	}
	for i := range n.Units {
		n.Units[i].Contents = ""
	}
	return n
}

// origins are the comments of a machine.
func origins(n node.Node) (out []node.Origin) {
	for _, x := range n.Groups {
		out = append(out, x.Origin)
	}
	for _, x := range n.Users {
		out = append(out, x.Origin)
	}
	for _, x := range n.Disks {
		out = append(out, x.Origin)
	}
	for _, x := range n.Filesystems {
		out = append(out, x.Origin)
	}
	for _, x := range n.Directories {
		out = append(out, x.Origin)
	}
	for _, x := range n.Files {
		out = append(out, x.Origin)
	}
	for _, x := range n.Links {
		out = append(out, x.Origin)
	}
	for _, x := range n.Mounts {
		out = append(out, x.Origin)
	}
	for _, x := range n.Units {
		out = append(out, x.Origin)
	}
	return out
}
