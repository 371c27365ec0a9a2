package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// One master with a disk for etcd, emulated: real Ignition partitions, formats
// and mounts real block devices. What the first system wrote, the next one finds.

// alone is a cluster of one master, so that its etcd answers.
const alone = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  kubernetesVersion: %s
  os: %s
  endpoint: kubem00:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters:
  - {name: kubem00, addresses: [%s]}
%s`

const aloneAddress = "10.10.10.80"

// renderAlone gives the directory of the master's documents, with further lines
// of spec.
func renderAlone(t *testing.T, p site.Parts, dir, system, lines string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	file := fmt.Sprintf(alone, os.Getenv("E2E_KUBERNETES"), system, aloneAddress, lines)
	must(t, os.WriteFile(filepath.Join(dir, "cluster.yaml"), []byte(file), 0o644))
	_, err := site.Run("env", "-C", dir, p.Hagen, "render")
	must(t, err)
	return filepath.Join(dir, "rendered/kubernetes/kubem00")
}

// newSystem makes a system's disk. In a second one somebody else has the number
// that the first one gave to etcd's account.
func newSystem(t *testing.T, p site.Parts, dir, name string, taken bool) string {
	t.Helper()
	disk := makeDisk(t, p, filepath.Join(dir, name), true, func(root string) {
		if taken {
			_, err := site.Run("chroot", root, "useradd", "--system", "--user-group", "somebody")
			must(t, err)
		}
	})
	must(t, os.RemoveAll(filepath.Join(dir, name)))
	return disk
}

func emptyDisk(t *testing.T, path string, size int64) string {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, size))
	return path
}

// holdsMember holds a report against what every system must find.
func holdsMember(t *testing.T, what string, r map[string]string) {
	t.Helper()
	for key, want := range map[string]string{"etcd": "active", "owner": "kube-etcd kube-etcd 700", "others": "0"} {
		if r[key] != want {
			t.Errorf("%s: %s is %q, want %q", what, key, r[key], want)
		}
	}
	if !strings.HasPrefix(r["filesystem"], "ext4 etcd ") {
		t.Errorf("%s: the filesystem is %q", what, r["filesystem"])
	}
	mounted, err := strconv.ParseInt(r["mounted"], 10, 64)
	started, err2 := strconv.ParseInt(r["started"], 10, 64)
	if err != nil || err2 != nil || mounted == 0 || mounted >= started {
		t.Errorf("%s: mounted after %q, etcd started after %q µs", what, r["mounted"], r["started"])
	}
	if !strings.Contains(r["written"], "revision") {
		t.Errorf("%s: etcd takes no writes: %q", what, r["written"])
	}
}

// keptFrom holds a second system's report against the first one's.
func keptFrom(t *testing.T, first, second map[string]string) {
	t.Helper()
	if first["filesystem"] != second["filesystem"] {
		t.Errorf("the filesystem was %s and is %s", first["filesystem"], second["filesystem"])
	}
	if strings.Contains(first["found"], "kvs") || !strings.Contains(second["found"], `"value":"a2VwdA=="`) {
		t.Errorf("found %q, and then %q", first["found"], second["found"])
	}
	if first["number"] == second["number"] {
		t.Errorf("etcd's account has the number %s on both systems: nothing was to be taken over", first["number"])
	}
}

// TestQEMUDisk: a disk by its name.
func TestQEMUDisk(t *testing.T) {
	t.Parallel()
	s := scenario(t, "16 etcd's disk, in QEMU")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "disk")
	document := filepath.Join(renderAlone(t, p, dir, "generic", "  etcd: {disk: /dev/disk/by-id/virtio-etcd}\n"), "config.ign")
	data := drive{emptyDisk(t, filepath.Join(dir, "data"), 1<<30), "etcd"}
	machine := func(system string, first bool, more ...drive) emulator {
		return emulator{document: document, address: aloneAddress, first: first, drives: append([]drive{{system, "boot"}}, more...)}
	}
	old := newSystem(t, p, dir, "old", false)
	begin := time.Now()
	before := boot(t, machine(old, true, data))
	s.figure(t, "first boot", time.Since(begin))
	holdsMember(t, "first", before)

	again := newSystem(t, p, dir, "new", true)
	begin = time.Now()
	after := boot(t, machine(again, true, data))
	s.figure(t, "re-imaged", time.Since(begin))
	holdsMember(t, "re-imaged", after)
	keptFrom(t, before, after)
	s.note(t, "account's number %s, then %s", before["number"], after["number"])

	// The disk fails later: the machine boots, and its etcd does not start over.
	without := boot(t, machine(again, false))
	if without["device"] != "none" || without["unit etcd"] != "enabled inactive" {
		t.Errorf("without the disk: mounted is %q, etcd is %q", without["device"], without["unit etcd"])
	}

	// Somebody else's disk is not touched.
	foreign := emptyDisk(t, filepath.Join(dir, "foreign"), 1<<30)
	_, err := site.Run("mkfs.ext4", "-q", "-F", "-L", "photos", foreign)
	must(t, err)
	sum, err := site.Run("sha256sum", foreign)
	must(t, err)
	report, console := machine(newSystem(t, p, dir, "other", false), true, drive{foreign, "etcd"}).run(t)
	if _, booted := report["end"]; booted || !strings.Contains(console, "is not of the correct type, label, or UUID") {
		t.Errorf("with a foreign filesystem: booted %t; the console does not say what is wrong", booted)
	}
	if now, err := site.Run("sha256sum", foreign); err != nil || now != sum {
		t.Errorf("a foreign disk was written to (%v)", err)
	}
}

// TestQEMUPartition: a partition of the boot disk by its label, made behind the
// root by the first system and kept by the installer of the next.
func TestQEMUPartition(t *testing.T) {
	t.Parallel()
	s := scenario(t, "16 etcd's partition of the boot disk, in QEMU")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "partition")
	documents := renderAlone(t, p, dir, "generic", `  etcd: {disk: etcd}
  disks:
    masters:
    - device: /dev/disk/by-id/virtio-boot
      partitions:
      - {label: etcd, number: 2, sizeMiB: 512}
      - {label: audit, number: 3, filesystem: {format: ext4, label: audit, path: /var/log/kube-apiserver}}
