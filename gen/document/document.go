// Package document says what a rendered tree consists of, for the packages
// that write one and read one: the formats of documents, their names and their
// places.
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
	Wrapped bool // it holds the document, compressed (gen.Wrap)
}

// Reader returns what sets the machine up from this document
// (profiles.Reader), or from what it packs; "" for none.
func (d *Document) Reader() string {
	if d.Format == Gzipped || d.Format == GzippedText {
		return profiles.CloudInit
	}
	return profiles.Reader(d.Format)
}

// Kargs is the format of the kernel arguments for a machine's boot medium, so
// that it has its network before it has its document. It is made beside the
// other formats, for machines with static addresses (network.Kargs).
const Kargs = "kargs"

// Gzipped is the format of cloud-init's user-data as gzip, for a channel for
// which user-data is too large (gen.Wrap). The readable user-data is beside
// it.
const Gzipped = "user-data.gz"

// GzippedText is the same in base64, for a channel that takes a text and
// decodes it. It is one line without an end: cloud-init decodes only text of
// base64's letters alone.
const GzippedText = "user-data.gz.b64"

// names are the names of documents in a host's directory. cloud-init requires
// its own.
var names = map[string]string{
	profiles.Butane: "config.bu", profiles.Ignition: "config.ign", profiles.UserData: "user-data", profiles.MetaData: "meta-data",
	profiles.NetworkConfig: "network-config", Kargs: "kargs", Gzipped: Gzipped, GzippedText: GzippedText,
}

// Path returns the path of a host's document in the rendered tree.
func Path(host, format string) string { return path.Join(host, names[format]) }

// What a rendered tree, or a directory of boot media, has beside the hosts' directories.
const (
	AdminPath    = "admin.kubeconfig" // the administrator's
	RightsPath   = "rbac.yaml"        // what the cluster's certificates may do, for kubectl
	ManifestPath = "SHA256SUMS"       // what hagen wrote, as sha256sum does
	MediaPath    = "media.json"       // beside boot media, what they are
	DeltaPath    = "delta.json"       // beside the scripts of a plan, what they bring
)
