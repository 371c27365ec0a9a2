package profiles

import (
	"path"
	"slices"
	"strings"
)

// Ways in which binaries get onto a machine.
const (
	Preinstalled = "preinstalled" // the image has them
	URLs         = "urls"         // fetched at the first boot, each with its digest
	Sysext       = "sysext"       // in an image that systemd-sysext merges into /usr
	Container    = "container"    // in an image that Podman runs: HAProxy alone
)

// Deliveries lists the ways that exist for every binary.
func Deliveries() []string { return []string{Preinstalled, URLs, Sysext} }

// SysextBin is the directory of binaries in a sysext image. It is not /usr/sbin, which
// is a link on newer systems and would be hidden by a directory.
const SysextBin = "/usr/bin"

// SysextUnit merges images into /usr. Presets of some systems do not enable it.
const SysextUnit = "systemd-sysext.service"

// SysextDir is where systemd-sysext looks for images that are not from a package
// (systemd-sysext(8)). /etc/extensions does not suit hundreds of megabytes: Fedora
// CoreOS copies /etc with every update.
const SysextDir = "/var/lib/extensions"

// Podman is its path on operating systems that run containers from Quadlet files.
const Podman = "/usr/bin/podman"

// Products, each with its own version.
const (
	Etcd       = "etcd"
	Kubernetes = "kubernetes"
	HAProxy    = "haproxy"
	Keepalived = "keepalived"
)

// Artefact is a row: a file with binaries in it, as upstream publishes it or
// hagen makes it.
type Artefact struct {
	Name     string   // in the cluster file and the lock file
	Delivery string   // URLs or Sysext
	Product  string   // whose version it has
	Binaries []string // an artefact that is not an archive is the first one
	Spare    []string // those of Binaries that no unit runs: they may be missing
	Host     string   // the server that publishes it; "" is none
	File     string   // its path there, or its name, with {version}, {etcd} and {arch}
	Sums     []string // where its digest is published: an ending of the URL, or, with a slash, a file beside it
}

// artefacts, in boot order. dl.k8s.io publishes each binary with .sha512 beside it
// (kubernetes.io, "Download Kubernetes"), etcd an archive with SHA256SUMS beside it
// (etcd, scripts/release.sh). HAProxy and keepalived are published only as source.
var artefacts = []Artefact{
	{
		Name: "etcd", Delivery: URLs, Product: Etcd, Binaries: []string{"etcd", "etcdctl", "etcdutl"}, Spare: []string{"etcdctl", "etcdutl"},
		Host: "github.com", File: "etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{arch}.tar.gz", Sums: []string{"/SHA256SUMS"},
	},
	kubernetesBinary("kube-apiserver"),
	kubernetesBinary("kube-controller-manager"),
	kubernetesBinary("kube-scheduler"),
	{Name: "haproxy", Delivery: URLs, Product: HAProxy, Binaries: []string{"haproxy"}, File: "haproxy"},
	{Name: "keepalived", Delivery: URLs, Product: Keepalived, Binaries: []string{"keepalived"}, File: "keepalived"},
	{
		Name: "hagen-control-plane", Delivery: Sysext, Product: Kubernetes,
		Binaries: []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "etcdctl", "etcdutl"},
		Spare:    []string{"kubectl", "etcdctl", "etcdutl"},
		File:     "hagen-control-plane-{version}-etcd-{etcd}-{arch}.raw",
	},
	{
		Name: "hagen-load-balancer", Delivery: Sysext, Product: HAProxy,
		Binaries: []string{"haproxy", "keepalived"}, Spare: []string{"keepalived"},
		File: "hagen-load-balancer-{arch}.raw",
	},
}

func kubernetesBinary(name string) Artefact {
	return Artefact{
		Name: name, Delivery: URLs, Product: Kubernetes, Binaries: []string{name},
		Host: "dl.k8s.io", File: "release/v{version}/bin/linux/{arch}/" + name, Sums: []string{".sha512", ".sha256"},
	}
}

// Artefacts lists all artefacts.
func Artefacts() []Artefact { return slices.Clone(artefacts) }

// FindArtefact returns the artefact of a name.
func FindArtefact(name string) (Artefact, bool) {
	i := slices.IndexFunc(artefacts, func(a Artefact) bool { return a.Name == name })
	if i < 0 {
		return Artefact{}, false
	}
	return artefacts[i], true
}

// ArtefactOf returns the artefact that holds a binary in a delivery; false if there is
// none.
func ArtefactOf(binary, delivery string) (Artefact, bool) {
	i := slices.IndexFunc(artefacts, func(a Artefact) bool {
		return a.Delivery == delivery && slices.Contains(a.Binaries, binary)
	})
	if i < 0 {
		return Artefact{}, false
	}
	return artefacts[i], true
}

// IsArchive reports whether a file, by its name, is an archive that machines unpack.
func IsArchive(file string) bool {
	file = strings.ToLower(file)
	return strings.HasSuffix(file, ".tar.gz") || strings.HasSuffix(file, ".tgz")
}

// packed lists endings of archives and compressed files that machines do not unpack:
// a minimal system lacks the programs for them.
var packed = []string{
	".7z", ".apk", ".br", ".bz2", ".deb", ".gz", ".lz", ".lz4", ".lzma", ".rpm", ".tar", ".tbz", ".tbz2", ".txz", ".tzst", ".xz", ".z", ".zip", ".zst",
}

// Packed returns the ending of an archive or compressed file that machines do not
// unpack; "" for any other file.
func Packed(file string) string {
	if ending := path.Ext(file); !IsArchive(file) && slices.Contains(packed, strings.ToLower(ending)) {
		return ending
	}
	return ""
}

// arches lists the processors for which upstream publishes binaries, with Go's names
// and systemd's (ConditionArchitecture= in systemd.unit(5)).
var arches = []struct{ name, systemd string }{
	{"amd64", "x86-64"}, {"arm64", "arm64"}, {"ppc64le", "ppc64-le"}, {"s390x", "s390x"},
}

// Arches lists the processors, the most common one first.
func Arches() []string {
	var out []string
	for _, a := range arches {
		out = append(out, a.name)
	}
	return out
}

// SystemdArch returns systemd's name of a processor in Arches.
func SystemdArch(arch string) string {
	for _, a := range arches {
		if a.name == arch {
			return a.systemd
		}
	}
	return ""
}
