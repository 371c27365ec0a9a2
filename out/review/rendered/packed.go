package rendered

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"path"

	"hagen/gen/document"
)

// readPacked compares compressed user-data, which the machine gets, with user-data.
func readPacked(tree fs.FS, h *Host, format string, user []byte, how reading) error {
	place := document.Path(h.Node.Name, format)
	text, err := readFile(tree, place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if format == document.GzippedText {
		if bytes.ContainsAny(text, "\r\n") {
			text = nil // cloud-init would not decode it
		}
		text, err = base64.StdEncoding.AppendDecode(nil, text)
	}
	same := false
	if err == nil {
		same, err = unpacks(text, user)
	}
	switch {
	case err != nil:
		return Fault{place, "is damaged or cut short: it cannot be unpacked"}
	case !same && how.strict:
		return Fault{place, "differs from user-data beside it"}
	case !same:
		h.Differing = append(h.Differing, path.Base(place))
	}
	return nil
}

// unpacks reports whether gzip data holds a text. It unpacks at most one byte more than
// that.
func unpacks(packed, text []byte) (bool, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return false, err
	}
	unpacked, err := io.ReadAll(io.LimitReader(r, int64(len(text))+1))
	return bytes.Equal(unpacked, text), err
}
