package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hagen/pki"
)

// Fault is something wrong with a file of the store.
type Fault struct {
	// Path is that of the file inside the directory, slash-separated.
	Path string
	// Text is the whole message on one line: the file, what is wrong, what to do.
	Text string
}

// Error returns the message.
func (f Fault) Error() string { return f.Text }

// Faults lists all faults of a store.
type Faults []Fault

// Error returns all messages, one per line.
func (f Faults) Error() string {
	var lines []string
	for _, fault := range f {
		lines = append(lines, fault.Text)
	}
	return strings.Join(lines, "\n")
}

// The largest files that are read, in bytes.
const (
	maxFile  = 1 << 20
	maxIndex = 16 << 20 // in version 1: some sixty thousand records
)

// loader collects faults while a store is read.
type loader struct {
	*Store
	faults Faults
	faulty map[string]bool // the paths with a fault
}

// fault adds a fault of a file, unless the file has one: there is one message per file.
func (l *loader) fault(path, format string, values ...any) {
	if !l.faulty[path] {
		l.faults = append(l.faults, Fault{path, l.show(path) + " " + fmt.Sprintf(format, values...)})
	}
	l.faulty[path] = true
}

// load reads the directory into the store.
func (s *Store) load() Faults {
	l := &loader{Store: s, faulty: map[string]bool{}}
	if err := s.dir.CheckOwner(nil, "."); err != nil {
		return Faults{{".", err.Error()}}
	}
	read, whole := l.loadIndex()
	if !whole {
		return l.faults
	}
	for _, item := range read.Items {
		l.loadItem(item)
	}
	l.checkDirectories()
	for _, fault := range pki.Verify(s.set) {
		request := s.set[fault.Name].Request
		if fault.Part == pki.CrossSigned {
			path := crossPath(request, fault.Generation)
			l.fault(path, "is wrong: %s; %s", fault.Text, l.remedy(request))
		}
		for _, p := range partsOf(request, fault.Generation) {
			if p.part == fault.Part {
				l.fault(p.path, "is wrong: %s; %s", fault.Text, l.remedy(request))
			}
		}
	}
	s.clients = read.Clients
	return l.faults
}

// loadIndex reads the index with its records; whole is false if there is none, or
// it has faults.
func (l *loader) loadIndex() (read index, whole bool) {
	data, there := l.read(indexFile)
	if !there {
		l.findUnrecorded(indexFile)
		return index{}, false
	}
	if len(l.faults) > 0 {
		return index{}, false
	}
	read, wrong := decodeIndex(data)
	for _, fault := range wrong {
		l.faultAt(indexFile, data, fault)
	}
	l.version, l.cluster = read.Version, read.Cluster
	if len(wrong) == 0 && read.Version > 1 {
		l.loadRecords(&read)
	}
	return read, len(l.faults) == 0 && l.checkAuthorities(read)
}

// faultAt adds a fault at a position in a file of the index.
func (l *loader) faultAt(path string, data []byte, fault indexFault) {
	line, column := position(data, fault.offset)
	l.faults = append(l.faults, Fault{path, fmt.Sprintf("%s:%d:%d: %s", l.show(path), line, column, fault.text)})
}

// checkAuthorities checks that the index records the authority of every recorded leaf.
// Without it, each leaf would look as if another authority had signed it.
func (l *loader) checkAuthorities(read index) bool {
	whole := true
	for _, item := range read.Items {
		authority := item.Request.Authority
		if authority == "" || slices.ContainsFunc(read.Items, func(r record) bool { return r.Request.Name == authority }) {
			continue
		}
		l.fault(l.recordedIn(item.Request.Name), "records %s, but not %s, which signed it: restore %s from a backup", item.Request.Name, authority, l.show(l.recordedIn(authority)))
		whole = false
	}
	return whole
}

// remedy says what to do about a bad file of an item.
func (l *loader) remedy(request pki.Request) string {
	if request.Kind == pki.Leaf {
		return "restore it from a backup, or delete " + l.both(request) + " so that a new pair is issued"
	}
	return fmt.Sprintf("restore it from a backup: running machines use no other, and an existing %s is never replaced", request.Kind)
}

func (l *loader) both(request pki.Request) string {
	var names []string
	for _, p := range parts(request) {
		names = append(names, l.show(p.path))
	}
	return strings.Join(names, " and ")
}

