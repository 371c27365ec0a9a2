package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coreos/ignition/v2/butane/config/common"
	fcos1_5 "github.com/coreos/ignition/v2/butane/config/fcos/v1_5"
	flatcar1_1 "github.com/coreos/ignition/v2/butane/config/flatcar/v1_1"
	"github.com/coreos/vcontext/report"

	"hagen/gen/node"
	"hagen/profiles"
)

// dialects are the Butane specifications that rows of profiles name. They are
// called directly: Butane's registry would link thirty more.
var dialects = map[string]func([]byte, common.TranslateBytesOptions) ([]byte, report.Report, error){
	"fcos 1.5.0":    fcos1_5.ToIgn3_4Bytes,
	"flatcar 1.1.0": flatcar1_1.ToIgn3_4Bytes,
}

// Translate returns the Ignition document that Butane makes from a Butane document.
// Warnings are errors, too.
func Translate(d Document, system profiles.OS) ([]byte, error) {
	text, entries, err := translate(d.Text, system)
	return text, complaint("Butane", d, entries, err)
}

// translate runs Butane without compression: its gzip bytes depend on the Go release, and
// compressing the whole document once works better.
func translate(text []byte, system profiles.OS) ([]byte, report.Report, error) {
	dialect, known := dialects[system.Variant+" "+system.Butane]
	if !known {
		return nil, report.Report{}, fmt.Errorf("no translator for Butane %s %s", system.Variant, system.Butane)
	}
	options := common.TranslateBytesOptions{TranslateOptions: common.TranslateOptions{NoResourceAutoCompression: true}}
	ignition, entries, err := dialect(text, options)
	return append(ignition, '\n'), entries, err
}

// Prove compares an Ignition document with what Butane makes from the Butane document of
// the same node, byte for byte. The error shows nothing of either, since both may hold
// keys.
func Prove(butane Document, ignition []byte, system profiles.OS) error {
	want, err := Translate(butane, system)
	if err != nil || bytes.Equal(ignition, want) {
		return err
	}
	at := 0
	for at < min(len(ignition), len(want)) && ignition[at] == want[at] {
		at++
	}
	return fmt.Errorf("Butane makes another Ignition document from the Butane document: they differ from byte %d on", at)
}

// Holds reports whether an Ignition document holds the one that Butane made, byte for
// byte: as it is, indented, or compressed in another one (Wrap).
func Holds(document, made []byte, system profiles.OS) bool {
	var short bytes.Buffer
	if json.Compact(&short, document) == nil && bytes.Equal(append(short.Bytes(), '\n'), made) {
		return true
	}
	inner, carries, err := Given(document, system)
	if err != nil || !carries {
		return false
	}
	want, err := compact(made)
	return err == nil && bytes.Equal(inner, want)
}

// complaint turns a report into an error that names what the refused line was made from.
// Such an error means a bug in hagen, or a missing check.
func complaint(who string, d Document, r report.Report, err error) error {
	if len(r.Entries) == 0 {
		return err
	}
	var texts []string
	for _, e := range r.Entries {
		place := e.Context.String()
		if start := e.Marker.StartP; start != nil && len(d.origins) > 0 {
			place = fmt.Sprintf("line %d, made from %s", start.Line, d.origin(int(start.Line)))
		}
		texts = append(texts, fmt.Sprintf("%s: %s", place, e.Message))
	}
	return fmt.Errorf("%s refuses the document: %s", who, strings.Join(texts, "; "))
}

// ReadButane reads a Butane document as a node, with the sections and comments
// that Butane wrote. It also returns the Ignition document that Butane made and that was
// read.
func ReadButane(text []byte, system profiles.OS) (n node.Node, ignition []byte, err error) {
	ignition, entries, err := translate(text, system)
	if err != nil || entries.IsFatal() {
		return node.Node{}, nil, complaint("Butane", Document{}, entries, err)
	}
	n, err = ReadIgnition(ignition, system)
	if err != nil {
		return node.Node{}, nil, err
	}
	for _, e := range entries.Entries {
		n.Further = append(n.Further, node.Further{Says: remark(e)})
	}
	restore(&n, text)
	return n, ignition, nil
}

// remark returns a warning of Butane or Ignition with its place.
func remark(e report.Entry) string {
	if start := e.Marker.StartP; start != nil {
		return fmt.Sprintf("%s (line %d)", e.Message, start.Line)
	}
	return e.Context.String() + ": " + e.Message
}
