package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hagen/gen/node"
)

// TestRemarks: what a program says about a machine's file is a finding about
// that file and line. Programs that are not installed are named.
func TestRemarks(t *testing.T) {
	n := node.Node{
		Name: "lb00",
		Files: []node.File{
			{Path: "/etc/haproxy/haproxy.cfg", Contents: []byte("global\n    maxconn 10\ndefaults\n    mode tcp\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\nlisten a\n    bind :6443\n    nonsense 1\n")},
			{Path: "/etc/keepalived/keepalived.conf", Contents: []byte("global_defs {\n    nonsense 1\n}\n")},
		},
		Units: []node.Unit{{Name: "a.service", Contents: "[Service]\nExecStart=/opt/bin/a\nNonsense=1\n"}},
	}
	want := map[string]struct {
		item string
		line int
	}{
		"haproxy": {"/etc/haproxy/haproxy.cfg", 10}, "systemd": {"a.service", 3}, "ignition": {"config.ign", 0}, "keepalived": {"/etc/keepalived/keepalived.conf", 2},
		"cloud-init": {"user-data", 0},
	}
	bin, err := filepath.Abs("../../../.bin") // where make setup puts them
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			findings, notes, err := Run([]string{name}, []Machine{{Node: n, Ignition: []byte(`{"ignition":{"version":"3.4.0"},"nonsense":1}`), UserData: []byte("#cloud-config\nwrite_files:\n- {path: /a, nonsense: 1}\n")}}, "/etc/haproxy/haproxy.cfg", "a.service", "/etc/keepalived/keepalived.conf")
			if err != nil {
				t.Error(err)
			}
			unasked(t, notes)
			w := want[name]
			found := false
			for _, f := range findings {
				found = found || f.Host == "lb00" && f.Item == w.item && f.Line == w.line && strings.Contains(strings.ToLower(f.Problem), "nonsense") && f.Rule == "with-"+name
				if strings.Contains(f.Problem, os.TempDir()) {
					t.Errorf("shows a temporary path: %s", f)
				}
			}
			if !found {
				t.Errorf("%+v", findings)
			}
		})
	}
}

// unasked skips a test whose program could not be asked, unless
// HAGEN_READERS=required, as in CI.
func unasked(t *testing.T, notes []string) {
	t.Helper()
	if len(notes) == 0 {
		return
	}
	if os.Getenv("HAGEN_READERS") == "required" {
		t.Fatalf("%q", notes)
	}
	t.Skip(strings.TrimSuffix(notes[0], ": it was not asked"))
}

// TestDropIn: systemd is asked about drop-ins, too.
func TestDropIn(t *testing.T) {
	n := node.Node{Name: "a", Units: []node.Unit{{
		Name: "a.service", Contents: "[Service]\nExecStart=/opt/bin/a\n", DropIns: []node.DropIn{{Name: "b.conf", Contents: "[Service]\nNonsense=1\n"}},
	}}}
	findings, notes, err := Run([]string{"systemd"}, []Machine{{Node: n}})
	unasked(t, notes)
	if err != nil || len(findings) != 1 || findings[0].Item != "/etc/systemd/system/a.service.d/b.conf" || findings[0].Line != 2 {
		t.Errorf("%+v, %q, %v", findings, notes, err)
	}
}

// TestContent: nobody says anything about what is right, nor about a machine
// that a program does not run on.
func TestContent(t *testing.T) {
	n := node.Node{Name: "a", Units: []node.Unit{{Name: "a.service", Contents: "[Unit]\nDescription=a\n\n[Service]\nExecStart=/opt/bin/a\n"}}}
	findings, notes, err := Run(Names(), []Machine{{Node: n, Ignition: []byte(`{"ignition":{"version":"3.4.0"}}`), UserData: []byte("#cloud-config\nlocale: 'false'\n")}})
	if err != nil || len(findings) > 0 {
		t.Errorf("%+v, %q, %v", findings, notes, err)
	}
}

// TestMissing: a program that is not installed is named.
func TestMissing(t *testing.T) {
	programs[1].binary = "hagen-test-no-such-program"
	defer func() { programs[1].binary = "haproxy" }()
	_, notes, err := Run([]string{"haproxy"}, []Machine{{}})
	if err != nil || len(notes) != 1 || notes[0] != "hagen-test-no-such-program is not installed: it was not asked" {
		t.Errorf("%q, %v", notes, err)
	}
}

// TestWrite: no path of a document leads out of the directory.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "in")
	for _, path := range []string{"../../x", "/../x", "/a/../../x", "a"} {
		full, err := write(dir, path, nil, false)
		if err != nil || !strings.HasPrefix(full, dir+"/") {
			t.Errorf("%s: %s, %v", path, full, err)
		}
	}
}
