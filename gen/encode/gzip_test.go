package encode_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"hagen/gen/encode"
)

// TestGoldenGzip pins the bytes: a document that is in use has a hash, which
// must not change because the compressor did. A change of these bytes is a
// change that users see, and belongs in CHANGELOG.md.
func TestGoldenGzip(t *testing.T) {
	data, err := os.ReadFile("testdata/document.ign")
	if err != nil {
		t.Fatal(err)
	}
	const path = "testdata/document.ign.gz"
	got := encode.Gzip(data)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %d bytes, and now other %d are made", path, len(want), len(got))
	}
}

// TestGzip: the standard library reads it back, and the head names nothing.
func TestGzip(t *testing.T) {
	document, err := os.ReadFile("testdata/document.ign")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"nothing": {}, "one byte": []byte("a"), "a document": document, "many of them": bytes.Repeat(document, 50),
	} {
		packed := encode.Gzip(data)
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if !r.ModTime.IsZero() || r.OS != 255 || r.Name != "" || r.Comment != "" || r.Extra != nil {
			t.Errorf("%s: the head names more than it must: %+v", name, r.Header)
		}
		if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, data) {
			t.Errorf("%s: %d bytes come back as %d others: %v", name, len(data), len(back), err)
		}
		if !bytes.Equal(encode.Gzip(data), packed) {
			t.Errorf("%s: other bytes the second time", name)
		}
	}
}

func BenchmarkGzip(b *testing.B) {
	data, err := os.ReadFile("testdata/document.ign")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		encode.Gzip(data)
	}
}
