package plan

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	goflag "flag"
	"fmt"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/review/diff"
	"hagen/pki"
)

var update = goflag.Bool("update", false, "rewrite docs/changes.md and testdata")

// expand gives all texts that one with alternatives in braces stands for.
func expand(text string) []string {
	before, rest, found := strings.Cut(text, "{")
	if !found {
		return []string{text}
	}
	choice, after, _ := strings.Cut(rest, "}")
	var out []string
	for one := range strings.SplitSeq(choice, ",") {
		out = append(out, expand(before+one+after)...)
	}
	return out
}

// schema lists all fields that hold a value, as the rows call them.
func schema(of reflect.Type, path string) (out []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("key"), ",")
		if key == "" {
			continue
		}
		where, inner := strings.TrimPrefix(path+"."+key, "."), f.Type
		if items, list := inner.FieldByName("Items"); list && isStruct(items.Type.Elem()) {
			inner, where = items.Type.Elem(), where+"[]"
		}
		if isStruct(inner) {
			out = append(out, schema(inner, where)...)
			continue
		}
		out = append(out, where)
	}
	return out
}

// isStruct says whether a type of the schema holds fields.
func isStruct(t reflect.Type) bool { return t.Field(0).Type == reflect.TypeFor[spec.At]() }

// TestEveryField: the table has rows for all fields of the cluster file, and for
// nothing else.
func TestEveryField(t *testing.T) {
	rows := map[string]int{}
	for _, g := range groups {
		for _, c := range g.changes {
			if c.words == "" || c.rollout == "" || (c.refused != nil) != (c.rollout == Refused) {
				t.Errorf("%s%s lacks words, a rollout, or the function that refuses it", g.prefix, c.field)
			}
			for _, field := range expand(g.prefix + c.field) {
				rows[field]++
				if rows[field] > 1 && c.what == "" {
					t.Errorf("%s has more than one row, and not all say of which change", field)
				}
			}
		}
	}
	all := schema(reflect.TypeFor[spec.File](), "")
	for _, field := range all {
		if rows[field] == 0 {
			t.Errorf("%s has no row", field)
		}
		delete(rows, field)
	}
	if len(rows) > 0 || len(all) < 150 {
		t.Errorf("the file has %d fields, and none of these: %v", len(all), slices.Sorted(maps.Keys(rows)))
	}
}

// differing lists the fields in which two files differ.
func differing(a, b reflect.Value, path string, into map[string]bool) {
	for i := range a.NumField() {
		key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("key"), ",")
		if key == "" {
			continue
		}
		where, x, y := strings.TrimPrefix(path+"."+key, "."), a.Field(i), b.Field(i)
		if isStruct(x.Type()) {
			differing(x, y, where, into)
			continue
		}
		items := x.FieldByName("Items")
		if !items.IsValid() {
			into[where] = into[where] || !reflect.DeepEqual(x.FieldByName("Value").Interface(), y.FieldByName("Value").Interface()) || written(x) != written(y)
			continue
		}
		inner, others := items.Type().Elem(), y.FieldByName("Items")
		if !isStruct(inner) {
			into[where] = into[where] || fmt.Sprint(valuesOf(items)) != fmt.Sprint(valuesOf(others)) || written(x) != written(y)
			continue
		}
		at := func(list reflect.Value, i int) reflect.Value {
			if i < list.Len() {
				return list.Index(i)
			}
			return reflect.Zero(inner)
		}
		for i := range max(items.Len(), others.Len()) {
			differing(at(items, i), at(others, i), where+"[]", into)
		}
	}
}

func written(v reflect.Value) bool { return v.FieldByName("At").Interface().(spec.At).Written() }

// valuesOf are the texts of a list.
func valuesOf(items reflect.Value) (out []any) {
	for i := range items.Len() {
		out = append(out, items.Index(i).FieldByName("Value").Interface())
	}
	return out
}

