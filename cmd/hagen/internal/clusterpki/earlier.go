package clusterpki

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/tree"
	"hagen/pki"
)

// Separate are the directories of documents that no normal render writes, and the flag that does.
var separate = []struct{ dir, flag string }{{trees.ReplaceDir, "--replace"}, {trees.JoinDir, "--join"}}

// earlier lists documents of --replace and --join that were made in another phase of the rotation of
// an item than its present one. Their machines would boot with keys that the others do not accept any
// more, or do not know.
func earlier(c *cluster.Cluster, row control.Rotated, item pki.Item) (found []string) {
	for _, s := range separate {
		dir := filepath.Join(s.dir, c.Name)
		files := tree.Files(dir)
		var hosts []string
		for _, host := range trees.Hosts(files, ".") {
			if n, read := trees.MachineIn(files, host); read && ofAnotherPhase(n, c, row, item) {
				hosts = append(hosts, host)
			}
		}
		if len(hosts) > 0 {
			found = append(found, fmt.Sprintf("%s: what hagen render %s wrote for %s has the keys of an earlier phase: make it again, or remove %[1]s if nothing boots with it any more", dir, s.flag, strings.Join(hosts, ", ")))
		}
	}
	return found
}

// ofAnotherPhase reports whether a machine has other keys of an item than a render gives it, uses another
// one of them, or shows a certificate that another authority has signed.
func ofAnotherPhase(n node.Node, c *cluster.Cluster, row control.Rotated, item pki.Item) bool {
	var has, wanted []string
	for _, k := range trees.SharedKeysOn(n, c) {
		if k.Item == row.Item && k.ID != "" {
			has = append(has, k.ID)
		}
	}
	if len(has) == 0 {
		return false
	}
	for _, g := range item.Trusted() {
		wanted = append(wanted, g.ID)
	}
	other := slices.ContainsFunc(has, func(id string) bool { return !slices.Contains(wanted, id) }) ||
		slices.ContainsFunc(wanted, func(id string) bool { return !slices.Contains(has, id) })
	if !row.HasAuthority() {
		return other || has[0] != wanted[0]
	}
	present, err := item.X509()
	if other || err != nil {
		return other
	}
	var signed []string
	for _, r := range control.Requests(c) {
		if r.Authority == row.Item {
			signed = append(signed, r.Name)
		}
	}
	return slices.ContainsFunc(trees.IssuersOn(n, c, signed), func(issuer string) bool { return issuer != present.Subject.String() })
}

// refuseEarlier refuses the next phase while documents of --replace or --join are of another one.
func refuseEarlier(c *cluster.Cluster, stands rotation, item pki.Item) error {
	if found := earlier(c, stands.row, item); len(found) > 0 {
		return exit.Failed("%s: phase %s does not begin: %s", stands.Kind, stands.Next.Phase, strings.Join(found, "; "))
	}
	return nil
}
