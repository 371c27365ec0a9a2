package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"hagen/gen/lazy"
)

// maxValues bounds how many values a file may hold once its aliases are
// followed. Without it a kilobyte of nested aliases expands to more values than
// fit in memory.
const maxValues = 10000

// decoder walks a YAML tree along the schema and collects faults.
type decoder struct {
	faults []Fault
	values int
	lines  []string
	line   []rune     // the line that column read last
	lineNo int        // its number
	alias  *yaml.Node // the alias being followed; all values below it are reported at its place
}

func (d *decoder) fault(at At, problem, remedy string) {
	d.faults = append(d.faults, Fault{At: at, Problem: problem, Remedy: remedy})
}

func place(n *yaml.Node, path string) At {
	return At{Line: n.Line, Column: n.Column, Path: path}
}

// place returns the position of a node; within an alias, that of the alias.
func (d *decoder) place(n *yaml.Node, path string) At {
	if d.alias != nil {
		n = d.alias
	}
	return place(n, path)
}

// count reports whether the file may hold one more value.
func (d *decoder) count(n *yaml.Node) bool {
	if d.values++; d.values <= maxValues {
		return true
	}
	d.fault(d.place(n, ""), fmt.Sprintf("the file holds more than %d values, with its aliases expanded", maxValues),
		"a cluster file has one or two hundred: is this the right file?")
	return false
}

// value decodes the node into the field v points to. It reports whether the
// walk may go on: false once the file holds too many values.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, m fieldRules) bool {
	if !d.count(n) {
		return false
	}
	at := d.place(n, path)
	if n.Kind == yaml.AliasNode {
		if d.alias == nil {
			d.alias = n
			defer func() { d.alias = nil }()
		}
		n = n.Alias
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fault(at, "has the YAML tag "+short(n.Tag), "remove the tag")
		return true
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.fault(at, "has no value", "write one, or remove the line")
		return true
	}
	if n.Kind == yaml.ScalarNode && holdsPrivateKey([]byte(n.Value)) {
		d.fault(at, "is a private key", "remove it from the file, and make a new key: this one is no longer secret")
		return true
	}
	if !m.free && n.Kind == yaml.ScalarNode && d.looksLike(n, at) {
		return true
	}
	switch field := v.Addr().Interface().(type) {
	case *String:
		if d.scalar(n, at, "text", m.text, "!!str") {
			*field = String{n.Value, at}
		}
	case *Text:
		if d.scalar(n, at, "text", quoted, "!!str", "!!int", "!!float", "!!bool", "!!timestamp") {
			*field = Text{n.Value, at}
		}
	case *Int:
		if d.scalar(n, at, "a whole number", bareNumber, "!!int") {
			d.number(n, at, field)
		}
	case *Bool:
		if d.scalar(n, at, "true or false", bareBool, "!!bool") {
			*field = Bool{strings.EqualFold(n.Value, "true"), at}
		}
	default:
		if v.Field(0).Type() == reflect.TypeFor[At]() {
			return d.mapping(n, at, v, m)
		}
		return d.list(n, at, v, m)
	}
	return true
}

// scalar checks that a node is a single value of one of the YAML types.
func (d *decoder) scalar(n *yaml.Node, at At, wanted string, remedy func(string) string, tags ...string) bool {
	switch {
	case n.Kind == yaml.MappingNode:
		d.fault(at, "is a mapping, must be "+wanted, "write the value itself, on the line of its field")
	case n.Kind == yaml.SequenceNode:
		d.fault(at, "is a list, must be "+wanted, "write one value, without brackets or dash")
	case !slices.Contains(tags, n.Tag):
		value := short(n.Value)
		if n.Tag == "!!str" {
			value = Quote(n.Value)
		}
		d.fault(at, fmt.Sprintf("%s is %s, must be %s", value, typeName(n), wanted), remedy(n.Value))
	default:
		return true
	}
	return false
}

// The remedies for a value of the wrong type.

func quoted(value string) string { return "put it in quotes: " + Quote(value) }

// text is the remedy for a value that is not text for YAML.
func (m fieldRules) text(value string) string {
	if m.quote {
		return quoted(value)
	}
	return writeExample + m.example
}

const writeExample = "write for example "

const plainNumber = "write plain digits that do not begin with 0, for example 6443"

func bareNumber(value string) string {
	if decimal().MatchString(value) {
		return "write " + value + " without quotes"
	}
	return plainNumber
}

func bareBool(value string) string {
	switch strings.ToLower(value) {
	case "true", "false":
		return "write " + strings.ToLower(value) + " without quotes"
	case "yes", "y", "on", "1":
		return "write true"
	case "no", "n", "off", "0":
		return "write false"
	}
	return "write true or false"
}

// decimal is the form of a number that every YAML reader reads alike: 010 is eight
// for some and ten for others.
var decimal = lazy.Regexp(`^-?(0|[1-9][0-9]{0,17})$`)

func (d *decoder) number(n *yaml.Node, at At, field *Int) {
	number, err := strconv.Atoi(n.Value)
	if err != nil || !decimal().MatchString(n.Value) {
		d.fault(at, short(n.Value)+" is not a plain decimal number", plainNumber)
		return
	}
	*field = Int{number, at}
}

