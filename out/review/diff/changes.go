package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Change is an item that changes in the same way on all of Hosts.
type Change struct {
	Hosts          []string `json:"hosts"`
	Kind           string   `json:"kind"`
	Name           string   `json:"name"`
	How            string   `json:"how"`
	KeyFiles       []string `json:"keyFiles,omitempty"` // keys that change with the certificate
	Details        []Detail `json:"details"`
	Hunks          []Hunk   `json:"hunks"`                    // as on the first host
	ContextDiffers bool     `json:"contextDiffers,omitempty"` // the unchanged lines around differ on other hosts
	Effects        []Effect `json:"effects"`
}

// Detail is a part of a change that has a name.
type Detail struct {
	What    string   `json:"what"`
	How     string   `json:"how"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Added   []string `json:"added,omitempty"` // of a list
	Removed []string `json:"removed,omitempty"`
}

// Kinds of items that change.
const (
	KindMachine    = "machine"
	KindSystem     = "operating system"
	KindDelivery   = "delivery of binaries"
	KindGroup      = "group"
	KindUser       = "user"
	KindDisk       = "disk"
	KindFilesystem = "filesystem"
	KindMount      = "mount"
	KindDirectory  = "directory"
	KindFile       = "file"
	KindLink       = "link"
	KindUnit       = "unit"
	KindKubeconfig = "kubeconfig" // the administrator's, which is on no machine
	KindRights     = "manifest"   // of the rights of the cluster's certificates
)

// How something changes.
const (
	Added    = "added"
	Removed  = "removed"
	Changed  = "changed"
	Replaced = "replaced" // a key: old and new values are not shown
)

// Details that other packages look for.
const (
	DetailAuthority  = "the authority's key"
	DetailPrivateKey = "private key"
	DetailPublicKey  = "public key"
	DetailSecret     = "secret"

	detailExisting = "an existing file"
	detailFetched  = "fetched from"
	detailKey      = "key"
	detailMasked   = "masked"
)

// changed returns a detail if the values differ.
func changed(what, from, to string) []Detail {
	if from == to {
		return nil
	}
	return []Detail{{What: what, How: Changed, From: from, To: to}}
}

// Has reports whether the change has a detail of that name.
func (c Change) Has(what string) bool {
	return slices.ContainsFunc(c.Details, func(d Detail) bool { return d.What == what })
}

// only reports whether nothing but this detail of an item has changed.
func (c Change) only(what string) bool {
	return c.How == Changed && len(c.Details) == 1 && c.Details[0].What == what && len(c.Hunks) == 0
}

// fold merges equal changes of several hosts. It sorts them by their first host, larger
// groups of hosts first.
func fold(hosts []string, changes []Change) []Change {
	folded := []Change{}
	at := map[string]int{}
	for _, c := range changes {
		key := foldKey(c)
		i, known := at[key]
		if !known {
			at[key] = len(folded)
			folded = append(folded, c)
			continue
		}
		folded[i].Hosts = append(folded[i].Hosts, c.Hosts...)
		folded[i].ContextDiffers = folded[i].ContextDiffers || !slices.EqualFunc(folded[i].Hunks, c.Hunks, sameHunk)
	}
	place := map[string]int{}
	for i, h := range hosts {
		place[h] = i
	}
	first := func(c Change) int {
		if len(c.Hosts) == 0 {
			return len(hosts) // what is on no machine comes last
		}
		return place[c.Hosts[0]]
	}
	slices.SortStableFunc(folded, func(a, b Change) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(len(b.Hosts), len(a.Hosts)), slices.Compare(a.Hosts, b.Hosts))
	})
	return folded
}

// foldKey is equal for changes that differ only in the unchanged lines around.
func foldKey(c Change) string {
	var lines []string
	for _, h := range c.Hunks {
		for _, l := range h.Lines {
			if !strings.HasPrefix(l, " ") {
				lines = append(lines, l)
			}
		}
		lines = append(lines, "")
	}
	return fmt.Sprintf("%q", []any{c.Kind, c.Name, c.How, c.KeyFiles, c.Details, lines, c.Effects})
}
