package media

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/profiles"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// host is a machine with small documents, without keys, which stand for real ones.
func host(t *testing.T, name, system, mac string, interfaces ...node.Interface) Host {
	t.Helper()
	os, known := profiles.FindOS(system)
	if !known {
		t.Fatalf("no system %s", system)
	}
	h := Host{Name: name, OS: os, MAC: mac, Node: node.Node{Name: name}}
	add := func(format, text string) {
		h.Documents = append(h.Documents, document.Document{Format: format, Path: document.Path(name, format), Text: []byte(text)})
	}
	for _, i := range interfaces {
		h.Node.Files = append(h.Node.Files, network.File(i, os.Network))
	}
	h.Kargs = strings.TrimSpace(string(network.Kargs(h.Node, os)))
	for _, format := range os.Formats {
		switch format {
		case profiles.Ignition:
			add(format, `{"ignition":{"version":"3.4.0"}}`+"\n")
		case profiles.NetworkConfig:
			if text := network.Config(interfaces); text != nil {
				add(format, string(text))
			}
		default:
			add(format, "# "+format+" of "+name+"\n")
		}
	}
	return h
}

// static is an interface of both families.
var static = node.Interface{
	MAC:         "52:54:00:00:00:02",
	Addresses:   []netip.Prefix{netip.MustParsePrefix("10.10.10.81/24"), netip.MustParsePrefix("fd00:10::81/64")},
	Gateways:    []netip.Addr{netip.MustParseAddr("10.10.10.1"), netip.MustParseAddr("fd00:10::1")},
	Nameservers: []netip.Addr{netip.MustParseAddr("10.10.10.53"), netip.MustParseAddr("fd00:10::53")},
}

// several is a cluster with a machine of each kind.
func several(t *testing.T) Source {
	named := static
	named.Name, named.MAC, named.Nameservers = "ens3", "", nil
	return Source{Cluster: "kubernetes", Boot: cluster.Boot{
		URL: "http://10.10.10.1:8080/boot", Kernel: "vmlinuz", Initrd: []string{"initramfs.img", "http://10.10.10.2/more.img"}, Rootfs: "rootfs.img",
		Arguments: []string{"console=tty0", "quiet"},
	}, Hosts: []Host{
		host(t, "fcos", "fcos", "52:54:00:00:00:01"),
		host(t, "fcos-static", "fcos", static.MAC, static),
		host(t, "flatcar", "flatcar", "52:54:00:00:00:03", named),
		host(t, "generic", "generic", "52:54:00:00:00:04"),
		host(t, "debian", "debian", "52:54:00:00:00:05", static),
		host(t, "ubuntu", "ubuntu", "52:54:00:00:00:06"),
	}}
}

