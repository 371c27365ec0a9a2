// Package spec holds what a user writes: the schema of the cluster file, its
// strict decoding, and the position of every field.
//
// The Go types below are the schema. The `key` tag of a field is its name in
// the file; a field whose tag says "required" must be there. `example` is a good
// value: the remedy shows it for a value of the wrong type, unless `quote` says
// that quotes are the remedy. `free` allows text in any script, where other fields
// take ASCII only. A list with the tag `one` may be a single value, without
// brackets. gen/cluster decides what a value means, and whether values fit together.
package spec

// Version and Kind are the values of the first two lines of a cluster file.
const (
	Version = "hagen/v1alpha1"
	Kind    = "Cluster"
)

// MaxSize is the largest cluster file that is read, in bytes. A cluster of
// nine masters takes two kilobytes; a larger file is not a cluster file.
const MaxSize = 1 << 20

// File is a decoded cluster file.
type File struct {
	At         At
	APIVersion Text     `key:"apiVersion,required" example:"hagen/v1alpha1"`
	Kind       Text     `key:"kind,required" example:"Cluster"`
	Metadata   Metadata `key:"metadata,required" example:"{name: kubernetes}"`
	Spec       Spec     `key:"spec,required" example:"and below it the cluster; hagen init writes a file to start from"`
}

// Metadata names the cluster.
type Metadata struct {
	At   At
	Name String `key:"name,required" example:"kubernetes" quote:"helps"`
}

// Spec describes the cluster.
type Spec struct {
	At                   At
	Profile              Text         `key:"profile"`
	KubernetesVersion    Text         `key:"kubernetesVersion"`
	EmulatedVersion      Text         `key:"emulatedVersion"`
	EtcdVersion          Text         `key:"etcdVersion"`
	AllowUnproven        Bool         `key:"allowUnproven"`
	OS                   Text         `key:"os"`
	Endpoint             Text         `key:"endpoint,required" example:"kubernetes:6443"`
	ClusterDomain        String       `key:"clusterDomain" example:"cluster.local"`
	DNS                  Text         `key:"dns"`
	ServiceCIDRs         List[Text]   `key:"serviceCIDRs,required" example:"[10.32.0.0/16]"`
	PodCIDRs             List[Text]   `key:"podCIDRs,required" example:"[10.38.0.0/16]"`
	ServiceNodePortRange Text         `key:"serviceNodePortRange"`
	ServiceAccountIssuer List[String] `key:"serviceAccountIssuer" one:"may" example:"[https://kubernetes.default.svc.cluster.local]"`
	APIServer            APIServer    `key:"apiServer"`
	Masters              List[Host]   `key:"masters,required" example:"[{name: kubem00, addresses: [10.10.10.80]}, …]"`
	AllowEvenMasters     Bool         `key:"allowEvenMasters"`
	LoadBalancers        List[Host]   `key:"loadBalancers" example:"[{name: kubernetes, addresses: [10.10.10.2]}]"`
	LoadBalancer         LoadBalancer `key:"loadBalancer"`
	Etcd                 ClusterEtcd  `key:"etcd" example:"{disk: /dev/disk/by-id/virtio-etcd}"`
	Disks                RoleDisks    `key:"disks"`
	Network              Network      `key:"network"`
	PKI                  PKI          `key:"pki"`
	Binaries             Binaries     `key:"binaries" example:"{mode: urls}"`
	Boot                 Boot         `key:"boot" example:"{url: http://10.10.10.1/boot, kernel: vmlinuz, initrd: initramfs.img}"`
	Users                List[User]   `key:"users" example:"[{name: core, sshKeys: [ssh-ed25519 AAAA… you@desk]}]"`
}

// APIServer holds settings of all API servers that differ from the defaults.
type APIServer struct {
	At        At
	Port      Int          `key:"port"`
	ExtraSANs List[String] `key:"extraSANs" example:"[api.example.com]"`
}

