package media

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
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
	return nil
}

// CheckNetwork refuses machines that a kernel in the cluster file cannot boot: those of
// several operating systems at once, and, whatever is made of it, one that is called like a
// directory for all machines, since its volume would be served to everybody.
func CheckNetwork(s Source, kinds, hosts []string) error {
	if !s.Boot.Netboot() {
		return nil
	}
	var faults []error
	systems := map[string]bool{}
	for i := range s.Hosts {
		h := &s.Hosts[i]
		if h.Name == netbootDir || h.Name == matchboxDir {
			faults = append(faults, fmt.Errorf("a machine is called %s, like the directory for all machines that boot over the network: give it another name, or remove spec.boot.kernel", h.Name))
		}
		if slices.Contains(hosts, h.Name) && slices.ContainsFunc(kinds, func(name string) bool {
			row, _ := profiles.FindKind(name)
			return row.ByMAC && row.Serves(h.reader())
		}) {
			systems[h.OS.Name] = true
		}
	}
	if len(systems) > 1 {
		faults = append(faults, fmt.Errorf("spec.boot.kernel is the kernel of one of the systems %s: make the media of each by itself, with --host", strings.Join(sorted(systems), ", ")))
	}
	return errors.Join(faults...)
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
	script, scripted := h.script(s, archive)
	label, labelled := h.label(s, archive)
	for _, line := range []string{scripted, labelled} {
		if err := h.fitsKernel(s, line); err != nil {
			return nil, err
		}
	}
	return append(own,
		plainFile(path.Join(netbootDir, dashed(h.MAC)+".ipxe"), script),
		plainFile(path.Join(netbootDir, pxelinux, "01-"+dashed(h.MAC)), label)), nil
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

// maxCommandLine is how many bytes of a command line Linux reads on most processors
// (COMMAND_LINE_SIZE, without the end).
const maxCommandLine = 2047

// fitsKernel refuses a command line whose end Linux would not read. What the user wrote
// comes last, and may be without effect.
func (h *Host) fitsKernel(s Source, line string) error {
	if len(line) <= maxCommandLine {
		return nil
	}
	written := len(strings.Join(s.Boot.Arguments, " "))
	shorten := fmt.Sprintf("shorten spec.boot.kernelArguments, which are %d of them", written)
	if written < len(line)-written {
		shorten = "its network is most of them: give it fewer static addresses, or boot it with hagen media --kind seed"
	}
	return fmt.Errorf("the kernel arguments of %s have %d bytes, and Linux reads %d: %s", h.Name, len(line), maxCommandLine, shorten)
}

// arguments are those of the host's kernel. The one that names the document is the first.
// Unless dsmode says that the source is on the network, cloud-init 22.4 (Debian 12) takes it
// for a local one: it fetches the document and applies nothing (DataSourceNoCloud.py).
func (h *Host) arguments(s Source, keyfiles bool) (words []string) {
	if h.reader() == profiles.CloudInit {
		words = append(words, "ds=nocloud;dsmode=net;s="+s.Boot.URL+"/"+h.Name+"/")
	}
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

// script is the host's for iPXE, and the kernel's command line in it. Initrds have names,
// for kernels that load them themselves, as with UEFI (ipxe.org/cmd/initrd).
func (h *Host) script(s Source, archive string) (text, line string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s, of the cluster %s. Made by hagen: change the cluster file and make media again.\n", ipxe, h.Name, s.Cluster)
	names := []string{}
	for i, file := range s.Boot.Initrd {
		name := fmt.Sprint("initrd", i)
		line += "initrd=" + name + " "
		names = append(names, name+" "+s.below(file))
	}
	if archive != "" {
		line += "initrd=document "
		names = append(names, "document "+s.below(archive))
	}
	line += strings.Join(h.arguments(s, true), " ")
	fmt.Fprintf(&b, "kernel %s %s || goto failed\n", s.below(s.Boot.Kernel), line)
	for _, name := range names {
		fmt.Fprintf(&b, "initrd --name %s || goto failed\n", name)
	}
	fmt.Fprintf(&b, "boot || goto failed\n:failed\necho hagen: %s cannot load what it boots from; the line above says why.\nsleep 60\nexit 0\n", h.Name)
	return b.String(), line
}

// label is the host's for pxelinux (wiki.syslinux.org, "PXELINUX"), and the command line
// that it makes of it. It takes names beside itself, and initrds as one list.
func (h *Host) label(s Source, archive string) (text, line string) {
	initrds := append([]string{}, s.Boot.Initrd...)
	if archive != "" {
		initrds = append(initrds, archive)
	}
	needs := ""
	if slices.ContainsFunc(append(initrds, s.Boot.Kernel), func(name string) bool { return strings.HasPrefix(name, "http") }) {
		needs = "# It fetches files by HTTP: lpxelinux.0 does that, pxelinux.0 does not.\n"
	}
	list, words := strings.Join(initrds, ","), strings.Join(h.arguments(s, true), " ")
	text = fmt.Sprintf("# %s, of the cluster %s. Made by hagen: change the cluster file and make media again.\n%sDEFAULT %[1]s\nLABEL %[1]s\n  KERNEL %[4]s\n  INITRD %s\n  APPEND %s\n",
		h.Name, s.Cluster, needs, s.Boot.Kernel, list, words)
	return text, "BOOT_IMAGE=" + s.Boot.Kernel + " initrd=" + list + " " + words
}

// netbootForAll makes what leads to a machine's own script, and what a machine is given
// that has none: it says what is wrong, on a screen that is 80 columns wide.
func netbootForAll(s Source) ([]File, error) {
	var echo, say strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&echo, "echo "+format+"\n", args...)
		fmt.Fprintf(&say, "  SAY "+format+"\n", args...)
	}
	echo.WriteString("echo hagen: no script was loaded for the MAC address ${netX/mac}.\necho If it is below, the server does not give its file: the line above says why.\n")
	say.WriteString("  SAY hagen: no file of a machine with the MAC address of this one was loaded.\n  SAY If it is below, the server does not give that file.\n")
	line("Machines of the cluster %s that boot here:", s.Cluster)
	for _, h := range s.Hosts {
		if h.MAC != "" {
			line("  %s %s", h.MAC, h.Name)
		}
	}
	line("If not, write it as its machine's mac in the cluster file, then: hagen media")
	return []File{
		plainFile(path.Join(netbootDir, "boot.ipxe"), ipxe+"# Leads each machine to its own script.\nisset ${netX/mac} || dhcp\nchain --autofree ${netX/mac:hexhyp}.ipxe || chain --autofree default.ipxe\n"),
		plainFile(path.Join(netbootDir, "default.ipxe"), ipxe+echo.String()+"sleep 60\nexit 0\n"),
		plainFile(path.Join(netbootDir, pxelinux, "default"), "# The prompt is for reading: pxelinux goes on after a minute.\nPROMPT 1\nTIMEOUT 600\nDEFAULT unknown\nLABEL unknown\n"+say.String()+"  LOCALBOOT -1\n"),
	}, nil
}

// plainFile is a file that holds no document.
func plainFile(name, text string) File {
	return File{Medium: Medium{File: name}, Data: []byte(text)}
}

func dashed(mac string) string { return strings.ReplaceAll(mac, ":", "-") }
