package trees

import (
	"io"
	"os"
	"path/filepath"

	"hagen/cmd/hagen/internal/files"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/tree"
	"hagen/profiles"
)

// machineFormats are the formats that a machine gets and that describe all of
// it.
var machineFormats = []string{profiles.Ignition, profiles.UserData}

// SiblingDocuments lists the documents for machines of the other clusters that are
// rendered into the parent directory of dir. It skips directories that it
// cannot list, and twins, which may be this cluster's.
func SiblingDocuments(dir string) []string {
	var paths []string
	dir = filepath.Clean(dir)
	clusters, _ := os.ReadDir(filepath.Dir(dir))
	for _, c := range clusters {
		beside := filepath.Join(filepath.Dir(dir), c.Name())
		files := tree.Files(beside)
		if _, twins := out.Holds(files); twins || beside == dir {
			continue
		}
		for _, host := range Hosts(files, ".") {
			for _, format := range machineFormats {
				paths = append(paths, filepath.Join(beside, filepath.FromSlash(document.Path(host, format))))
			}
		}
	}
	return paths
}

// Document reads a file that may be a document; nil if it cannot be read.
func Document(path string) []byte {
	file, err := tree.OpenRegular(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, files.MaxDocument))
	return text
}
