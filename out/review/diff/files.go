package diff

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
)

// files compares the files of one machine.
func files(before, after []node.File) []Change {
	var changes []Change
	each(before, after, func(f node.File) string { return f.Path }, func(b, a *node.File) {
		change, differs := Change{Details: []Detail{}, Hunks: []Hunk{}}, true
		switch {
		case b == nil:
			change, _ = contents("", string(a.Contents))
			change.Details = append(shown(append(access(a.User, a.Group, a.Mode), origin(a)...), KindFile), change.Details...)
			change.How, change.Name = Added, a.Path
		case a == nil:
			change.How, change.Name = Removed, b.Path
		default:
			change, differs = contents(string(b.Contents), string(a.Contents))
			details := compareProperties(slices.Concat(access(b.User, b.Group, b.Mode), []property{existing(b)}, origin(b)),
				slices.Concat(access(a.User, a.Group, a.Mode), []property{existing(a)}, origin(a)))
			change.Details = append(details, change.Details...)
			differs = differs || len(details) > 0
			change.How, change.Name = Changed, a.Path
		}
		if differs {
			change.Kind = KindFile
			changes = append(changes, change)
		}
	})
	return changes
}

// pairKeys merges the changes of a certificate and its private key.
func pairKeys(changes []Change) []Change {
	certificate := map[string]int{}
	for i, c := range changes {
		if c.Kind == KindFile && c.How == Changed && c.Has(detailKey) {
			certificate[strings.TrimSuffix(c.Name, path.Ext(c.Name))] = i
		}
	}
	gone := map[string]bool{}
	for _, c := range changes {
		stem, isKey := strings.CutSuffix(c.Name, "-key.pem")
		at, paired := certificate[stem]
		if isKey && paired && c.only(DetailPrivateKey) {
			changes[at].KeyFiles = append(changes[at].KeyFiles, c.Name)
			changes[at].Effects = merge(changes[at].Effects, c.Effects...)
			gone[c.Name] = true
		}
	}
	return slices.DeleteFunc(changes, func(c Change) bool { return gone[c.Name] })
}
