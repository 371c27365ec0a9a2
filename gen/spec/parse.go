package spec

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Parse decodes a cluster file. The error, if any, is an *Error with every
// fault that decoding can see: encoding, YAML, unknown, duplicate and missing
// fields, wrong types. The File is not nil whenever all of the YAML could be
// read, so that a caller can validate the rest.
func Parse(source Source) (*File, error) {
	return parse(source, nil, func(d *decoder, file *File) { d.header(file.APIVersion, file.Kind, Kind) })
}

// ParseLock decodes a lock file, as Parse decodes a cluster file.
func ParseLock(source Source) (*LockFile, error) {
	return parse(source, lockRemedy, func(d *decoder, file *LockFile) { d.header(file.APIVersion, file.Kind, LockKind) })
}

// lockRemedy is the remedy for a fault of a lock file.
func lockRemedy(f Fault) string {
	switch {
	case f.Problem == leftConflict: // which has a remedy of its own
		return f.Remedy
	case strings.Contains(f.Problem, unknownField), strings.HasSuffix(f.Problem, unreadVersion), strings.HasSuffix(f.Problem, unreadKind):
		return newer
	}
	return Restore
}

// parse decodes a file. A remedy that is not nil replaces those of all faults.
func parse[T any](source Source, remedy func(Fault) string, header func(*decoder, *T)) (*T, error) {
	refuse := func(faults []Fault) error {
		for i := range faults {
			if remedy != nil {
				faults[i].Remedy = remedy(faults[i])
			}
		}
		return Refuse(source, faults)
	}
	text := bytes.TrimPrefix(source.Text, byteOrderMark)
	root, fault := document(text)
	if fault != nil {
		return nil, refuse([]Fault{*fault})
	}
	var file T
	d := decoder{lines: strings.Split(string(text), "\n")}
	if !d.value(root, "", reflect.ValueOf(&file).Elem(), fieldRules{}) {
		return nil, refuse(d.faults)
	}
	header(&d, &file)
	return &file, refuse(d.faults)
}

// What a file has that this hagen does not know.
const (
	unknownField  = "has no field \""
	unreadVersion = " is not a version this hagen reads"
	unreadKind    = " is not a kind this hagen reads"
)

// header checks the first two fields: this hagen reads one version and one kind.
func (d *decoder) header(version, kind Text, wanted string) {
	if version.At.Written() && version.Value != Version {
		d.fault(version.At, Quote(version.Value)+unreadVersion, "write "+Version)
	}
	if kind.At.Written() && kind.Value != wanted {
		d.fault(kind.At, Quote(kind.Value)+unreadKind, "write "+wanted)
	}
}

// document reads the single YAML document of a text.
func document(text []byte) (root *yaml.Node, fault *Fault) {
	// The YAML reader may panic on a text for which it has no error. The user
	// still gets a sentence then.
	defer func() {
		if recover() != nil {
			root, fault = nil, &Fault{Problem: "the YAML reader cannot read the file", Remedy: start}
		}
	}()
	if f := encoding(text); f != nil {
		return nil, f
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, &Fault{Problem: "the file holds only blank lines and comments", Remedy: start}
	case err != nil:
		return nil, syntax(text, decoder, err)
	}
	root = first.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, &Fault{At: place(&first, ""), Problem: "the file begins with an empty document", Remedy: start}
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return nil, syntax(text, decoder, err)
	}
	return nil, &Fault{At: place(&second, ""), Problem: "a second YAML document begins here",
		Remedy: "one file describes one cluster: put another cluster into its own file"}
}
