package control

import (
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
	"hagen/profiles"
)

// Options are what a render asks for besides the cluster file. The zero value asks
// for machines in normal operation.
type Options struct {
	Restore Restore
	Joining Joining
}

// Restore is the snapshot from which etcd's data is restored; none if SHA256 is "".
type Restore struct {
	SHA256 string // of the snapshot's file, in hex
	Path   string // where each master finds the file
}

// Joining maps the name of a new master that joins a running etcd to its
// --initial-cluster value; "" means all masters.
type Joining map[string]string

// hostContext is what a row's value may depend on: a cluster, one of its hosts, the
// row of its role and the options of the render.
type hostContext struct {
	*cluster.Cluster
	Options
	host cluster.Host
	role role
}

// role is a row: what machines of a role have besides what every machine has.
// How many of them there may be is a row of gen/cluster.
type role struct {
	name         cluster.Role
	certificates []certificate
	accounts     []account
	directories  []node.Directory
	files        func(hostContext, pki.Set) []node.File // nil is none
	daemons      []daemon
	asked        []func(hostContext) node.Node // present only if asked for
	tools        func(hostContext) []string    // binaries that are not daemons; nil is none
}

// profileTables is one profile: the tables in which profiles differ.
type profileTables struct {
	roles        []role
	certificates []certificate // that are on no machine
	haproxy      string        // the template of haproxy.cfg
	secretTokens bool          // all tokens of service accounts are in Secrets, and do not end
}

// role returns the row of a machine's role; an empty one for a role that the profile
// does not know.
func (p profileTables) role(name cluster.Role) role {
	if i := slices.IndexFunc(p.roles, func(r role) bool { return r.name == name }); i >= 0 {
		return p.roles[i]
	}
	return role{name: name}
}

// at returns the context for the rows of a host.
func (p profileTables) at(c *cluster.Cluster, o Options, h cluster.Host) hostContext {
	return hostContext{c, o, h, p.role(h.Role)}
}

// certificate is a row: one certificate or key of the cluster, its content, and its
// files on the machines of a role.
type certificate struct {
	stem      string // file name without extension, from the 2018 guide
	kind      pki.Kind
	perHost   bool   // one for each machine of the role, else one for the cluster
	authority string // stem of the row that signs it
	profile   string // signing profile
	cn        string
	org       string // what Kubernetes reads as the group of a client
	formerOrg string // the group in which earlier releases issued it; "" is the same
	sans      func(*cluster.Cluster, cluster.Host) ([]string, []netip.Addr)
	life      func(cluster.PKI) time.Duration
	section   string
	placed    []placement
	within    string // a file of each API server that has the key among other lines
	why       string
}

// part is a file of a certificate or key.
type part int

const (
	theCertificate part = iota
	theKey
	thePublicHalf
	theKeyThenPublicHalves // for a daemon that reads one file to sign and to verify
)

// holdsKey reports whether the file has the private key.
func (p part) holdsKey() bool { return p == theKey || p == theKeyThenPublicHalves }

// placement is one file on every machine of the role. An empty user is root.
type placement struct {
	part        part
	path        string
	user, group string
	mode        fs.FileMode
}

// account is a system user of a daemon, with a group of its own name. A row
// with `members` is a group alone.
type account struct {
	name    string
	home    string
	members []string
	why     string
}

// flag is a row: one flag of one daemon, and why it is there.
type flag struct {
	name  string
	value func(hostContext) string
	more  func(hostContext) []string // further values, each in a flag of this name; nil is none
	why   string
	space bool                    // written "--name value", as the 2018 guide writes etcd's
	when  func(*hostContext) bool // a named condition; nil is always
	since string                  // first minor release of the daemon that has it, "1.36"; "" is all
	until string                  // last minor release of the daemon that has it
}

// daemon is a row: one systemd service with its flags.
type daemon struct {
	name          string // of the unit and the binary
	section       string
	description   string
	documentation string
	unit          []string                   // further lines of [Unit]
	data          *node.Directory            // the row of the directory in which it keeps data
	before        []string                   // lines of [Service] before ExecStart
	flags         []flag                     // nil: the arguments stand in args
	args          string                     // arguments of a daemon without flags
	after         func(hostContext) []string // lines of [Service] after ExecStart
	why           string
	product       product
}

// product is what a binary is released as.
type product struct {
	wanted func(hostContext) string           // the version, for people
	row    func(hostContext) profiles.Version // the version whose flags are used, in the release's row
}
