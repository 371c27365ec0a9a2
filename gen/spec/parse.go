package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Parse decodes a cluster file. The error, if any, is an *Error with every
// fault that decoding can see: encoding, YAML, unknown, duplicate and missing
// fields, wrong types. The File is not nil whenever the YAML could be read,
// so that a caller may look for faults of meaning in the rest.
func Parse(source Source) (*File, error) {
	root, fault := document(source.Text)
	if fault != nil {
		return nil, Refuse(source, []Fault{*fault})
	}
	var (
		d    decoder
		file File
	)
	d.value(root, "", reflect.ValueOf(&file).Elem())
	d.header(&file)
	return &file, Refuse(source, d.faults)
}

// header holds the first two fields against what this version reads.
func (d *decoder) header(file *File) {
	if f := file.APIVersion; f.At.Written() && f.Value != Version {
		d.fault(f.At, fmt.Sprintf("%q is not a version this hagen reads", f.Value), "write "+Version)
	}
	if f := file.Kind; f.At.Written() && f.Value != Kind {
		d.fault(f.At, fmt.Sprintf("%q is not a kind this hagen reads", f.Value), "write "+Kind)
	}
}

// document reads the single YAML document of a text.
func document(text []byte) (root *yaml.Node, fault *Fault) {
	// The parser answers every fault it knows of with an error. Should one
	// text find a fault that it does not know, the user still gets a sentence.
	defer func() {
		if recover() != nil {
			root, fault = nil, &Fault{Problem: "the YAML reader cannot make sense of the file",
				Remedy: "hagen init writes a file to start from"}
		}
	}()
	if f := encoding(text); f != nil {
		return nil, f
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, &Fault{Problem: "the file holds nothing but blanks and comments", Remedy: "hagen init writes a file to start from"}
	case err != nil:
		return nil, syntax(text, err)
	}
	root = first.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, &Fault{Problem: "the file holds an empty document", Remedy: "hagen init writes a file to start from"}
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return nil, syntax(text, err)
	}
	return nil, &Fault{At: At{Line: second.Line, Column: second.Column},
		Problem: "a second YAML document begins here", Remedy: "one file describes one cluster: put the other one into its own file"}
}

// encoding refuses what is no UTF-8 text.
func encoding(text []byte) *Fault {
	if len(text) > MaxSize {
		return &Fault{Problem: fmt.Sprintf("is larger than %d bytes", MaxSize), Remedy: "a cluster file has a few kilobytes: is this the right file?"}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return &Fault{Problem: "the file is empty", Remedy: "hagen init writes a file to start from"}
	}
	line, column := 1, 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return &Fault{At: At{Line: line, Column: column},
				Problem: fmt.Sprintf("byte 0x%02x is not UTF-8", rest[0]), Remedy: "save the file as UTF-8"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r':
			return &Fault{At: At{Line: line, Column: column},
				Problem: fmt.Sprintf("holds the control character 0x%02x", r), Remedy: "remove it: a cluster file is plain text"}
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		rest = rest[size:]
	}
	return nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxFaults puts the parser's words into the user's. The first entry whose
// text the parser's message contains is taken.
var syntaxFaults = []struct{ says, problem, remedy string }{
	{"cannot start any token", "a character stands here that cannot begin a value", "indent with blanks, never tabs, and put values that begin with @, `, %, & or * in quotes"},
	{"mapping values are not allowed", "a colon stands where no field can begin", "begin the field on its own line under its neighbours, or put the value in quotes"},
	{"did not find expected key", "this line fits neither the field above nor a new one", "indent it like its neighbours"},
	{"could not find expected ':'", "a field name without its colon", "write name: value"},
	{"did not find expected '-' indicator", "a list item that does not line up with the others", "indent it like the items above"},
	{"did not find expected ',' or ']'", "a list in brackets is not closed", "end it with ]"},
	{"did not find expected ',' or '}'", "a mapping in braces is not closed", "end it with }"},
	{"did not find expected node content", "a value is missing", "write one, or remove the line"},
	{"found unexpected end of stream", "a quote that is opened is never closed", "close the quote"},
	{"unknown anchor", "an alias names an anchor that is not in the file", "write the value out"},
	{"found unknown escape character", "an unknown escape in a quoted text", `write the text in single quotes, where \ has no meaning`},
	{"document contains excessive aliasing", "the file's anchors stand for too many values", "write the values out"},
	{"exceeded max depth", "the file is nested too deeply", "a cluster file is six levels deep"},
	{"did not find expected <document start>", "text stands after the end of the document", "one file describes one cluster: remove what follows"},
	{"found a tab character", "a tab stands where the line is indented", "indent with blanks"},
}

// syntax gives the fault for an error of the YAML parser, which names a line
// but no column: the first character of that line is shown.
func syntax(text []byte, err error) *Fault {
	fault := &Fault{Problem: "is not YAML from here on", Remedy: "look for a missing colon, quote or blank on this line or the one above"}
	match := yamlLine.FindStringSubmatch(err.Error())
	if match == nil {
		return fault
	}
	for _, known := range syntaxFaults {
		if strings.Contains(match[2], known.says) {
			fault.Problem, fault.Remedy = known.problem, known.remedy
			break
		}
	}
	if match[1] != "" {
		fault.At.Line, _ = strconv.Atoi(match[1])
	} else {
		fault.At.Line = 1
	}
	lines := strings.Split(string(text), "\n")
	fault.At.Line = min(max(fault.At.Line, 1), len(lines))
	line := lines[fault.At.Line-1]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	fault.At.Column = len(indent) + 1
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		fault.At.Column = tab + 1
		fault.Problem, fault.Remedy = "the line is indented with a tab", "indent with blanks: YAML knows no tabs"
	}
	return fault
}