// list decodes a sequence into a List, whose first field is the slice of items
// and whose second is the position.
func (d *decoder) list(n *yaml.Node, at At, v reflect.Value, m fieldRules) bool {
	if n.Kind == yaml.MappingNode {
		d.fault(at, "is a mapping, must be a list", "begin each item with a dash and a space")
		return true
	}
	items := v.Field(0)
	if m.one && n.Kind == yaml.ScalarNode {
		items.Set(reflect.MakeSlice(items.Type(), 1, 1))
		v.Field(1).Set(reflect.ValueOf(at))
		return d.value(n, at.Path, items.Index(0), m.item())
	}
	if n.Kind != yaml.SequenceNode {
		remedy := writeExample + m.example
		ofTexts := items.Type().Elem() == reflect.TypeFor[Text]() || items.Type().Elem() == reflect.TypeFor[String]()
		if ofTexts && n.Tag == "!!str" && n.Value != "" {
			remedy = "put it in brackets: [" + asItem(n.Value) + "]"
		}
		d.fault(at, "is a single value, must be a list", remedy)
		return true
	}
	items.Set(reflect.MakeSlice(items.Type(), len(n.Content), len(n.Content)))
	v.Field(1).Set(reflect.ValueOf(at))
	for i, item := range n.Content {
		if !d.value(item, fmt.Sprintf("%s[%d]", at.Path, i), items.Index(i), m.item()) {
			return false
		}
	}
	return true
}

// asItem writes a text for use between brackets: without quotes if it stays the
// same text there, or becomes several.
func asItem(value string) string {
	var items []yaml.Node
	if len(value) > 200 || yaml.Unmarshal([]byte("["+value+"]"), &items) != nil {
		return Quote(value)
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" || item.Style != 0 {
			return Quote(value)
		}
	}
	return short(value)
}

// mapping decodes a mapping into a struct whose first field is its position and
// whose other fields carry `key` tags.
func (d *decoder) mapping(n *yaml.Node, at At, v reflect.Value, m fieldRules) bool {
	if n.Kind != yaml.MappingNode {
		d.fault(at, subject(at.Path)+"is "+kindName(n)+", must be a mapping of fields", asMapping(n.Value, v.Type(), m))
		return true
	}
	v.Field(0).Set(reflect.ValueOf(at))
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.count(key) {
			return false
		}
		if !d.key(key, at, first, v.Type()) {
			continue
		}
		first[key.Value] = d.place(key, "").Line
		field, _ := fieldOf(v.Type(), key.Value)
		if !d.value(value, join(at.Path, key.Value), v.Field(field), rulesOf(v.Type().Field(field))) {
			return false
		}
	}
	for i := 1; i < v.NumField(); i++ {
		name, required := tag(v.Type().Field(i))
		if _, written := first[name]; required && !written {
			d.fault(at, subject(at.Path)+"has no field "+name, "add "+name+": "+v.Type().Field(i).Tag.Get("example"))
		}
	}
	return true
}

// key checks one key of a mapping: a plain word, a known field, and not a
// duplicate.
func (d *decoder) key(key *yaml.Node, parent At, first map[string]int, schema reflect.Type) bool {
	at := d.place(key, parent.Path)
	switch {
	case key.Tag == "!!merge":
		d.fault(at, "<< does not merge fields here", "write the fields out")
		return false
	case key.Kind != yaml.ScalarNode || key.Value == "" || key.Style&yaml.TaggedStyle != 0:
		d.fault(at, subject(parent.Path)+"has a key that is not a plain field name", fieldsOf(schema))
		return false
	}
	if _, known := fieldOf(schema, key.Value); !known {
		problem, word := subject(parent.Path)+strings.TrimSuffix(unknownField, `"`)+Quote(key.Value), key.Value
		if like, found := lookalike(key.Value); found {
			problem, word = like.problem(key.Value), like.plain
			at.Column = d.column(key, like.letter)
		}
		remedy, field := suggestField(word, schema)
		d.fault(at, problem, remedy)
		if field != "" {
			first[field] = at.Line // so it is not reported as missing, too
		}
		return false
	}
	if line, twice := first[key.Value]; twice {
		at.Path = join(parent.Path, key.Value)
		d.fault(at, fmt.Sprintf("is written a second time (first on line %d)", line), "keep one of the two")
		return false
	}
	return true
}

// tag returns the name of a field in the file, and whether it must be there.
func tag(f reflect.StructField) (name string, required bool) {
	name, option, _ := strings.Cut(f.Tag.Get("key"), ",")
	return name, option == "required"
}

// keys lists the fields of a mapping, in the order of the schema.
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

// subject begins a sentence about the mapping at a path. The path is printed
// before the sentence; the file itself has none.
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

// typeName names the type that a single value has for YAML.
func typeName(n *yaml.Node) string {
	switch n.Tag {
	case "!!int":
		return "a number"
	case "!!float":
		if strings.Trim(n.Value, "+-0123456789_") == "" {
			return "a number that is too large"
		}
		return "a number with a fraction"
	case "!!bool":
		return "a truth value"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "text"
	default:
		return "of another type"
	}
}

// fieldsOf is the remedy that lists what a mapping may hold.
func fieldsOf(schema reflect.Type) string {
	return "its fields are " + strings.Join(keys(schema), ", ")
}

var glued = lazy.Regexp(`^([A-Za-z]+):\S`)

// asMapping is the remedy for a single value where a mapping must be. Often the
// space after a colon is missing or is another character.
func asMapping(value string, schema reflect.Type, m fieldRules) string {
	if problem, remedy := trace(value); problem != "" {
		return problem + ": " + remedy
	}
	if m := glued().FindStringSubmatch(value); m != nil && slices.Contains(keys(schema), m[1]) {
		return "write a space after the colon: " + m[1] + ": " + short(value[len(m[1])+1:])
	}
	if strings.HasPrefix(m.example, "{") {
		return writeExample + m.example
	}
	return fieldsOf(schema)
}
