package media

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strings"

	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/out/media/iso9660"
	"hagen/profiles"
)

// The directory that a server is given, and what is in it.
const (
	netbootDir = "netboot"
	pxelinux   = "pxelinux.cfg"
)

// begins a script of iPXE (ipxe.org/scripting).
const ipxe = "#!ipxe\n"

// netboots says what the cluster file lacks for machines to boot over the network.
func (s Source) netboots() error {
	if !s.Boot.Netboot() {
		return errors.New("write which kernel the machines boot over the network, with its initrd: spec.boot.kernel and spec.boot.initrd")
	}
	for _, h := range s.Hosts {
		if h.Name == netbootDir || h.Name == matchboxDir { // its volume would be served to everybody
			return fmt.Errorf("a machine is called %s, like the directory for all machines: give it another name", h.Name)
		}
	}
	return nil
}

// matches says what the cluster file lacks for Matchbox.
func (s Source) matches() error {
	if err := s.netboots(); err != nil {
		return err
	}
	if !strings.HasPrefix(s.Boot.URL, "http") {
		return errors.New("write where Matchbox serves files, such as spec.boot.url: http://10.10.10.1:8080/assets: its own address is of the same server")
	}
	return nil
}

// netboot makes what a machine is given that boots over the network: a script for iPXE and
// a configuration for pxelinux, both found by its MAC address, and what carries its
// document.
func netboot(s Source, h *Host) ([]File, error) {
	if h.reader() == profiles.CloudInit && !strings.HasPrefix(s.Boot.URL, "http") {
		return nil, fmt.Errorf("%s is set up by cloud-init, which fetches its files by HTTP: write spec.boot.url, such as http://10.10.10.1/boot", h.Name)
	}
	own := h.overNetwork()
	for i := range own {
		own[i].File = path.Join(netbootDir, own[i].File)
	}
	archive := ""
	if h.reader() == profiles.Ignition {
		archive = path.Base(own[0].File)
	}
	return append(own,
		plainFile(path.Join(netbootDir, dashed(h.MAC)+".ipxe"), h.script(s, archive)),
		plainFile(path.Join(netbootDir, pxelinux, "01-"+dashed(h.MAC)), h.label(s, archive))), nil
}

// first is the document of the system that is loaded: the host's, or one with which it
// installs itself and the installed system takes the host's.
func (h *Host) first() []byte {
	if h.InstallDisk != "" {
		return h.installing()
	}
	return h.given().Text
}

// overNetwork makes the files that carry the host's document: an archive for Ignition, and
// for cloud-init its own files, which it fetches one by one.
func (h *Host) overNetwork() (files []File) {
	if h.reader() == profiles.Ignition {
		f := h.carries("", h.archiveWith(h.first()))
		f.File, f.InstallDisk = h.Name+".img", h.InstallDisk
		return []File{f}
	}
	for _, file := range append(h.cloudInitFiles(), iso9660.File{Path: "vendor-data"}) {
		f := plainFile(path.Join(h.Name, file.Path), string(file.Data))
		if path.Base(h.given().Path) == file.Path {
			f = h.carries(file.Path, file.Data)
		}
		files = append(files, f)
	}
	return files
}

// arguments are those of the host's kernel.
func (h *Host) arguments(s Source, keyfiles bool) (words []string) {
	words = append(words, h.OS.Boot.First...)
	platform := h.OS.Boot.Platform
	if s.Boot.Platform.Name != "" {
		platform = s.Boot.Platform.Name
	}
	if platform != "" && h.OS.Boot.PlatformWord != "" {
		words = append(words, h.OS.Boot.PlatformWord+platform)
	}
	if h.OS.Boot.Rootfs != "" && s.Boot.Rootfs != "" {
		words = append(words, h.OS.Boot.Rootfs+s.below(s.Boot.Rootfs))
	}
	switch {
	case h.reader() == profiles.CloudInit:
		words = append(words, "ds=nocloud;s="+s.Boot.URL+"/"+h.Name+"/")
		if config := network.Config(network.Interfaces(h.Node)); config != nil {
			words = append(words, "network-config="+base64.StdEncoding.EncodeToString(encode.Gzip(config)))
		}
	case h.Kargs != "" && !(keyfiles && len(h.keyfiles()) > 0):
		words = append(words, h.Kargs)
	}
	return append(words, s.Boot.Arguments...)
}

