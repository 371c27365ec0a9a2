package profiles

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
)

// flagRecords holds the flags that each release accepts, one file per release, one
// line per flag. `make flags` reads them from --help of the real binaries; from
// etcd's source, whose help names no types and not every flag; and from the source of
// releases that can no longer be built.
//
//go:embed flags/*.tsv
var flagRecords embed.FS

// Flag is one flag that a release of a component accepts.
type Flag struct {
	Component  string   `json:"component"`
	Name       string   `json:"flag"` // without dashes
	Type       string   `json:"type,omitempty"`
	Default    string   `json:"default,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`
	Values     []string `json:"values,omitempty"` // the possible ones; for a list, its items
}

// Flags lists the flags that the components of a minor release accept, by component
// and name: of all components, or of those named. known is false for a release
// without a record.
func Flags(minor string, components ...string) (flags []Flag, known bool) {
	text, err := flagRecords.ReadFile("flags/" + minor + ".tsv")
	if err != nil {
		return nil, false
	}
	for line := range bytes.Lines(text) {
		if component, _, _ := bytes.Cut(line, []byte("\t")); len(components) > 0 && !slices.Contains(components, string(component)) {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(string(line), "\n"), "\t")
		if len(fields) != 6 {
			panic(fmt.Sprintf("profiles/flags/%s.tsv: %q has not six fields", minor, line)) // embedded: a test reads every record
		}
		flag := Flag{
			Component: fields[0], Name: fields[1], Type: said(fields[2]), Default: said(fields[3]), Deprecated: fields[4] == "deprecated",
		}
		if values := said(fields[5]); values != "" {
			flag.Values = strings.Split(values, ",")
		}
		flags = append(flags, flag)
	}
	return flags, true
}

// said returns a field of a record; "" for "-".
func said(field string) string {
	if field == "-" {
		return ""
	}
	return field
}
