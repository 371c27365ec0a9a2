package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Boot media by what reads them: Matchbox, Ignition and cloud-init, and in
// 22_netboot_test.go what boots over the network. Nothing is told where a document is but by the medium.

// bootable are the machines of the cluster, with the MAC addresses that they boot by.
var bootable = map[string]string{"kubem00": "52:54:00:89:d8:10", "kubem01": "52:54:00:89:d8:11", "kubem02": "52:54:00:89:d8:12", "kubernetes": "52:54:00:89:d8:13"}

// mediaOf renders the example cluster, with MAC addresses and further lines of spec, and
// makes its media. It returns their directory, and that of the documents.
func mediaOf(t *testing.T, p site.Parts, dir, system, lines string, kinds ...string) (media, rendered string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	run := func(args ...string) {
		_, err := site.Run("env", append([]string{"-C", dir, p.Hagen}, args...)...)
		must(t, err)
	}
	run("init")
	path := filepath.Join(dir, "cluster.yaml")
	text, err := os.ReadFile(path)
	must(t, err)
	file := strings.Replace(strings.Replace(string(text), "os: fcos", "os: "+system, 1), "\nspec:\n", "\nspec:\n"+lines, 1)
	for name, mac := range bootable {
		file = strings.Replace(file, "{name: "+name+", a", "{name: "+name+", mac: '"+mac+"', a", 1)
	}
	must(t, os.WriteFile(path, []byte(file), 0o644))
	run("render")
	args := []string{"media"}
	for _, kind := range kinds {
		args = append(args, "--kind", kind)
	}
	run(args...)
	return filepath.Join(dir, "media/kubernetes"), filepath.Join(dir, "rendered/kubernetes")
}

// readVolumes is run by the machine at the end of its boot. First it loses the partition that
// it has its document from, and cloud-init looks again: it finds another machine's volume.
// Then Ignition takes a document from each of its volumes, as on a platform that has such a
// one, and from the file that they were made from. Volumes appear only now: cloud-init would
// take a config drive rather than its own, and all others have the same label.
const readVolumes = `
from() {
  say "$1-source" "$(grep datasource_list /run/cloud-init/cloud.cfg)"
  say "$1" "$(cat /run/cloud-init/.instance-id) $(grep -o 'seed=[^]]*' /var/lib/cloud/instance/datasource)"
}
from gap
modprobe -a loop isofs
delpart /dev/vda "$(cat /sys/class/block/vda[0-9][0-9][0-9]/partition)"
volume=$(losetup --find --show --read-only /var/media/other.iso)
udevadm settle
cloud-init clean
rm -rf /run/cloud-init && mkdir /run/cloud-init
/usr/lib/cloud-init/ds-identify --force
cloud-init init --local >/dev/null 2>&1
from volume
losetup --detach "$volume"
taken() {
  rm -rf /run/taken && mkdir /run/taken
  IGNITION_CONFIG_FILE=/var/media/config.ign /usr/lib/ignition-program --root /run/taken --platform "$1" --stage fetch \
    --config-cache /run/taken/config.json >/run/taken/log 2>&1 || say "log-$1 $(tail -n 3 /run/taken/log | tr '\n' ' ')"
  say "taken-$1 $(sha256sum </run/taken/config.json | cut -c 1-64)"
}
taken file
ln -sfn "$(losetup --find --show /var/media/drive.iso)" /dev/disk/by-label/config-2
taken openstack
ln -sfn "$(losetup --find --show /var/media/seed.iso)" /dev/disk/by-label/cidata
taken proxmoxve
say end
`

