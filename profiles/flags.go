package profiles

import (
	"embed"
	"fmt"
	"strings"
)

// The record of what each release accepts, read off the real binaries'
// --help by `make flags`: one file a release, one line a flag.
//
//go:embed flags/*.tsv
var flagRecords embed.FS

// Flag is one flag that a release of a component accepts.
type Flag struct {
	Component  string `json:"component"`
	Name       string `json:"flag"` // without dashes
	Type       string `json:"type,omitempty"`
	Default    string `json:"default,omitempty"`
	Deprecated bool   `json:"deprecated,omitempty"`
}

// Flags lists what the components of a minor release accept, by component and
// name. There is no record for the releases of a profile whose binaries can
// no longer be had; then known is false.
func Flags(minor string) (flags []Flag, known bool) {
	text, err := flagRecords.ReadFile("flags/" + minor + ".tsv")
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			panic(fmt.Sprintf("profiles/flags/%s.tsv: %q has not five fields", minor, line)) // embedded: a test reads every record
		}
		flags = append(flags, Flag{
			Component: fields[0], Name: fields[1], Type: said(fields[2]), Default: said(fields[3]), Deprecated: fields[4] == "deprecated",
		})
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
