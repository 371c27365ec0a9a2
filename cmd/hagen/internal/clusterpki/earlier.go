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

// separate are the directories of documents that no normal render writes, and the flag that does.
var separate = []struct{ dir, flag string }{{trees.ReplaceDir, "--replace"}, {trees.JoinDir, "--join"}}

// earlier lists documents of --replace and --join that were made in another phase of the rotation of
// an item than its present one. Their machines would boot with keys that the others do not accept any
// more, or do not know.
func earlier(c *cluster.Cluster, row control.Rotated, item pki.Item) (found []string) {
	return separateOf(c, "has the keys of an earlier phase", func(n node.Node) bool { return ofAnotherPhase(n, c, row, item) })
}

// stolenIn lists documents of --replace and --join that have a private key which others have had. They may
// be the only ones left that have it.
func stolenIn(c *cluster.Cluster, set pki.Set) []string {
	return separateOf(c, "has keys that others have had", func(n node.Node) bool {
		return slices.ContainsFunc(trees.PrivateKeysOn(n, c), func(k trees.SharedKey) bool {
			_, marked := set[k.Item].MarkOf(k.ID)
			return marked
		})
	})
}

// separateOf lists documents of --replace and --join of which something is wrong.
func separateOf(c *cluster.Cluster, wrong string, is func(node.Node) bool) (found []string) {
	for _, s := range separate {
		dir := filepath.Join(s.dir, c.Name)
		files := tree.Files(dir)
		var hosts []string
		for _, host := range trees.Hosts(files, ".") {
			if n, read := trees.MachineIn(files, host); read && is(n) {
				hosts = append(hosts, host)
			}
		}
		if len(hosts) > 0 {
			found = append(found, fmt.Sprintf("%s: what hagen render %s wrote for %s %s: make it again, or remove %[1]s if nothing boots with it any more", dir, s.flag, strings.Join(hosts, ", "), wrong))
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
	return slices.ContainsFunc(trees.IssuersOn(n, c, row.Item), func(issuer string) bool { return issuer != present.Subject.String() })
}

// refuseEarlier refuses the next phase while documents of --replace or --join are of another one.
func refuseEarlier(c *cluster.Cluster, stands rotation, item pki.Item) error {
	if found := earlier(c, stands.row, item); len(found) > 0 {
		return exit.Failed("%s: phase %s does not begin: %s", stands.Kind, stands.Next.Phase, strings.Join(found, "; "))
	}
	return nil
}
