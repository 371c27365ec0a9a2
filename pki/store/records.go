package store

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// loadRecords reads the records of an index of version 2. Files with another ending are ignored,
// such as those that a merge leaves.
func (l *loader) loadRecords(read *index) {
	seen := map[string]bool{}
	for _, file := range l.recordFiles() {
		data, _ := l.read(file)
		if l.faulty[file] {
			continue
		}
		if path.Dir(file) == clientsDir {
			client, fault := decodeClient(data)
			switch {
			case fault != nil:
				l.faultAt(file, data, *fault)
			case clientPath(client) != file:
				l.fault(file, "is the record of the certificate %s, which belongs in %s: move it away", client.Serial, l.show(clientPath(client)))
			default:
				read.Clients = append(read.Clients, client)
			}
			continue
		}
		found, fault := decodeRecord(data)
		name := strings.ToLower(found.Request.Name)
		switch {
		case fault != nil:
			l.faultAt(file, data, *fault)
		case recordPath(found.Request.Name) != file:
			l.fault(file, "is the record of %s, which belongs in %s: move it away", found.Request.Name, l.show(recordPath(found.Request.Name)))
		case seen[name]:
			l.fault(file, "records %s a second time: restore it from a backup", found.Request.Name)
		default:
			read.Items = append(read.Items, found)
		}
		seen[name] = true
	}
	if len(read.Items) == 0 && len(l.faults) == 0 {
		l.findUnrecorded(recordsDir)
	}
	slices.SortStableFunc(read.Clients, func(a, b ClientRecord) int { return a.NotBefore.Compare(b.NotBefore) })
}

// recordFiles lists the records, sorted by path.
func (l *loader) recordFiles() []string {
	var files []string
	err := filepath.WalkDir(filepath.Join(l.dir.Path(), recordsDir), func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if rel, ok := strings.CutPrefix(full, l.dir.Path()+string(os.PathSeparator)); ok && !entry.IsDir() && path.Ext(rel) == recordExt {
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.fault(recordsDir, "cannot be searched: check its owner and permissions")
	}
	return files
}
