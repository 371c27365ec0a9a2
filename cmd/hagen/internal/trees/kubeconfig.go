package trees

import (
	"io/fs"
	"path/filepath"

	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/tree"
)

// Dialled returns the URL that the administrator's kubeconfig of a cluster's usual tree
// dials, and the name that it verifies if that is not the URL's host; "" if there is none.
func Dialled(cluster string) (url, name string) {
	text, err := fs.ReadFile(tree.Files(filepath.Join(Dir, cluster)), document.AdminPath)
	if err != nil {
		return "", ""
	}
	k, _, _ := read.ParseKubeconfig(node.File{Contents: text}, nil)
	return k.Server.Value(), k.ServerName.Value()
}