func allOf(s Source) (names []string) {
	for _, h := range s.Hosts {
		names = append(names, h.Name)
	}
	return names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGolden: every file, with its hash and what is in it.
func TestGolden(t *testing.T) {
	s := several(t)
	made, err := Make(s, profiles.KindNames(), allOf(s))
	must(t, err)
	again, err := Make(several(t), profiles.KindNames(), allOf(s))
	must(t, err)
	if !reflect.DeepEqual(made, again) {
		t.Error("the same documents give other media")
	}
	openstack, _ := profiles.FindPlatform("openstack")
	s.Boot.Platform = openstack
	drives, err := Make(s, []string{"seed", "matchbox"}, []string{"fcos", "debian", "generic"})
	must(t, err)
	s.Hosts[1].InstallDisk, s.Hosts[1].KeepLabels = "/dev/disk/by-id/nvme-A", []string{"etcd"}
	installing, err := Make(s, []string{"netboot"}, []string{"fcos-static"})
	must(t, err)
	made = slices.Concat(made, drives, installing)
	var b strings.Builder
	for _, f := range made {
		line, err := json.Marshal(f.Medium)
		must(t, err)
		fmt.Fprintf(&b, "%s\n%s", line, shown(t, f))
	}
	const path = "testdata/golden.txt"
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(b.String()), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got := b.String(); got != string(want) {
		t.Errorf("differs from %s; go test ./out/media -update rewrites it:\n%s", path, got)
	}
}

// shown gives the contents of a file, indented: text as it is, an archive as its own.
func shown(t *testing.T, f File) string {
	t.Helper()
	text := string(f.Data)
	if r, err := gzip.NewReader(bytes.NewReader(f.Data)); err == nil {
		unpacked, err := io.ReadAll(r)
		must(t, err)
		text = strings.ReplaceAll(string(unpacked), "\x00", "")
	} else if strings.HasSuffix(f.File, ".iso") {
		// Its smallest files, which are not documents.
		text = ""
		for _, about := range regexp.MustCompile(`(?m)^(instance-id: .*\n.*|\{\n  "(hostname|links)(.*\n)+?\}|version: 1(\n.*?)+)\n\x00`).FindAllString(string(f.Data), -1) {
			text += strings.TrimSuffix(about, "\x00")
		}
	}
	text = strings.TrimSuffix("    "+strings.ReplaceAll(text, "\n", "\n    "), "    ")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// TestMake: which kinds machines get, and for which of them.
func TestMake(t *testing.T) {
	s := several(t)
	for _, test := range []struct {
		hosts, kinds, files []string
	}{
		{[]string{"fcos"}, []string{"seed", "initrd", "qemu"}, []string{"fcos/fw_cfg.ign", "fcos/initrd.img", "fcos/qemu.args", "fcos/seed.iso"}},
		{[]string{"debian", "fcos"}, []string{"initrd"}, []string{"fcos/initrd.img"}},
		{[]string{"ubuntu"}, []string{"qemu"}, []string{"ubuntu/qemu.args", "ubuntu/seed.iso"}},
		{[]string{"ubuntu"}, []string{"qemu", "seed"}, []string{"ubuntu/qemu.args", "ubuntu/seed.iso"}},
	} {
		made, err := Make(s, test.kinds, test.hosts)
		must(t, err)
		var files []string
		for _, f := range made {
			files = append(files, f.File)
		}
		if !slices.Equal(files, test.files) {
			t.Errorf("%v of %v: %v", test.kinds, test.hosts, files)
		}
	}
	if got := Makes(s, []string{"debian"}); !slices.Equal(got, []string{"seed", "qemu", "netboot"}) {
		t.Errorf("for debian: %v", got)
	}
}

// TestTooLarge: what QEMU would take minutes to hand over is refused.
func TestTooLarge(t *testing.T) {
	h := host(t, "fcos", "fcos", "")
	for i := range h.Documents {
		h.Documents[i].Text = make([]byte, 1<<20+1)
	}
	_, err := Make(Source{Hosts: []Host{h}}, []string{"seed", "initrd"}, []string{"fcos"})
	must(t, err)
	_, err = Make(Source{Hosts: []Host{h}}, []string{"qemu"}, []string{"fcos"})
	if want := "fcos/config.ign has 1048577 bytes, and QEMU's firmware configuration, `fw_cfg` takes 1048576: render it with --channel qemu"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestKeys: a medium with a document holds the keys of its machine, also where somebody
// says that the document is a twin; one of a twin, and one without a document, holds none.
func TestKeys(t *testing.T) {
	s := several(t)
	for contents, keys := range map[string]bool{
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": true,
		"token: abc\n": true,
		"client-key-data: private key of the public key with SHA-256 " + strings.Repeat("a", 64) + "\n": false,
	} {
		s.Hosts[0].Node.Files = []node.File{{Path: "/etc/key", Contents: []byte(contents)}}
		made, err := Make(s, profiles.KindNames(), allOf(s))
		must(t, err)
		for _, f := range made {
			want := keys && f.Host == "fcos" && f.Document != ""
			if got := slices.Equal(f.HoldsKeysOf, []string{"fcos"}); got != want || !got && len(f.HoldsKeysOf) > 0 {
				t.Errorf("%q: %s holds the keys of %v", contents, f.File, f.HoldsKeysOf)
			}
		}
	}
}

// TestNeeds: what the cluster file must say.
func TestNeeds(t *testing.T) {
	s := several(t)
	for _, kind := range profiles.KindNames() {
		if err := Needs(s, kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	s.Boot.URL = "tftp://10.10.10.1"
	if err := Needs(s, "matchbox"); err == nil || !strings.Contains(err.Error(), "write where Matchbox serves files") {
		t.Errorf("matchbox: %v", err)
	}
	_, err := Make(s, []string{"netboot"}, allOf(s))
	if want := "debian is set up by cloud-init, which fetches its files by HTTP: write spec.boot.url, such as http://10.10.10.1/boot\nubuntu is set up by cloud-init"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("by TFTP: %v", err)
	}
	s.Boot = cluster.Boot{}
	if err := Needs(s, "netboot"); err == nil || !strings.Contains(err.Error(), "spec.boot.kernel and spec.boot.initrd") {
		t.Errorf("netboot: %v", err)
	}
	if got := Makes(s, allOf(s)); !slices.Equal(got, []string{"seed", "initrd", "qemu"}) {
		t.Errorf("without a kernel: %v", got)
	}
}

// TestCheckNetwork: one kernel boots one operating system, and no machine is called like a
// directory for all of them, whatever is made.
func TestCheckNetwork(t *testing.T) {
	const two, name = "spec.boot.kernel is the kernel of one of the systems %s: make the media of each by itself, with --host", "a machine is called %s, like the directory for all machines that boot over the network: give it another name, or remove spec.boot.kernel"
	for _, tt := range []struct{ kind, hosts, called, want string }{
		{"netboot", "fcos fcos-static", "", ""},
		{"netboot", "fcos flatcar", "", fmt.Sprintf(two, "fcos, flatcar")},
		{"netboot", "debian ubuntu", "", fmt.Sprintf(two, "debian, ubuntu")},
		{"matchbox", "fcos generic", "", fmt.Sprintf(two, "fcos, generic")},
		{"matchbox", "fcos debian", "", ""}, // it serves only one of the two
		{"seed", "fcos debian", "", ""},
		{"seed", "fcos", "netboot", fmt.Sprintf(name, "netboot")},
		{"netboot", "fcos", "matchbox", fmt.Sprintf(name, "matchbox")},
	} {
		s := several(t)
		if tt.called != "" {
			s.Hosts[4].Name = tt.called
		}
		got := ""
		if err := CheckNetwork(s, []string{tt.kind}, strings.Fields(tt.hosts)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: %q", tt, got)
		}
		s.Boot = cluster.Boot{}
		if err := CheckNetwork(s, []string{tt.kind}, strings.Fields(tt.hosts)); err != nil {
			t.Errorf("%v, without a kernel: %v", tt, err)
		}
	}
}

// TestCommandLine: a kernel's arguments are refused if Linux would not read all of them.
func TestCommandLine(t *testing.T) {
	long := func(n int) []string { return []string{"console=tty0", "x=" + strings.Repeat("y", n)} }
	for _, kind := range []string{"netboot", "matchbox"} {
		s := several(t)
		s.Boot.Arguments = long(1500)
		_, err := Make(s, []string{kind}, []string{"fcos"})
		must(t, err)
		s.Boot.Arguments = long(2047)
		_, err = Make(s, []string{kind}, []string{"fcos"})
		if err == nil || !strings.Contains(err.Error(), "the kernel arguments of fcos have 2") || !strings.Contains(err.Error(), "and Linux reads 2047: shorten spec.boot.kernelArguments, which are 2062 of them") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	s := several(t)
	h := &s.Hosts[0]
	for _, n := range []int{maxCommandLine, maxCommandLine + 1} {
		if err := h.fitsKernel(s, strings.Repeat("x", n)); (err == nil) != (n == maxCommandLine) {
			t.Errorf("%d bytes: %v", n, err)
		} else if err != nil && !strings.Contains(err.Error(), "its network is most of them: give it fewer static addresses, or boot it with hagen media --kind seed") {
			t.Error(err)
		}
	}
	if words := s.Hosts[4].arguments(s, true); words[0] != "ds=nocloud;dsmode=net;s=http://10.10.10.1:8080/boot/debian/" {
		t.Errorf("the first argument is %s", words[0])
	}
}

// TestScreen: what a machine prints is not wrapped on a screen of 80 columns.
func TestScreen(t *testing.T) {
	s := several(t)
	made, err := Make(s, []string{"netboot"}, []string{"fcos"})
	must(t, err)
	seen := 0
	for _, f := range made {
		for line := range strings.Lines(string(f.Data)) {
			words, found := strings.CutPrefix(line, "echo ")
			if !found {
				words, found = strings.CutPrefix(line, "  SAY ")
			}
			words = strings.TrimSuffix(strings.ReplaceAll(words, "${netX/mac}", "52:54:00:00:00:99"), "\n")
			if !found {
				continue
			}
			if seen++; len(words) >= 80 {
				t.Errorf("%s: %d columns: %s", f.File, len(words), words)
			}
		}
	}
	if seen == 0 {
		t.Error("no machine says anything")
	}
}

// TestOnlyTooLarge: what has no room is one answer, anything else another.
func TestOnlyTooLarge(t *testing.T) {
	large, other := TooLarge{errors.New("large")}, errors.New("other")
	for _, tt := range []struct {
		err  error
		want bool
	}{{errors.Join(large, large), true}, {errors.Join(large, other), false}, {fmt.Errorf("x: %w", large), true}, {other, false}} {
		if got := OnlyTooLarge(tt.err); got != tt.want {
			t.Errorf("%v: %t", tt.err, got)
		}
	}
}

func TestList(t *testing.T) {
	s := several(t)
	first, err := Make(s, []string{"initrd"}, []string{"fcos", "flatcar"})
	must(t, err)
	list := List{Cluster: "kubernetes"}.With(first, func(Medium) bool { return true })
	read, err := ReadList(list.Text())
	must(t, err)
	if !reflect.DeepEqual(read, list) {
		t.Errorf("read %v, want %v", read, list)
	}
	second, err := Make(s, []string{"seed"}, []string{"fcos"})
	must(t, err)
	var files []string
	for _, m := range read.With(second, func(m Medium) bool { return m.Host == "flatcar" }).Media {
		files = append(files, m.File)
	}
	if want := []string{"fcos/initrd.img", "fcos/seed.iso"}; !slices.Equal(files, want) {
		t.Errorf("%v, want %v", files, want)
	}
}

// FuzzReadList: a list that can be read is written as it was read.
func FuzzReadList(f *testing.F) {
	f.Add([]byte(`{"cluster":"a","twins":false,"media":[]}`))
	f.Add(List{Cluster: "b", Media: []Medium{{Kind: "seed", File: "a/seed.iso", SHA256: strings.Repeat("0", 64), HoldsKeysOf: []string{}}}}.Text())
	f.Add([]byte(`{"media":[{"file":"x"},{"file":"x"}]} {}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ReadList(text)
		if err != nil {
			return
		}
		again, err := ReadList(list.Text())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Text(), list.Text()) {
			t.Errorf("%s\n%s", list.Text(), again.Text())
		}
	})
}
