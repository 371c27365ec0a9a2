// Package profiles holds the facts that do not depend on a cluster: profiles,
// Kubernetes releases, operating systems and channels. One row, one fact; the rest
// of hagen reads these tables.
package profiles

import (
	"slices"
	"time"
)

// Names of the profiles.
const (
	Classic  = "classic"
	Standard = "standard"
)

// Names of the document formats.
const (
	Butane   = "butane"
	Ignition = "ignition"
	UserData = "user-data"
	MetaData = "meta-data"
	// NetworkConfig is cloud-init's, for machines with static addresses.
	NetworkConfig = "network-config"
)

// Network stacks: programs that read the files which configure interfaces.
const (
	NetworkManager = "NetworkManager"
	Networkd       = "systemd-networkd"
)

// Programs that set the clock.
const (
	Chrony    = "chrony"
	Timesyncd = "systemd-timesyncd"
	// TimesyncdOrChrony is for Debian, whose images have either, and Ubuntu, which
	// changed to chrony with 25.10.
	TimesyncdOrChrony = "systemd-timesyncd or chrony"
)

// Ways to name an interface by its MAC address in kernel arguments.
const (
	InIP   = "ip"     // ip=…:52-54-00-89-d8-10:none
	ByName = "ifname" // ifname=bootnet:52:54:00:89:d8:10 ip=…:bootnet:none
)

// CloudInit stands for all formats that cloud-init reads.
const CloudInit = "cloud-init"

// Profile is one way to build the control plane.
type Profile struct {
	Name      string `json:"name"`
	Summary   string `json:"summary"`
	Default   bool   `json:"default"`         // taken when the cluster file names none
	OS        string `json:"os"`              // used when the cluster file names none
	OnlyOS    bool   `json:"onlyOS"`          // the profile's units fit no other operating system
	Why       string `json:"-"`               // the reason for OnlyOS
	Algorithm string `json:"algorithm"`       // of keys, when the cluster file names none
	Note      string `json:"note,omitempty"`  // printed for everybody who uses the profile
	Fixed     bool   `json:"fixed,omitempty"` // supports only the proven version of its release

	OneAuthority bool `json:"oneAuthority,omitempty"` // the same one for clients of Kubernetes and of etcd
	OnlyIPv4     bool `json:"onlyIPv4,omitempty"`     // its releases and flags support no other family
}

// Release is a Kubernetes minor release with the etcd that belongs to it.
type Release struct {
	Profile string  `json:"profile"`
	Minor   string  `json:"minor"`
	Proven  Version `json:"kubernetes"` // the version that hagen's documents were tested with
	Etcd    Version `json:"etcd"`
}

// OS is an operating system that reads the documents.
type OS struct {
	Name       string   `json:"name"`
	Summary    string   `json:"summary"`
	Clones     []string `json:"sameAs,omitempty"` // names of others that hagen treats the same
	BinDir     string   `json:"binDir"`           // directory of etcd and the kube-* binaries
	HAProxy    string   `json:"haproxy"`          // path of haproxy
	Keepalived string   `json:"keepalived"`       // path of keepalived
	Variant    string   `json:"variant"`          // of Butane
	Butane     string   `json:"butane"`           // Butane specification of that variant
	Spec       string   `json:"ignition"`         // Ignition specification it becomes
	Formats    []string `json:"formats"`          // that every host with this OS gets
	Groups     []string `json:"groups"`           // a login of the cluster file joins
	Shell      string   `json:"shell"`            // of such a login; "" is the system's default
	Sudo       string   `json:"sudo"`             // rule for such a login; "" where Groups are enough
	Packages   string   `json:"packages"`         // command that installs haproxy and keepalived in an image; "" without packages
	Network    string   `json:"network"`          // what configures interfaces: NetworkManager or Networkd
	Clock      string   `json:"clock"`            // what sets the clock: Chrony, Timesyncd or TimesyncdOrChrony

	Delivery       string `json:"delivery"`       // of the control plane's binaries, unless the cluster file says
	HAProxyFrom    string `json:"haproxyFrom"`    // of HAProxy; a container only if the cluster file names its image
	KeepalivedFrom string `json:"keepalivedFrom"` // of keepalived

	Quadlet bool `json:"quadlet"` // has Podman and its generator
	SELinux bool `json:"selinux"` // enforcing by default

	Booleans map[string]string `json:"-"` // of SELinux, by daemon: they allow the daemon hagen's ports
	Links    map[string]string `json:"-"` // directories that are links, with their targets
	ReadOnly []string          `json:"-"` // directories that cannot be written, links followed
	BootMAC  string            `json:"-"` // how the kernel argument ip= names an interface by its MAC address: InIP or ByName; "" cannot
	Sealed   bool              `json:"-"` // the root directory allows no new directory
	BootDisk BootDisk          `json:"-"` // whose system partitions must never be erased
	Boot     Boot              `json:"-"` // what boot media depend on
}

