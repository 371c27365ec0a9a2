package rendered

import (
	"bytes"
	"cmp"
	"maps"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"hagen/gen/cases"
	"hagen/gen/encode"
	"hagen/profiles"
)

const testdata = cases.Dir("../../../testdata")

// golden gives a golden tree, to be changed. Ignition that is not kept is what
// Butane makes of the Butane twin, to which gen's TestGolden holds hagen.
func golden(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	tree, err := testdata.GoldenFS(name)
	if err != nil {
		t.Fatal(err)
	}
	for butane, file := range maps.Clone(tree) {
		host, name := path.Split(butane)
		if ignition := host + "config.ign"; name == "config.bu" && tree[ignition] == nil {
			_, _, made, err := readDocument(butane, profiles.Butane, file.Data)
			if err != nil {
				t.Fatal(err)
			}
			tree[ignition] = &fstest.MapFile{Data: made}
		}
	}
	return tree
}

// TestReadAtOnce: several trees are read at once, each document of them.
func TestReadAtOnce(t *testing.T) {
	for _, name := range []string{"classic", "mixed", "static"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tree, err := Read(golden(t, name)); err != nil || len(tree.Hosts) < 3 {
				t.Errorf("%d machines: %v", len(tree.Hosts), err)
			}
		})
	}
}

