package twin

import "testing"

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
