package control

import (
	"bytes"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

// fetches reports whether the machine's own script must fetch the files that Ignition
// would fetch: cloud-init checks no digest.
func (s hostContext) fetches() bool {
	return s.host.OS.Family() == profiles.CloudInit &&
		slices.ContainsFunc(s.Artefacts(s.host), func(a cluster.Artefact) bool { return a.URL != "" })
}

// Fetches reports whether a file is the script of a machine that fetches its binaries
// itself.
func Fetches(f node.File) bool {
	return f.Path == binariesPath && bytes.Contains(f.Contents, []byte("\nfetch "))
}