// read returns the content of a file; there is false if nothing exists at the path. A file that
// cannot or should not be read exists, without content and with a fault.
func (l *loader) read(path string) (data []byte, there bool) {
	data, _, there = l.readFile(path)
	return data, there
}

// readFile is read, and gives the file's mode.
func (l *loader) readFile(path string) (data []byte, mode fs.FileMode, there bool) {
	file, err := l.dir.OpenFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, false
	}
	if err != nil {
		l.faulty[path] = true
		// A link in place of a directory is one fault, not one for each file below it.
		same := func(f Fault) bool { return f.Text == err.Error() }
		if !slices.ContainsFunc(l.faults, same) {
			l.faults = append(l.faults, Fault{path, err.Error()})
		}
		return nil, 0, true
	}
	defer file.Close()
	if err := l.dir.CheckOwner(file, path); err != nil {
		l.faulty[path] = true
		l.faults = append(l.faults, Fault{path, err.Error()})
		return nil, 0, true
	}
	limit := maxFile // also for a record, which has a few hundred bytes
	if path == indexFile {
		limit = maxIndex
	}
	var text bytes.Buffer
	info, err := file.Stat()
	if err == nil {
		text.Grow(int(min(info.Size(), int64(limit))) + bytes.MinRead)
		_, err = text.ReadFrom(io.LimitReader(file, int64(limit)+1))
	}
	if err != nil {
		l.fault(path, "cannot be read to its end: check the disk")
		return nil, 0, true
	}
	if text.Len() > limit {
		l.fault(path, "is larger than %d MiB, too large for a file of a PKI directory: restore it from a backup", limit>>20)
		return nil, 0, true
	}
	return text.Bytes(), info.Mode(), true
}

// loadItem reads the files of a recorded item into the set. Parts with a fault are left
// empty there.
func (l *loader) loadItem(recorded record) {
	request := recorded.Request
	l.recorded[request.Name] = recorded
	item := pki.Item{Request: request, Generations: recorded.generations(), Marks: recorded.Marks}
	if !l.loadParts(&item, 0, pki.Present) {
		return
	}
	item = item.Parsed()
	l.compare(&item, recorded)
	for i, g := range recorded.Generations {
		if beside(g.State) {
			of := pki.Item{Request: request}
			l.loadParts(&of, g.Generation, g.State)
			l.compareGeneration(&of, g)
			into := &item.Generations[i]
			into.Cert, into.Key, into.Public = of.Cert, of.Key, of.Public
			into.Cross = l.loadCross(request, g)
		}
	}
	if l.version == indexVersion {
		if found, err := describe(item, l.version); err == nil {
			l.described[request.Name] = found
		}
	}
	l.set[request.Name] = item
}

// loadCross reads what a former authority has signed for its successor.
func (l *loader) loadCross(request pki.Request, recorded generation) []byte {
	if len(recorded.CrossSigned) == 0 {
		return nil
	}
	path := crossPath(request, recorded.Generation)
	data, there := l.read(path)
	if !there {
		l.fault(path, "is missing: %s", l.remedy(request))
		return nil
	}
	found, err := describePresent(pki.Item{Request: request, Cert: data}, indexVersion)
	if err == nil && found.Certificate != recorded.CrossSigned[0].SHA256 {
		l.fault(path, "is not the certificate hagen recorded: %s", l.remedy(request))
		return nil
	}
	return data
}

// loadParts reads the files of a generation of an item; false means that it is a leaf that has none.
func (l *loader) loadParts(item *pki.Item, generation int, state pki.State) bool {
	request := item.Request
	var missing, present []string
	for _, p := range partsOf(request, generation) {
		data, mode, there := l.readFile(p.path)
		if !there {
			missing = append(missing, p.path)
			continue
		}
		present = append(present, p.path)
		*content(item, p.part) = data
		if p.part == pki.PrivateKey {
			l.checkMode(request.Name, p.path, mode)
		}
	}
	if len(present) == 0 && request.Kind == pki.Leaf {
		return false
	}
	if elsewhere := item.Key == nil && request.Kind.MayLackKey(state); !elsewhere || len(present) == 0 {
		for _, path := range missing {
			l.missing(path, request, present)
		}
	}
	return true
}