// BootDisk is the disk that an operating system boots from, as far as all of its
// images are alike. If it has a name, a new partition may use the space into which
// the root partition would otherwise grow.
type BootDisk struct {
	Device  string   // a name that exists only while the machine is provisioned; "" is none
	Labels  []string // of the images' partitions, on any architecture; the root's first
	Root    int      // number of the root partition, the last one
	RootMiB int      // the minimum for the operating system
}

// Owns reports whether a partition with that label belongs to the operating system.
func (d BootDisk) Owns(label string) bool { return slices.Contains(d.Labels, label) }

// profiles, in the order in which they are listed. docs/design.md explains the
// decisions behind each.
var profiles = []Profile{
	{
		Name: Standard, Summary: "the same topology as people run it today", Default: true,
		OS: "fcos", Algorithm: "ecdsa-p256",
	},
	{
		Name: Classic, Summary: "the cluster of the 2018 guide, flag by flag: one CA, shared certificates",
		OS: "generic", OnlyOS: true, Why: "its units run binaries in /usr/bin, as the 2018 guide does",
		Algorithm: "rsa-2048", Fixed: true, OneAuthority: true, OnlyIPv4: true,
		Note: "one authority signs everything: every client certificate of this cluster is also valid for etcd",
	},
}

// Earliest is a day after the newest of the releases below: a clock that shows an
// earlier day is wrong.
var Earliest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// releases, newest first. The etcd of a release is the one that kubeadm uses with it
// (cmd/kubeadm/app/constants, DefaultEtcdVersion).
var releases = []Release{
	{Profile: Standard, Minor: "1.37", Proven: Version{1, 37, 2}, Etcd: Version{3, 7, 3}},
	{Profile: Standard, Minor: "1.36", Proven: Version{1, 36, 3}, Etcd: Version{3, 6, 16}},
	{Profile: Standard, Minor: "1.35", Proven: Version{1, 35, 4}, Etcd: Version{3, 6, 16}},
	{Profile: Standard, Minor: "1.34", Proven: Version{1, 34, 4}, Etcd: Version{3, 6, 16}},
	{Profile: Classic, Minor: "1.9", Proven: Version{1, 9, 2}, Etcd: Version{3, 2, 8}},
}

