package clusterpki

import (
	"path"
	"path/filepath"
	"strings"
)

// ItemOf returns the name of an item, or a folder of some, that somebody wrote as it is or as one
// of the files in the PKI directory.
func ItemOf(dir, name string) string {
	if below, is := fileBelow(dir, name); is {
		name = below
	}
	if name = path.Clean(name); name == "." {
		return ""
	}
	for _, ending := range []string{"-key.pem", ".pem", ".key", ".pub"} {
		if stem, ends := strings.CutSuffix(name, ending); ends {
			return stem
		}
	}
	return name
}

// fileBelow returns the path of a file from the directory that it is in.
func fileBelow(dir, name string) (string, bool) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	to, err := filepath.Abs(name)
	if err != nil {
		return "", false
	}
	below, err := filepath.Rel(from, to)
	return filepath.ToSlash(below), err == nil && filepath.IsLocal(below) && below != "."
}

// Within reports whether a name is a folder's, or below it.
func Within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
