package encode

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"hagen/gen/node"
	"hagen/profiles"
)

func debian(t testing.TB) profiles.OS {
	t.Helper()
	system, found := profiles.FindOS("debian")
	if !found {
		t.Fatal("no debian")
	}
	return system
}

// named is a node with every field, and names that a shell or YAML would read
// otherwise.
func named(contents string) node.Node {
	n := whole(contents)
	// What is fetched is not written for cloud-init yet.
	n.Files = slices.DeleteFunc(n.Files, func(f node.File) bool { return f.Source.URL != "" })
	n.Name = "kubem00.example.com"
	// What cloud-init has words for.
	n.Disks[0].Partitions[0].Resize, n.Disks[1].Partitions[0].Wipe = false, false
	n.Mounts[1].Options = []string{"noatime", "nodev", "x-systemd.device-timeout=5"}
	n.Filesystems = append(n.Filesystems, node.Filesystem{Device: "/dev/disk/by-id/c", Format: "vfat", Label: "it's"})
	n.Files[0].Secret = node.HoldsSecret([]byte(contents))
	n.Files = append(n.Files,
		node.File{Path: "/etc/it's $HOME #1", Mode: 0o600, User: "etcd", Group: "on", Contents: []byte("x\n")},
		node.File{Path: "/etc/hostname", Mode: 0o644, Contents: []byte("kubem00.example.com\n")},
		node.File{Path: "/etc/hosts", Mode: 0o644, Contents: []byte("127.0.0.1 localhost\n")},
		node.File{Path: node.UnitDir + "/closed.conf", Mode: 0o600, Contents: []byte("x\n")})
	n.Directories = append(n.Directories, node.Directory{Path: "/srv/a b'c", User: "on", Mode: 0o711})
	n.Links = append(n.Links, node.Link{Path: "/srv/$(x): y", Target: "../'t'"})
	n.Users = append(n.Users, node.User{Name: "root", SSHKeys: []string{"ssh-ed25519 AAAA"}})
	return n.Overwriting()
}

// TestUserDataReadBack: whatever a node says, user-data says, too.
func TestUserDataReadBack(t *testing.T) {
	for _, contents := range odd {
		n := named(contents)
		text := UserData("kubernetes", n, debian(t)).Text
		back, err := ReadUserData(text)
		if err != nil {
			t.Errorf("%q: %v\n%s", contents, err, text)
			continue
		}
		if !same(back, n) {
			t.Errorf("%q: read back as\n%#v\nwas\n%#v", contents, back.Bare(), n.Bare())
		}
	}
	empty := node.Node{Name: "a"}
	if back, err := ReadUserData(UserData("kubernetes", empty, debian(t)).Text); err != nil || !same(back, empty) {
		t.Errorf("an empty node is read back as %#v, %v", back, err)
	}
}

// TestUserDataComments: sections and comments survive reading back.
func TestUserDataComments(t *testing.T) {
	n := named("  # --- no heading\n  - path: no item\nruncmd:\n")
	n.Role = "master"
	n.Disks[1].Origin = node.Origin{Section: "a", Why: "disk"}
	n.Filesystems[0].Origin = node.Origin{Section: "a", Why: "filesystem"}
	n.Groups[1].Origin = node.Origin{Section: "a", Why: "one\ntwo"}
	n.Users[0].Origin = node.Origin{Section: "a", Why: "# --- odd: |"}
	n.Directories[1].Origin = node.Origin{Section: "d", Why: "dir"}
	n.Links[0].Origin = node.Origin{Section: "d", Why: "link"}
	n.Files[0].Origin = node.Origin{Section: "b", Why: "with \"quotes\"\n\n  and spaces  "}
	n.Units[0].Origin = node.Origin{Why: "unit"}
	n.Units = n.Units[:1] // one without contents has no comment
	text := UserData("kubernetes", n, debian(t)).Text
	back, err := ReadUserData(text)
	if err != nil {
		t.Fatal(err)
	}
	back.Role = n.Role
	if again := UserData("kubernetes", back, debian(t)).Text; !bytes.Equal(again, text) {
		t.Errorf("got\n%s\nwant\n%s", again, text)
	}
}

