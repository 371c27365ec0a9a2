package spec

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxValues bounds how many values a file may hold once its aliases are
// followed. Without it a kilobyte of anchors that name each other stands for
// more values than a machine can hold.
const maxValues = 10000

// decoder walks a YAML tree along the schema and collects faults.
type decoder struct {
	faults []Fault
	values int
}

func (d *decoder) fault(at At, problem, remedy string) {
	d.faults = append(d.faults, Fault{At: at, Problem: problem, Remedy: remedy})
}

func place(n *yaml.Node, path string) At {
	return At{Line: n.Line, Column: n.Column, Path: path}
}

// value decodes the node into the field v points to. It reports whether the
// walk may go on: false once the file holds too many values.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) bool {
	at := place(n, path)
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.values++; d.values > maxValues {
		d.fault(At{Line: at.Line, Column: at.Column},
			fmt.Sprintf("the file's anchors stand for more than %d values", maxValues),
			"write the values out: a cluster file has no use for that many")
		return false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fault(at, fmt.Sprintf("has the YAML tag %s", n.Tag), "remove the tag")
		return true
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.fault(at, "has no value", "write one, or remove the line")
		return true
	}
	switch field := v.Addr().Interface().(type) {
	case *String:
		if d.scalar(n, at, "text", "!!str") {
			*field = String{n.Value, at}
		}
	case *Text:
		if d.scalar(n, at, "text", "!!str", "!!int", "!!float") {
			*field = Text{n.Value, at}
		}
	case *Int:
		if d.scalar(n, at, "a whole number", "!!int") {
			number, err := strconv.Atoi(n.Value)
			if err != nil {
				d.fault(at, fmt.Sprintf("%q is not a whole decimal number in range", n.Value), "write digits only, for example 6443")
				return true
			}
			*field = Int{number, at}
		}
	case *Bool:
		if d.scalar(n, at, "true or false", "!!bool") {
			*field = Bool{n.Value == "true" || n.Value == "True" || n.Value == "TRUE", at}
		}
	default:
		if v.Field(0).Type() == reflect.TypeFor[At]() {
			return d.mapping(n, at, v)
		}
		return d.list(n, at, v)
	}
	return true
}

// scalar checks that a node is a single value of one of the YAML types.
func (d *decoder) scalar(n *yaml.Node, at At, wanted string, tags ...string) bool {
	if n.Kind != yaml.ScalarNode {
		d.fault(at, fmt.Sprintf("is %s, must be %s", kindName(n), wanted), "")
		return false
	}
	for _, tag := range tags {
		if n.Tag == tag {
			return true
		}
	}
	remedy := ""
	if tags[0] == "!!str" {
		remedy = fmt.Sprintf("put it in quotes: %q", n.Value)
	}
	d.fault(at, fmt.Sprintf("%s is %s, must be %s", n.Value, tagName(n.Tag), wanted), remedy)
	return false
}

// list decodes a sequence into a List: its first field is the slice of items,
// its second the place.
func (d *decoder) list(n *yaml.Node, at At, v reflect.Value) bool {
	if n.Kind != yaml.SequenceNode {
		d.fault(at, fmt.Sprintf("is %s, must be a list", kindName(n)), "write the items in brackets: [first, second]")
		return true
	}
	items := v.Field(0)
	items.Set(reflect.MakeSlice(items.Type(), len(n.Content), len(n.Content)))
	v.Field(1).Set(reflect.ValueOf(at))
	for i, item := range n.Content {
		if !d.value(item, fmt.Sprintf("%s[%d]", at.Path, i), items.Index(i)) {
			return false
		}
	}
	return true
}

// mapping decodes a mapping into a struct whose first field is its place and
// whose others carry `key` tags.
func (d *decoder) mapping(n *yaml.Node, at At, v reflect.Value) bool {
	if n.Kind != yaml.MappingNode {
		d.fault(at, fmt.Sprintf("is %s, must be a mapping of fields", kindName(n)),
			"its fields are "+strings.Join(keys(v.Type()), ", "))
		return true
	}
	v.Field(0).Set(reflect.ValueOf(at))
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.key(key, at, first, v.Type()) {
			continue
		}
		first[key.Value] = key.Line
		field, _ := fieldOf(v.Type(), key.Value)
		if !d.value(value, join(at.Path, key.Value), v.Field(field)) {
			return false
		}
	}
	for i := 1; i < v.NumField(); i++ {
		name, required := tag(v.Type().Field(i))
		if _, written := first[name]; required && !written {
			d.fault(at, subject(at.Path)+"has no field "+name, "add "+name+": "+example(name))
		}
	}
	return true
}

// key checks one key of a mapping: a plain word, known, and there for the
// first time.
func (d *decoder) key(key *yaml.Node, parent At, first map[string]int, schema reflect.Type) bool {
	at := place(key, parent.Path)
	if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Style&yaml.TaggedStyle != 0 {
		d.fault(at, "a key here is not a plain field name", "its fields are "+strings.Join(keys(schema), ", "))
		return false
	}
	at.Path = join(parent.Path, key.Value)
	if _, known := fieldOf(schema, key.Value); !known {
		remedy := "its fields are " + strings.Join(keys(schema), ", ")
		if near := nearest(key.Value, keys(schema)); near != "" {
			remedy = "did you mean " + near + "?"
		}
		at.Path = parent.Path
		d.fault(at, fmt.Sprintf("%shas no field %q", subject(parent.Path), key.Value), remedy)
		return false
	}
	if line, twice := first[key.Value]; twice {
		d.fault(at, fmt.Sprintf("is written a second time (first on line %d)", line), "keep one of the two")
		return false
	}
	return true
}

func tag(f reflect.StructField) (name string, required bool) {
	name, option, _ := strings.Cut(f.Tag.Get("key"), ",")
	return name, option == "required"
}

// keys lists the fields of a mapping in the schema's order.
func keys(schema reflect.Type) []string {
	var names []string
	for i := 1; i < schema.NumField(); i++ {
		name, _ := tag(schema.Field(i))
		names = append(names, name)
	}
	return names
}

func fieldOf(schema reflect.Type, key string) (int, bool) {
	for i := 1; i < schema.NumField(); i++ {
		if name, _ := tag(schema.Field(i)); name == key {
			return i, true
		}
	}
	return 0, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// examples are what a missing field could say: the seed's cluster.
var examples = map[string]string{
	"apiVersion":   Version,
	"kind":         Kind,
	"metadata":     "{name: kubernetes}",
	"spec":         "and below it the cluster; hagen init writes one to start from",
	"name":         "kubem00",
	"endpoint":     "kubernetes:6443",
	"serviceCIDRs": "[10.32.0.0/16]",
	"podCIDRs":     "[10.38.0.0/16]",
	"masters":      "and below it - {name: kubem00, addresses: [10.10.10.80]}",
	"addresses":    "[10.10.10.80]",
	"sshKeys":      `["ssh-ed25519 AAAA… you@desk"]`,
}

func example(key string) string { return examples[key] }

// subject begins a sentence about the mapping at a path: the path itself is
// printed before it, but the file has none.
func subject(path string) string {
	if path == "" {
		return "the file "
	}
	return ""
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

func tagName(tag string) string {
	switch tag {
	case "!!int":
		return "a number"
	case "!!float":
		return "a number with a fraction"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "text"
	default:
		return "of another type"
	}
}
