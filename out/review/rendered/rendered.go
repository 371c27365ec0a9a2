// Package rendered reads a rendered tree back as machines: hagen's own, one
// that was edited by hand, or a redacted twin. It reads any file system: a
// directory as well as a commit of a repository.
package rendered

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/profiles"
)

// Tree is a rendered directory of one cluster.
type Tree struct {
	Cluster string // from the first lines of the documents; "" if none has it
	Hosts   []Host // by name
	Others  []File // files of no machine, such as admin.kubeconfig, without the manifest and dot files
}

// Host is a machine of the tree. Its Node is that of its first document in the order of
// profiles.Formats. Unless ReadEdited read the tree, all its documents describe the same
// node, completely.
type Host struct {
	Node       node.Node
	OS         profiles.OS
	Documents  []document.Document
	Differing  []string    // names of documents that describe another node
	OtherBytes []string    // names of documents that describe the same node in other bytes than Butane makes
	Meta       encode.Meta // from meta-data, if there is one
	Instance   string      // the instance-id that meta-data should have; "" without user-data or meta-data
	Kargs      []byte      // its kernel arguments; nil if there are none
	Said       string      // the operating system named in user-data; "" if none is
	made       []byte      // the Ignition document that Butane makes from its Butane document
}

// File is another file of the tree.
type File struct {
	Path string
	Text []byte
}

// Fault is a document that cannot be read.
type Fault struct {
	Path    string // in the tree
	Problem string
}

// Error returns "path: problem".
func (f Fault) Error() string { return f.Path + ": " + f.Problem }

// maxFile is the largest file that is read, in bytes: about fifty times a master's
// document.
const maxFile = 4 << 20

// Read reads a tree as hagen render writes it: each host's documents are in a directory of
// its name. The error joins a Fault for everything that cannot be read; a tree without
// machines is one.
func Read(tree fs.FS) (Tree, error) { return read(tree, reading{profiles.Formats(), true, true}) }

// ReadEdited reads a tree that may have been edited: nodes list what hagen does not write
// in Further, and documents of one machine may differ.
func ReadEdited(tree fs.FS) (Tree, error) {
	return read(tree, reading{profiles.Formats(), true, false})
}

// ReadMachines reads a tree as Read does, but parses only one document of each host: the
// one that its machine gets, since reading Butane takes ten times as long. Of the others
// it has the text.
func ReadMachines(tree fs.FS) (Tree, error) {
	return read(tree, reading{[]string{profiles.Ignition, profiles.UserData, profiles.Butane, profiles.MetaData, profiles.NetworkConfig}, false, true})
}

// ReadDocument reads one document of a host by itself.
func ReadDocument(host, format string, text []byte) (cluster string, h Host, err error) {
	if err := h.read(reading{strict: true}, host, document.Path(host, format), format, text); err != nil {
		return "", Host{}, err
	}
	cluster, h.Node.Role, h.Said = Head(text)
	if system, known := profiles.FindOS(h.Said); known {
		h.OS = system
	}
	return cluster, h, nil
}

// reading says how to read a tree.
type reading struct {
	formats []string // in this order
	all     bool     // parse all documents, not only the first
	strict  bool     // what hagen does not write is a fault
}

func read(tree fs.FS, how reading) (Tree, error) {
	var read Tree
	var faults []error
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return Tree{}, Fault{".", "cannot be read: " + reason(err)}
	}
	folders := readHosts(tree, entries, how)
	for i, e := range entries {
		switch f := folders[i]; {
		case strings.HasPrefix(e.Name(), ".") || e.Name() == document.ManifestPath:
		case e.IsDir():
			if f.err != nil {
				faults = append(faults, f.err)
			} else if f.found {
				read.Hosts = append(read.Hosts, f.host)
			}
			if f.cluster != "" {
				read.Cluster = f.cluster
			}
		default:
			text, err := readFile(tree, e.Name())
			if err != nil {
				faults = append(faults, err)
				continue
			}
			read.Others = append(read.Others, File{e.Name(), text})
		}
	}
	if len(read.Hosts) == 0 && len(faults) == 0 {
		faults = append(faults, Fault{".", "holds no machine's document: name the directory of one cluster, as in rendered/kubernetes"})
	}
	return read, errors.Join(faults...)
}