func (l *loader) missing(path string, request pki.Request, present []string) {
	switch {
	case request.Kind == pki.Leaf:
		l.fault(path, "is missing: restore it from a backup, or delete %s as well so that a new pair is issued", l.show(present[0]))
	case strings.HasSuffix(path, ".pub") && len(present) > 0:
		l.fault(path, "is missing: restore it from a backup, or write it again with openssl pkey -in %s -pubout -out %s", l.show(present[0]), l.show(path))
	default:
		l.fault(path, "is missing: %s", l.remedy(request))
	}
}

// checkMode warns of a private key that users other than its owner can read.
func (l *loader) checkMode(name, path string, mode fs.FileMode) {
	if mode&0o077 != 0 {
		l.warnings = append(l.warnings, pki.Warning{Name: name, Text: fmt.Sprintf("%s can be read by others (mode %#o): hagen sets it to 0600 when it next writes; if somebody has read it, it is no longer secret", l.show(path), mode.Perm())})
	}
}

// checkDirectories warns of directories with private keys that users other than their owner can enter.
func (l *loader) checkDirectories() {
	var open []string
	seen := map[string]bool{}
	for name, item := range l.set {
		for dir := path.Dir(name); item.Key != nil && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			info, err := os.Lstat(filepath.Join(l.dir.Path(), dir))
			if err == nil && info.IsDir() && info.Mode().Perm()&0o077 != 0 {
				open = append(open, fmt.Sprintf("%s (mode %#o)", l.show(dir), info.Mode().Perm()))
			}
		}
	}
	if len(open) > 0 {
		slices.Sort(open)
		l.warnings = append(l.warnings, pki.Warning{Name: l.name, Text: "others can enter " + strings.Join(open, ", ") + ": hagen sets that to 0700 when it next writes"})
	}
}

// compare compares an item with its record, and empties parts that differ from it. It leaves parts
// that cannot be parsed for pki.Verify to report.
func (l *loader) compare(item *pki.Item, recorded record) {
	found, err := describePresent(*item, l.version)
	if err != nil {
		return
	}
	switch {
	case item.Request.Kind == pki.Secret:
		if recorded.Key != "" && found.Key != recorded.Key {
			l.fault(item.Request.Name+".key", "is not the secret hagen recorded: %s", l.remedy(item.Request))
			item.Key = nil
		}
	case found.Certificate != recorded.Certificate:
		l.fault(item.Request.Name+".pem", "is not the certificate hagen recorded: %s", l.remedy(item.Request))
		item.Cert = nil
	case found.Key != recorded.Key && item.Request.Kind == pki.KeyPair:
		l.fault(item.Request.Name+".pub", "is not the public half hagen recorded: %s", l.remedy(item.Request))
		item.Public = nil
	case found.Key != recorded.Key:
		l.fault(l.recordedIn(item.Request.Name), "records another key than that of the certificate %s: restore it from a backup", item.Request.Name)
	}
}

// compareGeneration is compare for a generation that is not the present one.
func (l *loader) compareGeneration(item *pki.Item, recorded generation) {
	found, err := describePresent(*item, indexVersion)
	if err != nil || found.Key == recorded.Key && found.Certificate == recorded.certificateOf() {
		return
	}
	what, files := pki.PrivateKey, partsOf(item.Request, recorded.Generation)
	switch item.Request.Kind {
	case pki.Authority:
		what = pki.Certificate
	case pki.KeyPair:
		what = pki.PublicHalf
	}
	for _, p := range files {
		if p.part == what {
			l.fault(p.path, "is not the %s hagen recorded: %s", map[pki.Part]string{pki.PrivateKey: "secret", pki.Certificate: "certificate", pki.PublicHalf: "public half"}[what], l.remedy(item.Request))
			*content(item, what) = nil
		}
	}
}

// findUnrecorded reports certificates and keys in a directory without an index, or without its
// records: hagen must not make new ones in their place.
func (l *loader) findUnrecorded(missing string) {
	var found []string
	err := filepath.WalkDir(l.dir.Path(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch filepath.Ext(path) {
		case ".pem", ".key", ".pub":
			if !entry.IsDir() {
				found = append(found, path)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		l.fault(missing, "is missing, and the directory cannot be searched: check its owner and permissions")
	case len(found) > 0:
		l.fault(missing, "is missing, but the directory holds %d certificates and keys (%s first): restore it from a backup", len(found), filepath.Join(l.name, strings.TrimPrefix(found[0], l.dir.Path())))
	}
}