// systems. The directories follow from what is read-only on each:
//   - Fedora CoreOS: /usr is read-only and /opt has no SELinux type that
//     systemd may execute; /usr/local/bin is bin_t (selinux-policy,
//     file_contexts.subs_dist and corecommands.fc).
//   - Flatcar: /usr is read-only, /opt/bin is its convention and in PATH.
//   - Links of Fedora CoreOS: rpm-ostree's layout, docs.fedoraproject.org,
//     Fedora CoreOS, "Operating System Filesystem Layout".
//   - The root directory of Fedora CoreOS is composefs since release 41, and
//     allows no new directory.
//   - The boot disk of Fedora CoreOS has a name while it is provisioned; its
//     root is partition 4 and needs 8 GiB: docs.fedoraproject.org, Fedora
//     CoreOS, "Configuring Storage". The others have none. Labels of partitions:
//     coreos-assembler, create_disk.sh; flatcar-docs, "Flatcar Container Linux
//     disk layout". Images of the others differ.
//   - Network stacks and clocks are those that each system installs and starts. On
//     Fedora CoreOS nm-initrd-generator(8) reads ip=, and accepts a MAC address
//     with dashes as a name; elsewhere systemd-network-generator(8) does, and
//     knows ifname=. Flatcar's script knows neither (flatcar/bootengine,
//     dracut/03flatcar-network/parse-ip-for-networkd.sh).
//   - Debian, Ubuntu, RHEL: /usr/bin belongs to packages, /usr/local/bin to the
//     administrator, with bin_t in RHEL's SELinux policy. Their packages' services
//     are called haproxy.service and keepalived.service like hagen's, which take
//     precedence (systemd.unit(5), "Unit File Load Path"). A login has no
//     password, so sudo must not ask for one, as for the default user of cloud
//     images (cloud-init, config/cloud.cfg.tmpl). RHEL confines processes of
//     /usr/sbin/haproxy and /usr/sbin/keepalived to known ports
//     (haproxy_selinux(8), keepalived_selinux(8)).
//   - Where an initrd holds a document: Fedora CoreOS copies /config.ign (coreos/
//     fedora-coreos-config, coreos-ignition-setup-user.sh) and keyfiles (coreos-copy-
//     firstboot-network.sh); Flatcar reads its OEM directory (flatcar-docs, "Booting with
//     PXE", "Adding a Custom OEM"), but not in images that lose it on the way to their second
//     initrd (flatcar/Flatcar#2023), or look elsewhere (flatcar/Flatcar#1376, mended by
//     flatcar/scripts#1707); any other Ignition /usr/lib/ignition/user.ign
//     (coreos/ignition, internal/providers/system). Whether the Ignition of Fedora CoreOS
//     and Flatcar reads a volume depends on the image's age; generic images are built
//     with today's.
//   - All have openssl, which looks when certificates end: Fedora CoreOS (coreos/
//     fedora-coreos-config, manifest-lock), Flatcar (coreos-base/coreos), Debian and Ubuntu
//     with ca-certificates, RHEL with cloud-init. A generic image has to bring it.
//   - Butane specifications: the newest that both emit Ignition 3.4.0, the
//     newest that matchbox and Flatcar's stable variant accept.
var systems = []OS{
	{
		Name: "fcos", Summary: "Fedora CoreOS", BinDir: "/usr/local/bin", HAProxy: "/usr/local/bin/haproxy",
		Keepalived: "/usr/local/bin/keepalived",
		Variant:    "fcos", Butane: "1.5.0", Spec: "3.4.0", Formats: []string{Butane, Ignition},
		Groups: []string{"sudo", "systemd-journal"}, Network: NetworkManager, Clock: Chrony, BootMAC: InIP,
		Links: map[string]string{
			"/usr/local": "/var/usrlocal", "/opt": "/var/opt", "/srv": "/var/srv", "/mnt": "/var/mnt",
			"/home": "/var/home", "/root": "/var/roothome",
		},
		ReadOnly: []string{"/usr"}, Sealed: true,
		BootDisk: BootDisk{
			Device: "/dev/disk/by-id/coreos-boot-disk", Root: 4, RootMiB: 8192,
			Labels: []string{"root", "boot", "EFI-SYSTEM", "BIOS-BOOT", "PowerPC-PReP-boot", "reserved", "se", "boothash", "roothash"},
		},
		Boot: Boot{
			Document: "config.ign", Keyfiles: "etc/coreos-firstboot-network", Installs: true,
			First: []string{"ignition.firstboot"}, PlatformWord: "ignition.platform.id=", Platform: "metal", Rootfs: "coreos.live.rootfs_url=",
			LiveISO: true, Partitions: []string{"boot", "EFI-SYSTEM", "root"}, BootPartition: "boot",
		},
		Delivery: URLs, HAProxyFrom: Container, KeepalivedFrom: URLs,
		Quadlet: true, SELinux: true,
	},
	{
		Name: "flatcar", Summary: "Flatcar Container Linux", BinDir: "/opt/bin", HAProxy: "/opt/bin/haproxy", Keepalived: "/opt/bin/keepalived",
		Variant: "flatcar", Butane: "1.1.0", Spec: "3.4.0", Formats: []string{Butane, Ignition},
		Groups:  []string{"sudo"}, // useradd finds no other: flatcar/Flatcar#799
		Network: Networkd, Clock: Timesyncd,
		ReadOnly: []string{"/usr"},
		BootDisk: BootDisk{Labels: []string{"ROOT", "EFI-SYSTEM", "BIOS-BOOT", "USR-A", "USR-B", "ROOT-C", "OEM", "OEM-CONFIG"}},
		Boot: Boot{
			Document: "usr/share/oem/config.ign", First: []string{"flatcar.first_boot=1"}, PlatformWord: "flatcar.oem.id=",
			Partitions: []string{"EFI-SYSTEM", "OEM", "USR-A"},
			Instead:    "its OEM partition is btrfs, which nothing writes without mounting it: boot the machine with hagen media --kind matchbox, or install it with flatcar-install -i config.ign",
			Appended:   "some images of Flatcar ignore a document in an initrd (alpha and beta of early 2026: flatcar/Flatcar#2023; early 2024: #1376): such a machine boots, and is nobody; --kind matchbox does without",
		},
		Delivery: URLs, HAProxyFrom: URLs, KeepalivedFrom: URLs,
	},
	{
		// haproxy is the distribution's, in /usr/sbin. systemd-journal is the one
		// group that every systemd Linux has.
		Name: "generic", Summary: "any systemd Linux with Ignition", BinDir: "/usr/bin", HAProxy: "/usr/sbin/haproxy",
		Keepalived: "/usr/sbin/keepalived",
		Variant:    "fcos", Butane: "1.5.0", Spec: "3.4.0", Formats: []string{Butane, Ignition},
		Groups: []string{"systemd-journal"}, Network: Networkd, Clock: Timesyncd, BootMAC: ByName,
		Boot: Boot{
			Document: "usr/lib/ignition/user.ign", Device: true,
			First: []string{"ignition.firstboot"}, PlatformWord: "ignition.platform.id=", Platform: "metal",
		},
		Delivery: URLs, HAProxyFrom: Preinstalled, KeepalivedFrom: Preinstalled,
	},
	{
		Name: "debian", Summary: "Debian 12 and newer", BinDir: "/usr/local/bin", HAProxy: "/usr/sbin/haproxy",
		Keepalived: "/usr/sbin/keepalived", Packages: "apt-get install haproxy keepalived",
		Variant: "fcos", Butane: "1.5.0", Spec: "3.4.0", Formats: []string{UserData, MetaData, NetworkConfig},
		Groups: []string{"sudo", "systemd-journal"}, Shell: "/bin/bash", Sudo: "ALL=(ALL) NOPASSWD:ALL",
		Network: Networkd, Clock: TimesyncdOrChrony,
		Delivery: URLs, HAProxyFrom: Preinstalled, KeepalivedFrom: Preinstalled,
	},
	{
		Name: "ubuntu", Summary: "Ubuntu 22.04 LTS and newer", BinDir: "/usr/local/bin", HAProxy: "/usr/sbin/haproxy",
		Keepalived: "/usr/sbin/keepalived", Packages: "apt-get install haproxy keepalived",
		Variant: "fcos", Butane: "1.5.0", Spec: "3.4.0", Formats: []string{UserData, MetaData, NetworkConfig},
		Groups: []string{"sudo", "systemd-journal"}, Shell: "/bin/bash", Sudo: "ALL=(ALL) NOPASSWD:ALL",
		Network: Networkd, Clock: TimesyncdOrChrony,
		Delivery: URLs, HAProxyFrom: Preinstalled, KeepalivedFrom: Preinstalled,
	},
	{
		Name: "rhel", Summary: "Red Hat Enterprise Linux 9 and newer, AlmaLinux, Rocky Linux, Oracle Linux, CentOS Stream",
		Clones: []string{"redhat", "almalinux", "alma", "rocky", "rockylinux", "oracle", "oraclelinux", "ol", "centos", "centos-stream"},
		BinDir: "/usr/local/bin", HAProxy: "/usr/sbin/haproxy", Keepalived: "/usr/sbin/keepalived", Packages: "dnf install haproxy keepalived",
		Variant: "fcos", Butane: "1.5.0", Spec: "3.4.0", Formats: []string{UserData, MetaData, NetworkConfig},
		Groups: []string{"wheel", "systemd-journal"}, Shell: "/bin/bash", Sudo: "ALL=(ALL) NOPASSWD:ALL",
		Network: NetworkManager, Clock: Chrony, BootMAC: InIP,
		Delivery: URLs, HAProxyFrom: Preinstalled, KeepalivedFrom: Preinstalled,
		SELinux:  true,
		Booleans: map[string]string{"haproxy": "haproxy_connect_any", "keepalived": "keepalived_connect_any"},
	},
}

