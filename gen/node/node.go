// Package node holds a machine as hagen's documents describe it, whatever its
// operating system: users, disks, directories, files, links and units.
package node

import (
	"io/fs"
	"net/netip"
	"path"
	"strings"
)

// Node is one machine. Items stand in the order in which a reader of the
// document meets them; the order means nothing to the machine.
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
	Further     []Further // in documents of other hands alone
}

// Origin says where an item comes from and what a reader should know. It is
// no part of the machine: an Ignition document that is read back has none, a
// Butane document no From.
type Origin struct {
	Section string // heading under which the item stands: "etcd"
	Why     string // a comment for the reader, one line or several
	From    string // table row or field of the cluster file, for complaints about the item
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
// provisioned. One that is there as it is described is kept.
type Disk struct {
	Origin
	Device     string // its path, a stable one: below /dev/disk/by-id
	WipeTable  bool   // erase the partition table first, whatever is in it
	Partitions []Partition
}

// Partition is one of a disk. By its number it is found again on a disk that
// was kept, and its label must be the same then.
type Partition struct {
	Number   int // from 1
	Label    string
	StartMiB int  // 0 is where it is, or the largest free block
	SizeMiB  int  // 0 is what it has, or the rest of that block
	Wipe     bool // make it anew when another one has its number
	Resize   bool // give it the size if it has another
}

// Filesystem is what a device is formatted with when the machine is
// provisioned. One of that format and label is kept with all that is in it,
// and another one is a fault, unless Wipe says otherwise.
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

// NoFail is the mount option with which a machine boots when the device is
// missing, and which takes the mount's order away: who needs it waits for it
// with RequiresMountsFor= (systemd.mount(5)).
const NoFail = "nofail"

// InInitrd leaves those options of a mount that mount(8) knows by itself: the
// rest is systemd's, and nothing for whoever mounts by hand.
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
	Source      Source // of contents that the document does not hold; Contents is empty then
	Overwrite   bool   // the operating system may bring a file of that path
	Secret      bool   // holds a private key, a token or another secret
}

// Source is where the contents of a file come from when the machine first
// boots. The zero Source means that the document holds them.
type Source struct {
	URL  string
	Hash string // what the contents must have, as Ignition writes it: sha512-…; "" is unverified
}

// Same says whether both have the same contents, as far as digests tell.
func (s Source) Same(other Source) bool {
	_, digest, _ := strings.Cut(s.Hash, "-")
	return digest != "" && s.Hash == other.Hash
}

// Remote says whether the machine fetches the file.
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

// DropIn is a file of further lines for a unit (systemd.unit(5)).
type DropIn struct {
	Name     string // "10-limits.conf"
	Contents string
}

// Path is where the drop-in of a unit stands.
func (d DropIn) Path(unit string) string { return path.Join(UnitDir, unit+".d", d.Name) }

// Further is what a document says and no other field of a node holds. hagen
// writes nothing like it.
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

// UnitDir is where units of a machine's administrator stand (systemd.unit(5)).
const UnitDir = "/etc/systemd/system"

// Interface is a network interface with addresses of its own, whatever
// configures it. A document holds it as the file that the operating system's
// network stack reads (gen/network).
type Interface struct {
	Name        string         // as the operating system calls it; "" if only the MAC address tells which it is
	MAC         string         // 52:54:00:89:d8:10; "" if the name tells which it is
	Addresses   []netip.Prefix // each with the length of its network's prefix
	Gateways    []netip.Addr   // default routers, at most one of a family
	Nameservers []netip.Addr
}