// side decides on a cluster file's machines; the certificates of the set are
// taken as far as they fit.
func side(t *testing.T, text string, set pki.Set) (Side, pki.Set, error) {
	t.Helper()
	c, err := clusterOf(t, text)
	if err != nil {
		return Side{}, set, err
	}
	s, set := decided(t, c, set)
	return s.Side, set, nil
}

// modelled is a side with its cluster file.
type modelled struct {
	Side
	file *cluster.Cluster
}

// hostOf returns a host of the cluster file, or the zero host.
func (m modelled) hostOf(name string) cluster.Host {
	for _, h := range m.file.Hosts() {
		if h.Name == name {
			return h
		}
	}
	return cluster.Host{}
}

// decided are the machines of a cluster.
func decided(t *testing.T, c *cluster.Cluster, set pki.Set) (modelled, pki.Set) {
	t.Helper()
	issued, err := pki.Issue(control.Requests(c), set, time.Now(), Keys, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := OfFile(c, nodes, control.Kubeconfig(c, control.EndpointServer(c), issued.Set[control.ClusterAuthority], issued.Set[control.Admin]))
	if err != nil {
		t.Fatal(err)
	}
	return modelled{made, c}, issued.Set
}

// clusterOf reads a cluster file; whatever machines fetch has a digest.
func clusterOf(t *testing.T, text string) (*cluster.Cluster, error) {
	t.Helper()
	c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		return nil, err
	}
	var locked []cluster.Locked
	for _, a := range c.Fetched() {
		digest := fmt.Sprintf("%x", sha512.Sum512([]byte(a.Name+a.Version+a.Arch)))
		locked = append(locked, cluster.Locked{Name: a.Name, Version: a.Version, Arch: a.Arch, URL: c.Binaries.Sources[a.Name], File: path.Base(a.URL), SHA512: digest})
	}
	if len(locked) > 0 {
		if c, err = gen.ReadLock(c, spec.Source{Name: "cluster.lock", Text: cluster.LockText(c.Name, cluster.LockContents{Artefacts: locked})}); err != nil {
			t.Fatal(err)
		}
	}
	return c, nil
}

// TestChanges changes each field of the cluster file, plans, and holds what the
// plan does against what its row says.
func TestChanges(t *testing.T) {
	base, first, err := side(t, newFile().text(), pki.Set{})
	if err != nil || len(base.Machines) != 4 {
		t.Fatal(err)
	}
	tried := 0
	for _, g := range groups {
		for _, c := range g.changes {
			name := g.prefix + c.field
			if c.what != "" {
				name += ", " + c.what
			}
			if len(examples[name]) == 0 {
				t.Errorf("%s has no example", name)
			}
			acts := map[string]bool{}
			for _, field := range expand(g.prefix + c.field) {
				for _, e := range examples[name] {
					tried++
					tryChange(t, c, e, field, first, acts)
				}
			}
			if got := strings.Join(slices.Sorted(maps.Keys(acts)), ", "); got != c.acts && c.rollout != Refused {
				t.Errorf("%s: machines %q, and the row says %q", name, got, c.acts)
			}
		}
	}
	if tried < len(schema(reflect.TypeFor[spec.File](), "")) {
		t.Errorf("%d changes", tried)
	}
}