// folder is what was read in a directory.
type folder struct {
	host    Host
	cluster string
	found   bool
	err     error
}

// readHosts reads all directories, one on each processor at a time.
func readHosts(tree fs.FS, entries []fs.DirEntry, how reading) []folder {
	folders := make([]folder, len(entries))
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	var done sync.WaitGroup
	for i, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		free <- struct{}{}
		done.Go(func() {
			f := &folders[i]
			f.host, f.cluster, f.found, f.err = readHost(tree, e.Name(), how)
			<-free
		})
	}
	done.Wait()
	return folders
}

// readHost reads the documents in a directory; found is false if there are none.
func readHost(tree fs.FS, name string, how reading) (h Host, cluster string, found bool, err error) {
	var faults []error
	texts := map[string][]byte{}
	said := ""
	for _, format := range how.formats {
		place := document.Path(name, format)
		text, err := readFile(tree, place)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		texts[format] = text
		switch {
		case err != nil:
		case format == profiles.MetaData:
			if h.Meta, err = encode.ReadMetaData(text); err != nil {
				err = Fault{place, "cannot be read: " + err.Error()}
			}
			h.Documents = append(h.Documents, document.Document{Format: format, Path: place, Text: text})
		case format == profiles.NetworkConfig:
			h.Documents = append(h.Documents, document.Document{Format: format, Path: place, Text: text})
		case !how.all && len(h.Documents) > 0:
			h.Documents = append(h.Documents, document.Document{Format: format, Path: place, Text: text})
		default:
			err = h.read(how, name, place, format, text)
		}
		if c, role, system := Head(text); c != "" {
			cluster, h.Node.Role = c, role
			said = cmp.Or(system, said)
		}
		faults = append(faults, err)
	}
	if system, known := profiles.FindOS(said); known {
		h.OS, h.Said = system, said
	}
	found = len(h.Documents) > 0
	if found && texts[profiles.Butane] == nil && texts[profiles.Ignition] == nil && texts[profiles.UserData] == nil {
		faults = append(faults, Fault{h.Documents[0].Path, "is alone: user-data belongs beside it"})
	}
	if user, meta := texts[profiles.UserData], texts[profiles.MetaData]; user != nil && meta != nil {
		h.Instance = encode.InstanceID(name, user, texts[profiles.NetworkConfig])
	}
	if found && errors.Join(faults...) == nil && texts[profiles.UserData] != nil && !network.IsConfig(texts[profiles.NetworkConfig], network.Interfaces(h.Node)) {
		faults = append(faults, h.differs(how, document.Path(name, profiles.NetworkConfig)))
	}
	if found && errors.Join(faults...) == nil {
		faults = append(faults, readKargs(tree, &h, how),
			readPacked(tree, &h, document.Gzipped, texts[profiles.UserData], how), readPacked(tree, &h, document.GzippedText, texts[profiles.UserData], how))
	}
	return h, cluster, found, errors.Join(faults...)
}

// read takes one more document of the host.
func (h *Host) read(how reading, name, place, format string, text []byte) error {
	n, system, made, err := readDocument(place, format, text)
	if err != nil {
		return err
	}
	n.Name = name
	if made != nil {
		h.made = made
	}
	want := h.Node
	if format == profiles.UserData {
		want = want.Overwriting()
	}
	switch {
	case len(h.Documents) == 0:
		h.Node, h.OS = n, system
		if how.strict && len(n.Further) > 0 {
			err = Fault{place, "has what hagen does not write, " + n.Further[0].String() + "; hagen check shows more"}
		}
	case reflect.DeepEqual(n.Bare(), want.Bare()):
		if format == profiles.Ignition && h.made != nil && !encode.Holds(text, h.made, system) {
			h.OtherBytes = append(h.OtherBytes, path.Base(place))
		}
	case how.strict:
		err = Fault{place, "differs from " + path.Base(h.Documents[0].Path) + " beside it"}
	default:
		h.Differing = append(h.Differing, path.Base(place))
	}
	h.Documents = append(h.Documents, document.Document{Format: format, Path: place, Text: text})
	return err
}

