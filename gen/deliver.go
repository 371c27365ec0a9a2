package gen

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"hagen/gen/deflate"
	"hagen/gen/encode"
	"hagen/profiles"
)

// archive is what an initial RAM disk adds to the document in it, in bytes and
// generously: heads of cpio's for the file and for the archive's end.
const archive = 512

// Size is what a document takes on a channel, in bytes, as the channel counts;
// for one that counts what is compressed, all of the document if even that fits.
func Size(c profiles.Channel, text []byte) int {
	switch {
	case c.Counts == profiles.Base64:
		return (len(text) + 2) / 3 * 4
	case c.Counts == profiles.Gzip && len(text)+archive > c.Limit:
		return len(deflate.Gzip(text)) + archive
	case c.Counts == profiles.Gzip:
		return len(text) + archive
	}
	return len(text)
}

// Fits says whether a document goes through a channel.
func Fits(c profiles.Channel, text []byte) bool { return c.Limit == 0 || Size(c, text) <= c.Limit }

// Delivered is the document that the machine gets, of those that its operating
// system wants; false if all that it has are for people.
func (m Machine) Delivered() (Document, bool) {
	for _, format := range []string{Gzipped, m.reads()} {
		if i := m.document(format); i >= 0 {
			return m.Documents[i], true
		}
	}
	return Document{}, false
}

// reads is the format that the machine's operating system reads first.
func (m Machine) reads() string {
	if slices.Contains(m.Host.OS.Formats, profiles.Ignition) {
		return profiles.Ignition
	}
	return profiles.UserData
}

func (m Machine) document(format string) int {
	return slices.IndexFunc(m.Documents, func(d Document) bool { return d.Format == format })
}

// Wraps says whether a machine's document can be made smaller for a channel:
// Ignition unpacks what it carries by itself; of cloud-init's user-data gzip has
// to arrive.
func (m Machine) Wraps(c profiles.Channel) bool {
	return m.reads() == profiles.Ignition || c.Name == "" || slices.Contains(c.Unzips, profiles.UserData)
}

// Wrap makes the documents small that the machines with these names get.
// Ignition's carries the document (encode.Wrap), a third of the size, and says
// the same, which is made sure of by reading it back. cloud-init's user-data is
// given as gzip beside itself.
func Wrap(machines []Machine, names []string) error {
	faults := make([]error, len(machines))
	var all sync.WaitGroup
	for i := range machines {
		m := &machines[i]
		at := m.document(m.reads())
		if at < 0 || !slices.Contains(names, m.Host.Name) {
			continue
		}
		all.Go(func() {
			m.Documents = slices.Clone(m.Documents) // the caller's other copies keep theirs
			if m.reads() == profiles.UserData {
				m.Documents = append(m.Documents, Document{
					Format: Gzipped, Path: Path(m.Host.Name, Gzipped), Text: deflate.Gzip(m.Documents[at].Text), Wrapped: true,
				})
				return
			}
			if err := m.wrap(at); err != nil {
				faults[i] = fmt.Errorf("%s: %w", m.Host.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

func (m *Machine) wrap(at int) error {
	wrapped, err := encode.Wrap(m.Documents[at].Text, m.Host.OS)
	if err != nil {
		return err
	}
	back, err := encode.ReadIgnition(wrapped, m.Host.OS)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(back.Bare(), m.Node.Bare()) {
		return errors.New("the wrapped document does not say what was decided for the machine")
	}
	m.Documents[at].Text, m.Documents[at].Wrapped = wrapped, true
	return nil
}
