package cluster

import (
	"crypto/sha512"
	"encoding/hex"
	"maps"
	"strings"

	"hagen/gen/spec"
)

// unknownDigest begins what stands for a digest that no lock file has yet. No file has
// such a digest.
var unknownDigest = strings.Repeat("0", 96)

// IsUnknown reports whether a SHA-512 stands for one that is not known yet.
func IsUnknown(sha512 string) bool { return strings.HasPrefix(sha512, unknownDigest) }

// LockKnown is Lock for a comparison. It returns the artefacts, too, of which the lock file
// does not have the digest yet: another one stands for it, the same for the same artefact,
// version and architecture. file is nil if there is no lock file.
func (c *Cluster) LockKnown(file *spec.LockFile) (*Cluster, []Artefact, []spec.Fault) {
	found := map[string]spec.Locked{}
	if file != nil {
		for _, l := range file.Artefacts.Items {
			found[l.Name.Value] = l
		}
	}
	var unknown []Artefact
	taken := map[string]locked{}
	for _, a := range c.Fetched() {
		l, there := found[a.Name]
		fits := there
		if there {
			c.holds(a, l, func(spec.At, string, ...any) { fits = false })
		}
		if fits {
			taken[a.Name] = locked{l.File.Value, l.SHA512.Value}
			continue
		}
		unknown = append(unknown, a)
		sum := sha512.Sum512([]byte(a.Name + " " + a.Version + " " + a.Arch))
		taken[a.Name] = locked{sha512: unknownDigest + hex.EncodeToString(sum[:16])}
	}
	with := c.with(taken)
	if file == nil {
		return with, unknown, nil
	}
	// Entries that are not for this cluster are checked for what no cluster changes.
	_, faults := (&Cluster{}).Lock(file)
	return with, unknown, faults
}

// KnowFrom returns the cluster with the digests that another one has and that this one does
// not have yet, of the same artefacts, versions and architecture.
func (c *Cluster) KnowFrom(other *Cluster) *Cluster {
	taken := maps.Clone(c.Binaries.locked)
	for _, a := range c.Fetched() {
		for _, o := range other.Fetched() {
			if a.Name == o.Name && a.Version == o.Version && a.Arch == o.Arch && IsUnknown(a.SHA512) {
				taken[a.Name] = locked{taken[a.Name].file, o.SHA512}
			}
		}
	}
	return c.with(taken)
}
