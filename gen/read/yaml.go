package read

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// YAML is a node of a YAML document, and its offset.
type YAML struct {
	Key   string // "-" in a sequence, "" at the root
	At    int    // of the value
	KeyAt int
	node  *yaml.Node
	text  *yamlText
}

// ParseYAML reads the first document of a text; ok is false if it is not YAML
// with keys and values. It checks nothing more: the daemons' own parsers are
// strict.
func ParseYAML(text string) (root *YAML, ok bool) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		return nil, false
	}
	root = newYAML(&yamlText{text, lineStarts(text)}, document.Content[0])
	return root, len(root.node.Content) > 0
}

// ParseYAMLs reads all documents of a text.
func ParseYAMLs(text string) (documents []*YAML, ok bool) {
	decoder, lines := yaml.NewDecoder(strings.NewReader(text)), lineStarts(text)
	for {
		var document yaml.Node
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return documents, true
		case err != nil:
			return documents, false
		case len(document.Content) > 0:
			documents = append(documents, newYAML(&yamlText{text, lines}, document.Content[0]))
		}
	}
}

func newYAML(text *yamlText, n *yaml.Node) *YAML {
	out := &YAML{node: n, text: text, At: text.offset(n.Line, n.Column)}
	if n.Kind == yaml.AliasNode {
		out.node = n.Alias
	}
	return out
}

// Items returns the children of a node, none for nil.
func (n *YAML) Items() (out []*YAML) {
	if n == nil {
		return nil
	}
	switch content := n.node.Content; n.node.Kind {
	case yaml.SequenceNode:
		for _, c := range content {
			item := newYAML(n.text, c)
			item.Key, item.KeyAt = "-", item.At
			if c.Kind == yaml.MappingNode {
				item.At = n.text.dash(item.At)
			}
			out = append(out, item)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(content); i += 2 {
			child := newYAML(n.text, content[i+1])
			child.Key, child.KeyAt = content[i].Value, n.text.offset(content[i].Line, content[i].Column)
			out = append(out, child)
		}
	}
	return out
}

// Get follows a path of keys; nil if there is no such node.
func (n *YAML) Get(keys ...string) *YAML {
	for _, key := range keys {
		var next *YAML
		for _, c := range n.Items() {
			if c.Key == key {
				next = c
			}
		}
		n = next
	}
	return n
}

// Value returns the value of a node, "" for none.
func (n *YAML) Value() string {
	if n == nil {
		return ""
	}
	return n.node.Value
}

// Offset returns the offset of the value, -1 for none.
func (n *YAML) Offset() int {
	if n == nil {
		return -1
	}
	return n.At
}

// yamlText is a text, and the offsets of its lines.
type yamlText struct {
	text   string
	starts []int
}

// lineStarts returns the offsets of lines as YAML 1.1 has them.
func lineStarts(text string) []int {
	starts := []int{0}
	for i, c := range text {
		switch {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\n', c == '\r', c == '\u0085', c == '\u2028', c == '\u2029':
			starts = append(starts, i+utf8.RuneLen(c))
		}
	}
	return starts
}

// offset returns the offset of a line and a column of characters, both from 1.
func (t *yamlText) offset(line, column int) int {
	if line < 1 || line > len(t.starts) {
		return -1
	}
	at := t.starts[line-1]
	for ; column > 1 && at < len(t.text); column-- {
		_, size := utf8.DecodeRuneInString(t.text[at:])
		at += size
	}
	return at
}

// dash returns the offset of the dash before an item of a sequence; that of
// the item if there is none.
func (t *yamlText) dash(at int) int {
	for i := at - 1; i >= 0 && (t.text[i] == ' ' || t.text[i] == '-'); i-- {
		if t.text[i] == '-' {
			return i
		}
	}
	return at
}
