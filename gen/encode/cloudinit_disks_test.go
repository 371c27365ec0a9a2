package encode

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
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

// bench is a place to run bootcmd's commands for disks: files for devices, real
// tools on them, and notes of what would be mounted.
type bench struct {
	t          *testing.T
	dir, fstab string
}

func newBench(t *testing.T) bench {
	t.Helper()
	for _, tool := range []string{"blkid", "sfdisk", "wipefs", "mkfs.ext4"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("HAGEN_READERS") == "required" {
				t.Fatalf("%s is not installed", tool)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
	b := bench{t, t.TempDir(), ""}
	b.fstab = filepath.Join(b.dir, "fstab")
	stubs := map[string]string{
		"cloud-init-per": "shift 2; exec \"$@\"\n", "udevadm": "", "systemctl": "", "sleep": "",
		"mountpoint": "exit 1\n", "mount": "echo \"$*\" >>" + filepath.Join(b.dir, "mounted") + "\n",
	}
	for name, text := range stubs {
		b.stub(name, text)
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "cloud", "sem"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.fstab, []byte("LABEL=root / ext4 defaults 0 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return b
}

// stub puts a program before all others of its name.
func (b bench) stub(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// device gives an empty one.
func (b bench) device(name string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Truncate(path, 64<<20); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// boot runs the commands of a node for its disks, and gives what they said. A
// table in a file, and not on a disk, is erased by force alone.
func (b bench) boot(n node.Node) (string, error) {
	b.t.Helper()
	if problem := disksFor(n); problem != "" {
		b.t.Fatal(problem)
	}
	system, _ := profiles.FindOS("debian")
	top, err := mapping(UserData("c", n, system).Text)
	if err != nil {
		b.t.Fatal(err)
	}
	var r userData
	var commands [][]string
	r.fields("", top, keys{"bootcmd": r.each("", func(n *yaml.Node) {
		var words []string
		r.texts("", &words)(n)
		commands = append(commands, words)
	})})
	var said bytes.Buffer
	var failed error
	for _, words := range commands {
		for i := range words {
			words[i] = strings.NewReplacer("/etc/fstab", b.fstab, "/var/lib/cloud/", filepath.Join(b.dir, "cloud")+"/", "/dev/disk/by-partlabel", b.dir, "/sys/class/block", filepath.Join(b.dir, "sys"), "/dev/console", filepath.Join(b.dir, "console"), "wipefs --quiet", "wipefs --quiet --force").Replace(words[i])
		}
		run := exec.Command(filepath.Join(b.dir, words[0]), words[1:]...)
		run.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
		run.Stdout, run.Stderr = &said, &said
		if err := run.Run(); err != nil {
			failed = err
		}
	}
	return said.String(), failed
}

func (b bench) tool(name string, args ...string) string {
	b.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (b bench) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(b.dir, name))
	return string(text)
}

// TestFilesystemScript: an empty device is formatted, one that is as described
// is kept, and nothing else is touched.
func TestFilesystemScript(t *testing.T) {
	b := newBench(t)
	device := b.device("etcd-disk")
	path := filepath.Join(b.dir, "data")
	n := node.Node{
		Name:        "a",
		Filesystems: []node.Filesystem{{Device: device, Format: "ext4", Label: "etcd", Path: path}},
		Mounts:      []node.Mount{{Device: device, Path: path, Format: "ext4", Options: []string{node.NoFail}}},
	}
	if said, err := b.boot(n); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	first := b.tool("blkid", "-p", "-o", "value", "-s", "UUID", device)
	line := device + " " + path + " ext4 nofail 0 2\n"
	if fstab := b.read("fstab"); !strings.HasSuffix(fstab, "0 1\n"+line) || b.read("mounted") != path+"\n" {
		t.Errorf("fstab is\n%smounted is %q", fstab, b.read("mounted"))
	}
	// Another instance: nothing is made, and nothing said twice.
	if said, err := b.boot(n); err != nil || b.tool("blkid", "-p", "-o", "value", "-s", "UUID", device) != first || strings.Count(b.read("fstab"), line) != 1 {
		t.Errorf("%v: %s\n%s", err, said, b.read("fstab"))
	}
	for what, spoil := range map[string]func(device string){
		"another-label":     func(d string) { b.tool("mkfs.ext4", "-q", "-F", "-L", "photos", d) },
		"another-format":    func(d string) { b.tool("mkswap", "-q", d) },
		"a-partition-table": func(d string) { b.tool("sh", "-c", "echo 'label: gpt' | sfdisk --quiet '"+d+"'") },
	} {
		other := b.device(what)
		spoil(other)
		before, _ := os.ReadFile(other)
		m := n
		m.Filesystems, m.Mounts = slices.Clone(n.Filesystems), slices.Clone(n.Mounts)
		m.Filesystems[0].Device, m.Mounts[0].Device = other, other
		mounted := b.read("mounted")
		said, err := b.boot(m)
		after, _ := os.ReadFile(other)
		if err == nil || !strings.Contains(said, "nothing on it was touched") || !strings.Contains(said, "not ext4 with the label 'etcd'") || said != b.read("console") {
			t.Errorf("%s: %v, said %q", what, err, said)
		}
		if !bytes.Equal(before, after) || b.read("mounted") != mounted || strings.Contains(b.read("fstab"), other) {
			t.Errorf("%s: touched or mounted", what)
		}
		os.Remove(filepath.Join(b.dir, "console"))
		// Whoever wants it erased says so.
		m.Filesystems[0].Wipe = true
		if said, err := b.boot(m); err != nil || b.tool("blkid", "-p", "-o", "value", "-s", "LABEL", other) != "etcd" {
			t.Errorf("%s, erased: %v, %s", what, err, said)
		}
	}
	gone := n
	gone.Filesystems = []node.Filesystem{{Device: filepath.Join(b.dir, "none"), Format: "ext4"}}
	gone.Mounts = nil
	if said, err := b.boot(gone); err == nil || !strings.Contains(said, "none is not there") {
		t.Errorf("a missing device: %v, %s", err, said)
	}
}

// TestPartitionScript: an empty disk is partitioned, one with these partitions
// is kept, and no other is touched.
func TestPartitionScript(t *testing.T) {
	b := newBench(t)
	device := b.device("disk")
	n := node.Node{Name: "a", Disks: []node.Disk{{Device: device, Partitions: []node.Partition{
		{Number: 1, Label: "etcd", StartMiB: 2, SizeMiB: 8}, {Number: 3, Label: "rest"},
	}}}}
	if said, err := b.boot(n); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	table := b.tool("sfdisk", "--dump", device)
	for _, want := range []string{"label: gpt", `start=        4096, size=       16384`, `name="etcd"`, `disk3 :`, `name="rest"`} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if said, err := b.boot(n); err != nil || b.tool("sfdisk", "--dump", device) != table {
		t.Errorf("again: %v %s", err, said)
	}
	other := n
	other.Disks = []node.Disk{{Device: device, Partitions: []node.Partition{{Number: 1, Label: "data"}}}}
	if said, err := b.boot(other); err == nil || !strings.Contains(said, "has no partition 1 with the label data") || b.tool("sfdisk", "--dump", device) != table {
		t.Errorf("other partitions: %v %s", err, said)
	}
	other.Disks[0].WipeTable = true
	if said, err := b.boot(other); err != nil || !strings.Contains(b.tool("sfdisk", "--dump", device), `name="data"`) {
		t.Errorf("erased: %v %s", err, said)
	}
	plain := b.device("plain")
	b.tool("mkfs.ext4", "-q", "-F", plain)
	n.Disks[0].Device = plain
	if said, err := b.boot(n); err == nil || !strings.Contains(said, "holds ext4, not partitions") {
		t.Errorf("a filesystem: %v %s", err, said)
	}
}

// write puts bytes on a device.
func (b bench) write(device string, at int64, data []byte) {
	b.t.Helper()
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		b.t.Fatal(err)
	}
}

// physicalVolume is the second sector of one of LVM's (lib/format_text/layout.h
// and lib/label/label.h of LVM2).
func physicalVolume() []byte {
	sector := make([]byte, 512)
	copy(sector, "LABELONE")
	sector[8], sector[20] = 1, 32 // this sector, and where its header is
	copy(sector[24:], "LVM2 001")
	copy(sector[32:], "0123456789abcdef0123456789abcdef")
	binary.LittleEndian.PutUint32(sector[16:], ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, sector[20:]))
	return sector
}

// raidMember is the superblock of a member of an array, version 1.2
// (linux/raid/md_p.h).
func raidMember() []byte {
	block := make([]byte, 256)
	binary.LittleEndian.PutUint32(block, 0xa92b4efc)
	block[4], block[144] = 1, 8 // version, and the sector it is at
	sum := uint64(0)
	for i := 0; i < len(block); i += 4 {
		sum += uint64(binary.LittleEndian.Uint32(block[i:]))
	}
	binary.LittleEndian.PutUint32(block[216:], uint32(sum+sum>>32))
	return block
}

// TestForeignDisks: neither script touches a disk that holds anything else, that
// cannot be read, or of which blkid says nothing that is understood.
func TestForeignDisks(t *testing.T) {
	b := newBench(t)
	etcd := func(d string) { b.tool("mkfs.ext4", "-q", "-F", "-L", "etcd", d) }
	for what, test := range map[string]struct {
		spoil      func(device string)
		blkid, say string // in its place, and what is said
	}{
		"two signatures": {func(d string) { etcd(d); b.write(d, 65600, []byte("_BHRfS_M")) }, "", "holds more than one thing"},
		"LVM":            {func(d string) { b.write(d, 512, physicalVolume()) }, "", "holds LVM2_member"},
		"RAID":           {func(d string) { b.write(d, 4096, raidMember()) }, "", "holds linux_raid_member"},
		"LUKS":           {func(d string) { b.write(d, 0, []byte("LUKS\xba\xbe\x00\x01")) }, "", "holds crypto_LUKS"},
		"swap":           {func(d string) { b.tool("mkswap", "-q", d) }, "", "holds swap"},
		"empty table":    {func(d string) { b.tool("sh", "-c", "echo 'label: gpt' | sfdisk --quiet '"+d+"'") }, "", ""},
		"old table":      {func(d string) { b.tool("sh", "-c", "echo ',8MiB' | sfdisk --quiet --label dos '"+d+"'") }, "", ""},
		"wrong usage":    {etcd, "exit 4\n", "cannot be told (blkid: 4)"},
		"no blkid":       {etcd, "exit 127\n", "cannot be told (blkid: 127)"},
		"killed":         {etcd, "kill -9 $$\n", "cannot be told (blkid: 137)"},
		// blkid says of both what it says of an empty device.
		"a directory": {func(d string) {
			if err := os.Remove(d); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "", "cannot be read"},
		"unreadable": {func(d string) { etcd(d); b.stub("dd", "exit 1\n") }, "exit 2\n", "cannot be read"},
	} {
		device := b.device(strings.ReplaceAll(what, " ", "-"))
		test.spoil(device)
		if test.blkid != "" {
			b.stub("blkid", test.blkid)
		}
		before, _ := os.ReadFile(device)
		for script, n := range map[string]node.Node{
			"filesystem": {Filesystems: []node.Filesystem{{Device: device, Format: "ext4", Label: "etcd"}}},
			"partitions": {Disks: []node.Disk{{Device: device, Partitions: []node.Partition{{Number: 1, Label: "etcd"}}}}},
		} {
			n.Name = "a"
			said, err := b.boot(n)
			if after, _ := os.ReadFile(device); err == nil || !bytes.Equal(before, after) || !strings.Contains(said, test.say) || !strings.Contains(said, "nothing on it was touched") {
				t.Errorf("%s, %s: %v, said %q", what, script, err, said)
			}
		}
		os.Remove(filepath.Join(b.dir, "blkid"))
		os.Remove(filepath.Join(b.dir, "dd"))
	}
}

// TestPartitionOfAnotherDisk: a partition with the label of one that the node
// makes, and of another disk, is not touched, whatever is to be erased.
func TestPartitionOfAnotherDisk(t *testing.T) {
	b := newBench(t)
	disk := b.device("vdb")
	n := node.Node{
		Name:        "a",
		Disks:       []node.Disk{{Device: disk, Partitions: []node.Partition{{Number: 1, Label: "scratch"}}}},
		Filesystems: []node.Filesystem{{Device: "/dev/disk/by-partlabel/scratch", Format: "ext4", Label: "new", Wipe: true}},
	}
	for name, test := range map[string]struct{ sys, label string }{
		"another disk's": {"vdc/vdc1", "old"},
		"another one":    {"vdb/vdb1", "old"},
		"the disk's":     {"vdb/vdc1", "new"},
		"of a mapping":   {"vdb/holders/vdc1", "new"},
	} {
		part := b.device("vdc1")
		b.tool("mkfs.ext4", "-q", "-F", "-L", "old", part)
		for _, path := range []string{"sys", "scratch", "cloud/sem"} {
			os.RemoveAll(filepath.Join(b.dir, path))
		}
		for _, path := range []string{"cloud/sem", "sys/" + test.sys} {
			if err := os.MkdirAll(filepath.Join(b.dir, path), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("vdc1", filepath.Join(b.dir, "scratch")); err != nil {
			t.Fatal(err)
		}
		said, err := b.boot(n)
		if got := b.tool("blkid", "-p", "-o", "value", "-s", "LABEL", part); got != test.label || (err == nil) != (got == "new") || (err != nil) != strings.Contains(said, "is no partition of "+disk+": nothing") {
			t.Errorf("%s: %s, %v, said %q", name, got, err, said)
		}
	}
}

// TestEraseOnce: what is to be erased is erased once, and not with every
// changed document; a system that is made again starts over.
func TestEraseOnce(t *testing.T) {
	b := newBench(t)
	device, disk := b.device("scratch"), b.device("disk")
	n := node.Node{
		Name:        "a",
		Filesystems: []node.Filesystem{{Device: device, Format: "ext4", Label: "scratch", Wipe: true}},
		Disks:       []node.Disk{{Device: disk, WipeTable: true, Partitions: []node.Partition{{Number: 1, Label: "a"}}}},
	}
	identity := func() string {
		return b.tool("blkid", "-p", "-o", "value", "-s", "UUID", device) + b.tool("blkid", "-p", "-o", "value", "-s", "PTUUID", disk)
	}
	boot := func() string {
		t.Helper()
		if said, err := b.boot(n); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return identity()
	}
	first := boot()
	if boot() != first {
		t.Error("a changed document erased a disk again")
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "cloud", "sem")); err != nil {
		t.Fatal(err)
	}
	if said, err := b.boot(n); err == nil || !strings.Contains(said, "cannot be erased") {
		t.Errorf("nothing can remember it: %v %s", err, said)
	}
	if err := os.Mkdir(filepath.Join(b.dir, "cloud", "sem"), 0o755); err != nil {
		t.Fatal(err)
	}
	if boot() == first {
		t.Error("a new system erased nothing")
	}
}

// TestDisksFor: what cloud-init cannot say is refused.
func TestDisksFor(t *testing.T) {
	for what, spoil := range map[string]func(*node.Node){
		"resize":         func(n *node.Node) { n.Disks[0].Partitions[0].Resize = true },
		"wipe":           func(n *node.Node) { n.Disks[0].Partitions[0].Wipe = true },
		"other options":  func(n *node.Node) { n.Mounts[0].Options = []string{"ro"} },
		"no mount":       func(n *node.Node) { n.Mounts = n.Mounts[1:] },
		"mount of none":  func(n *node.Node) { n.Mounts[0].Device = "/dev/none" },
		"mounted beside": func(n *node.Node) { n.Mounts = append(n.Mounts, node.Mount{Device: "/dev/none", Path: "/x"}) },
	} {
		n := named("a\n")
		if problem := disksFor(n); problem != "" {
			t.Fatal(problem)
		}
		spoil(&n)
		if disksFor(n) == "" {
			t.Errorf("%s: nothing is said", what)
		}
	}
}
