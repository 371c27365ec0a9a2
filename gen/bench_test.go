package gen_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/pki"
)

// BenchmarkRead decodes and validates the seed's cluster file.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(testdata, "standard", "cluster.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := gen.Read(spec.Source{Name: path, Text: text}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRender decides, checks and encodes the seed's cluster, with the
// PKI at hand.
func BenchmarkRender(b *testing.B) {
	for _, name := range []string{"standard", "classic"} {
		b.Run(name, func(b *testing.B) {
			c := readCase(b, name)
			issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gen.Render(c, issued.Set, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
