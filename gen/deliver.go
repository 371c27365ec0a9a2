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

// Delivered is the document that the machine gets; false if all that it has
// are for people.
func (m Machine) Delivered() (Document, bool) {
	i := m.delivered()
	if i < 0 {
		return Document{}, false
	}
	return m.Documents[i], true
}

func (m Machine) delivered() int {
	return slices.IndexFunc(m.Documents, func(d Document) bool { return d.Format == profiles.Ignition })
}

// Wrap has the machines with these names get their Ignition document wrapped
// (encode.Wrap): a document of a third of the size that says the same, which
// is made sure of by reading it back.
func Wrap(machines []Machine, names []string) error {
	faults := make([]error, len(machines))
	var all sync.WaitGroup
	for i := range machines {
		m := &machines[i]
		at := m.delivered()
		if at < 0 || !slices.Contains(names, m.Host.Name) {
			continue
		}
		all.Go(func() {
			wrapped, err := encode.Wrap(m.Documents[at].Text, m.Host.OS)
			if err != nil {
				faults[i] = fmt.Errorf("%s: %w", m.Host.Name, err)
				return
			}
			back, err := encode.ReadIgnition(wrapped, m.Host.OS)
			if err != nil || !reflect.DeepEqual(back.Bare(), m.Node.Bare()) {
				faults[i] = fmt.Errorf("%s: the wrapped document does not say what was decided for the machine: %v", m.Host.Name, err)
				return
			}
			m.Documents = slices.Clone(m.Documents) // the caller's other copies keep theirs
			m.Documents[at].Text, m.Documents[at].Wrapped = wrapped, true
		})
	}
	all.Wait()
	return errors.Join(faults...)
}
