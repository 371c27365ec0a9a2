package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hagen/e2e/site"
)

// firstInit is the first program of a machine that has nothing but its initrd: it says
// which document is there.
const firstInit = `#!/bin/busybox sh
document=/usr/lib/ignition/user.ign
echo "document $(/bin/busybox sha256sum <$document | /bin/busybox cut -c 1-64) $(/bin/busybox stat -c '%a %u %g' $document)"
/bin/busybox poweroff -f
`

// TestQEMUNetboot: machines that differ in nothing but their MAC addresses boot over the
// network, and each has its own document, byte for byte. One whose address is in no
// cluster file prints what is wrong.
func TestQEMUNetboot(t *testing.T) {
	t.Parallel()
	s := scenario(t, "22 iPXE by QEMU's TFTP")
	n := newNetboot(t, "netboot")
	begin := time.Now()
	n.hasOwn(t, "kubem01")
	n.hasOwn(t, "kubernetes")
	s.figure(t, "two machines", time.Since(begin))
	n.unknown(t, "hagen: no script was loaded for the MAC address 52:54:00:00:00:99.")
}

// TestQEMUFirmware is the same by pxelinux, and by iPXE on a machine with UEFI.
func TestQEMUFirmware(t *testing.T) {
	t.Parallel()
	s := scenario(t, "22 pxelinux, and UEFI")
	n := newNetboot(t, "firmware")
	_, err := site.Run("cp", "/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32", n.served)
	must(t, err)
	begin := time.Now()
	n.file = "pxelinux.0"
	n.hasOwn(t, "kubem01")
	s.figure(t, "pxelinux", time.Since(begin))
	n.unknown(t, "hagen: no file of a machine with the MAC address of this one was loaded.")
	begin = time.Now()
	n.file, n.uefi = "boot.ipxe", true
	n.hasOwn(t, "kubernetes")
	s.figure(t, "UEFI", time.Since(begin))
}

// netboot is a directory that machines boot from.
type netboot struct {
	dir, served, rendered string
	file                  string // that the machine is told to load first
	uefi                  bool   // its firmware
}

// newNetboot makes media of the example cluster, with a kernel and an initrd beside them.
func newNetboot(t *testing.T, name string) *netboot {
	t.Helper()
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, name)
	media, rendered := mediaOf(t, p, dir, "generic", "  boot: {kernel: vmlinuz, initrd: initrd.img, kernelArguments: [console=ttyS0, no_timer_check, quiet]}\n", "netboot")
	served, root := filepath.Join(media, "netboot"), filepath.Join(dir, "root")
	must(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "init"), []byte(firstInit), 0o755))
	for _, line := range []string{
		"cp /bin/busybox " + root + "/bin/",
		"cp " + filepath.Join(os.Getenv("E2E_QEMU"), "vmlinuz") + " " + served,
	} {
		_, err := site.Run(strings.Fields(line)[0], strings.Fields(line)[1:]...)
		must(t, err)
	}
	_, err := site.Run("sh", "-c", "cd "+root+" && find . | cpio --create --format newc --owner 0:0 --quiet | gzip -1 >"+served+"/initrd.img")
	must(t, err)
	return &netboot{dir: dir, served: served, rendered: rendered, file: "boot.ipxe"}
}

// hasOwn boots a machine, which has its own document.
func (n *netboot) hasOwn(t *testing.T, name string) {
	t.Helper()
	console := n.boot(t, name, bootable[name], "Power down")
	document, err := os.ReadFile(filepath.Join(n.rendered, name, "config.ign"))
	must(t, err)
	if want := fmt.Sprintf("document %x 600 0 0", sha256.Sum256(document)); !strings.Contains(console, want) {
		t.Errorf("%s: the machine does not say %q:\n%s", name, want, console)
	}
}

// unknown boots a machine that is in no cluster file. Its screen, which is 80 columns wide,
// says what is wrong.
func (n *netboot) unknown(t *testing.T, want string) {
	t.Helper()
	console := n.boot(t, "unknown", "52:54:00:00:00:99", "then: hagen media")
	for _, want := range []string{want, "52:54:00:89:d8:12 kubem02"} {
		if !strings.Contains(console, want) {
			t.Errorf("nobody says %q:\n%s", want, console)
		}
	}
}

// movesCursor is what firmware writes to its screen between any two letters.
var movesCursor = regexp.MustCompile(`\x1b\[[0-9;?=]*[A-Za-z]`)

// boot boots a machine, until its console has a text.
func (n *netboot) boot(t *testing.T, name, mac, until string) string {
	t.Helper()
	console := filepath.Join(n.dir, name+".console")
	must(t, os.RemoveAll(console))
	port := filepath.Join(n.dir, "port") // the firmware's screen is on the first serial line, too
	must(t, os.WriteFile(port, []byte{0xf8, 0x03}, 0o644))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args := []string{
		"-M", "q35", "-accel", "tcg", "-cpu", "max,erms=off,fsrm=off", "-smp", "1", "-m", "512",
		"-display", "none", "-no-reboot", "-serial", "file:" + console, "-fw_cfg", "name=etc/sercon-port,file=" + port,
		"-netdev", "user,id=net0,restrict=on,net=10.10.10.0/24,tftp=" + n.served + ",bootfile=" + n.file, "-device", "virtio-net-pci,netdev=net0,mac=" + mac + ",bootindex=0",
	}
	if n.uefi {
		variables := filepath.Join(n.dir, "variables")
		_, err := site.Run("cp", "/usr/share/OVMF/OVMF_VARS_4M.fd", variables)
		must(t, err)
		args = append(args, "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd", "-drive", "if=pflash,format=raw,file="+variables)
	}
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", args...)
	must(t, cmd.Start())
	var ended sync.WaitGroup
	done := make(chan error, 1)
	ended.Go(func() { done <- cmd.Wait() })
	read := func() string {
		text, _ := os.ReadFile(console)
		return movesCursor.ReplaceAllString(string(text), "")
	}
	for running := true; running && !strings.Contains(read(), until); {
		select {
		case <-done:
			running = false
		case <-time.After(time.Second):
		}
	}
	_ = cmd.Process.Kill() // it may have ended by itself
	ended.Wait()
	text := read()
	if !strings.Contains(text, until) {
		t.Errorf("%s never says %q:\n%s", name, until, text)
	}
	return text
}
