package gen_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/pki"
)

// BenchmarkRead decodes and validates the example cluster file.
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

// BenchmarkRender decides, checks and encodes the example cluster, with the
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
				if _, err := gen.Render(c, issued.Set, control.Options{}, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTwins makes the twins of the example cluster: of machines that were
// rendered, as hagen golden does, and of documents that are read back, as
// hagen redact does.
func BenchmarkTwins(b *testing.B) {
	c := readCase(b, "standard")
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	machines, err := gen.Render(c, issued.Set, control.Options{}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, m := range machines {
		for _, d := range m.Documents {
			files[d.Path] = &fstest.MapFile{Data: d.Text}
		}
	}
	b.Run("rendered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := twin.Tree(twin.ViewOf(twinned(machines)), c.Name, twinned(machines), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tree, err := rendered.Read(files)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := twin.OfTree(twin.ViewOf(twin.Machines(tree)), tree); err != nil {
				b.Fatal(err)
			}
		}
	})
}
