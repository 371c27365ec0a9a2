// Package node is a machine as hagen's documents describe it, for every
// operating system: users, disks, directories, files, links and units.
package node

import (
	"io/fs"
	"net/netip"
	"path"
	"strings"
)

// Node is one machine. Items are in the order of the document; the order means
// nothing to the machine.
type Node struct {
	Name        string // also the hostname
	Role        string // "master", "load balancer"
	Groups      []Group
	Users       []User
	Disks       []Disk
	Filesystems []Filesystem
	Directories []Directory
	Files       []File
	Links       []Link
	Mounts      []Mount
	Units       []Unit
	Further     []Further // only in documents that hagen did not write
}

// Origin is where an item comes from and what a reader should know. It is not
// part of the machine: an Ignition document that is read back has none, a
// Butane document no From.
type Origin struct {
	Section string // heading above the item: "etcd"
	Why     string // a comment for the reader, one line or several
	From    string // table row or field of the cluster file, for messages about the item
}

// Group is a system group.
type Group struct {
	Origin
	Name string
}

// User is an account. A system user has no password, no login and no home
// directory of its own.
type User struct {
	Origin
	Name    string
	System  bool
	Primary string   // primary group; "" is the system's choice
	Groups  []string // further groups
	Home    string   // home directory; "" is the system's choice
	Shell   string   // login shell; "" is the system's choice
	SSHKeys []string // authorized_keys lines
}

// Disk is a disk with partitions, which are made when the machine is
// provisioned. Existing partitions that match are kept.
type Disk struct {
	Origin
	Device     string // its path, a stable one: below /dev/disk/by-id
	WipeTable  bool   // erase the partition table first, whatever is in it
	Partitions []Partition
}

// Partition is one of a disk. On a disk that was kept it is found by its
// number, and its label must match.
type Partition struct {
	Number   int // from 1
	Label    string
	StartMiB int  // 0 is where it is, or the largest free block
	SizeMiB  int  // 0 is what it has, or the rest of that block
	Wipe     bool // make it again when another one has its number
	Resize   bool // give it the size if it has another
}

// Filesystem is what a device is formatted with when the machine is
// provisioned. An existing one with that format and label is kept with its
// data; any other is a fault, unless Wipe is set.
type Filesystem struct {
	Origin
	Device  string
	Format  string   // "ext4", "xfs", "btrfs" or "vfat"
	Label   string   // "" is none, and any
	Path    string   // where it is mounted while files are written; "" is nowhere
	Options []string // of that mount
	Wipe    bool
}

// Mount is a filesystem that is mounted at every boot.
type Mount struct {
	Origin
	Device, Path, Format string
	Options              []string // of mount(8); with NoFail the machine boots without it
}

// NoFail is the mount option with which a machine boots without the device. It
// also removes the mount's order: units that need it wait for it with
// RequiresMountsFor= (systemd.mount(5)).
const NoFail = "nofail"

// InInitrd returns the options of a mount that mount(8) knows: the others are
// systemd's, and do not work for a mount by hand.
func InInitrd(options []string) (out []string) {
	for _, o := range options {
		if o != NoFail && !strings.HasPrefix(o, "x-") {
			out = append(out, o)
		}
	}
	return out
}

// Directory is a directory with owner and permission bits.
type Directory struct {
	Origin
	Path        string
	User, Group string // "" is root
	Mode        fs.FileMode
}

// File is a regular file.
type File struct {
	Origin
	Path        string
	User, Group string // "" is root
	Mode        fs.FileMode
	Contents    []byte
	Source      Source // of contents outside the document; Contents is empty then
	Overwrite   bool   // the operating system may bring a file of that path
	Secret      bool   // holds a private key, a token or another secret
}

// Source is where the contents of a file come from when the machine first
// boots. The zero Source means that the document has them.
type Source struct {
	URL  string
	Hash string // of the contents, as Ignition writes it: sha512-…; "" is unverified
}

// Same reports whether both have the same contents, by their digests.
func (s Source) Same(other Source) bool {
	_, digest, _ := strings.Cut(s.Hash, "-")
	return digest != "" && s.Hash == other.Hash
}

// Remote reports whether the machine fetches the file.
func (f File) Remote() bool { return f.Source.URL != "" }

// Link is a symbolic link.
type Link struct {
	Origin
	Path, Target string
}

// Unit is a systemd unit in /etc/systemd/system.
type Unit struct {
	Origin
	Name     string
	Contents string // "" for one of the operating system's
	Enabled  bool
	Masked   bool // nothing can start it
	DropIns  []DropIn
}

// DropIn is a file with more lines for a unit (systemd.unit(5)).
type DropIn struct {
	Name     string // "10-limits.conf"
	Contents string
}

// Path returns the path of a unit's drop-in.
func (d DropIn) Path(unit string) string { return path.Join(UnitDir, unit+".d", d.Name) }

// Further is content of a document that no other field of a node holds. hagen
// never writes such content.
type Further struct {
	Item string // path, unit or account; "" is the document itself
	Says string // in Ignition's words: "passwordHash"; never a value
}

// String gives "item: says".
func (f Further) String() string {
	if f.Item == "" {
		return f.Says
	}
	return f.Item + ": " + f.Says
}

// UnitDir is the directory for units of a machine's administrator
// (systemd.unit(5)).
const UnitDir = "/etc/systemd/system"

// Interface is a network interface with static addresses. A document has it as
// a file that the operating system's network stack reads (gen/network).
type Interface struct {
	Name        string         // the operating system's name; "" if the MAC address identifies it
	MAC         string         // 52:54:00:89:d8:10; "" if the name identifies it, or, without a name, all other Ethernet cards are meant
	DHCP        []int          // families, 4 and 6, that DHCP configures; none with static addresses
	Addresses   []netip.Prefix // each with its network's prefix length
	Gateways    []netip.Addr   // default routers, at most one per family
	Nameservers []netip.Addr
}