// TestCommands runs what bootcmd and runcmd say in a shell, for real: names
// with odd letters reach it as they are, and one failure stops nothing.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	stub := "#!/bin/sh\nprintf '<%s>' \"${0##*/}\" \"$@\" >>\"$LOG\"; echo >>\"$LOG\"; [ \"${0##*/}\" != install ]\n"
	for _, name := range []string{"install", "systemctl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(stub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(dir, "it's $HOME", "link")
	n := node.Node{
		Name:        "a",
		Directories: []node.Directory{{Path: "/srv/a b'c", User: "on", Mode: 0o711}, {Path: "/srv/d", Mode: 0o755}},
		Links:       []node.Link{{Path: target, Target: "../'t'"}},
		Units:       []node.Unit{{Name: "a.service", Enabled: true}, {Name: `dev-x\x2dy.mount`, Enabled: true}},
	}
	var script strings.Builder
	top, err := mapping(UserData("kubernetes", n, debian(t)).Text)
	if err != nil {
		t.Fatal(err)
	}
	var r reader
	r.fields("", top, keys{"runcmd": r.each("", func(n *yaml.Node) { script.WriteString(n.Value + "\n") })})
	log := filepath.Join(dir, "log")
	shell := exec.Command("sh", "-c", script.String())
	shell.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LOG="+log)
	output, err := shell.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "hagen: this failed: install -d -m 0711 -o on -g root /srv/a b'c\n") {
		t.Errorf("%v: %s", err, output)
	}
	want := "<install><-d><-m><0711><-o><on><-g><root></srv/a b'c>\n<install><-d><-m><0755><-o><root><-g><root></srv/d>\n" +
		"<systemctl><daemon-reload>\n<systemctl><reenable><a.service><dev-x\\x2dy.mount>\n<systemctl><restart><--no-block><a.service><dev-x\\x2dy.mount>\n"
	if got, _ := os.ReadFile(log); string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, err := os.Readlink(target); err != nil || got != "../'t'" {
		t.Errorf("the link leads to %q, %v", got, err)
	}
}

// foreignUserData are changes after which user-data says what a node cannot
// hold, or what would go wrong on the machine; and what stays in Further.
var foreignUserData = []struct{ old, new, want string }{
	{"\nhostname: ", "\nnonsense: 1\nhostname: ", "nonsense (line 5)"},
	{"\nhostname: kubem00.example.com", "\nhostname: other", "hostname and fqdn that are not both the machine's name"},
	{"name: kubem00.example.com\nfqdn: kubem00.example.com", "name: o.example.com\nfqdn: o.example.com", "a hostname other than that in /etc/hostname"},
	{"package_update: false", "package_update: true", "another value than false (line 12)"},
	{"enabled: false", "enabled: true", "another value than false (line 14)"},
	{"locale: 'false'", "locale: de_DE", "another value than false (line 10)"},
	{"permissions: '0640'", "permissions: 0640", "/etc/odd: a value that is not text without quotes"},
	{"permissions: '0640'", "permissions: '4755'", "/etc/odd: permissions that are not four octal digits"},
	{"path: /etc/odd", "path: yes", "yes: a value that is not text without quotes"},
	{"path: /etc/odd", "path: &a /etc/odd", "/etc/odd: a value that is not text without quotes"},
	{"owner: root:etcd\n    permissions: '0640'\n    defer: true\n", "owner: root:etcd\n    permissions: '0640'\n", "/etc/odd: no defer: true"},
	{"defer: true", "append: true", "/etc/odd: append (line"},
	{"encoding: b64", "encoding: gz+b64", "/etc/odd: an encoding other than base64"},
	{"    - /etc/key\n", "", "/etc/key: no command in bootcmd that creates it private"},
	{"    - /etc/key\n", "    - /etc/key\n    - /etc/none\n", "/etc/none: a file in bootcmd that write_files does not write"},
	{"bootcmd:\n", "bootcmd:\n  - reboot\n", "bootcmd: a command (line 16)"},
	{"runcmd:\n", "runcmd:\n  - reboot\n", "runcmd: a command (line"},
	{"  - run systemctl daemon-reload\n", "  - run systemctl daemon-reload\n  - reboot\n", "runcmd: a command (line"},
	{"restart --no-block a.service", "restart a.service", "runcmd: a command (line"},
	{"restart --no-block a.service b.target", "restart --no-block b.target", "runcmd: units that are enabled but not restarted"},
	{"  - 'trap ''exit ${failed:-$?}'' EXIT'\n", "", "runcmd: another end than"},
	{"\nmerge_how: list(append)", "\nmerge_how: list(prepend)", "another value than list(append)"},
	{"    system: true\n", "", "user etcd: no_create_home: true, with system: false"},
	{"  - name: root\n", "  - name: root\n    passwd: x\n", "user root: passwd"},
	{"bootcmd:\n", "bootcmd: x\nignored:\n", "bootcmd: something that is not a list (line 15)"},
	{"\nfqdn: ", "\nhostname: x\nfqdn: ", "hostname a second time (line 6)"},
	{"\nhostname: ", "\nMHcCAQEEIKq7: x\nhostname: ", "a key (line 5)"},
}

