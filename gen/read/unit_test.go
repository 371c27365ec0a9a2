package read_test

import (
	"slices"
	"testing"

	"hagen/gen/node"
	"hagen/gen/read"
)

// TestCommand holds what a unit runs against how systemd reads it.
func TestCommand(t *testing.T) {
	for _, test := range []struct {
		what, text string
		dropIn     string
		path       string
		flags      []string // name, value
		rest       []string
	}{
		{what: "flags with and without =", text: "[Service]\nExecStart=/a/b --name=x -f y -Ws --v -1 z", path: "/a/b",
			flags: []string{"--name", "x", "-f", "y", "-Ws", "", "--v", "-1"}, rest: []string{"z"}},
		{what: "a command that a later line resets", text: "[Service]\nExecStart=/a --name=a\nExecStart=\nExecStart=/b --name=b", path: "/b", flags: []string{"--name", "b"}},
		{what: "a command that a drop-in resets", text: "[Service]\nExecStart=/a --name=a", dropIn: "[Service]\nExecStart=\nExecStart=/b --name=b", path: "/b", flags: []string{"--name", "b"}},
		{what: "a comment in a continued line", text: "[Service]\nExecStart=/a \\\n# --name=c\\\n; --name=d\n --name=a \\\n  --v=2\nUser=e", path: "/a", flags: []string{"--name", "a", "--v", "2"}},
		{what: "a flag in quotes", text: "[Service]\nExecStart=/a \"--name=a b\" --x='c d' e\"f", path: "/a", flags: []string{"--name", "a b", "--x", "c d"}, rest: []string{`e"f`}},
		{what: "how to run it", text: "[Service]\nExecStart=-+/a b", path: "/a", rest: []string{"b"}},
		{what: "no command", text: "[Unit]\nExecStart=/a"},
	} {
		n := node.Node{Units: []node.Unit{{Name: "a.service", Contents: test.text}}}
		if test.dropIn != "" {
			n.Units[0].DropIns = []node.DropIn{{Name: "10-more.conf", Contents: test.dropIn}}
		}
		var path string
		var flags, rest []string
		for _, p := range read.UnitOf(n, "a.service").Processes() {
			given, words := read.ParseFlags(p.Args)
			for _, f := range given {
				flags = append(flags, f.Written, f.Value)
			}
			path, rest = path+p.Path.Text, append(rest, read.Texts(words)...)
		}
		if path != test.path || !slices.Equal(flags, test.flags) || !slices.Equal(rest, test.rest) {
			t.Errorf("%s: %s %q %q", test.what, path, flags, rest)
		}
	}
}

// TestUnits finds units wherever a machine has them.
func TestUnits(t *testing.T) {
	n := node.Node{
		Units: []node.Unit{{Name: "a.service", Contents: "[Service]\nUser=a", DropIns: []node.DropIn{{Name: "20-b.conf", Contents: "[Service]\nUser=c"}}}, {Name: "a.service", Contents: "[Service]\nUser=twice"}},
		Files: []node.File{
			{Path: node.UnitDir + "/a.service.d/10-a.conf", Contents: []byte("[Service]\nUser=b\nGroup=g")},
			{Path: node.UnitDir + "/b.timer", Contents: []byte("[Timer]\nUnit=a.service")},
			{Path: node.UnitDir + "/b.txt", Contents: []byte("[Timer]\nUnit=a.service")},
		},
		Links: []node.Link{{Path: node.UnitDir + "/b.timer", Target: "/dev/null"}, {Path: node.UnitDir + "/multi-user.target.wants/a.service", Target: "../a.service"}},
	}
	units := read.Units(n)
	if len(units) != 3 {
		t.Fatalf("%d units", len(units))
	}
	a, b := units[0], units[1]
	if a.User() != "c" || a.Value("Service", "Group") != "g" || !a.Enabled || a.Masked {
		t.Errorf("%+v", a)
	}
	if b.Value("Timer", "Unit") != "a.service" || !b.Masked {
		t.Errorf("%+v", b)
	}
	if units[2].User() != "twice" || read.UnitOf(n, "none.service") != nil {
		t.Errorf("%+v", units[2])
	}
	d, _ := a.Directive("Service", "User")
	if line, column, text := a.Place(d.ValueAt).Position(); line != 2 || column != 6 || text != "User=c" || a.Place(d.At).Item != node.UnitDir+"/a.service.d/20-b.conf" {
		t.Errorf("%d:%d %q of %s", line, column, text, a.Place(d.At).Item)
	}
}
