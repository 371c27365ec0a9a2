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

// Machine is one of which twins are made.
type Machine struct {
	Node    node.Node
	OS      profiles.OS
	Formats []string
}

// Tree makes the twins of a rendered tree, by path: of every document of the
// machines, and of the administrator's kubeconfig unless that is nil.
func Tree(cluster string, machines []Machine, admin []byte) (map[string][]byte, error) {
	nodes := make([]node.Node, len(machines))
	for i, m := range machines {
		nodes[i] = m.Node
	}
	keys := piecesOf(nodes...) // one machine's may stand on another
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

// documents makes the twins of a machine's documents. Ignition's is indented,
// so that a change shows in the lines that it is about. The instance-id of
// cloud-init is that of the twin: a hash over secrets would be none.
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

// Prove has Butane translate the Butane twins of machines, and holds the
// result against their Ignition twins, byte for byte but for the indentation.
// The files are those of Tree. It tells of how many machines that holds.
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

// OfTree makes the twins of a tree that was read back: its machines' and the
// administrator's kubeconfig. The names are of its other files, which have none.
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

// compressed are contents in which nobody sees a key: no twin has any.
var compressed = lazy.Regexp(`(?i)(?:compression|encoding)["']?\s*:\s*["']?gz`)

var escaped = lazy.Regexp(`%[0-9A-Fa-f]{2}`)

// IsShown says of a text that should be a twin's whether it may be shown: of
// a document with keys, in the place of a twin, it says no.
func IsShown(text []byte) bool {
	if encode.Carries(text) {
		return false // no twin does, and keys would not be seen
	}
	var document any
	if json.Unmarshal(text, &document) == nil {
		return allShown(document)
	}
	return isShown(string(text))
}

// allShown looks at each string of a JSON document by itself: where one ends is
// where a secret ends.
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
