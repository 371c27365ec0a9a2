package twin

import (
	"bytes"
	"fmt"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

// TestTreeAtOnce: the twins of many machines are made at once.
func TestTreeAtOnce(t *testing.T) {
	system, _ := profiles.FindOS("fcos")
	key := "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIKq7W0r8mV1cDk0N0fZ9lqR8h4v3sUo2n6d5x1y0T9eE\n-----END EC PRIVATE KEY-----\n"
	var machines []Machine
	for i := range 8 {
		n := node.Node{Name: fmt.Sprint("m", i), Role: "master", Files: []node.File{{Path: "/etc/key.pem", Contents: []byte(key), Mode: 0o600, Secret: true}}}
		machines = append(machines, Machine{Node: n, OS: system, Formats: system.Formats})
	}
	files, err := Tree(ViewOf(machines), "kubernetes", machines, nil)
	if err != nil || len(files) < len(machines) {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for path, text := range files {
		if bytes.Contains(text, []byte("PRIVATE")) {
			t.Errorf("%s has a key", path)
		}
	}
}
