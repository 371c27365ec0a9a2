package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// seedDir is where cloud-init looks for the documents of a machine whose image
// brings them (datasource NoCloud).
const seedDir = "var/lib/cloud/seed/nocloud"

// InstallCloudInit makes the host's root directory: Debian's image as it is,
// the binaries, and the documents in a directory that holds user-data and
// meta-data. All else cloud-init does when the host is switched on.
func (h *Host) InstallCloudInit(p Parts, documents string) error {
	if err := h.lay(p.CloudBase, func(root string) error { return h.binaries(p, root, "usr/local/bin") }); err != nil {
		return err
	}
	return SeedCloudInit(h.Root, documents)
}

// SeedCloudInit puts documents where cloud-init finds them. The image has a network
// already: it is not asked to make one, unless they say so.
func SeedCloudInit(root, documents string) error {
	dir := filepath.Join(root, seedDir)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "network-config"), []byte("network: {config: disabled}\n"), 0o644)); err != nil {
		return err
	}
	for _, name := range []string{"user-data", "meta-data", "network-config"} {
		text, err := os.ReadFile(filepath.Join(documents, name))
		if packed, none := os.ReadFile(filepath.Join(documents, name+".gz")); none == nil {
			text = packed // it is there when the machine is to get it
		}
		if errors.Is(err, os.ErrNotExist) && name == "network-config" {
			continue
		}
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), text, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// Stages are cloud-init's, in the order in which a boot runs them
// (docs.cloudinit.io, "Boot stages").
var Stages = []string{"init --local", "init", "modules --mode=config", "modules --mode=final"}

var macAddress = regexp.MustCompile(`macaddress: "?([0-9a-f:]{17})`)

// RunStage runs one of cloud-init's stages in a root directory that is not
// booted, as its documentation does it for trying things out. systemctl is told
// that there is no systemd: what it enables it enables. It waits for the network
// cards that network-config tells it of, so there are such.
func RunStage(root, stage string) error {
	config, err := os.ReadFile(filepath.Join(root, seedDir, "network-config"))
	if err != nil {
		return err
	}
	var cards []string
	for i, found := range macAddress.FindAllSubmatch(config, -1) {
		cards = append(cards, fmt.Sprintf("ip link add card%d address %s type veth peer name peer%[1]d", i, found[1]))
	}
	run := root + ".run" // its own /run, the same for all stages
	if err := os.MkdirAll(run, 0o755); err != nil {
		return err
	}
	_, err = Run("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "--", "bash", "-c", `
		set -e
		`+strings.Join(cards, "\n")+`
		mount -t proc proc "$0/proc"
		mount -t sysfs sysfs "$0/sys"
		mount --bind "$1" "$0/run"
		mount -t tmpfs tmpfs "$0/dev"
		for n in null zero random urandom; do : >"$0/dev/$n"; mount --bind "/dev/$n" "$0/dev/$n"; done
		ln -s /proc/self/fd "$0/dev/fd"
		mkdir -p "$1/cloud-init"
		export SYSTEMD_OFFLINE=1
		chroot "$0" cloud-init $2`, root, run, stage)
	return err
}

// Lay makes a root directory as the image has it, with a layer of its own.
func Lay(base, root string) error {
	h := Host{Root: root}
	return h.lay(base, func(string) error { return nil })
}

// OpenPlace gives a directory that everybody may enter: Ignition writes the keys
// of logins as these. It is in memory: each account that is made is synced to the
// disk, which takes longer than making it.
func OpenPlace() (string, error) {
	const place = "/mnt" // in this process's mount namespace
	return place, all("mount -t tmpfs -o mode=755 tmpfs " + place)
}

// Take takes a root directory that Lay made away.
func Take(root string) error {
	h := Host{Root: root}
	return errors.Join(h.remove(), os.RemoveAll(root+".run"))
}

// Ignite lets Ignition fill a root directory, and systemd enable what its
// presets then name, as it does at a first boot.
func Ignite(p Parts, root, document string) error {
	h := Host{Name: filepath.Base(root), Root: root}
	if err := h.ignite(p, document); err != nil {
		return err
	}
	units, err := presets(filepath.Join(root, "etc/systemd/system-preset/20-ignition.preset"))
	if err != nil || len(units) == 0 {
		return err
	}
	if _, err := Run("systemctl", append([]string{"--root=" + root, "preset"}, units...)...); err != nil {
		return fmt.Errorf("presets: %w", err)
	}
	return nil
}
