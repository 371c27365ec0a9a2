package encode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

func fcos(t testing.TB) profiles.OS {
	t.Helper()
	system, found := profiles.FindOS("fcos")
	if !found {
		t.Fatal("no fcos")
	}
	return system
}

// odd are contents that a careless writer of YAML spoils.
var odd = []string{
	"", "\n", "\n\n", "a", "a\n", "a\n\n", "a\n\n\nb\n", " a\n", "\ta\n", "\na\n", "a\n b\n\tc\n", "a  \n  \nb\n",
	"# no comment\n", "- no list\n", "key: value\n", "%d %s\n", "'\"`\\\n", "a\r\nb\r\n", "a\u0085b\n", "a\u2028b\n", "\ufeffa\n",
	"nul\x00\n", "\xff\xfe\n", "grüße\n", "---\n...\n", "{{ .Go }} ${shell} $(x)\n", strings.Repeat("long ", 5000) + "\n", "|\n", ">-\n", "\x1b[31m\n",
}

// whole uses every field that a node has.
func whole(contents string) node.Node {
	return node.Node{
		Groups: []node.Group{{Name: "etcd"}, {Name: "on"}},
		Users: []node.User{
			{Name: "etcd", System: true, Primary: "etcd", Groups: []string{"on"}, Home: "/var/lib/etcd", Shell: "/usr/sbin/nologin"},
			{Name: "core", Groups: []string{"sudo"}, SSHKeys: []string{"ssh-ed25519 AAAA it's \"me\": # yes"}},
		},
		Disks: []node.Disk{
			{Device: "/dev/disk/by-id/virtio-b", WipeTable: true, Partitions: []node.Partition{{Number: 4, Label: "root", SizeMiB: 8192, Resize: true}, {Number: 5, Label: "etcd"}}},
			{Device: "/dev/disk/by-id/virtio-a", Partitions: []node.Partition{{Number: 1, Label: "a", StartMiB: 1, SizeMiB: 9, Wipe: true}}},
		},
		Filesystems: []node.Filesystem{
			{Device: "/dev/disk/by-partlabel/etcd", Format: "ext4", Label: "etcd", Path: "/var/lib/etcd"},
			{Device: "/dev/disk/by-partlabel/a", Format: "xfs", Path: "/srv/a-b", Wipe: true, Options: []string{"noatime", "nodev"}},
		},
		Mounts: []node.Mount{
			{Device: "/dev/disk/by-partlabel/etcd", Path: "/var/lib/etcd", Format: "ext4", Options: []string{node.NoFail}},
			{Device: "/dev/disk/by-partlabel/a", Path: "/srv/a-b", Format: "xfs"},
		},
		Directories: []node.Directory{{Path: "/var/lib/etcd", User: "etcd", Group: "etcd", Mode: 0o700}, {Path: "/etc/plain", Mode: 0o755}},
		Files: []node.File{
			{Path: "/etc/odd", Mode: 0o640, Group: "etcd", Contents: []byte(contents)},
			{Path: "/etc/over", Mode: 0o444, User: "etcd", Contents: []byte("x\n"), Overwrite: true},
			{Path: "/usr/local/bin/etcd", Mode: 0o755, Overwrite: true, Source: node.Source{URL: "https://10.10.10.1:8080/a%20b/etcd@1", Hash: "sha512-" + strings.Repeat("0f", 64)}},
			{Path: "/usr/local/bin/trusted", Mode: 0o755, Source: node.Source{URL: "http://[2001:db8::1]/x"}},
			{Path: "/etc/key", Mode: 0o400, Contents: []byte("-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n"), Secret: true},
		},
		Links: []node.Link{{Path: "/etc/link", Target: "/etc/odd"}},
		Units: []node.Unit{
			{Name: "a.service", Enabled: true, Contents: "[Unit]\nDescription=a\n\n[Service]\nExecStart=/bin/true \\\n  --b=c\n\n[Install]\nWantedBy=multi-user.target\n"},
			{Name: "b.target", Enabled: true},
			{Name: "c.service", Masked: true},
			{Name: "d.service", DropIns: []node.DropIn{{Name: "10-a.conf", Contents: "[Service]\nNice=1\n"}, {Name: "empty.conf"}}},
			{Name: "e.service"},
		},
	}
}