// readKargs reads the kernel arguments beside a host's documents. They have to describe
// the same network.
func readKargs(tree fs.FS, h *Host, how reading) error {
	place := document.Path(h.Node.Name, document.Kargs)
	text, err := readFile(tree, place)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case bytes.Equal(text, network.Kargs(h.Node, h.OS)):
	default:
		err = h.differs(how, place)
	}
	h.Kargs = text
	return err
}

// differs notes a file about the network that is missing or that differs from the
// documents beside it. If the tree must not be edited, that is a fault.
func (h *Host) differs(how reading, place string) error {
	if !how.strict {
		h.Differing = append(h.Differing, path.Base(place))
		return nil
	}
	return Fault{place, "describes another network than " + path.Base(h.Documents[0].Path) + " beside it"}
}

// readDocument reads a document and finds its operating system by the paths of the
// binaries, since each dialect of Butane reads documents of the others. For a Butane
// document it also returns the Ignition document that Butane makes.
func readDocument(place, format string, text []byte) (node.Node, profiles.OS, []byte, error) {
	read := map[string]func([]byte, profiles.OS) (node.Node, []byte, error){
		profiles.Butane: encode.ReadButane,
		profiles.Ignition: func(text []byte, system profiles.OS) (node.Node, []byte, error) {
			n, err := encode.ReadIgnition(text, system)
			return n, nil, err
		},
		profiles.UserData: func(text []byte, _ profiles.OS) (node.Node, []byte, error) {
			n, err := encode.ReadUserData(text)
			return n, nil, err
		},
	}[format]
	if read == nil { // such as compressed user-data
		return node.Node{}, profiles.OS{}, nil, Fault{place, "is not a document that describes a machine"}
	}
	systems := profiles.Systems()
	// The systems of its variant come first.
	slices.SortStableFunc(systems, func(a, b profiles.OS) int {
		return strings.Count(string(text), "\nvariant: "+b.Variant+"\n") - strings.Count(string(text), "\nvariant: "+a.Variant+"\n")
	})
	var first error
	for _, system := range systems {
		n, made, err := read(text, system)
		if err == nil {
			return n, systemOf(n, system), made, nil
		}
		if first == nil {
			first = err
		}
	}
	return node.Node{}, profiles.OS{}, nil, Fault{place, "cannot be read: " + first.Error()}
}

// Head reads the first lines of a document of hagen's: cluster, role, and in user-data the
// operating system.
func Head(text []byte) (cluster, role, system string) {
	for _, line := range strings.SplitN(string(text), "\n", 4)[:min(3, 1+strings.Count(string(text), "\n"))] {
		rest, isHead := strings.CutPrefix(line, "# cluster ")
		cluster, rest, more := strings.Cut(rest, ", host ")
		_, role, whole := strings.Cut(rest, ", role ")
		if isHead && more && whole {
			role, system, _ = strings.Cut(role, ", os ")
			return cluster, role, system
		}
	}
	return "", "", ""
}

func readFile(tree fs.FS, name string) ([]byte, error) {
	file, err := tree.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, Fault{name, "cannot be opened: " + reason(err)}
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, Fault{name, "is not a regular file: put the file itself in its place"}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, Fault{name, "cannot be read: " + reason(err)}
	}
	if len(text) > maxFile {
		return nil, Fault{name, fmt.Sprintf("is larger than %d MiB; no document is", maxFile>>20)}
	}
	return text, nil
}

// reason returns an error of a file system without the path, which the message already
// has.
func reason(err error) string {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		return wrapped.Err.Error()
	}
	return err.Error()
}
