package clusterpki

import (
	"maps"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/pki"
)

// otherProfile refuses a PKI whose authorities are not those that the profile
// has: an authority that signed one set of clients would come to sign another.
func otherProfile(dir string, c *cluster.Cluster, requests []pki.Request, have pki.Set) error {
	var wanted []string
	for _, r := range requests {
		if r.Kind == pki.Authority {
			wanted = append(wanted, r.Name)
		}
	}
	var there []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if have[name].Request.Kind == pki.Authority {
			there = append(there, name)
		}
	}
	slices.Sort(wanted)
	if len(there) == 0 || slices.Equal(there, wanted) {
		return nil
	}
	return exit.Failed("%s: was made for another profile than %s: its authorities are %s, not %s; write the profile back, or name the PKI directory of this cluster with --pki",
		dir, c.Profile.Name, strings.Join(there, ", "), strings.Join(wanted, ", "))
}
