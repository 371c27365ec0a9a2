package deflate

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/document.ign.gz")

// unpack reads gzip with the standard library, which makes sure of the sums.
func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if !r.ModTime.IsZero() || r.OS != 255 || r.Name != "" {
		t.Errorf("the head names more than it must: %+v", r.Header)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func noise(n, values int) []byte {
	source := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(source.IntN(values))
	}
	return data
}

func texts() map[string][]byte {
	far := noise(200, 256)
	return map[string][]byte{
		"nothing":              nil,
		"one byte":             []byte("a"),
		"two bytes":            []byte("ab"),
		"one byte often":       bytes.Repeat([]byte("a"), 40_000),
		"two bytes often":      bytes.Repeat([]byte("ab"), 1000),
		"all bytes":            noise(300, 256),
		"noise":                noise(12_000, 256),
		"letters":              noise(12_000, 26),
		"zeros and ones":       noise(20_000, 2),
		"rare words":           fibonacci(20),
		"a copy at the edge":   append(append(bytes.Clone(far), bytes.Repeat([]byte{0}, window-len(far))...), far...),
		"a copy too far":       append(append(bytes.Clone(far), bytes.Repeat([]byte{0}, window-len(far)+1)...), far...),
		"text, noise and text": append(append([]byte(strings.Repeat("a unit is no file; ", 200)), noise(5000, 256)...), strings.Repeat("ExecStart=/usr/bin/etcd", 200)...),
	}
}

// fibonacci is a text whose letters are as frequent as Fibonacci's numbers are
// large, in no order: the longest codes that there can be.
func fibonacci(letters int) []byte {
	var out []byte
	for a, b, l := 1, 1, 0; l < letters; a, b, l = b, a+b, l+1 {
		out = append(out, bytes.Repeat([]byte{byte('a' + l)}, a)...)
	}
	source := rand.New(rand.NewPCG(3, 4))
	source.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestGzip(t *testing.T) {
	for name, data := range texts() {
		packed := Gzip(data)
		if back := unpack(t, packed); !bytes.Equal(back, data) {
			t.Errorf("%s: %d bytes come back as %d others", name, len(data), len(back))
		}
		if !bytes.Equal(Gzip(data), packed) {
			t.Errorf("%s: other bytes the second time", name)
		}
		if limit := len(data) + len(data)/100 + 200; len(packed) > limit {
			t.Errorf("%s: %d bytes became %d", name, len(data), len(packed))
		}
	}
}

// TestProgram: gzip itself unpacks what the standard library does.
func TestProgram(t *testing.T) {
	path, err := exec.LookPath("gzip")
	if err != nil {
		t.Skip("gzip is not installed")
	}
	for name, data := range texts() {
		unzip := exec.Command(path, "-dc")
		unzip.Stdin = bytes.NewReader(Gzip(data))
		back, err := unzip.Output()
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGolden pins the bytes: a document that is in use has a hash, which must
// not change because the compressor did. A change of these bytes is a change
// that users see, and belongs in CHANGELOG.md.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/document.ign")
	if err != nil {
		t.Fatal(err)
	}
	const path = "testdata/document.ign.gz"
	got := Gzip(data)
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
	var standard bytes.Buffer
	w, _ := gzip.NewWriterLevel(&standard, gzip.BestCompression)
	w.Write(data)
	w.Close()
	if len(got)*100 > standard.Len()*98 {
		t.Errorf("%d bytes, and the standard library makes %d", len(got), standard.Len())
	}
}

func FuzzGzip(f *testing.F) {
	for _, data := range texts() {
		if len(data) < 10_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.Equal(unpack(t, Gzip(data)), data) {
			t.Error("other bytes come back")
		}
	})
}

func BenchmarkGzip(b *testing.B) {
	data, err := os.ReadFile("testdata/document.ign")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Gzip(data)
	}
}
