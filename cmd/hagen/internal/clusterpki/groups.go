package clusterpki

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
)

// inMasters returns those of some certificates that have stayed in system:masters, in which an
// earlier hagen issued them.
func (k *PKI) inMasters(known []pki.Request) []pki.Request {
	return slices.DeleteFunc(slices.Clone(known), func(r pki.Request) bool { return !slices.Contains(k.Cluster.PKI.FormerGroups, r.Name) })
}

// warnReturned warns about certificates in system:masters that RBAC bound before, by the lock file.
func warnReturned(ui *console.UI, at clusterfile.Place, former []string, lock clusterfile.Lock) {
	former = slices.DeleteFunc(slices.Clone(former), func(name string) bool { return !slices.Contains(lock.Bound, name) })
	if len(former) > 0 {
		slices.Sort(former)
		ui.Warn(fmt.Sprintf("%s: in %s again, which %s says were outside it: an earlier hagen issued them so, or the PKI directory is from a backup. %s lets them leave",
			strings.Join(Folded(former), ", "), control.SystemMasters, lock.Path, at.Command("pki renew", "--rbac")))
	}
}

// leave lets certificates leave system:masters. The manifest that gives them their rights must be at
// hand.
func (k *PKI) leave(at clusterfile.Place, names []string) error {
	if control.Rights(k.Cluster) == nil {
		return exit.Usage("--rbac: certificates of the profile %s have their rights by the group %s, as the guide says, and keep it", k.Cluster.Profile.Name, control.SystemMasters)
	}
	manifest := filepath.Join(TreeOf(at, k.Cluster.Name), document.RightsPath)
	if info, err := os.Stat(manifest); err != nil || !info.Mode().IsRegular() {
		return exit.Failed("%s: does not exist, and without it what leaves %s has no rights: %s writes it, then kubectl apply -f %[1]s gives it to the cluster",
			manifest, control.SystemMasters, at.Command("render"))
	}
	k.binds = true
	k.Cluster = k.Cluster.KeepGroups(without(k.Cluster.PKI.FormerGroups, names))
	return nil
}

// noteGroups notes what was renewed in system:masters, and what left it.
func (k *PKI) noteGroups(ui *console.UI, asked Renewal, before pki.Set, renewed []pki.Request) {
	manifest := filepath.Join(TreeOf(asked.Place, k.Cluster.Name), document.RightsPath)
	if stay := k.inMasters(renewed); len(stay) > 0 {
		ui.Note(fmt.Sprintf("%s: still in %s, which API servers and kubelets obey without asking RBAC. To leave it: kubectl apply -f %s, then %s",
			strings.Join(Folded(namesOf(stay)), ", "), control.SystemMasters, manifest, asked.Command("pki renew", "--rbac")))
	}
	var left []string
	var until time.Time
	for _, r := range renewed {
		was, err := before[r.Name].X509()
		if err != nil || !control.Bypasses(was.Subject.Organization) || control.Bypasses(r.Subject.Organization) {
			continue
		}
		if left = append(left, r.Name); was.NotAfter.After(until) {
			until = was.NotAfter
		}
	}
	if len(left) > 0 {
		ui.Note(fmt.Sprintf("%s: left %s. Before they are delivered or used: kubectl apply -f %s, with a kubeconfig that still has rights (%s makes one). The former certificates keep theirs until %s",
			strings.Join(Folded(left), ", "), control.SystemMasters, manifest, asked.Command("kubeconfig", "--break-glass"), until.UTC().Format(time.DateOnly)))
	}
}
