package encode

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vincent-petithory/dataurl"

	"hagen/gen/node"
	"hagen/profiles"
)

// systems are one for each dialect of Butane.
func systems(t testing.TB) (out []profiles.OS) {
	t.Helper()
	asked := map[string]bool{}
	for _, s := range profiles.Systems() {
		if dialect := s.Variant + s.Butane; !asked[dialect] {
			asked[dialect] = true
			out = append(out, s)
		}
	}
	if len(out) != len(dialects) {
		t.Fatalf("%d dialects, %d known", len(out), len(dialects))
	}
	return out
}

// judge holds both encoders against each other: what Butane refuses is not
// written as Ignition either, or is not what is read back; and all else is the
// same bytes. It says whether Butane translates the node, with a warning or
// without.
func judge(t *testing.T, what string, n node.Node, system profiles.OS) bool {
	t.Helper()
	butane := Butane("kubernetes", n, system)
	want, entries, err := translate(butane.Text, system)
	text, back, refusal := Ignition(n, system)
	switch refused := err != nil || entries.IsFatal(); {
	case refused && refusal == nil && same(back, n):
		t.Errorf("%s, %s: Butane refuses what is written as Ignition: %v, %v\n%.2000s", system.Name, what, err, entries, butane.Text)
		return false
	case refused:
		return false
	case refusal != nil && len(entries.Entries) == 0:
		t.Errorf("%s, %s: Butane takes what Ignition refuses: %v", system.Name, what, refusal)
	case !bytes.Equal(text, want):
		t.Errorf("%s, %s: got\n%.2000s\nButane makes\n%.2000s", system.Name, what, text, want)
	}
	return true
}

// place is a field of an item of a node, or of an item within that.
type place struct {
	path  string
	field func(*node.Node) reflect.Value
}

// noPart are fields that no document holds as such.
var noPart = []string{"Origin", "Secret", "Further", "Node.Name", "Role"}

// places lists all fields of a node's items, as deep as they lie.
func places(n *node.Node) (out []place) {
	var walk func(path string, of func(*node.Node) reflect.Value)
	walk = func(path string, of func(*node.Node) reflect.Value) {
		for _, name := range noPart {
			if strings.HasSuffix(path, name) {
				return
			}
		}
		v := of(n)
		if path != "Node" {
			out = append(out, place{path, of})
		}
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, func(n *node.Node) reflect.Value { return of(n).Field(i) })
			}
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), func(n *node.Node) reflect.Value { return of(n).Index(i) })
			}
		}
	}
	walk("Node", func(n *node.Node) reflect.Value { return reflect.ValueOf(n).Elem() })
	return out
}

// indices are those of lists in a path.
var indices = regexp.MustCompile(`\[\d+\]`)

// TestEveryField: with each field of each kind of item set and unset, alone and
// among the others, a node gives the bytes that Butane makes of it.
func TestEveryField(t *testing.T) {
	full := whole("text\n")
	var all []place // the first of each kind that is set
	unset := map[string]bool{}
	for _, p := range places(&full) {
		kind := indices.ReplaceAllString(p.path, "")
		if _, known := unset[kind]; !known {
			unset[kind] = true
		}
		if unset[kind] && !p.field(&full).IsZero() {
			unset[kind] = false
			all = append(all, p)
		}
	}
	for kind, is := range unset {
		if is {
			t.Errorf("no item has %s: whole is to use every field", kind)
		}
	}
	for i, system := range systems(t) {
		t.Run(system.Name, func(t *testing.T) {
			t.Parallel()
			made := 0
			try := func(what string, n node.Node) {
				if judge(t, what, n, system) {
					made++
				}
			}
			try("whole", whole("text\n"))
			try("empty", node.Node{})
			for _, p := range all {
				n := whole("text\n")
				p.field(&n).SetZero()
				try("without "+p.path, n)
				if i > 0 {
					continue // dialects differ in what they refuse
				}
				n = whole("text\n")
				alone(&n, p.path)
				try(p.path+" alone", n)
			}
			if made < len(all)*3/4 {
				t.Errorf("of %d nodes and more Butane translates no more than %d", len(all), made)
			}
		})
	}
}

