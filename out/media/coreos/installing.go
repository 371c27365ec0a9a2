package coreos

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"hagen/gen/encode"
)

const (
	destination = "/etc/coreos/dest.ign"
	directives  = "/etc/coreos/installer.d/0000-hagen.yaml"
)

// Install says how a live system installs itself.
type Install struct {
	Device      string   // the disk
	CopyNetwork bool     // the keyfiles of the live system are the installed one's, too
	Keep        []string // labels of partitions that an earlier installation left
	Kargs       []string // further kernel arguments of the installed system
	Platform    string   // where the machine runs; "" is metal
}

// Installing returns an Ignition document with which a live system installs itself on a
// disk, starts from it and gives it the document dest. The installer's way by kernel
// arguments would fetch that by a URL, and not check it.
// (coreos/coreos-installer, docs/customizing-install.md; Ignition 3.1 knows all that is
// written here.)
func Installing(dest []byte, spec string, i Install) []byte {
	sum := sha512.Sum512(dest)
	text, err := json.Marshal(map[string]any{
		"ignition": map[string]any{"version": spec},
		"storage": map[string]any{"files": []any{
			file(destination, map[string]any{
				"compression":  "gzip",
				"source":       "data:;base64," + base64.StdEncoding.EncodeToString(encode.Gzip(dest)),
				"verification": map[string]any{"hash": "sha512-" + hex.EncodeToString(sum[:])},
			}),
			file(directives, map[string]any{
				"source": "data:;base64," + base64.StdEncoding.EncodeToString(i.directives()),
			}),
		}},
	})
	if err != nil {
		panic(err) // maps of texts are always JSON
	}
	return append(text, '\n')
}

func file(path string, contents map[string]any) any {
	return map[string]any{"path": path, "mode": 0o600, "overwrite": true, "contents": contents}
}

// directives writes the installer's file. It is YAML, which quotes as JSON does.
func (i Install) directives() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "dest-device: %s\nignition-file: %s\n", quote(i.Device), destination)
	if i.CopyNetwork {
		b.WriteString("copy-network: true\n")
	}
	if i.Platform != "" {
		fmt.Fprintf(&b, "platform: %s\n", quote(i.Platform))
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"save-partlabel", i.Keep}, {"append-karg", i.Kargs}} {
		if len(list.values) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", list.key)
		for _, v := range list.values {
			fmt.Fprintf(&b, "  - %s\n", quote(v))
		}
	}
	return []byte(b.String())
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text is always JSON
	}
	return string(quoted)
}
