package cluster

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// Boot is what boot media need that no document says. Nothing of it is in one.
type Boot struct {
	URL       string // below which the files for machines that boot over the network are served; "" is none
	Kernel    string // these are names below URL, or URLs
	Initrd    []string
	Rootfs    string
	Arguments []string // further ones of the kernel
	Platform  profiles.Platform
	At        spec.At
}

// Netboot reports whether machines boot over the network: the cluster file names a kernel.
func (b Boot) Netboot() bool { return b.Kernel != "" }

// maxKernelArguments: Linux takes 2048 bytes of them on most processors
// (COMMAND_LINE_SIZE).
const maxKernelArguments = 40

var (
	bootFile = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9._+@-]*(/[A-Za-z0-9_][A-Za-z0-9._+@-]*)*$`)
	bootURL  = lazy.Regexp(`^(https?|tftp)://[-A-Za-z0-9._~:/\[\]%+@=]+$`)
	// kernelWord excludes what scripts of iPXE and configurations of pxelinux read as
	// something else, and what needs quotes in them.
	kernelWord = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._/:,=+@%*\[\]~;-]*$`)
)

// ownArguments are beginnings of kernel arguments that hagen writes itself, with what to
// write instead of each.
var ownArguments = []struct{ begin, instead string }{
	{"ignition.firstboot", "remove it: hagen writes it"},
	{"ignition.platform.id=", "write platform"},
	{"ignition.config.", "remove it: the document is on the medium"},
	{"flatcar.first_boot", "remove it: hagen writes it"},
	{"flatcar.oem.id=", "write platform"},
	{"coreos.live.rootfs_url=", "write rootfs"},
	{"coreos.inst.", "write installDisk: the document on the medium is what is installed"},
	{"initrd=", "write initrd"},
	{"ip=", "write the machines' addresses with their prefix lengths: hagen writes it"},
	{"ifname=", "write the machines' mac: hagen writes it"},
	{"ds=", "remove it: hagen writes it"},
	{"network-config=", "remove it: hagen writes it"},
}

// boot reads what boot media need.
func (v *validation) boot() {
	field, b := v.spec.Boot, Boot{At: v.spec.Boot.At}
	if field.URL.At.Written() && v.bootURL(field.URL, "http://10.10.10.1/boot") {
		b.URL = strings.TrimRight(field.URL.Value, "/")
	}
	b.Kernel = v.bootFile(field.Kernel, "vmlinuz")
	for _, item := range field.Initrd.Items {
		if item.At.Written() {
			b.Initrd = append(b.Initrd, v.bootFile(item, "initramfs.img"))
		}
	}
	b.Rootfs = v.bootFile(field.Rootfs, "rootfs.img")
	b.Arguments = v.kernelArguments(field.KernelArguments)
	b.Platform = v.platform(field.Platform)
	v.netboot(field)
	v.installs(field.InstallDisk)
	v.c.Boot = b
}

// bootURL faults a URL that no boot loader can fetch.
func (v *validation) bootURL(field spec.String, example string) bool {
	if u, err := url.Parse(field.Value); err == nil && u.User != nil {
		v.fault(field.At, "holds a user or a password, which everybody sees who boots from there", "let the server serve the file without a login")
		return false
	}
	if strings.HasPrefix(field.Value, "tftp://") && bootURL().MatchString(field.Value) {
		field.Value = "http" + strings.TrimPrefix(field.Value, "tftp")
	}
	return v.fetchable(field, example)
}

// bootFile reads a name below the URL, or a URL.
func (v *validation) bootFile(field spec.String, example string) string {
	switch {
	case !field.At.Written():
		return ""
	case strings.Contains(field.Value, "://"):
		if !v.bootURL(field, "http://10.10.10.1/boot/"+example) {
			return ""
		}
	case !bootFile().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is neither a file's name below url nor a URL", "write for example "+example)
		return ""
	}
	return field.Value
}

// kernelArguments reads further kernel arguments.
func (v *validation) kernelArguments(list spec.List[spec.String]) (out []string) {
	v.atMost(list.At, len(list.Items), maxKernelArguments, "write those that the machines need to boot")
	for _, item := range list.Items {
		if !item.At.Written() {
			continue
		}
		own := slices.IndexFunc(ownArguments, func(o struct{ begin, instead string }) bool { return strings.HasPrefix(item.Value, o.begin) })
		switch {
		case strings.ContainsAny(item.Value, " \t"):
			v.fault(item.At, spec.Quote(item.Value)+" is more than one argument", "write an item for each")
		case !kernelWord().MatchString(item.Value):
			v.fault(item.At, spec.Quote(item.Value)+" has characters that a boot loader reads as something else", "write for example console=ttyS0,115200n8")
		case own >= 0:
			v.fault(item.At, spec.Quote(item.Value)+" is not a further argument", ownArguments[own].instead)
		case slices.Contains(out, item.Value):
			v.fault(item.At, spec.Quote(item.Value)+" is written a second time", "keep one of the two")
		default:
			out = append(out, item.Value)
		}
	}
	return out
}

// platform reads where the machines run; the zero Platform if the file does not say.
func (v *validation) platform(field spec.Text) profiles.Platform {
	if !field.At.Written() || !v.choice(field, profiles.PlatformNames()...) {
		return profiles.Platform{}
	}
	p, _ := profiles.FindPlatform(field.Value)
	return p
}

// netboot checks that all is there with which machines boot over the network.
func (v *validation) netboot(field spec.Boot) {
	if !field.Kernel.At.Written() {
		for _, f := range []struct {
			at   spec.At
			what string
		}{{field.Initrd.At, "initrd"}, {field.Rootfs.At, "rootfs"}} {
			if f.at.Written() {
				v.fault(f.at, "needs the kernel that it belongs to", "add kernel, or remove "+f.what)
			}
		}
		return
	}
	if len(field.Initrd.Items) == 0 {
		v.fault(field.Kernel.At, "needs the initrd that belongs to it", "add initrd: initramfs.img")
	}
	live := hostsThat(v.c.Hosts(), func(h Host) bool { return h.OS.Boot.Rootfs != "" })
	switch {
	case live == "" && field.Rootfs.At.Written():
		v.fault(field.Rootfs.At, "no machine's operating system has one apart from its initrd", "remove it")
	case live != "" && !field.Rootfs.At.Written() && len(field.Initrd.Items) == 1:
		v.fault(field.Kernel.At, fmt.Sprintf("%s cannot boot over the network without the root filesystem of the live system", live), "add rootfs: rootfs.img, or write it as a second initrd")
	case field.Rootfs.At.Written() && !strings.Contains(field.Rootfs.Value, "://") && !field.URL.At.Written():
		v.fault(field.Rootfs.At, "is fetched by the machine itself, which needs a whole URL", "add url, or write rootfs: http://10.10.10.1/boot/"+field.Rootfs.Value)
	}
}
