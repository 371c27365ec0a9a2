package media

import (
	"path"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/rendered"
	"hagen/profiles"
)

// refuseSecrets refuses twins that hold a secret: their media are for everybody to read.
func refuseSecrets(dir string, found rendered.Tree) error {
	for _, h := range found.Hosts {
		for i, d := range h.Documents {
			at := secretIn(h.Node)
			if i > 0 { // the node is that of the first
				at = ""
				if n, err := rendered.Machine(d); err == nil && profiles.Reader(d.Format) != "" {
					at = secretIn(n)
				}
			}
			if at == "" && redact.HoldsSecret(d.Text) {
				at = path.Base(d.Path)
			}
			if at != "" {
				return exit.No("%s: %s holds a private key or another secret (%s), and twins hold none: make them again with hagen redact, and remove this one from wherever it was published", dir, d.Path, at)
			}
		}
	}
	return nil
}

// secretIn returns the path of a machine's file, or the name of its unit, that holds a
// secret; "" if none does.
func secretIn(n node.Node) string {
	for _, f := range n.Files {
		if redact.HoldsSecret(f.Contents) {
			return f.Path
		}
	}
	for _, u := range n.Units {
		if redact.HoldsSecret([]byte(u.Contents)) {
			return u.Name
		}
		for _, d := range u.DropIns {
			if redact.HoldsSecret([]byte(d.Contents)) {
				return path.Join(u.Name+".d", d.Name)
			}
		}
	}
	return ""
}
