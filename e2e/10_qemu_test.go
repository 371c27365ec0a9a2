package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// A whole machine, emulated: kernel, initrd with Ignition, the document
// through the firmware's configuration, or from a volume that the kernel's command
// line names. What it reports must be what Ignition makes of the document in a
// directory.
func TestQEMU(t *testing.T) {
	t.Parallel()
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "qemu")
	must(t, site.Seed.Render(p, dir, "standard"))
	for name, address := range map[string]string{"kubernetes": "10.10.10.2", "kubem00": "10.10.10.80"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			emulated(t, p, dir, name, address)
		})
	}
}

func emulated(t *testing.T, p site.Parts, dir, name, address string) {
	s := scenario(t, "10 "+name+" in QEMU")
	master := name != "kubernetes"
	document := filepath.Join(dir, "rendered/kubernetes", name, "config.ign")
	machine := emulator{address: address, first: true, drives: []drive{{makeDisk(t, p, filepath.Join(dir, name), master, func(string) {}), "boot"}}}
	if master {
		machine.document = document
	} else {
		machine.fromVolume(t, p, dir, name)
	}
	begin := time.Now()
	report := boot(t, machine)
	s.figure(t, "from power-on to report", time.Since(begin))

	if got := report["hostname"]; got != name {
		t.Errorf("the machine calls itself %q", got)
	}
	want := map[string]string{"hagen-binaries": "enabled active", "haproxy": "enabled active"}
	if master {
		// Its peers are not there, so etcd starts and starts, and the others wait.
		want = map[string]string{"hagen-binaries": "enabled active", "etcd": "enabled activating",
			"kube-apiserver": "enabled inactive", "kube-controller-manager": "enabled inactive", "kube-scheduler": "enabled inactive"}
	}
	for unit, state := range want {
		if got := report["unit "+unit]; got != state {
			t.Errorf("%s is %q, want %q", unit, got, state)
		}
	}
	h := &site.Host{Name: name, Address: netip.MustParseAddr(address), Master: master, Root: filepath.Join(dir, name+"-reference")}
	must(t, h.Install(p, document))
	compared := 0
	for path, got := range report {
		file, isFile := strings.CutPrefix(path, "file ")
		if !isFile || strings.Contains(file, ".wants/") {
			continue
		}
		want, err := describe(h, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the image's own
		}
		must(t, err)
		if got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
		compared++
	}
	if compared < 8 {
		t.Errorf("only %d files were compared: %v", compared, report)
	}
	s.note(t, "%d files", compared)
}

// fromVolume attaches the volume of a machine, and names it as media.json says.
func (m *emulator) fromVolume(t *testing.T, p site.Parts, dir, name string) {
	t.Helper()
	out, err := site.Run("env", "-C", dir, p.Hagen, "media", "--kind", "seed", "--host", name, "--json")
	must(t, err)
	var made struct {
		Media []struct{ File, KernelArguments string }
	}
	must(t, json.Unmarshal([]byte(out), &made))
	m.words = made.Media[0].KernelArguments
	m.drives = append(m.drives, drive{filepath.Join(dir, "media/kubernetes", made.Media[0].File), "seed"})
}

// describe gives a file of the reference in the report's words: mode, owner,
// hash. Numbers of accounts may differ between images, names may not.
func describe(h *site.Host, path string) (string, error) {
	data, err := os.ReadFile(filepath.Join(h.Root, path))
	if err != nil {
		return "", err
	}
	owner, err := site.Run("chroot", h.Root, "stat", "-c", "%a %U %G", path)
	return fmt.Sprintf("%s %x", strings.TrimSpace(owner), sha256.Sum256(data)), err
}

// makeDisk makes a disk of the image, with a master's binaries in it, after the
// root was changed.
func makeDisk(t *testing.T, p site.Parts, root string, master bool, change func(root string)) string {
	t.Helper()
	_, err := site.Run("cp", "-a", "--reflink=auto", filepath.Join(os.Getenv("E2E_QEMU"), "root"), root)
	must(t, err)
	if master {
		must(t, p.AddBinaries(root))
	}
	change(root)
	return diskOf(t, root)
}

