package spec

// LockKind is what the second line of a lock file says.
const LockKind = "Lock"

// Remedies for what is wrong with a lock file: nobody writes one by hand.
const (
	// Relock is that of artefacts.
	Relock = "run hagen lock"
	// Restore is that of keys, and of what cannot be read.
	Restore = "restore it from its repository, or remove it: hagen render and hagen lock write it anew"
)

// LockFile is a decoded lock file: which keys a cluster has, which names the
// certificates of its API servers carry, and which bytes its artefacts have.
// hagen render and hagen lock write it; people review it.
type LockFile struct {
	At         At
	APIVersion Text            `key:"apiVersion,required"`
	Kind       Text            `key:"kind,required"`
	Keys       List[LockedKey] `key:"keys"`
	Names      List[String]    `key:"apiServerNames"`
	Artefacts  List[Locked]    `key:"artefacts"`
}

// LockedKey identifies one key of the cluster that all machines share: a public
// one by its SHA-256, a secret by an id. Its fields are explained where they are
// read, in gen/cluster.
type LockedKey struct {
	At     At
	Name   Text `key:"name,required"`
	SHA256 Text `key:"sha256"`
	ID     Text `key:"id"`
}

// Locked is one artefact. Its fields are explained where they are read, in
// gen/cluster.
type Locked struct {
	At      At
	Name    Text `key:"name,required"`
	Version Text `key:"version"`
	Arch    Text `key:"arch,required"`
	URL     Text `key:"url"`
	File    Text `key:"file,required"`
	SHA512  Text `key:"sha512,required"`
}
