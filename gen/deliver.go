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

// archive is what an initial RAM disk adds to the document in it, in bytes and
// generously: heads of cpio's for the file and for the archive's end.
const archive = 512

// Size is what a document takes on a channel, in bytes, as the channel counts;
// for one that counts what is compressed, all of the document if even that fits.
func Size(c *profiles.Channel, text []byte) int {
	switch {
	case c.Counts == profiles.Base64:
		return (len(text) + 2) / 3 * 4
	case c.Counts == profiles.Gzip && len(text)+archive > c.Limit:
		return len(encode.Gzip(text)) + archive
	case c.Counts == profiles.Gzip:
		return len(text) + archive
	}
	return len(text)
}

// Fits says whether a document goes through a channel.
func Fits(c *profiles.Channel, text []byte) bool { return c.Limit == 0 || Size(c, text) <= c.Limit }

// Given lists the documents that the machine may be given on a channel, one for
// each reader that the channel serves: packed, if it is there in the form that
// the channel takes. None says that nothing of the machine's is for this channel.
func (m *Machine) Given(c *profiles.Channel) []*document.Document {
	var out []*document.Document
	for i := range m.Documents {
		d := &m.Documents[i]
		switch reader := d.Reader(); {
		case reader == "" || !c.Serves(reader):
		case profiles.Reader(d.Format) != "":
			out = append(out, d)
		case d.Format == packing(c):
			out[len(out)-1] = d // it stands after what it packs
		}
	}
	return out
}

// Gets says whether a document of the machine's is what one of its readers is to
// be given, and neither for people nor packed beside itself.
func (m *Machine) Gets(d *document.Document) bool {
	last := "" // of this reader's: what is packed stands last
	for i := range m.Documents {
		if other := &m.Documents[i]; d.Reader() != "" && other.Reader() == d.Reader() {
			last = other.Format
		}
	}
	return d.Format == last
}

// packing is the form in which a channel takes user-data that is compressed; ""
// for none.
func packing(c *profiles.Channel) string {
	switch {
	case c.Name == "" || slices.Contains(c.Unzips, profiles.UserData):
		return document.Gzipped
	case slices.Contains(c.Decodes, profiles.UserData):
		return document.GzippedText
	}
	return ""
}

// On gives machines as Wrap leaves them for a channel: with the gzip of
// user-data in the form that it takes there, or without it.
func On(c *profiles.Channel, machines []Machine) []Machine {
	out, form := slices.Clone(machines), packing(c)
	for i := range out {
		var documents []document.Document
		for _, d := range out[i].Documents {
			if d.Format == document.Gzipped && form == document.GzippedText {
				d = packed(form, &d, base64.StdEncoding.AppendEncode(nil, d.Text))
			}
			if d.Format != document.Gzipped || form != "" {
				documents = append(documents, d)
			}
		}
		out[i].Documents = documents
	}
	return out
}

// packed is a document in another form, beside it.
func packed(form string, d *document.Document, text []byte) document.Document {
	return document.Document{Format: form, Path: document.Path(path.Dir(d.Path), form), Text: text, Wrapped: true}
}

// Wrap makes documents small, of those that machines are given the ones for
// which that is asked. Ignition's carries the document (encode.Wrap), a third
// of the size, and says the same, which is made sure of by reading it back.
// cloud-init's user-data is given as gzip beside itself. The machines that came
// in stay as they are.
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
			wrapped, err := m.carried(d.Text)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Host.Name, err)
			}
			d.Text, d.Wrapped = wrapped, true
		}
		documents = append(documents, d)
		if wraps && d.Format == profiles.UserData {
			documents = append(documents, packed(document.Gzipped, &d, encode.Gzip(d.Text)))
		}
	}
	m.Documents = documents
	return nil
}

// carried is an Ignition document in one that carries it.
func (m *Machine) carried(text []byte) ([]byte, error) {
	wrapped, err := encode.Wrap(text, m.Host.OS)
	if err != nil {
		return nil, err
	}
	back, err := encode.ReadIgnition(wrapped, m.Host.OS)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(back.Bare(), m.Node.Bare()) {
		return nil, errors.New("the wrapped document does not say what was decided for the machine")
	}
	return wrapped, nil
}