// diskOf makes a disk of a root directory.
func diskOf(t *testing.T, root string) string {
	t.Helper()
	disk := emptyDisk(t, root+".img", 2<<30)
	_, err := site.Run("mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, disk)
	must(t, err)
	return disk
}

// partitioned makes a disk of a root directory with the table of Debian's images for clouds:
// the root is behind partitions that firmware starts from.
func partitioned(t *testing.T, root string) string {
	t.Helper()
	disk := emptyDisk(t, root+".raw", 2<<30)
	const start = 262144 // the root's first sector
	for _, line := range []string{
		fmt.Sprintf("sgdisk --new=14:2048:8191 --typecode=14:ef02 --new=15:8192:%d --typecode=15:ef00 --new=1:%d:0 %s", start-1, start, disk),
		fmt.Sprintf("mkfs.ext4 -q -F -L root -E offset=%d -d %s %s %dk", start*512, root, disk, (2<<30-(start+2048)*512)>>10),
	} {
		_, err := site.Run(strings.Fields(line)[0], strings.Fields(line)[1:]...)
		must(t, err)
	}
	return disk
}

// emulator is a machine that is to be emulated once.
type emulator struct {
	document, address string // document is Ignition's, "" for none
	words             string // further ones of the kernel's command line
	first             bool   // Ignition runs
	drives            []drive
}

// drive is a disk: a file, and the name by which udev knows it, as
// /dev/disk/by-id/virtio-NAME. The machine starts from the first.
type drive struct{ file, serial string }

// boot runs the machine until it switches itself off, and gives its report.
func boot(t *testing.T, m emulator) map[string]string {
	t.Helper()
	report, console := m.run(t)
	if _, complete := report["end"]; !complete {
		saved := filepath.Join(os.Getenv("E2E_SAVE"), time.Now().Format("20060102-150405-")+"console-"+filepath.Base(m.drives[0].file))
		must(t, os.MkdirAll(filepath.Dir(saved), 0o755))
		must(t, os.WriteFile(saved, []byte(console), 0o644))
		t.Fatalf("the machine did not report; its console: %s", saved)
	}
	return report
}

// run gives what the machine reported, if anything, and its console. Others may
// have the processors.
func (m emulator) run(t *testing.T) (report map[string]string, console string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	image, base := os.Getenv("E2E_QEMU"), m.drives[0].file
	words := "console=ttyS0 root=LABEL=root rw ignition.platform.id=qemu systemd.journald.forward_to_console=1 rd.shell=0 rd.emergency=poweroff"
	if m.first {
		words += " ignition.firstboot"
	}
	words += " " + m.words
	// One processor: two machines are on at the same time, and where two processors
	// of one wait for their turn, one spins until the other answers. With erms and
	// fsrm the kernel clears and copies memory by instructions whose every byte the
	// emulator stores by itself.
	args := []string{
		"-M", "q35", "-accel", "tcg", "-cpu", "max,erms=off,fsrm=off", "-smp", "1", "-m", "2048",
		"-display", "none", "-no-reboot", "-serial", "file:" + base + ".console", "-serial", "file:" + base + ".report",
		"-nic", "user,model=virtio-net-pci,restrict=on,net=10.10.10.0/24,host=" + site.Operator + ",dhcpstart=" + m.address,
		"-kernel", filepath.Join(image, "vmlinuz"), "-initrd", filepath.Join(image, "initrd"), "-append", words,
	}
	if m.document != "" {
		args = append(args, "-fw_cfg", "name=opt/com.coreos/config,file="+m.document)
	}
	for i, d := range m.drives {
		args = append(args, "-drive", fmt.Sprintf("if=none,id=d%d,format=raw,file=%s", i, d.file), "-device", fmt.Sprintf("virtio-blk-pci,drive=d%d,serial=%s", i, d.serial))
	}
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", args...).CombinedOutput()
	if err != nil {
		t.Errorf("QEMU: %v %s", err, out)
	}
	facts, _ := os.ReadFile(base + ".report")
	text, _ := os.ReadFile(base + ".console")
	report = map[string]string{}
	for line := range strings.Lines(string(facts)) {
		key, value := split(strings.TrimRight(line, "\r\n"))
		report[key] = value
	}
	return report, string(text)
}

// split takes a fact apart: "hostname NAME", "unit NAME STATE…", "file PATH …".
func split(fact string) (key, value string) {
	kind, rest, _ := strings.Cut(fact, " ")
	if kind != "unit" && kind != "file" {
		return kind, rest
	}
	name, value, _ := strings.Cut(rest, " ")
	return kind + " " + name, value
}
