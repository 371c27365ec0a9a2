package trees

import (
	"io/fs"
	"strings"

	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/out/review/rendered"
	"hagen/profiles"
)

// BootsWith reads the document that a host boots with; the readable one, if it is alone.
func BootsWith(files fs.FS, host string) (node.Node, error) {
	n, _, err := bootsWith(files, host)
	return n, err
}

func bootsWith(files fs.FS, host string) (n node.Node, d document.Document, err error) {
	d, err = rendered.Given(files, host)
	if butane := document.Path(host, profiles.Butane); d.Path == "" {
		if text, missing := fs.ReadFile(files, butane); missing == nil {
			d, err = document.Document{Format: profiles.Butane, Path: butane, Text: text}, nil
		}
	}
	if err != nil {
		return n, d, err
	}
	n, err = rendered.Machine(d)
	n.Name = host
	return n, d, err
}

// FormatOf returns the format of a text that may be a document for a machine, by its first
// lines; "" if it is none.
func FormatOf(text []byte) string {
	has := func(what string) bool { return strings.Contains(string(text), what) }
	switch {
	case strings.HasPrefix(strings.TrimSpace(string(text)), "{") && has(`"ignition"`):
		return profiles.Ignition
	case strings.HasPrefix(string(text), "#cloud-config"), strings.HasPrefix(string(text), "Content-Type: multipart/"):
		return profiles.UserData
	case strings.HasPrefix(string(text), "variant: "), has("\nvariant: "):
		return profiles.Butane
	}
	return ""
}

// Hostname returns the name that a document gives its machine.
func Hostname(n node.Node) string {
	for _, f := range n.Files {
		if f.Path == "/etc/hostname" {
			return strings.TrimSpace(string(f.Contents))
		}
	}
	return ""
}