// Profiles lists all profiles, the default first.
func Profiles() []Profile { return slices.Clone(profiles) }

// Releases lists all releases, newest first.
func Releases() []Release { return slices.Clone(releases) }

// Systems lists all operating systems.
func Systems() []OS { return slices.Clone(systems) }

// Formats lists all document formats.
func Formats() []string { return []string{Butane, Ignition, UserData, MetaData, NetworkConfig} }

// FormatsOf returns the formats that a name stands for: itself, or several; none if
// it is not the name of a format.
func FormatsOf(name string) []string {
	if name == CloudInit {
		return []string{UserData, MetaData, NetworkConfig}
	}
	if slices.Contains(Formats(), name) {
		return []string{name}
	}
	return nil
}

// FindProfile returns the profile of a name; the default for the empty name.
func FindProfile(name string) (Profile, bool) {
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name || name == "" && p.Default })
	if i < 0 {
		return Profile{}, false
	}
	return profiles[i], true
}

// Family returns what reads the documents of an operating system: CloudInit, or
// the variant of Butane. Machines of two families have no document in common.
func (o OS) Family() string {
	if !slices.Contains(o.Formats, Ignition) {
		return CloudInit
	}
	return o.Variant
}

// Reader returns what sets up a machine from a document of a format: Ignition or
// CloudInit; "" if the format is for people, or supplements another document.
func Reader(format string) string {
	switch format {
	case Ignition:
		return Ignition
	case UserData:
		return CloudInit
	}
	return ""
}

// SystemsOf returns the names of the operating systems whose documents are for a
// reader.
func SystemsOf(reader string) []string {
	var names []string
	for i := range systems {
		if slices.ContainsFunc(systems[i].Formats, func(format string) bool { return Reader(format) == reader }) {
			names = append(names, systems[i].Name)
		}
	}
	return names
}

// FindOS returns the operating system of a name.
func FindOS(name string) (OS, bool) {
	i := slices.IndexFunc(systems, func(o OS) bool { return o.Name == name })
	if i < 0 {
		return OS{}, false
	}
	return systems[i], true
}

// FindClone returns the operating system that hagen treats the same as one of that
// name.
func FindClone(name string) (OS, bool) {
	i := slices.IndexFunc(systems, func(o OS) bool { return slices.Contains(o.Clones, name) })
	if i < 0 {
		return OS{}, false
	}
	return systems[i], true
}

// ReleasesOf lists the releases of a profile, newest first; never empty for a
// profile of the table.
func ReleasesOf(profile string) []Release {
	return slices.DeleteFunc(slices.Clone(releases), func(r Release) bool { return r.Profile != profile })
}
