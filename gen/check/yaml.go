package check

import (
	"strconv"
	"strings"
)

// yamlNode is a node of a YAML document in block style, which is what
// Kubernetes' configuration files are written in. Flow style stays text.
type yamlNode struct {
	key      string // "-" in a sequence, "" at the root
	value    string
	at       int // of the value
	keyAt    int
	children []*yamlNode
}

// yamlLine is a line that says something.
type yamlLine struct {
	indent int
	text   string
	at     int // of text
}

// readYAML reads a document; ok is false if it is written in another style.
// It judges nothing: the daemons' own parsers are strict.
func readYAML(text string) (root *yamlNode, ok bool) {
	var lines []yamlLine
	at := 0
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		trimmed = strings.TrimRight(trimmed, " \t\r\n")
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed == "---":
		case trimmed[0] == '\t' || trimmed[0] == '{':
			return nil, false
		default:
			lines = append(lines, yamlLine{indent, trimmed, at + indent})
		}
		at += len(line)
	}
	root = &yamlNode{}
	rest, ok := root.read(lines, -1)
	return root, ok && len(rest) == 0 && len(root.children) > 0
}

// read takes the lines that are indented deeper than the node.
func (n *yamlNode) read(lines []yamlLine, indent int) (rest []yamlLine, ok bool) {
	for len(lines) > 0 {
		l := lines[0]
		sequence := l.text == "-" || strings.HasPrefix(l.text, "- ")
		// A sequence may stand at the indentation of its key.
		if l.indent < indent || l.indent == indent && !(sequence && n.key != "-") {
			return lines, true
		}
		from := lines
		lines = lines[1:]
		if sequence {
			item := &yamlNode{key: "-", at: l.at}
			n.children = append(n.children, item)
			body := strings.TrimLeft(strings.TrimPrefix(l.text, "-"), " ")
			inner := l.indent + len(l.text) - len(body)
			if _, _, mapping := cutKey(body); mapping {
				from[0] = yamlLine{inner, body, l.at + inner - l.indent}
				lines = from
			} else {
				item.value, item.at = scalarOf(body), l.at+inner-l.indent
			}
			if lines, ok = item.read(lines, l.indent); !ok {
				return nil, false
			}
			continue
		}
		key, value, mapping := cutKey(l.text)
		if !mapping {
			return nil, false
		}
		child := &yamlNode{key: key, value: scalarOf(value), at: l.at + len(l.text) - len(value), keyAt: l.at}
		n.children = append(n.children, child)
		if strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">") {
			for len(lines) > 0 && lines[0].indent > l.indent {
				lines = lines[1:]
			}
			continue
		}
		if value == "" {
			if lines, ok = child.read(lines, l.indent); !ok {
				return nil, false
			}
		}
	}
	return nil, true
}

// cutKey splits key: value.
func cutKey(text string) (key, value string, ok bool) {
	if k, found := strings.CutSuffix(text, ":"); found && !strings.Contains(k, ": ") {
		return scalarOf(k), "", true
	}
	key, value, ok = strings.Cut(text, ": ")
	if strings.ContainsAny(key, "{[") || strings.HasPrefix(key, "- ") {
		return "", "", false
	}
	if comment := strings.Index(value, " #"); comment >= 0 && !strings.HasPrefix(value, `"`) {
		value = value[:comment]
	}
	if strings.HasPrefix(value, "#") {
		value = ""
	}
	return scalarOf(key), strings.TrimLeft(value, " "), ok
}

// scalarOf takes the quotes off.
func scalarOf(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `"`) {
		if s, err := strconv.Unquote(text); err == nil {
			return s
		}
	}
	if len(text) > 1 && text[0] == '\'' && text[len(text)-1] == '\'' {
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'")
	}
	return text
}

// get goes down a path of keys; nil if there is no such node.
func (n *yamlNode) get(keys ...string) *yamlNode {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		var next *yamlNode
		for _, c := range n.children {
			if c.key == key {
				next = c
			}
		}
		n = next
	}
	return n
}

// text gives the value of a node, "" for none.
func (n *yamlNode) text() string {
	if n == nil {
		return ""
	}
	return n.value
}

// items are the children of a node, none for nil.
func (n *yamlNode) items() []*yamlNode {
	if n == nil {
		return nil
	}
	return n.children
}

// offset is where the value stands, -1 for none.
func (n *yamlNode) offset() int {
	if n == nil {
		return -1
	}
	return n.at
}
