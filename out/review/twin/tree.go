// Package twin makes the copies of documents that may be shown: the same documents, with
// what redact.View shows of their machines.
package twin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/rendered"
	"hagen/profiles"
)

// Machine is a machine of which twins are made.
type Machine struct {
	Node    node.Node
	OS      profiles.OS
	Formats []string
}

// Tree returns the twins of a rendered tree by path: of every document of the machines,
// and of the files that belong to no machine, by path.
func Tree(v *redact.View, cluster string, machines []Machine, others map[string][]byte) (map[string][]byte, error) {
	made := make([][]document.Document, len(machines))
	faults := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { made[i], faults[i] = documents(v, cluster, m) })
	}
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, documents := range made {
		for _, d := range documents {
			files[d.Path] = d.Text
		}
	}
	for path, text := range others {
		files[path] = v.File(path, text)
	}
	return files, nil
}

// documents makes the twins of a machine's documents. Ignition's is indented, so that a
// change shows in its own lines. The instance-id of cloud-init is a hash of the twin, not
// of the secrets.
func documents(v *redact.View, cluster string, m Machine) ([]document.Document, error) {
	encodings, err := encode.All(cluster, v.Node(m.Node), m.OS, m.Formats)
	if err != nil {
		return nil, err
	}
	var out []document.Document
	for _, e := range encodings {
		if e.Format == profiles.Ignition {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, e.Text, "", "  "); err != nil {
				return nil, err
			}
			e.Text = pretty.Bytes()
		}
		out = append(out, document.Document{Format: e.Format, Path: document.Path(m.Node.Name, e.Format), Text: e.Text})
	}
	if slices.Contains(m.Formats, document.Kargs) {
		out = append(out, document.Document{Format: document.Kargs, Path: document.Path(m.Node.Name, document.Kargs), Text: network.Kargs(m.Node, m.OS)})
	}
	return out, nil
}

// ofNoMachine reports whether a file that belongs to no machine has a twin.
func ofNoMachine(path string) bool { return path == document.AdminPath || path == document.RightsPath }

// OfDocument returns the twin of one document, or of a file that belongs to no machine,
// beside the one that a render gives. A file that is no document by itself shows what
// it has in common with that.
func OfDocument(v *redact.View, place string, text, like []byte) []byte {
	if ofNoMachine(place) {
		return v.File(place, text)
	}
	host := path.Dir(place)
	for _, format := range []string{profiles.Butane, profiles.Ignition, profiles.UserData} {
		if place != document.Path(host, format) {
			continue
		}
		cluster, h, err := rendered.ReadDocument(host, format, text)
		if err != nil {
			break
		}
		made, err := documents(v, cluster, Machine{Node: h.Node, OS: h.OS, Formats: []string{format}})
		if err == nil && len(made) == 1 {
			return made[0].Text
		}
	}
	return v.Like(text, like)
}

// Prove translates the Butane twins of machines with Butane and compares the result with
// their Ignition twins, byte for byte except for the indentation. The files are those of
// Tree. It returns the number of machines proven.
func Prove(machines []Machine, files map[string][]byte) (int, error) {
	proven := 0
	var faults []error
	for _, m := range machines {
		path := document.Path(m.Node.Name, profiles.Ignition)
		butane, ignition := files[document.Path(m.Node.Name, profiles.Butane)], files[path]
		if butane == nil || ignition == nil {
			continue
		}
		var short bytes.Buffer
		err := json.Compact(&short, ignition)
		if err == nil {
			short.WriteByte('\n')
			err = encode.Prove(encode.Document{Text: butane}, short.Bytes(), m.OS)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path, err))
			continue
		}
		proven++
	}
	return proven, errors.Join(faults...)
}

// ViewOf returns the view of machines, which shows all lines of open items.
func ViewOf(machines []Machine, open ...string) *redact.View {
	var nodes []node.Node
	for _, m := range machines {
		nodes = append(nodes, m.Node)
	}
	return redact.ViewOf(nodes, open...)
}

// Machines are the machines of a tree that was read.
func Machines(t rendered.Tree) (machines []Machine) {
	for _, h := range t.Hosts {
		m := Machine{Node: h.Node, OS: h.OS}
		for _, d := range h.Documents {
			m.Formats = append(m.Formats, d.Format)
		}
		if h.Kargs != nil {
			m.Formats = append(m.Formats, document.Kargs)
		}
		machines = append(machines, m)
	}
	return machines
}

// OfTree returns the twins of a tree that was read: of its machines, of the
// administrator's kubeconfig and of the manifest of rights. Without lists the other files, which have no twin.
func OfTree(v *redact.View, t rendered.Tree) (files map[string][]byte, without []string, err error) {
	others := map[string][]byte{}
	for _, f := range t.Others {
		if ofNoMachine(f.Path) {
			others[f.Path] = f.Text
		} else {
			without = append(without, f.Path)
		}
	}
	files, err = Tree(v, t.Cluster, Machines(t), others)
	return files, without, err
}