// TestForeignUserData: nothing that user-data says is lost.
func TestForeignUserData(t *testing.T) {
	good := string(UserData("kubernetes", named(" a\n"), debian(t)).Text)
	for _, test := range foreignUserData {
		if !strings.Contains(good, test.old) {
			t.Fatalf("%q is not in\n%s", test.old, good)
		}
		n, err := ReadUserData([]byte(strings.Replace(good, test.old, test.new, 1)))
		if err != nil || !slices.ContainsFunc(n.Further, func(f node.Further) bool { return strings.HasPrefix(f.String(), test.want) }) {
			t.Errorf("%q for %q: %v, %q, want %q", test.new, test.old, err, n.Further, test.want)
		}
	}
	for _, text := range []string{"", "#cloud-boothook\n", "#cloud-config\n", "#cloud-config\n- a\n", "#cloud-config\na: [\n", "hostname: a\n"} {
		if n, err := ReadUserData([]byte(text)); err == nil || strings.Contains(err.Error(), "yaml:") {
			t.Errorf("%q was read as %#v, %v", text, n, err)
		}
	}
}

// TestMetaData: the instance-id follows from the texts, and from nothing else.
func TestMetaData(t *testing.T) {
	text := MetaData("kubem00", []byte("user"), []byte("network"))
	if string(text) != string(MetaData("kubem00", []byte("user"), []byte("network"))) {
		t.Error("differs from time to time")
	}
	m, err := ReadMetaData(text)
	if err != nil || m.LocalHostname != "kubem00" || m.InstanceID != InstanceID("kubem00", []byte("user"), []byte("network")) || !strings.HasPrefix(m.InstanceID, "kubem00-") || len(m.InstanceID) != len("kubem00-")+12 {
		t.Errorf("%+v, %v", m, err)
	}
	seen := map[string]bool{}
	for _, texts := range [][][]byte{{nil}, {nil, nil}, {[]byte("user")}, {[]byte("use"), []byte("r")}, {[]byte("user"), nil}} {
		id := InstanceID("kubem00", texts...)
		if seen[id] {
			t.Errorf("%q has the id of another", texts)
		}
		seen[id] = true
	}
	for _, text := range []string{"", "instance-id: a\n", "instance-id: a\nlocal-hostname: b\nother: c\n", "instance-id: 1\nlocal-hostname: b\n"} {
		if m, err := ReadMetaData([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
}

func FuzzReadUserData(f *testing.F) {
	good := string(UserData("kubernetes", named(" a\n"), debian(f)).Text)
	f.Add([]byte(good))
	for _, test := range foreignUserData {
		f.Add([]byte(strings.Replace(good, test.old, test.new, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ReadUserData(text)
		if err != nil || len(n.Clashes()) > 0 || len(n.Further) > 0 {
			return
		}
		again := UserData("kubernetes", n, debian(t)).Text
		back, err := ReadUserData(again)
		if err != nil || !same(back, n) {
			t.Errorf("%s is read as\n%#v\nwritten as\n%s\nand read again as\n%#v, %v", text, n.Bare(), again, back.Bare(), err)
		}
	})
}

func FuzzUserDataContents(f *testing.F) {
	for _, contents := range odd {
		f.Add(contents)
	}
	f.Fuzz(func(t *testing.T, contents string) {
		n := named(contents)
		back, err := ReadUserData(UserData("kubernetes", n, debian(t)).Text)
		if err != nil || !same(back, n) {
			t.Errorf("%q is read back as %#v, %v", contents, back.Bare(), err)
		}
	})
}