// TestQEMUVolumes: in one boot, cloud-init sets the machine up from a partition of its disk
// and then reads a volume, and Ignition reads one with that label and a config drive.
func TestQEMUVolumes(t *testing.T) {
	t.Parallel()
	s := scenario(t, "22 volumes in QEMU")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "volumes")
	media, rendered := mediaOf(t, p, filepath.Join(dir, "debian"), "debian", "", "seed")
	cidata, documents := mediaOf(t, p, filepath.Join(dir, "fcos"), "fcos", "", "seed")
	drives, others := mediaOf(t, p, filepath.Join(dir, "openstack"), "fcos", "  boot: {platform: openstack}\n", "seed")
	const name, master, other = "kubernetes", "kubem00", "kubem01"
	base := cloudSystem(t, p, dir, name, partitioned, func(root string) {
		must(t, os.MkdirAll(filepath.Join(root, "var/media"), 0o700))
		for _, line := range []string{
			"cp " + filepath.Join(os.Getenv("E2E_BINARIES"), "ignition") + " " + root + "/usr/lib/ignition-program",
			"cp " + filepath.Join(media, other, "seed.iso") + " " + root + "/var/media/other.iso",
			"cp " + filepath.Join(drives, master, "seed.iso") + " " + root + "/var/media/drive.iso",
			"cp " + filepath.Join(cidata, master, "seed.iso") + " " + filepath.Join(documents, master, "config.ign") + " " + root + "/var/media/",
		} {
			_, err := site.Run(strings.Fields(line)[0], strings.Fields(line)[1:]...)
			must(t, err)
		}
		path := filepath.Join(root, "usr/lib/report.sh")
		text, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, bytes.Replace(text, []byte("\nsay end\n"), []byte(readVolumes), 1), 0o644))
	})
	_, err := site.Run("env", "-C", filepath.Join(dir, "debian"), p.Hagen, "media", "--base", base, "--host", name)
	must(t, err)
	begin := time.Now()
	report := boot(t, emulator{address: "10.10.10.2", drives: []drive{{filepath.Join(media, name, "disk.raw"), "boot"}}})
	s.figure(t, "from power-on to report", time.Since(begin))
	oracle, err := fetched(t, filepath.Join(dir, "oracle"), filepath.Join(others, master, "config.ign"))
	must(t, err)
	for key, want := range map[string]string{
		"hostname": name, "unit haproxy": "enabled active",
		"gap": instanceOf(t, rendered, name) + " seed=/dev/vda128", "gap-source": "datasource_list: [ NoCloud, None ]",
		"volume": instanceOf(t, rendered, other) + " seed=/dev/loop0", "volume-source": "datasource_list: [ NoCloud, None ]",
		"taken-proxmoxve": report["taken-file"], "taken-openstack": oracle,
	} {
		if report[key] != want || want == "" {
			t.Errorf("%s is %q, want %q; %q", key, report[key], want, report["log-"+strings.TrimPrefix(key, "taken-")])
		}
	}
}

// instanceOf is what cloud-init calls a machine by its documents.
func instanceOf(t *testing.T, rendered, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rendered, name, "meta-data"))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if id, found := strings.CutPrefix(line, "instance-id: "); found {
			return strings.TrimSpace(id)
		}
	}
	t.Fatalf("%s has no instance: %s", name, text)
	return ""
}

// fetched is the hash of what Ignition makes of a document in a file.
func fetched(t *testing.T, root, document string) (string, error) {
	t.Helper()
	must(t, os.MkdirAll(root, 0o700))
	cache := filepath.Join(root, "config.json")
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BINARIES"), "ignition"), "--root", root, "--platform", "file", "--stage", "fetch", "--config-cache", cache)
	cmd.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+document)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(cache)
	return fmt.Sprintf("%x", sha256.Sum256(text)), err
}

// TestMatchbox: a real Matchbox gives each machine its script, and a document that means
// what was rendered.
func TestMatchbox(t *testing.T) {
	s := scenario(t, "22 Matchbox")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "matchbox")
	const address = "127.0.0.1:18080"
	media, rendered := mediaOf(t, p, dir, "fcos", "  boot: {url: 'http://"+address+"/assets', kernel: vmlinuz, initrd: initrd.img, rootfs: rootfs.img}\n", "matchbox")
	if _, err := site.Run("ip", "link", "set", "lo", "up"); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(filepath.Join(os.Getenv("E2E_BINARIES"), "matchbox"), "-address", address, "-data-path", filepath.Join(media, "matchbox"), "-assets-path", dir)
	must(t, server.Start())
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	ask := func(path string) (int, string) {
		var status int
		var text string
		_, err := site.Until(time.Minute, func() error {
			answer, err := http.Get("http://" + address + path)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			status, text = answer.StatusCode, string(body)
			return err
		})
		must(t, err)
		return status, text
	}
	copied := filepath.Join(dir, "copy")
	_, err := site.Run("cp", "-r", rendered, copied)
	must(t, err)
	for name, mac := range bootable {
		mac := strings.ReplaceAll(mac, ":", "-")
		status, script := ask("/ipxe?mac=" + mac)
		if want := "ignition.config.url=http://" + address + "/ignition?mac=" + mac; status != http.StatusOK || !strings.Contains(script, want) || !strings.Contains(script, "kernel http://"+address+"/assets/vmlinuz "+want+" initrd=initrd0 ") {
			t.Errorf("%s: %d, and the script is\n%s", name, status, script)
		}
		status, document := ask("/ignition?mac=" + mac)
		if status != http.StatusOK {
			t.Errorf("%s: %d for the document", name, status)
		}
		must(t, errors.Join(os.WriteFile(filepath.Join(copied, name, "config.ign"), []byte(document), 0o600), os.Remove(filepath.Join(copied, name, "config.bu"))))
	}
	if status, _ := ask("/ignition?mac=52-54-00-00-00-99"); status != http.StatusNotFound {
		t.Errorf("%d for a machine that is none", status)
	}
	out, err := exec.Command(p.Hagen, "diff", rendered, copied).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("nothing changes")) {
		t.Errorf("what Matchbox gives means something else: %v\n%s", err, out)
	}
	s.note(t, "%d machines", len(bootable))
}
