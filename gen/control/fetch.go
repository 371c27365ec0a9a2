package control

import (
	"bytes"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

// fetches says whether the machine's own script has to fetch what Ignition
// would: cloud-init holds no file against a digest.
func (s hostContext) fetches() bool {
	return s.host.OS.Family() == profiles.CloudInit &&
		slices.ContainsFunc(s.Artefacts(s.host), func(a cluster.Artefact) bool { return a.URL != "" })
}

// Fetches says whether a file is the script of a machine that fetches its
// binaries by itself.
func Fetches(f node.File) bool {
	return f.Path == binariesPath && bytes.Contains(f.Contents, []byte("\nfetch "))
}
