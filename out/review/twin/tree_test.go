package twin

import (
	"fmt"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

// TestTreeAtOnce: the twins of many machines are made at once.
func TestTreeAtOnce(t *testing.T) {
	system, _ := profiles.FindOS("fcos")
	key := keys(t)["EC"]
	var machines []Machine
	for i := range 8 {
		n := node.Node{Name: fmt.Sprint("m", i), Role: "master", Files: []node.File{{Path: "/etc/key.pem", Contents: []byte(key), Mode: 0o600, Secret: true}}}
		machines = append(machines, Machine{Node: n, OS: system, Formats: system.Formats})
	}
	files, err := Tree("kubernetes", machines, nil)
	if err != nil || len(files) < len(machines) {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for path, text := range files {
		if !IsShown(text) {
			t.Errorf("%s may not be shown", path)
		}
	}
}

// TestIsShown: what stands in another document, or is compressed, might hold a
// key that nobody sees.
func TestIsShown(t *testing.T) {
	const packed = `"data:;base64,H4sIAAAAAAAAAwMAAAAAAAAAAAA="`
	for text, want := range map[string]bool{
		`{"ignition":{"version":"3.4.0"}}`: true,
		`{"ignition":{"version":"3.4.0","config":{"replace":{"compression":"gzip","source":` + packed + `}}}}`:                            false,
		`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"data:,%7B%7D"}]}}}`:                                                 false,
		`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"compression":"gzip","source":` + packed + `}}]}}`:  false,
		`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"compression":"","source":"data:,a"}}]}}`:           true,
		"variant: fcos\nversion: 1.5.0\nignition:\n  config:\n    merge:\n      - source: " + packed + "\n":                               false,
		"variant: fcos\nstorage:\n  files:\n    - path: /a\n      contents:\n        compression: gzip\n        source: " + packed + "\n": false,
		"#cloud-config\nwrite_files:\n- path: /a\n  encoding: gz+b64\n  content: H4sIAAAAAAAAAwMAAAAAAAAAAAA=\n":                          false,
		"#cloud-config\nwrite_files:\n- path: /a\n  encoding: b64\n  content: YQo=\n":                                                     true,
	} {
		if got := IsShown([]byte(text)); got != want {
			t.Errorf("%t: %s", got, text)
		}
	}
}
