package encode

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// reader reads YAML that hagen wrote and that may have been edited. It notes what it does
// not know, with the line and never with a value, and continues.
type reader struct{ further []node.Further }

// keys are the valid keys of a mapping, with what reads them.
type keys map[string]func(*yaml.Node)

// note records what an item has and hagen does not write.
func (r *reader) note(item string, n *yaml.Node, format string, args ...any) {
	says := fmt.Sprintf(format, args...)
	if n != nil {
		says += fmt.Sprintf(" (line %d)", n.Line)
	}
	r.further = append(r.further, node.Further{Item: item, Says: says})
}

var (
	yamlLine = lazy.Regexp(`line \d+`)
	// keyName matches a key that may be shown: in a broken file, a key may be a piece of
	// a secret.
	keyName = lazy.Regexp(`^[a-z_-]{1,40}$`)
)

// mapping reads a text that is one mapping. Of the YAML library's errors it shows only the
// line: their words may contain a piece of the text.
func mapping(text []byte) (*yaml.Node, error) {
	var top yaml.Node
	err := yaml.Unmarshal(text, &top)
	switch {
	case err != nil:
		return nil, errors.New(strings.TrimSuffix("is not YAML: "+yamlLine().FindString(err.Error()), ": "))
	case len(top.Content) != 1 || top.Content[0].Kind != yaml.MappingNode:
		return nil, errors.New("is not a mapping")
	}
	return top.Content[0], nil
}

// fields reads a mapping.
func (r *reader) fields(item string, n *yaml.Node, known keys) {
	if n.Kind != yaml.MappingNode {
		r.note(item, n, "something that is not a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		read, ok := known[key.Value]
		name := key.Value
		if !keyName().MatchString(name) {
			name = "a key"
		}
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			r.note(item, key, "%s", name)
		case seen[key.Value]:
			r.note(item, key, "%s a second time", name)
		default:
			read(n.Content[i+1])
		}
		seen[key.Value] = true
	}
}

// each reads the items of a list.
func (r *reader) each(item string, read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.note(item, n, "something that is not a list")
			return
		}
		for _, item := range n.Content {
			read(item)
		}
	}
}

// sexagesimal matches numbers to base 60 of YAML 1.1.
var sexagesimal = lazy.Regexp(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// word reads a text. cloud-init uses an older YAML, which does not read some words and
// numbers as text.
func (r *reader) word(item string, n *yaml.Node) string {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Style&yaml.TaggedStyle != 0 || n.Anchor != "" ||
		plain && (hasMeaning(n.Value) || sexagesimal().MatchString(n.Value)) {
		r.note(item, n, "a value that is not text without quotes")
	}
	return n.Value
}

func (r *reader) text(item string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into = r.word(item, n) }
}

func (r *reader) texts(item string, into *[]string) func(*yaml.Node) {
	return r.each(item, func(n *yaml.Node) { *into = append(*into, r.word(item, n)) })
}

// exactly accepts only one value, quoted or not.
func (r *reader) exactly(item, value string, seen ...*bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		for _, s := range seen {
			*s = true
		}
		if n.Kind != yaml.ScalarNode || n.Value != value || n.Anchor != "" {
			r.note(item, n, "another value than %s", value)
		}
	}
}

// shellWords splits a command as shellWord has quoted its words; ok is false
// for anything else.
func shellWords(line string) (words []string, ok bool) {
	for line != "" {
		var word strings.Builder
		for line != "" && line[0] != ' ' {
			switch rest, isEscape := strings.CutPrefix(line, `\'`); {
			case isEscape:
				word.WriteByte('\'')
				line = rest
			case line[0] == '\'':
				inner, after, closed := strings.Cut(line[1:], "'")
				if !closed {
					return nil, false
				}
				word.WriteString(inner)
				line = after
			default:
				word.WriteByte(line[0])
				line = line[1:]
			}
		}
		words = append(words, word.String())
		line = strings.TrimPrefix(line, " ")
	}
	return words, true
}

// after returns the words of a command after its beginning; nil if it begins
// differently.
func after(words []string, begin string) []string {
	first := strings.Fields(begin)
	if len(words) <= len(first) || !slices.Equal(words[:len(first)], first) {
		return nil
	}
	return words[len(first):]
}
