package render

import (
	"fmt"
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out"
	"hagen/pki"
)

// firstRights returns what to type before the certificates of a new cluster have their rights;
// "" unless this render is the first that wrote the manifest. The steps of a restore have it.
func (w *work) firstRights(dir string, result out.Result) string {
	isNew := slices.ContainsFunc(w.issued.Changes, func(c pki.Change) bool { return c.Name == control.Admin && c.Action == pki.Made })
	if w.options.Restore.SHA256 != "" || !isNew || !w.writesRights(result) {
		return ""
	}
	return fmt.Sprintf("once an API server answers: %s. Before that, %s may do nothing, and kubelets refuse logs and exec", w.giveRights(dir), document.AdminPath)
}

// giveRights returns the command that applies the manifest in a tree. RBAC does not have to allow it.
func (w *work) giveRights(dir string) string {
	kubeconfig := filepath.Join(trees.Dir, w.cluster.Name, filepath.FromSlash(trees.UserKubeconfig(control.BreakGlass)))
	return fmt.Sprintf("%s && kubectl --kubeconfig %s apply -f %s",
		w.asked.Command("kubeconfig", "--break-glass"), clusterfile.Word(kubeconfig), clusterfile.Word(filepath.Join(dir, document.RightsPath)))
}

// noteRights notes, once, what a cluster can do whose certificates are in system:masters.
func (w *work) noteRights(ui *console.UI, dir string, result out.Result) {
	if len(w.cluster.PKI.FormerGroups) > 0 && w.writesRights(result) {
		ui.Note(fmt.Sprintf("%s is new: kubectl apply -f gives the cluster's certificates their rights by RBAC. Then %s lets those leave %s that an earlier hagen issued in it; until then they stay as they are",
			filepath.Join(dir, document.RightsPath), w.asked.Command("pki renew", "--rbac"), control.SystemMasters))
	}
}

// writesRights reports whether the manifest of rights is new, or another than before.
func (w *work) writesRights(result out.Result) bool {
	return !w.asked.Redact && slices.Contains(result.Written, document.RightsPath)
}