`)
	document := filepath.Join(documents, "config.ign")
	disk := emptyDisk(t, filepath.Join(dir, "disk"), 3<<30)
	_, err := site.Run("sgdisk", "--new=1:1MiB:+2048MiB", "--change-name=1:system", disk)
	must(t, err)
	install := func(name string, taken bool) {
		system := newSystem(t, p, dir, name, taken)
		_, err := site.Run("fallocate", "--punch-hole", "--offset=1MiB", "--length=2048MiB", disk)
		must(t, err)
		out, err := exec.Command("dd", "if="+system, "of="+disk, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none").CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	reports := make([]map[string]string, 2)
	for i, name := range []string{"old", "new"} {
		install(name, i > 0)
		reports[i] = boot(t, emulator{document: document, address: aloneAddress, first: true, drives: []drive{{disk, "boot"}}})
		holdsMember(t, name, reports[i])
		if !strings.HasSuffix(reports[i]["device"], "2") {
			t.Errorf("%s: etcd's data is on %s", name, reports[i]["device"])
		}
		if got := reports[i]["audit"]; !strings.HasPrefix(got, "ext4 audit kube-apiserver") {
			t.Errorf("%s: the audit log's disk is %q", name, got)
		}
	}
	keptFrom(t, reports[0], reports[1])
	table, err := site.Run("sgdisk", "--print", disk)
	must(t, err)
	if strings.Count(table, "etcd") != 1 || strings.Count(table, "audit") != 1 {
		t.Errorf("partitions: %s", table)
	}
	s.note(t, "kept over a new system")
}

// newCloudSystem makes a system's disk as newSystem does, of Debian with
// cloud-init. The kernel is the emulator's.
func newCloudSystem(t *testing.T, p site.Parts, dir, name, documents string, taken bool) string {
	t.Helper()
	return cloudSystem(t, p, dir, name, diskOf, func(root string) {
		if taken {
			_, err := site.Run("chroot", root, "useradd", "--system", "--user-group", "somebody")
			must(t, err)
		}
		must(t, p.AddLocalBinaries(root))
		must(t, site.SeedCloudInit(root, documents))
	})
}

// cloudSystem makes the disk of a system that cloud-init sets up, after its root was
// changed. makeOf makes it of the root directory.
func cloudSystem(t *testing.T, p site.Parts, dir, name string, makeOf func(*testing.T, string) string, change func(root string)) string {
	t.Helper()
	root, image := filepath.Join(dir, name), filepath.Join(os.Getenv("E2E_QEMU"), "root")
	for _, line := range []string{
		"cp -a --reflink=auto " + p.CloudBase + " " + root,
		"cp -a " + image + "/usr/lib/modules " + root + "/usr/lib/modules",
		"cp " + image + "/usr/lib/report.sh " + root + "/usr/lib/report.sh",
		"cp " + image + "/usr/lib/systemd/system/report.service " + root + "/usr/lib/systemd/system/report.service",
		"sed -i s/^Name=.*/Type=ether/ " + root + "/etc/systemd/network/20-site.network",
	} {
		_, err := site.Run(strings.Fields(line)[0], strings.Fields(line)[1:]...)
		must(t, err)
	}
	must(t, os.WriteFile(filepath.Join(root, "etc/fstab"), []byte("LABEL=root / ext4 defaults 0 1\n"), 0o644))
	change(root)
	disk := makeOf(t, root)
	must(t, os.RemoveAll(root))
	return disk
}

// TestQEMUCloudInitDisk: cloud-init formats an empty disk for etcd and
// partitions another, the next boots mount them, another system finds what is there, and a foreign disk is
// left as it is.
func TestQEMUCloudInitDisk(t *testing.T) {
	t.Parallel()
	s := scenario(t, "16 etcd's disk by cloud-init, in QEMU")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "cloud-disk")
	documents := renderAlone(t, p, dir, "debian", `  etcd: {disk: /dev/disk/by-id/virtio-etcd}
  disks:
    masters:
    - device: /dev/disk/by-id/virtio-logs
      partitions:
      - {label: spare, sizeMiB: 64}
      - {label: audit, filesystem: {format: ext4, label: audit, path: /var/log/kube-apiserver}}