// TestGoldens: every golden tree is read, with its machines, what they run and
// what they are.
func TestGoldens(t *testing.T) {
	names, err := testdata.Names()
	if err != nil || len(names) < 8 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		tree, err := Read(golden(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var others []string
		for _, f := range tree.Others {
			others = append(others, f.Path)
		}
		want := cmp.Or(map[string]string{"classic": "admin.kubeconfig"}[name], "admin.kubeconfig rbac.yaml")
		if got := strings.Join(others, " "); tree.Cluster == "" || got != want {
			t.Errorf("%s: cluster %q, other files %s", name, tree.Cluster, got)
		}
		for _, h := range tree.Hosts {
			if len(h.Documents) < 2 || len(h.Documents) > 3 || len(h.Node.Units) < 2 || h.Node.Name == "" || h.Node.Role != "master" && h.Node.Role != "load balancer" {
				t.Errorf("%s: %s, %s: %d documents, %d units", name, h.Node.Name, h.Node.Role, len(h.Documents), len(h.Node.Units))
			}
			want := cmp.Or(map[string]string{
				"small lb1.edge-7.example.com": "generic", "disks kubem01": "debian", "disks kubem02": "ubuntu", "urls kubem01": "flatcar", "urls kubem02": "debian", "dual-stack kubem01": "fcos", "dual-stack kubem02": "flatcar", "ipv6 kubem02": "fcos", "ipv6 lb00": "flatcar", "ipv6 lb01": "flatcar", "static kubem01": "flatcar", "static kubem02": "generic", "static spare": "flatcar", "static lb01": "debian", "static lb02": "rhel", "mixed kubem00": "debian", "mixed kubem01": "rhel", "mixed lb00": "ubuntu", "mixed lb01": "rhel", "leases kubem02": "rhel", "leases lb00": "rhel", "leases lb01": "generic",
			}[name+" "+h.Node.Name], map[string]string{"classic": "generic", "small": "flatcar", "colocated-virtual-ip": "flatcar", "sysext": "flatcar", "ipv6": "generic", "dual-stack": "generic", "two-addresses": "generic", "debian": "debian", "leases": "debian"}[name], "fcos")
			if h.OS.Name != want {
				t.Errorf("%s: %s is read as %s", name, h.Node.Name, h.OS.Name)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	big := strings.Repeat("x", maxFile+1)
	for _, test := range []struct {
		what  string
		spoil func(fstest.MapFS)
		want  string // "" for none
	}{
		{"nothing", func(tree fstest.MapFS) {
			for path := range tree {
				delete(tree, path)
			}
		}, ".: holds no machine's document"},
		{"not a document", func(tree fstest.MapFS) { tree["kubem00/config.ign"].Data = []byte("hello") }, "kubem00/config.ign: cannot be read: "},
		{"empty document", func(tree fstest.MapFS) { tree["kubem00/config.bu"].Data = nil }, "kubem00/config.bu: cannot be read: "},
		{"two documents that differ", func(tree fstest.MapFS) { tree["kubem00/config.ign"] = tree["kubem01/config.ign"] }, "kubem00/config.ign: differs from config.bu beside it"},
		{"too large", func(tree fstest.MapFS) { tree["kubem00/config.ign"].Data = []byte(big) }, "kubem00/config.ign: is larger than 4 MiB"},
		{"directory", func(tree fstest.MapFS) {
			delete(tree, "kubem00/config.ign")
			tree["kubem00/config.ign/x"] = &fstest.MapFile{}
		}, "kubem00/config.ign: is not a regular file"},
		{"other folders and files", func(tree fstest.MapFS) {
			tree["notes/todo.txt"] = &fstest.MapFile{Data: []byte("x")}
			tree[".git/HEAD"] = &fstest.MapFile{Data: []byte("x")}
			tree["SHA256SUMS"] = &fstest.MapFile{Data: []byte("x")}
		}, ""},
		{"one format alone", func(tree fstest.MapFS) {
			delete(tree, "kubem00/config.bu")
			delete(tree, "kubem01/config.ign")
		}, ""},
	} {
		tree := golden(t, "standard")
		test.spoil(tree)
		read, err := Read(tree)
		switch {
		case test.want == "" && (err != nil || len(read.Hosts) != 4):
			t.Errorf("%s: %d hosts, %v", test.what, len(read.Hosts), err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %s", test.what, err, test.want)
		}
	}
}

// TestOtherBytes: Ignition that says what the Butane document beside it says is
// held against what Butane makes of that, however it is written.
func TestOtherBytes(t *testing.T) {
	const butane, ignition = "kubem00/config.bu", "kubem00/config.ign"
	system, _ := profiles.FindOS("fcos")
	for _, test := range []struct {
		what             string
		edit             func(tree fstest.MapFS, made []byte)
		other, differing bool
	}{
		{"indented, as in a twin", func(fstest.MapFS, []byte) {}, false, false},
		{"as Butane makes it", func(tree fstest.MapFS, made []byte) { tree[ignition].Data = made }, false, false},
		{"wrapped", func(tree fstest.MapFS, made []byte) {
			wrapped, err := encode.Wrap(made, system)
			if err != nil {
				t.Fatal(err)
			}
			tree[ignition].Data = wrapped
		}, false, false},
		{"an empty field more", func(tree fstest.MapFS, made []byte) {
			tree[ignition].Data = bytes.Replace(made, []byte(`"version":"3.4.0"`), []byte(`"version":"3.4.0","timeouts":{}`), 1)
		}, true, false},
		{"the same, wrapped", func(tree fstest.MapFS, made []byte) {
			wrapped, err := encode.Wrap(bytes.Replace(made, []byte(`"version":"3.4.0"`), []byte(`"version":"3.4.0","timeouts":{}`), 1), system)
			if err != nil {
				t.Fatal(err)
			}
			tree[ignition].Data = wrapped
		}, true, false},
		{"a comment in the Butane document", func(tree fstest.MapFS, made []byte) {
			tree[butane].Data = append(tree[butane].Data, "# mine\n"...)
		}, false, false},
		{"an edited Butane document", func(tree fstest.MapFS, made []byte) {
			tree[butane].Data = bytes.Replace(tree[butane].Data, []byte("--profiling=false"), []byte("--profiling=true"), 1)
		}, false, true},
		{"no Butane document", func(tree fstest.MapFS, made []byte) { delete(tree, butane) }, false, false},
	} {
		tree := golden(t, "standard")
		_, _, made, err := readDocument(butane, profiles.Butane, tree[butane].Data)
		if err != nil {
			t.Fatal(err)
		}
		test.edit(tree, made)
		read, err := ReadEdited(tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range read.Hosts {
			is := h.Node.Name == "kubem00"
			if len(h.OtherBytes) > 0 != (is && test.other) || len(h.Differing) > 0 != (is && test.differing) {
				t.Errorf("%s: %s: other bytes %v, differing %v", test.what, h.Node.Name, h.OtherBytes, h.Differing)
			}
		}
	}
}

// TestReadMachines: of each host one document is read, and the machines are
// the same.
func TestReadMachines(t *testing.T) {
	tree := golden(t, "standard")
	all, err := Read(tree)
	if err != nil {
		t.Fatal(err)
	}
	delete(tree, "kubem01/config.ign")
	tree["kubem00/config.bu"].Data = []byte("# Made by hagen.\n# cluster other, host kubem00, role master\nbroken\n")
	read, err := ReadMachines(tree)
	if err != nil || read.Cluster != "kubernetes" || len(read.Hosts) != len(all.Hosts) {
		t.Fatalf("cluster %q, %d hosts, %v", read.Cluster, len(read.Hosts), err)
	}
	for i, h := range read.Hosts {
		if !reflect.DeepEqual(h.Node.Bare(), all.Hosts[i].Node.Bare()) || h.Node.Role != all.Hosts[i].Node.Role {
			t.Errorf("%s is read as another machine", h.Node.Name)
		}
		if want := len(all.Hosts[i].Documents); h.Node.Name != "kubem01" && len(h.Documents) != want {
			t.Errorf("%s: %d documents, not %d", h.Node.Name, len(h.Documents), want)
		}
	}
	tree["kubem00/config.ign"].Data = nil
	if _, err := ReadMachines(tree); err == nil || !strings.Contains(err.Error(), "kubem00/config.ign: cannot be read") {
		t.Error(err)
	}
}

// TestNoUnits: without a unit that runs a known binary, the document's variant
// tells the operating system.
func TestNoUnits(t *testing.T) {
	for variant, want := range map[string]string{"fcos\nversion: 1.5.0": "fcos", "flatcar\nversion: 1.1.0": "flatcar"} {
		tree := fstest.MapFS{"m0/config.bu": {Data: []byte("# edited\nvariant: " + variant + "\n")}}
		read, err := Read(tree)
		if err != nil || len(read.Hosts) != 1 || read.Hosts[0].OS.Name != want {
			t.Errorf("%s: %+v, %v", variant, read.Hosts, err)
		}
	}
}
