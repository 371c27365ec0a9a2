package spec

// LockKind is what the second line of a lock file says.
const LockKind = "Lock"

// Relock is the remedy for whatever is wrong with a lock file: nobody writes one
// by hand.
const Relock = "run hagen lock"

// LockFile is a decoded lock file: which bytes the artefacts of a cluster
// have. hagen lock writes it; people review it.
type LockFile struct {
	At         At
	APIVersion Text         `key:"apiVersion,required"`
	Kind       Text         `key:"kind,required"`
	Artefacts  List[Locked] `key:"artefacts,required"`
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