// tryChange plans for one example of a row.
func tryChange(t *testing.T, c change, e example, field string, set pki.Set, acts map[string]bool) {
	t.Helper()
	from, to := e.texts(field)
	what := fmt.Sprintf("%s: %s → %s", field, strings.ReplaceAll(e.from, "\n", "; "), strings.ReplaceAll(e.to, "\n", "; "))
	differ := map[string]bool{}
	old, err := spec.Parse(spec.Source{Text: []byte(from)})
	new, err2 := spec.Parse(spec.Source{Text: []byte(to)})
	if err != nil || new == nil || err2 != nil && c.rollout != Fixed {
		t.Errorf("%s: %v %v", what, err, err2)
		return
	}
	differing(reflect.ValueOf(*old), reflect.ValueOf(*new), "", differ)
	maps.DeleteFunc(differ, func(_ string, is bool) bool { return !is })
	if !differ[field] || len(differ) != 1+len(strings.Fields(e.also)) {
		t.Errorf("%s: differ in %v", what, slices.Sorted(maps.Keys(differ)))
		return
	}
	before, set, err := side(t, from, set)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	after, _, err := side(t, to, set)
	if refused := err != nil; refused || c.rollout == Fixed {
		if !refused || c.rollout != Fixed {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	p := Of(before, after, Options{File: "cluster.yaml"})
	rollout := NoMachine
	for _, effects := range p.Effects {
		for _, effect := range effects.Effects {
			if did := act(effect); did != "" {
				acts[did] = true
			}
			rollout = stronger(rollout, rolloutOf(effect.Action))
		}
	}
	if !p.Possible {
		rollout = Refused
		// A re-imaged machine may be another one, but the cluster is the same.
		if again := Of(before, after, Options{Reimage: true}); again.Possible != (c.field == "arch") {
			t.Errorf("%s, each machine re-imaged: %v", what, again.Refused)
		}
		for _, r := range p.Refused {
			if at, _ := new.Find(prefixed(r.Field)); r.Problem == "" || strings.ReplaceAll(at.Path, "[0]", "[]") != field {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
	if rollout != c.rollout {
		t.Errorf("%s: rollout %q, and the row says %q", what, rollout, c.rollout)
	}
}

// prefixed is a refusal's field as the table has it.
func prefixed(field string) string {
	if strings.HasPrefix(field, "metadata.") {
		return field
	}
	return "spec." + field
}

func rolloutOf(a diff.Action) Rollout {
	switch a {
	case diff.Nothing, diff.PickUp:
		return Files
	case diff.Membership, diff.Boot, diff.SwitchOff:
		return Members
	case diff.Reimage:
		return Reimage
	}
	return InPlace
}

func stronger(a, b Rollout) Rollout {
	place := func(r Rollout) int { return slices.IndexFunc(rollouts, func(m meaning) bool { return m.rollout == r }) }
	if place(a) > place(b) {
		return a
	}
	return b
}

// TestChangesDoc keeps docs/changes.md, which is made from the rows.
func TestChangesDoc(t *testing.T) {
	const name = "../../../docs/changes.md"
	text := page()
	if *update {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s differs from the rows: make golden rewrites it", name)
	}
}

func page() []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	for _, w := range rollouts {
		fmt.Fprintf(&b, "| %s | %s |\n", w.rollout, w.means)
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		if places := expand(g.prefix); len(places) > 1 {
			fmt.Fprintf(&b, "Below `%s.\n\n", strings.ReplaceAll(strings.Join(places, "`, `")+"`", ".`", "`"))
		}
		b.WriteString("| field | rollout | machines | what to know |\n| --- | --- | --- | --- |\n")
		for _, c := range g.changes {
			var fields []string
			for _, f := range expand(c.field) {
				if len(expand(g.prefix)) == 1 {
					f = g.prefix + f
				}
				fields = append(fields, "`"+strings.TrimSuffix(f, ".")+"`")
			}
			field := strings.Join(fields, ", ")
			if c.what != "" {
				field += ": " + c.what
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", field, c.rollout, c.acts, c.words)
		}
	}
	return b.Bytes()
}

const intro = `# What may change in a running cluster

Generated by ` + "`make golden`" + ` from the table by which ` + "`hagen plan`" + ` refuses changes. A test changes each field in a cluster of
three masters and a load balancer, makes a plan, and compares it with this page. "machines" is what units and machines
do if they take the change in place. ` + "`hagen plan OLD NEW`" + ` shows what your change does to your cluster, and in which
order ([day-2.md](day-2.md#upgrade)); [cluster-file.md](cluster-file.md) explains the fields.

| rollout | means |
| --- | --- |
`
