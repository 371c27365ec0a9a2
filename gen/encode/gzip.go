package encode

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
)

// Gzip compresses the data as a gzip file (RFC 1952) without a name, a time or a system.
// The same data gives the same bytes with every Go release: go.mod pins the compressor,
// while the standard library's changes with Go.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // the level is a constant, and a buffer takes everything
	}
	return b.Bytes()
}
