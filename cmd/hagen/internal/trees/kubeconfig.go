package trees

import (
	"io/fs"
	"path"
	"strings"
	"unicode"

	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/tree"
)

// UserKubeconfig returns the path of a user's kubeconfig in a cluster's tree, where hagen kubeconfig
// writes it. A user's name may lead to another directory, hide the file or mean something to a shell.
func UserKubeconfig(user string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@._-", r) {
			return r
		}
		return '_'
	}, user)
	if strings.ContainsRune(".-", rune(name[0])) {
		name = "_" + name[1:]
	}
	return path.Join("kubeconfigs", name+".kubeconfig")
}

// Dialled returns the URL that the administrator's kubeconfig of a tree
// dials, and the name that it verifies if that is not the URL's host; "" if there is none.
func Dialled(dir string) (url, name string) {
	text, err := fs.ReadFile(tree.Files(dir), document.AdminPath)
	if err != nil {
		return "", ""
	}
	k, _, _ := read.ParseKubeconfig(node.File{Contents: text}, nil)
	return k.Server.Value(), k.ServerName.Value()
}
