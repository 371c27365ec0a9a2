package spec

// LockKind is what the second line of a lock file says.
const LockKind = "Lock"

// LockFile is a decoded lock file: which bytes the artefacts of a cluster
// have. hagen lock writes it; people review it.
type LockFile struct {
	At         At
	APIVersion Text         `key:"apiVersion,required" example:"hagen/v1alpha1"`
	Kind       Text         `key:"kind,required" example:"Lock"`
	Artefacts  List[Locked] `key:"artefacts,required" example:"[]"`
}

// Locked is one artefact. Its fields are explained where they are read, in
// gen/cluster.
type Locked struct {
	At      At
	Name    Text `key:"name,required" example:"etcd"`
	Version Text `key:"version"`
	Arch    Text `key:"arch,required" example:"amd64"`
	URL     Text `key:"url"`
	File    Text `key:"file,required" example:"etcd-v3.7.3-linux-amd64.tar.gz"`
	SHA512  Text `key:"sha512,required" example:"128 hexadecimal digits, as sha512sum prints them"`
}
