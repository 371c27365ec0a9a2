package twin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/lazy"
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
// and of the administrator's kubeconfig unless that is nil.
func Tree(cluster string, machines []Machine, admin []byte) (map[string][]byte, error) {
	nodes := make([]node.Node, len(machines))
	for i, m := range machines {
		nodes[i] = m.Node
	}
	keys := piecesOf(nodes...) // a key of one machine may be on another
	made := make([][]document.Document, len(machines))
	faults := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { made[i], faults[i] = documents(cluster, m, keys) })
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
	if admin != nil {
		files[document.AdminPath] = redact.Text(admin)
	}
	return files, nil
}

// documents makes the twins of a machine's documents. Ignition's is indented, so that a
// change shows in its own lines. The instance-id of cloud-init is a hash of the twin, not
// of the secrets.
func documents(cluster string, m Machine, keys *keyPieces) ([]document.Document, error) {
	encodings, err := encode.All(cluster, of(m.Node, keys), m.OS, m.Formats)
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

// OfTree returns the twins of a tree that was read: of its machines and of the
// administrator's kubeconfig. Without lists the other files, which have no twin.
func OfTree(t rendered.Tree) (files map[string][]byte, without []string, err error) {
	var machines []Machine
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
	var admin []byte
	for _, f := range t.Others {
		if f.Path == document.AdminPath {
			admin = f.Text
		} else {
			without = append(without, f.Path)
		}
	}
	files, err = Tree(t.Cluster, machines, admin)
	return files, without, err
}

// compressed finds contents that may hide a key: no twin has any.
var compressed = lazy.Regexp(`(?i)(?:compression|encoding)["']?\s*:\s*["']?gz`)

var escaped = lazy.Regexp(`%[0-9A-Fa-f]{2}`)

// IsShown reports whether a text that should be a twin may be shown. It is false for a
// document with keys in the place of a twin.
func IsShown(text []byte) bool {
	if encode.Carries(text) {
		return false // no twin does, and it may hide keys
	}
	var document any
	if json.Unmarshal(text, &document) == nil {
		return allShown(document)
	}
	return isShown(string(text))
}

// allShown checks each string of a JSON document by itself: a secret ends where the string
// ends.
func allShown(value any) bool {
	switch v := value.(type) {
	case string:
		return isShown(v)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !allShown(e) })
	case map[string]any:
		for name, e := range v {
			if text, is := e.(string); is && !isShown(name+": "+strconv.Quote(text)) || !isShown(name) || !allShown(e) {
				return false
			}
		}
	}
	return true
}

func isShown(text string) bool {
	// Ignition's contents are data URLs.
	open := escaped().ReplaceAllStringFunc(text, func(code string) string {
		char, err := url.PathUnescape(code)
		if err != nil {
			return code
		}
		return char
	})
	return !compressed().MatchString(text) && redact.Shows(text) && redact.Shows(open)
}