// alone leaves a field of an item, what is above and below it, what the item is
// known by, and the items beside it.
func alone(n *node.Node, path string) {
	for _, p := range slices.Backward(places(n)) { // what is in a list before the list
		keeps := strings.HasPrefix(path, p.path) || strings.HasPrefix(p.path, path) || beside(path, p.path)
		for _, identity := range []string{".Path", ".Name", ".Device", ".Format", ".Number", ".Label"} {
			item, is := strings.CutSuffix(p.path, identity)
			keeps = keeps || is && strings.HasPrefix(path, item)
		}
		if f := p.field(n); !keeps && f.Kind() != reflect.Struct {
			f.SetZero()
		}
	}
}

// beside says of two paths whether they lead to different items of one list.
func beside(a, b string) bool {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return at > 0 && at < len(b) && a[at-1] == '['
}

// TestContents: contents of every kind, in a file, a unit and a drop-in, are
// the bytes that Butane makes of them.
func TestContents(t *testing.T) {
	for _, system := range systems(t) {
		for _, contents := range odd {
			n := node.Node{
				Files: []node.File{{Path: "/etc/a", Mode: 0o644, Contents: []byte(contents)}},
				Units: []node.Unit{{Name: "a.service", Contents: contents, DropIns: []node.DropIn{{Name: "a.conf", Contents: contents}}}},
			}
			judge(t, fmt.Sprintf("%.20q in a unit", contents), n, system)
			if n.Units = nil; !judge(t, fmt.Sprintf("%.20q", contents), n, system) {
				t.Errorf("%.20q is refused", contents)
			}
		}
	}
}

// TestShorter: every character is escaped as the module does that Butane uses.
func TestShorter(t *testing.T) {
	for c := range 256 {
		if got, want := shorter([]byte{byte(c)}), "data:,"+dataurl.Escape([]byte{byte(c)}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestLargestContents: so are as large contents as a file may have, as text and
// as bytes.
func TestLargestContents(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"a line of text\n", "\xff\x00"} {
		contents := bytes.Repeat([]byte(piece), largest/len(piece))
		n := node.Node{Files: []node.File{{Path: "/etc/a", Mode: 0o644, Contents: contents}}}
		if !judge(t, fmt.Sprintf("%q many times", piece), n, fcos(t)) {
			t.Errorf("%q many times is refused", piece)
		}
	}
}

// FuzzIgnition holds both encoders against each other over nodes: each bit of
// unset takes a field away, text stands in one of the texts, contents as often
// as times says in a file. The low byte of at tells which text, the high one
// for which dialect. A fuzzer has no time for contents as large as they may be:
// TestLargestContents has.
func FuzzIgnition(f *testing.F) {
	for _, contents := range odd {
		f.Add([]byte{}, []byte(contents), byte(1), "text", uint16(0))
	}
	full, dialects := whole("text\n"), systems(f)
	all := places(&full)
	var texts []place
	for _, p := range all {
		if p.field(&full).Kind() == reflect.String {
			texts = append(texts, p)
		}
	}
	most := bytes.Repeat([]byte{0xff}, len(all)/8+1)
	f.Add(most, []byte(nil), byte(0), "", uint16(0))
	f.Add([]byte{0, 0x55, 0x01}, []byte("line\r\n"), byte(7), "a\x7fb\u0085c", uint16(1<<8+3))
	f.Add([]byte{}, []byte("a line of text\n"), byte(200), "", uint16(9))
	f.Add([]byte{}, []byte("\xff\x00"), byte(200), "\u2028", uint16(1<<8+12))
	for i, p := range texts {
		f.Add([]byte{}, []byte("a\n"), byte(1), "/"+p.path, uint16(i))
	}
	f.Fuzz(func(t *testing.T, unset, contents []byte, times byte, text string, at uint16) {
		n := whole("")
		texts[int(at&0xff)%len(texts)].field(&n).SetString(text)
		contents = bytes.Repeat(contents, int(times))
		n.Files[0].Contents, n.Files[0].Secret = contents, node.HoldsSecret(contents)
		for i, p := range slices.Backward(all) { // what is in a list before the list
			if i/8 < len(unset) && unset[i/8]>>(i%8)&1 == 1 {
				p.field(&n).SetZero()
			}
		}
		judge(t, "a node", n, dialects[int(at>>8)%len(dialects)])
	})
}
