package rendered

import (
	"io/fs"

	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/profiles"
)

// Given returns the text of the document that a host's machine boots with. The error says
// that there is none, or that it cannot be opened.
func Given(tree fs.FS, host string) (document.Document, error) {
	for _, format := range []string{profiles.Ignition, profiles.UserData} {
		d := document.Document{Format: format, Path: document.Path(host, format)}
		info, err := fs.Stat(tree, d.Path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		d.Text, err = readFile(tree, d.Path)
		return d, err
	}
	return document.Document{}, Fault{host, "has no document that a machine boots with"}
}

// Machine reads a document that a machine boots with.
func Machine(d document.Document) (node.Node, error) {
	n, _, _, err := readDocument(d.Path, d.Format, d.Text)
	return n, err
}
