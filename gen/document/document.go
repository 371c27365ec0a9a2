// Package document says what a rendered tree is made of, for those who make one
// and those who read one: the formats of documents, what they are called, and
// where they stand.
package document

import (
	"path"

	"hagen/profiles"
)

// Document is one file for one machine.
type Document struct {
	Format  string
	Path    string // in the rendered tree, slash-separated
	Text    []byte
	Wrapped bool // it carries the document, compressed (gen.Wrap)
}

// Reader names what sets the machine up from this document (profiles.Reader),
// or from what it packs; "" for none.
func (d *Document) Reader() string {
	if d.Format == Gzipped || d.Format == GzippedText {
		return profiles.CloudInit
	}
	return profiles.Reader(d.Format)
}

// Kargs is the format of what a machine's boot medium says to its kernel, so
// that it has its network before it has its document. It is made beside the
// other formats, for machines with static addresses (network.Kargs).
const Kargs = "kargs"

// Gzipped is the format of cloud-init's user-data as gzip, for a channel that
// it is too large for otherwise (gen.Wrap). It stands beside user-data, which
// can be read.
const Gzipped = "user-data.gz"

// GzippedText is the same in base64, for a channel that hands over a text which
// is decoded there. It is one line without an end: cloud-init decodes nothing
// that holds more than base64's letters.
const GzippedText = "user-data.gz.b64"

// names are what documents are called in a host's folder. cloud-init wants its
// own to be called so.
var names = map[string]string{
	profiles.Butane: "config.bu", profiles.Ignition: "config.ign", profiles.UserData: "user-data", profiles.MetaData: "meta-data",
	profiles.NetworkConfig: "network-config", Kargs: "kargs", Gzipped: Gzipped, GzippedText: GzippedText,
}

// Path gives the place of a host's document in the rendered tree.
func Path(host, format string) string { return path.Join(host, names[format]) }

// What stands in a rendered tree beside the hosts' folders.
const (
	AdminPath    = "admin.kubeconfig" // the administrator's
	ManifestPath = "SHA256SUMS"       // what hagen wrote, as sha256sum does
)