// Host is one machine. The fields from Interface to Nameservers describe its first
// interface, Interfaces further ones.
type Host struct {
	At          At
	Name        String          `key:"name,required" example:"kubem00"`
	Interface   Text            `key:"interface"`
	MAC         Text            `key:"mac"`
	Addresses   List[Text]      `key:"addresses,required" example:"[10.10.10.80]"`
	Gateway     List[Text]      `key:"gateway" one:"may" example:"[10.10.10.1]"`
	Nameservers List[Text]      `key:"nameservers" example:"[10.10.10.53]"`
	NTP         List[String]    `key:"ntp" example:"[ntp.example.com]"`
	Interfaces  List[Interface] `key:"interfaces" example:"[{mac: 52:54:00:89:d8:10, addresses: [192.0.2.80/24]}]"`
	OS          Text            `key:"os"`
	Etcd        Etcd            `key:"etcd" example:"{disk: /dev/disk/by-id/virtio-etcd}"`
	Disks       List[Disk]      `key:"disks" example:"[{device: /dev/disk/by-id/virtio-logs, filesystem: {format: ext4, path: /var/log}}]"`
	Binaries    Text            `key:"binaries"`
	InstallDisk Text            `key:"installDisk"`
}

// Interface is a further interface of a machine.
type Interface struct {
	At          At
	Interface   Text       `key:"interface"`
	MAC         Text       `key:"mac"`
	Addresses   List[Text] `key:"addresses,required" example:"[192.0.2.80/24]"`
	Gateway     List[Text] `key:"gateway" one:"may" example:"[192.0.2.1]"`
	Nameservers List[Text] `key:"nameservers" example:"[192.0.2.53]"`
}

// Network holds what machines with static addresses have in common.
type Network struct {
	At          At
	Gateway     List[Text]   `key:"gateway" one:"may" example:"[10.10.10.1]"`
	Nameservers List[Text]   `key:"nameservers" example:"[10.10.10.53]"`
	NTP         List[String] `key:"ntp" example:"[ntp.example.com]"`
	Use         Use          `key:"use" example:"{etcd: 10.10.10.0/24}"`
}

// Use selects the addresses that the cluster's own daemons use: those in a range.
type Use struct {
	At        At
	Etcd      Text       `key:"etcd"`
	APIServer Text       `key:"apiServer"`
	HAProxy   List[Text] `key:"haproxy" one:"may" example:"[192.0.2.0/24]"`
}

// ClusterEtcd is what all masters' etcd have in common.
type ClusterEtcd struct {
	At        At
	Disk      Text      `key:"disk"`
	Snapshots Snapshots `key:"snapshots" example:"{every: 6h}"`
}

// Snapshots are taken on every master when the field is written, even as {}.
type Snapshots struct {
	At        At
	Every     Text `key:"every"`
	Keep      Int  `key:"keep"`
	Directory Text `key:"directory"`
}

// Etcd says where a master's etcd keeps its data.
type Etcd struct {
	At   At
	Disk Text `key:"disk"`
}

// RoleDisks are the disks of those machines of a role that list no disks
// themselves.
type RoleDisks struct {
	At            At
	Masters       List[Disk] `key:"masters" example:"[{device: /dev/disk/by-id/virtio-logs, filesystem: {format: ext4, path: /var/log}}]"`
	LoadBalancers List[Disk] `key:"loadBalancers" example:"[{device: /dev/disk/by-id/virtio-logs, filesystem: {format: ext4, path: /var/log}}]"`
}

// Disk is a disk with its partitions or its filesystem, under Ignition's names.
type Disk struct {
	At         At
	Device     Text            `key:"device,required" example:"/dev/disk/by-id/virtio-logs"`
	WipeTable  Bool            `key:"wipeTable"`
	Partitions List[Partition] `key:"partitions" example:"[{label: logs, filesystem: {format: ext4, path: /var/log}}]"`
	Filesystem Filesystem      `key:"filesystem" example:"{format: ext4, path: /var/log}"`
}

// Partition is one partition of a disk.
type Partition struct {
	At                 At
	Label              Text       `key:"label,required" example:"logs"`
	Number             Int        `key:"number"`
	StartMiB           Int        `key:"startMiB"`
	SizeMiB            Int        `key:"sizeMiB"`
	WipePartitionEntry Bool       `key:"wipePartitionEntry"`
	Resize             Bool       `key:"resize"`
	Filesystem         Filesystem `key:"filesystem" example:"{format: ext4, path: /var/log}"`
}

// Filesystem is what a disk or partition holds, and where it is mounted.
type Filesystem struct {
	At             At
	Format         Text       `key:"format,required" example:"ext4"`
	Label          Text       `key:"label"`
	Path           Text       `key:"path"`
	MountOptions   List[Text] `key:"mountOptions" example:"[noatime]"`
	WipeFilesystem Bool       `key:"wipeFilesystem"`
}

