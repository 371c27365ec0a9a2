// Package node holds a machine as hagen's documents describe it, whatever its
// operating system: users, directories, files, links and units.
package node

import (
	"io/fs"
	"path"
)

// Node is one machine. Items stand in the order in which a reader of the
// document meets them; the order means nothing to the machine.
type Node struct {
	Name        string // also the hostname
	Role        string // "master", "load balancer"
	Groups      []Group
	Users       []User
	Directories []Directory
	Files       []File
	Links       []Link
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
	Overwrite   bool // the operating system may bring a file of that path
	Secret      bool // holds a private key, a token or another secret
}

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
