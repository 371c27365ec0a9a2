package profiles

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The record of what each release accepts, read off the real binaries'
// --help by `make flags`; off etcd's source, whose help names no types and not
// every flag; and off the sources of what can no longer be built: one file a
// release, one line a flag.
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
	Values     []string `json:"values,omitempty"` // those that there are; of a list, its items
}

// Flags lists what the components of a minor release accept, all or these, by
// component and name; known is false for a release that has no record.
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

// said gives a field of a record; "-" stands for nothing.
func said(field string) string {
	if field == "-" {
		return ""
	}
	return field
}