// Binaries says how the binaries that the units run get onto the machines.
type Binaries struct {
	At           At
	Mode         Text         `key:"mode"`
	Mirror       String       `key:"mirror" example:"http://10.10.10.1/hagen" quote:"helps"`
	Arch         Text         `key:"arch"`
	HAProxy      Text         `key:"haproxy"`
	HAProxyImage String       `key:"haproxyImage" example:"docker.io/library/haproxy@sha256:…" quote:"helps"`
	Keepalived   Text         `key:"keepalived"`
	Sources      List[Origin] `key:"sources" example:"[{name: haproxy, url: https://example.com/haproxy-3.2.tar.gz}]"`
}

// Origin is the URL of one file with binaries, instead of upstream's.
type Origin struct {
	At   At
	Name Text   `key:"name,required" example:"haproxy"`
	URL  String `key:"url,required" example:"https://example.com/haproxy-3.2.tar.gz"`
}

// LoadBalancer says what stands in front of the API servers.
type LoadBalancer struct {
	At              At
	Mode            Text         `key:"mode"`
	VirtualIP       List[Text]   `key:"virtualIP" one:"may" example:"[10.10.10.9]"`
	VirtualRouterID Int          `key:"virtualRouterID"`
	PublicIP        List[Text]   `key:"publicIP" one:"may" example:"[203.0.113.7]"`
	Names           List[String] `key:"names" example:"[api.example.com]"`
	StatsPort       Int          `key:"statsPort"`
	Metrics         Bool         `key:"metrics"`
	MaxConnections  Int          `key:"maxConnections"`
	Timeouts        Timeouts     `key:"timeouts"`
}

// Timeouts are HAProxy's, under HAProxy's names.
type Timeouts struct {
	At      At
	Connect Text `key:"connect"`
	Client  Text `key:"client"`
	Server  Text `key:"server"`
	Tunnel  Text `key:"tunnel"`
	Check   Text `key:"check"`
}

// PKI says how certificates are made.
type PKI struct {
	At          At
	Algorithm   Text    `key:"algorithm"`
	Subject     Subject `key:"subject"`
	CAExpiry    Text    `key:"caExpiry"`
	Expiry      Text    `key:"expiry"`
	AdminExpiry Text    `key:"adminExpiry"`
}

// Subject is the name of the authorities. Leaves carry none of it: Kubernetes
// reads a leaf's subject as user and groups.
type Subject struct {
	At                 At
	CommonName         String `key:"commonName" free:"yes"`
	Organization       String `key:"organization" free:"yes"`
	OrganizationalUnit String `key:"organizationalUnit" free:"yes"`
	Country            Text   `key:"country"`
	State              String `key:"state" free:"yes"`
	Locality           String `key:"locality" free:"yes"`
}

// Boot is what boot media need that no document says.
type Boot struct {
	At              At
	URL             String       `key:"url" example:"http://10.10.10.1/boot" quote:"helps"`
	Kernel          String       `key:"kernel" example:"vmlinuz" quote:"helps"`
	Initrd          List[String] `key:"initrd" one:"may" example:"[initramfs.img]"`
	Rootfs          String       `key:"rootfs" example:"rootfs.img" quote:"helps"`
	KernelArguments List[String] `key:"kernelArguments" example:"[console=tty0]"`
	InstallDisk     Text         `key:"installDisk"`
	Platform        Text         `key:"platform"`
}

// User is a login on every machine.
type User struct {
	At      At
	Name    String       `key:"name,required" example:"core"`
	SSHKeys List[String] `key:"sshKeys,required" example:"[ssh-ed25519 AAAA… you@desk]" free:"yes"`
}

// At is a position in the cluster file: line and column count from 1, Path is
// that of the field ("spec.masters[1].name"). The zero At means "not written".
type At struct {
	Line, Column int
	Path         string
}

// Written reports whether the field is in the file.
func (a At) Written() bool { return a.Line > 0 }

// String is a text field; a number or an unquoted true has another type.
type String struct {
	Value string
	At    At
}

// Text is a field read as the file spells it, whatever its type for YAML: the
// version 1.40 is a float for YAML, which would become 1.4. It also serves fields
// in which a number is wrong: gen/cluster, which knows what is right, says so best.
type Text struct {
	Value string
	At    At
}

// Int is a whole number.
type Int struct {
	Value int
	At    At
}

// Bool is true or false.
type Bool struct {
	Value bool
	At    At
}

// List is a sequence of fields.
type List[T any] struct {
	Items []T
	At    At
}