// TestReadBack: whatever a node says, both documents say, too.
func TestReadBack(t *testing.T) {
	for _, name := range []string{"fcos", "flatcar", "generic"} {
		system, _ := profiles.FindOS(name)
		for _, contents := range odd {
			n := whole(contents)
			_, back, err := Ignition(n, system)
			if err != nil {
				t.Errorf("%s: %q: %v", name, contents, err)
				continue
			}
			again, _, err := ReadButane(Butane("kubernetes", n, system).Text, system)
			if err != nil {
				t.Fatal(err)
			}
			for _, read := range []node.Node{back, again} {
				if !same(read, n) {
					t.Errorf("%s: %q: read back as\n%#v\nwas\n%#v", name, contents, read.Bare(), n.Bare())
				}
			}
		}
	}
}

func same(a, b node.Node) bool {
	a, b = a.Bare(), b.Bare()
	for _, n := range []node.Node{a, b} {
		for i := range n.Files {
			if len(n.Files[i].Contents) == 0 {
				n.Files[i].Contents = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

// TestMountUnit: a mount is read back as one, and a unit that says anything
// else stays a unit.
func TestMountUnit(t *testing.T) {
	unit := MountUnit(node.Mount{Device: "/dev/disk/by-id/virtio-a", Path: "/srv/a-b", Format: "ext4", Options: []string{"noatime", node.NoFail}})
	want := `[Unit]
Requires=systemd-fsck@dev-disk-by\x2did-virtio\x2da.service
After=systemd-fsck@dev-disk-by\x2did-virtio\x2da.service

[Mount]
What=/dev/disk/by-id/virtio-a
Where=/srv/a-b
Type=ext4
Options=noatime,nofail

[Install]
WantedBy=local-fs.target
`
	if unit.Name != `srv-a\x2db.mount` || unit.Contents != want {
		t.Errorf("got %s\n%s", unit.Name, unit.Contents)
	}
	for _, spoil := range []func(*node.Unit){
		func(u *node.Unit) { u.Name = "srv-a.mount" },
		func(u *node.Unit) { u.Enabled = false },
		func(u *node.Unit) { u.Contents = strings.Replace(u.Contents, "Type", "# more\nType", 1) },
		func(u *node.Unit) { u.Contents = strings.Replace(u.Contents, "Wanted", "Required", 1) },
	} {
		other := unit
		spoil(&other)
		if _, isMount := readMount(other); isMount {
			t.Errorf("read as a mount: %+v", other)
		}
	}
	if _, isMount := readMount(unit); !isMount {
		t.Error("not read as a mount")
	}
}

func FuzzContents(f *testing.F) {
	for _, contents := range odd {
		f.Add(contents)
	}
	f.Fuzz(func(t *testing.T, contents string) {
		n := whole(contents)
		n.Files[0].Secret = node.HoldsSecret([]byte(contents))
		_, back, err := Ignition(n, fcos(t))
		if err != nil {
			t.Fatal(err)
		}
		if !same(back, n) {
			t.Errorf("%q is read back as %q", contents, back.Files[0].Contents)
		}
	})
}

// TestOrigin: what Butane refuses is named by what it was made from, and a
// warning is as fatal as an error.
func TestOrigin(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*node.Node)
		want  string
	}{
		{"relative path", func(n *node.Node) { n.Files[1].Path = "etc/over" }, "made from row two: path not absolute"},
		{"two files of one path", func(n *node.Node) { n.Files[1].Path = n.Files[0].Path }, "row"},
		{"unit that is none", func(n *node.Node) { n.Units[0].Contents = "[Unit\n" }, "made from unit a"},
		{"mode out of range", func(n *node.Node) { n.Units[0].Name = "a.txt" }, "made from unit a"},
	} {
		n := whole("a\n")
		for i, from := range []string{"row one", "row two", "row three"} {
			n.Files[i].From = from
		}
		n.Units[0].From = "unit a"
		test.spoil(&n)
		_, err := Translate(Butane("kubernetes", n, fcos(t)), fcos(t))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

// TestComments: sections and comments survive reading back, whatever stands
// in the texts between them.
func TestComments(t *testing.T) {
	n := whole("    # --- no heading\n    - path: no item\n")
	n.Name, n.Role = "kubem00", "master"
	n.Groups[0].Origin = node.Origin{Section: "a"}
	n.Groups[1].Origin = node.Origin{Section: "a", Why: "one\ntwo"}
	n.Users[0].Origin = node.Origin{Section: "a", Why: "# --- odd: |"}
	n.Files[0].Origin = node.Origin{Section: "b", Why: "with \"quotes\"\n\n  and spaces  "}
	n.Files[1].Origin = node.Origin{Section: "b"}
	n.Files[2].Origin = node.Origin{Section: "c", Why: "--- why"}
	n.Units[1].Origin = node.Origin{Why: "unit"}
	n.Disks[0].Origin = node.Origin{Section: "a", Why: "disk"}
	n.Filesystems[1].Origin = node.Origin{Section: "a", Why: "filesystem"}
	n.Mounts[1].Origin = node.Origin{Section: "b", Why: "mount"}
	text := Butane("kubernetes", n, fcos(t)).Text
	back, _, err := ReadButane(text, fcos(t))
	if err != nil {
		t.Fatal(err)
	}
	back.Name, back.Role = n.Name, n.Role
	if again := Butane("kubernetes", back, fcos(t)).Text; !bytes.Equal(again, text) {
		t.Errorf("got\n%s\nwant\n%s", again, text)
	}
	if got := back.Files[2].Origin; got != n.Files[2].Origin {
		t.Errorf("got %q", got)
	}
}

// TestForeignLayout: comments of a text that is laid out otherwise are nobody's.
func TestForeignLayout(t *testing.T) {
	text := "variant: fcos\nversion: 1.5.0\nstorage:\n  links:\n    # not hagen's\n    - {path: /a, target: /b}\n    -\n      path: /c\n      target: /d\n"
	n, _, err := ReadButane([]byte(text), fcos(t))
	if err != nil || len(n.Links) != 2 || n.Links[0].Why != "" {
		t.Errorf("%+v, %v", n, err)
	}
	n, _, err = ReadButane([]byte(strings.Replace(text, "not", "a\u200bb", 1)+"    # at the end\n"), fcos(t))
	if err != nil || len(n.Links) != 2 || n.Links[0].Why != "" {
		t.Errorf("%+v, %v", n, err)
	}
}

// foreign are documents that say more than a node can hold, with what stays
// in Further.
var foreign = []struct{ rest, further string }{
	{`"unknown":1`, "unused key unknown (line 1)"},
	{`"ignition":{"version":"3.4.0","config":{"merge":[{"source":"https://example.com/x"}]}}`, "ignition.config.merge"},
	{`"kernelArguments":{"shouldExist":["quiet"]}`, "kernelArguments.shouldExist"},
	{`"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"s3://example/a"}}]}`, "/a: contents.source"},
	{`"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"https://example.com/a","httpHeaders":[{"name":"a","value":"b"}]}}]}`, "/a: contents.httpHeaders"},
	{`"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"data:,a","compression":"gzip"}}]}`, "/a: contents.compression /a: contents.source"},
	{`"storage":{"files":[{"path":"/a","mode":420,"append":[{"source":"data:,a"}]}]}`, "/a: append"},
	{`"storage":{"files":[{"path":"/a","mode":420,"user":{"id":7}}]}`, "/a: user.id"},
	{`"storage":{"directories":[{"path":"/a","mode":448,"group":{"id":7},"overwrite":true}]}`, "/a: group.id /a: overwrite"},
	{`"storage":{"links":[{"path":"/a","target":"/b","hard":true}]}`, "/a: hard"},
	{`"storage":{"filesystems":[{"device":"/dev/a","format":"ext4","uuid":"x"}]}`, "/dev/a: uuid"},
	{`"storage":{"disks":[{"device":"/dev/a","partitions":[{"label":"a","sizeMiB":0}]}]}`, "/dev/a: a partition without number /dev/a: sizeMiB"},
	{`"storage":{"disks":[{"device":"/dev/a","partitions":[{"number":1,"shouldExist":false}]}]}`, "/dev/a: shouldExist"},
	{`"storage":{"luks":[{"name":"a","device":"/dev/a"}]}`, "storage.luks"},
	{`"passwd":{"users":[{"name":"a","passwordHash":"x","uid":7}]}`, "user a: passwordHash user a: uid"},
	{`"passwd":{"users":[{"name":"a","system":true}]}`, "user a: noCreateHome: false, with system: true"},
	{`"passwd":{"groups":[{"name":"a","gid":7}]}`, "group a: no system: true group a: gid"},
}

// TestForeign: nothing that a document says is lost.
func TestForeign(t *testing.T) {
	for _, test := range foreign {
		n, err := ReadIgnition(document(test.rest), fcos(t))
		var got []string
		for _, f := range n.Further {
			got = append(got, f.String())
		}
		if err != nil || strings.Join(got, " ") != test.further {
			t.Errorf("%s: %v, %q, want %q", test.rest, err, got, test.further)
		}
	}
}

// document is an Ignition document that says further things.
func document(rest string) []byte {
	if strings.HasPrefix(rest, `"ignition"`) {
		return []byte("{" + rest + "}")
	}
	return []byte(`{"ignition":{"version":"3.4.0"},` + rest + "}")
}

// TestForeignButane: what Butane warns of is kept with its line.
func TestForeignButane(t *testing.T) {
	n, _, err := ReadButane([]byte("variant: fcos\nversion: 1.5.0\nsystemd:\n  units:\n  - name: a.service\n    enabeld: true\n"), fcos(t))
	if err != nil || len(n.Units) != 1 || len(n.Further) != 1 || n.Further[0].String() != "unused key enabeld (line 6)" {
		t.Errorf("%+v, %v", n, err)
	}
}

// TestUnreadable: what is no document is refused.
func TestUnreadable(t *testing.T) {
	for _, text := range []string{`{"ignition":{"version":"3.5.0"}}`, "not json", ""} {
		if n, err := ReadIgnition([]byte(text), fcos(t)); err == nil {
			t.Errorf("%s was read as %+v", text, n)
		}
	}
}

// TestPacked: contents that somebody's Butane compressed are read as they are.
func TestPacked(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("many words\n"))
	w.Close()
	source := "data:;base64," + base64.StdEncoding.EncodeToString(packed.Bytes())
	n, err := ReadIgnition(document(`"storage":{"files":[{"path":"/a","mode":420,"contents":{"compression":"gzip","source":"`+source+`"}}]}`), fcos(t))
	if err != nil || len(n.Further) > 0 || string(n.Files[0].Contents) != "many words\n" {
		t.Errorf("%+v, %v", n, err)
	}
}

// writes writes a node that was read, as both encoders do, and reads it again.
func writes(t *testing.T, text []byte, n node.Node) {
	t.Helper()
	if !judge(t, string(text), n, fcos(t)) {
		return
	}
	_, back, err := Ignition(n, fcos(t))
	if err == nil && !same(back, n) {
		t.Errorf("%s is read as\n%#v\nwritten and read again as\n%#v", text, n.Bare(), back.Bare())
	}
}

func FuzzReadIgnition(f *testing.F) {
	text, _, err := Ignition(whole("a\n"), fcos(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	wrapped, err := Wrap(text, fcos(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wrapped)
	f.Add([]byte(`{"ignition":{"version":"3.4.0"}}`))
	f.Add([]byte(strings.NewReplacer(`"replace":{`, `"merge":[{`, `}}},"version"`, `}}]},"version"`).Replace(string(wrapped))))
	f.Add([]byte(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.1.0%22%7D%2C%22storage%22%3A%7B%22files%22%3A%5B%7B%22path%22%3A%22%2Fa%22%7D%5D%7D%7D"},{"source":"https://192.0.2.1/a"}]}},"storage":{"files":[{"path":"/a","mode":420}]}}`))
	for _, test := range foreign {
		f.Add(document(test.rest))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ReadIgnition(text, fcos(t))
		if err != nil || len(n.Clashes()) > 0 || len(n.Further) > 0 {
			return
		}
		// What was read can be written, or is refused; never changed.
		writes(t, text, n)
	})
}

func FuzzReadButane(f *testing.F) {
	f.Add(Butane("kubernetes", whole("a\n"), fcos(f)).Text)
	f.Add([]byte("variant: fcos\nversion: 1.5.0\n"))
	f.Add([]byte("variant: fcos\nversion: 1.5.0\nignition:\n  config:\n    merge:\n      - inline: '{\"ignition\":{\"version\":\"3.4.0\"},\"systemd\":{\"units\":[{\"name\":\"a.service\"}]}}'\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, _, err := ReadButane(text, fcos(t))
		if err != nil || len(n.Clashes()) > 0 || len(n.Further) > 0 {
			return
		}
		writes(t, text, n)
	})
}

// TestHead: the document says whose it is, and nothing of when.
func TestHead(t *testing.T) {
	n := whole("a\n")
	n.Name, n.Role = "kubem00", "master"
	text := Butane("kubernetes", n, fcos(t)).Text
	want := "# Made by hagen. Do not edit: change the cluster file and render again.\n# cluster kubernetes, host kubem00, role master\nvariant: fcos\nversion: 1.5.0\n"
	if !bytes.HasPrefix(text, []byte(want)) {
		t.Errorf("got %s", text[:len(want)])
	}
}