`)
	data := drive{emptyDisk(t, filepath.Join(dir, "data"), 1<<30), "etcd"}
	logs := drive{emptyDisk(t, filepath.Join(dir, "logs"), 512<<20), "logs"}
	machine := func(system string, data drive) emulator {
		return emulator{address: aloneAddress, drives: []drive{{system, "boot"}, data, logs}}
	}
	old := newCloudSystem(t, p, dir, "old", documents, false)
	begin := time.Now()
	before := boot(t, machine(old, data))
	s.figure(t, "first boot", time.Since(begin))
	holdsMember(t, "first", before)
	begin = time.Now()
	second := boot(t, machine(old, data))
	s.figure(t, "second", time.Since(begin))
	holdsMember(t, "second", second)
	if !strings.Contains(second["found"], `"value":"a2VwdA=="`) {
		t.Errorf("the second boot finds %q", second["found"])
	}
	must(t, os.Remove(old))
	again := newCloudSystem(t, p, dir, "new", documents, true)
	begin = time.Now()
	after := boot(t, machine(again, data))
	s.figure(t, "re-imaged", time.Since(begin))
	holdsMember(t, "re-imaged", after)
	keptFrom(t, before, after)
	for what, report := range map[string]map[string]string{"first": before, "second": second, "re-imaged": after} {
		if got := report["audit"]; got != "ext4 audit kube-apiserver" {
			t.Errorf("%s: the audit log's partition is %q", what, got)
		}
	}
	must(t, os.Remove(again))

	foreign := emptyDisk(t, filepath.Join(dir, "foreign"), 1<<30)
	_, err := site.Run("mkfs.ext4", "-q", "-F", "-L", "photos", foreign)
	must(t, err)
	sum, err := site.Run("sha256sum", foreign)
	must(t, err)
	report, console := machine(newCloudSystem(t, p, dir, "other", documents, false), drive{foreign, "etcd"}).run(t)
	if report["device"] != "none" || report["unit etcd"] != "enabled inactive" || !strings.Contains(console, "hagen: /dev/disk/by-id/virtio-etcd holds ext4 with the label 'photos', not ext4 with the label 'etcd': nothing on it was touched") {
		t.Errorf("with a foreign filesystem: mounted %q, etcd %q; is it said? %t", report["device"], report["unit etcd"], strings.Contains(console, "nothing on it was touched"))
	}
	if now, err := site.Run("sha256sum", foreign); err != nil || now != sum {
		t.Errorf("a foreign disk was written to (%v)", err)
	}
}