// below returns the URL of a file; its name alone if it is beside what names it.
func (s Source) below(name string) string {
	if s.Boot.URL == "" || strings.Contains(name, "://") {
		return name
	}
	return s.Boot.URL + "/" + name
}

// script is the host's for iPXE. Initrds have names, for kernels that load them
// themselves, as with UEFI (ipxe.org/cmd/initrd).
func (h *Host) script(s Source, archive string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s, of the cluster %s. Made by hagen: change the cluster file and make media again.\n", ipxe, h.Name, s.Cluster)
	kernel, names := "", []string{}
	for i, file := range s.Boot.Initrd {
		name := fmt.Sprint("initrd", i)
		kernel += " initrd=" + name
		names = append(names, name+" "+s.below(file))
	}
	if archive != "" {
		kernel += " initrd=document"
		names = append(names, "document "+s.below(archive))
	}
	fmt.Fprintf(&b, "kernel %s%s %s || goto failed\n", s.below(s.Boot.Kernel), kernel, strings.Join(h.arguments(s, true), " "))
	for _, name := range names {
		fmt.Fprintf(&b, "initrd --name %s || goto failed\n", name)
	}
	fmt.Fprintf(&b, "boot || goto failed\n:failed\necho hagen: %s cannot load what it boots from. The line above says which file, and why.\nsleep 60\nexit 0\n", h.Name)
	return b.String()
}

// label is the host's for pxelinux (wiki.syslinux.org, "PXELINUX"). It takes names beside
// itself, and initrds as one list.
func (h *Host) label(s Source, archive string) string {
	initrds := append([]string{}, s.Boot.Initrd...)
	if archive != "" {
		initrds = append(initrds, archive)
	}
	return fmt.Sprintf("# %s, of the cluster %s. Made by hagen: change the cluster file and make media again.\nDEFAULT %[1]s\nLABEL %[1]s\n  KERNEL %[3]s\n  INITRD %s\n  APPEND %s\n",
		h.Name, s.Cluster, s.Boot.Kernel, strings.Join(initrds, ","), strings.Join(h.arguments(s, true), " "))
}

// netbootForAll makes what leads to a machine's own script, and what a machine is given
// that has none: it says what is wrong.
func netbootForAll(s Source) ([]File, error) {
	var echo, say strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&echo, "echo "+format+"\n", args...)
		fmt.Fprintf(&say, "  SAY "+format+"\n", args...)
	}
	echo.WriteString("echo hagen: no machine has the MAC address ${netX/mac}.\n")
	say.WriteString("  SAY hagen: no machine has the MAC address of this one.\n")
	line("Machines of the cluster %s that boot here:", s.Cluster)
	for _, h := range s.Hosts {
		if h.MAC != "" {
			line("  %s %s", h.MAC, h.Name)
		}
	}
	line("Write it as the mac of its machine in the cluster file, then: hagen media")
	return []File{
		plainFile(path.Join(netbootDir, "boot.ipxe"), ipxe+"# Leads each machine to its own script.\nisset ${netX/mac} || dhcp\nchain --autofree ${netX/mac:hexhyp}.ipxe || chain --autofree default.ipxe\n"),
		plainFile(path.Join(netbootDir, "default.ipxe"), ipxe+echo.String()+"sleep 60\nexit 0\n"),
		plainFile(path.Join(netbootDir, pxelinux, "default"), "DEFAULT unknown\nLABEL unknown\n"+say.String()+"  LOCALBOOT -1\n"),
	}, nil
}

// plainFile is a file that holds no document.
func plainFile(name, text string) File {
	return File{Medium: Medium{File: name}, Data: []byte(text)}
}

func dashed(mac string) string { return strings.ReplaceAll(mac, ":", "-") }
