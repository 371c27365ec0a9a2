package profiles

import (
	"path"
	"slices"
	"strings"
)

// Ways in which binaries come onto a machine.
const (
	Preinstalled = "preinstalled" // the image has them
	URLs         = "urls"         // fetched at the first boot, each with its digest
	Sysext       = "sysext"       // in an image that systemd-sysext merges into /usr
	Container    = "container"    // in an image that Podman runs: HAProxy alone
)

// Deliveries lists those that every binary can come in.
func Deliveries() []string { return []string{Preinstalled, URLs, Sysext} }

// SysextBin is where a sysext image has its binaries: never /usr/sbin, which is
// a link on newer systems and would be hidden by a directory.
const SysextBin = "/usr/bin"

// SysextUnit merges images into /usr. Presets of some systems leave it off.
const SysextUnit = "systemd-sysext.service"

// SysextDir is where systemd-sysext looks for images that no package brought
// (systemd-sysext(8)). /etc/extensions is no place for hundreds of megabytes:
// Fedora CoreOS copies /etc with every update.
const SysextDir = "/var/lib/extensions"

// Podman is where operating systems have it that run containers from Quadlet
// files.
const Podman = "/usr/bin/podman"

// Products are what has a version of its own.
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
	Binaries []string // the first is the one that an artefact without a folder is
	Spare    []string // of Binaries those that no unit runs: they may be missing
	Host     string   // that publishes it; "" is nobody
	File     string   // its path there, or its name: {version}, {etcd} and {arch} stand for themselves
	Sums     []string // where its digest is published: an ending of the URL, or with a slash a file beside it
}

// artefacts in the order of boots. dl.k8s.io publishes each binary with
// .sha512 beside it (kubernetes.io, "Download Kubernetes"), etcd an archive
// with SHA256SUMS beside it (etcd, scripts/release.sh). HAProxy and keepalived are
// published as sources alone.
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

// Artefacts lists all of them.
func Artefacts() []Artefact { return slices.Clone(artefacts) }

// FindArtefact gives the artefact of a name.
func FindArtefact(name string) (Artefact, bool) {
	i := slices.IndexFunc(artefacts, func(a Artefact) bool { return a.Name == name })
	if i < 0 {
		return Artefact{}, false
	}
	return artefacts[i], true
}

// ArtefactOf gives the artefact that a binary comes in with a delivery; false
// for one that has none.
func ArtefactOf(binary, delivery string) (Artefact, bool) {
	i := slices.IndexFunc(artefacts, func(a Artefact) bool {
		return a.Delivery == delivery && slices.Contains(a.Binaries, binary)
	})
	if i < 0 {
		return Artefact{}, false
	}
	return artefacts[i], true
}

// IsArchive says whether a file is one that holds others, by its name, and that
// machines unpack.
func IsArchive(file string) bool {
	file = strings.ToLower(file)
	return strings.HasSuffix(file, ".tar.gz") || strings.HasSuffix(file, ".tgz")
}

// packed are endings of files that machines do not unpack: for that, a minimal
// system would need programs that it lacks.
var packed = []string{
	".7z", ".apk", ".br", ".bz2", ".deb", ".gz", ".lz", ".lz4", ".lzma", ".rpm", ".tar", ".tbz", ".tbz2", ".txz", ".tzst", ".xz", ".z", ".zip", ".zst",
}

// Packed gives the ending by which a file is compressed, or holds others, in a
// way that machines do not unpack; "" if there is none such.
func Packed(file string) string {
	if ending := path.Ext(file); !IsArchive(file) && slices.Contains(packed, strings.ToLower(ending)) {
		return ending
	}
	return ""
}

// arches are the processors that upstream publishes binaries for, under Go's
// names, and how systemd calls them (ConditionArchitecture= in systemd.unit(5)).
var arches = []struct{ name, systemd string }{
	{"amd64", "x86-64"}, {"arm64", "arm64"}, {"ppc64le", "ppc64-le"}, {"s390x", "s390x"},
}

// Arches lists the processors, the common one first.
func Arches() []string {
	var out []string
	for _, a := range arches {
		out = append(out, a.name)
	}
	return out
}

// SystemdArch gives systemd's name of a processor of Arches.
func SystemdArch(arch string) string {
	for _, a := range arches {
		if a.name == arch {
			return a.systemd
		}
	}
	return ""
}
