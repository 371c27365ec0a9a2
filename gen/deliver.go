package gen

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"sync"

	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/profiles"
)

// archiveOverhead bounds what an initial RAM disk adds to the document in it, in bytes:
// cpio headers for the file and for the end of the archive.
const archiveOverhead = 512

// Size returns the size of a document in bytes, as the channel counts. Where the
// channel counts compressed bytes, a document that fits uncompressed is not
// compressed to find out.
func Size(c *profiles.Channel, text []byte) int {
	switch {
	case c.Counts == profiles.Base64:
		return (len(text) + 2) / 3 * 4
	case c.Counts == profiles.Gzip && len(text)+archiveOverhead > c.Limit:
		return len(encode.Gzip(text)) + archiveOverhead
	case c.Counts == profiles.Gzip:
		return len(text) + archiveOverhead
	}
	return len(text)
}

// Fits reports whether a document is within a channel's limit.
func Fits(c *profiles.Channel, text []byte) bool { return c.Limit == 0 || Size(c, text) <= c.Limit }

// DocumentsFor returns the documents to hand to the machine on a channel, one for each
// reader that the channel serves: the compressed one, if there is one in the form
// that the channel takes. It is empty if the channel serves no reader of the machine.
func (m *Machine) DocumentsFor(c *profiles.Channel) []*document.Document {
	var out []*document.Document
	for i := range m.Documents {
		d := &m.Documents[i]
		switch reader := d.Reader(); {
		case reader == "" || !c.Serves(reader):
		case profiles.Reader(d.Format) != "":
			out = append(out, d)
		case d.Format == compressedFormat(c):
			out[len(out)-1] = d // it follows the document that it compresses
		}
	}
	return out
}

// Delivers reports whether d is the document to hand to a reader on the machine. A
// document for people is not, nor one that has a compressed copy beside it.
func (m *Machine) Delivers(d *document.Document) bool {
	last := "" // format of this reader's documents; a compressed copy comes last
	for i := range m.Documents {
		if other := &m.Documents[i]; d.Reader() != "" && other.Reader() == d.Reader() {
			last = other.Format
		}
	}
	return d.Format == last
}

// compressedFormat returns the form in which a channel takes compressed user-data; "" if
// it takes none.
func compressedFormat(c *profiles.Channel) string {
	switch {
	case c.Name == "" || slices.Contains(c.Unzips, profiles.UserData):
		return document.Gzipped
	case slices.Contains(c.Decodes, profiles.UserData):
		return document.GzippedText
	}
	return ""
}

// ForChannel returns the machines, as Wrap leaves them, with the gzip of user-data in the
// form that the channel takes, or without it.
func ForChannel(c *profiles.Channel, machines []Machine) []Machine {
	out, form := slices.Clone(machines), compressedFormat(c)
	for i := range out {
		var documents []document.Document
		for _, d := range out[i].Documents {
			if d.Format == document.Gzipped && form == document.GzippedText {
				d = compressed(form, &d, base64.StdEncoding.AppendEncode(nil, d.Text))
			}
			if d.Format != document.Gzipped || form != "" {
				documents = append(documents, d)
			}
		}
		out[i].Documents = documents
	}
	return out
}

// compressed returns a copy of a document in another form, to stand beside it.
func compressed(form string, d *document.Document, text []byte) document.Document {
	return document.Document{Format: form, Path: document.Path(path.Dir(d.Path), form), Text: text, Wrapped: true}
}

// Wrap makes documents for machines smaller, where asked returns true. An Ignition
// document is replaced by one that carries it compressed (encode.Wrap), a third of
// the size; reading it back proves that it means the same. cloud-init's user-data
// gets a gzip beside it. The machines passed in are not changed.
func Wrap(machines []Machine, asked func(*document.Document) bool) ([]Machine, error) {
	out := slices.Clone(machines)
	faults := make([]error, len(out))
	var all sync.WaitGroup
	for i := range out {
		all.Go(func() { faults[i] = out[i].wrap(asked) })
	}
	all.Wait()
	return out, errors.Join(faults...)
}

func (m *Machine) wrap(asked func(*document.Document) bool) error {
	var documents []document.Document
	for i := range m.Documents {
		d := m.Documents[i]
		wraps := d.Reader() != "" && asked(&d)
		if wraps && d.Format == profiles.Ignition {
			wrapped, err := m.wrapIgnition(d.Text)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Host.Name, err)
			}
			d.Text, d.Wrapped = wrapped, true
		}
		documents = append(documents, d)
		if wraps && d.Format == profiles.UserData {
			documents = append(documents, compressed(document.Gzipped, &d, encode.Gzip(d.Text)))
		}
	}
	m.Documents = documents
	return nil
}

// wrapIgnition returns the Ignition document that carries another one compressed.
func (m *Machine) wrapIgnition(text []byte) ([]byte, error) {
	wrapped, err := encode.Wrap(text, m.Host.OS)
	if err != nil {
		return nil, err
	}
	back, err := encode.ReadIgnition(wrapped, m.Host.OS)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(back.Bare(), m.Node.Bare()) {
		return nil, errors.New("the wrapped document differs from what was decided for the machine")
	}
	return wrapped, nil
}
