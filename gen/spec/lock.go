package spec

// LockKind is the kind in the second line of a lock file.
const LockKind = "Lock"

// Remedies for faults of a lock file, which nobody writes by hand.
const (
	// Relock is the remedy for artefacts.
	Relock = "run hagen lock"
	// Restore is the remedy for keys, and for a file that cannot be read. Without the file and
	// without the PKI, a render makes the keys of another cluster.
	Restore = "restore it from its repository; if there is none, and the cluster's PKI directory is here, remove it: hagen render and hagen lock write it again"
	// newer is the remedy for what this hagen does not know.
	newer = "if a newer hagen wrote it, use that one; otherwise restore it from its repository. Do not remove it: it says which keys the cluster has"
)

// OnlyNewer stands beside each field that earlier releases do not know: they quote the line, and
// then advise to remove the file.
const OnlyNewer = "# for newer hagens: use one, and keep this file: without it keys get lost"

// LockFile is a decoded lock file: it pins the cluster's keys, the names in the
// certificates of its API servers, and the content of its artefacts. hagen render
// and hagen lock write it; people review it.
type LockFile struct {
	At         At
	APIVersion Text             `key:"apiVersion,required"`
	Kind       Text             `key:"kind,required"`
	Keys       List[LockedKey]  `key:"keys"`
	Further    List[LockedKey]  `key:"furtherKeys"`
	Names      List[String]     `key:"apiServerNames"`
	Forgotten  List[String]     `key:"forgottenNames"`
	Artefacts  List[Locked]     `key:"artefacts"`
	Bases      List[LockedBase] `key:"bases"`
	Bound      List[String]     `key:"boundByRBAC"`
	Marked     List[MarkedKey]  `key:"compromisedKeys"`
}

// MarkedKey identifies a key that somebody else has had. gen/cluster, which reads the
// fields, explains them.
type MarkedKey struct {
	At     At
	Name   Text `key:"name,required"`
	SHA256 Text `key:"sha256"`
	ID     Text `key:"id"`
	Since  Text `key:"since,required"`
	Host   Text `key:"host"`
	State  Text `key:"state"`
}

// LockedKey identifies one key that all machines of the cluster share: a public
// key by its SHA-256, a secret by an id. gen/cluster, which reads the fields,
// explains them.
type LockedKey struct {
	At     At
	Name   Text `key:"name,required"`
	SHA256 Text `key:"sha256"`
	ID     Text `key:"id"`
}

// Locked is one artefact. gen/cluster, which reads the fields, explains them.
type Locked struct {
	At      At
	Name    Text `key:"name,required"`
	Version Text `key:"version"`
	Arch    Text `key:"arch,required"`
	URL     Text `key:"url"`
	File    Text `key:"file,required"`
	SHA512  Text `key:"sha512,required"`
}

// LockedBase is one image that boot media are made from. gen/cluster, which reads the
// fields, explains them.
type LockedBase struct {
	At     At
	File   Text `key:"file,required"`
	SHA256 Text `key:"sha256,required"`
}
