package clusterpki

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"path/filepath"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/tree"
	"hagen/pki"
)

// adminFile is the administrator's kubeconfig in the cluster's tree, staged.
type adminFile struct {
	path     string
	target   *tree.Dir
	prepared *out.Prepared
}

// stageAdmin stages the administrator's kubeconfig of a set; nil if no tree of the cluster has one, or if one with
// the same certificate is in a tree that cannot be written to. Of such a kubeconfig nothing else changes: that is for
// a render.
func stageAdmin(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, set pki.Set) (*adminFile, error) {
	dir := TreeOf(at, c.Name)
	has, err := fs.ReadFile(tree.Files(dir), document.AdminPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if is := base64.StdEncoding.EncodeToString(set[control.Admin].Cert); err == nil && bytes.Contains(has, []byte(is)) {
		staged, err := openAdmin(ui, dir, has)
		if err != nil {
			return nil, nil
		}
		return staged, nil
	}
	// The cluster file may ask for another endpoint that nothing serves before a render.
	server := control.EndpointServer(c)
	if url, name := trees.Dialled(dir); url != "" {
		server = control.Server{URL: url, Name: name}
	}
	return openAdmin(ui, dir, control.Kubeconfig(c, server, set[control.ClusterAuthority], set[control.Admin]))
}

// openAdmin stages the text in a tree.
func openAdmin(ui *console.UI, dir string, text []byte) (*adminFile, error) {
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return nil, exit.Failed("%w", err)
	}
	file := tree.File{Path: document.AdminPath, Mode: 0o600, Data: text}
	prepared, err := out.Prepare(target, []tree.File{file}, func(path string) bool { return path == document.AdminPath })
	if err != nil {
		target.Close()
		return nil, exit.Failed("%w", err)
	}
	return &adminFile{filepath.Join(dir, document.AdminPath), target, prepared}, nil
}

// put writes the kubeconfig, if the tree has another one.
func (f *adminFile) put(ui *console.UI) (changed bool, err error) {
	result, err := f.prepared.Commit()
	ui.WarnEach(f.target.Notes())
	if err != nil {
		return result.Changed, exit.Failed("%w", err)
	}
	return result.Changed, nil
}

// discard releases the tree.
func (f *adminFile) discard() {
	f.prepared.Discard()
	f.target.Close()
}
