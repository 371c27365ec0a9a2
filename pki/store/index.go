package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"hagen/out/tree"
	"hagen/pki"
)

// Version 1 of the index is one file with all records, and names no cluster. hagen will always read
// it. Version 2, which hagen writes, names the cluster and has a file for each record, so that git
// can merge changes of different items:
//
//	index.json                        {"version": 2, "cluster": "kubernetes"}
//	records/hosts/kubem00/apiserver.json   of an item: what it was made for, its key, its certificate
//	records/clients/<serial>.json     of a certificate that is not kept
//
// docs/design.md says what else records may hold in the future.
// IndexFile is the name of the file that marks a directory as a PKI directory.
const IndexFile = "index.json"

const (
	indexFile    = IndexFile
	indexVersion = 2
	recordsDir   = "records"
	clientsDir   = recordsDir + "/clients"
	recordExt    = ".json"
)

// recordPath returns the file of an item's record, in version 2.
func recordPath(name string) string { return path.Join(recordsDir, name+recordExt) }

// recordedIn returns the file that holds the record of an item.
func (s *Store) recordedIn(name string) string {
	if s.version == 1 {
		return indexFile
	}
	return recordPath(name)
}

// clientPath returns the file of the record of a certificate that is not kept.
func clientPath(c ClientRecord) string { return path.Join(clientsDir, c.Serial+recordExt) }

// index records which cluster a directory belongs to, what each item was made for, how to recognize
// it, and who got certificates that are not kept. It holds no key material.
type index struct {
	Version int
	Cluster string // "" in version 1
	Items   []record
	Clients []ClientRecord
}

// record is the record of one item, as version 1 writes it. The dates are those of the certificate,
// for people who read the index.
type record struct {
	Request   pki.Request `json:"request"`
	NotBefore time.Time   `json:"notBefore,omitzero"`
	NotAfter  time.Time   `json:"notAfter,omitzero"`
	// Certificate is the SHA-256 of the certificate's DER, in hex.
	Certificate string `json:"certificate,omitempty"`
	// Key is the key's id (pki.KeyID); in version 1, for a secret, the SHA-256 of its bytes.
	Key string `json:"key,omitempty"`
	// Generation counts the keys that the item has had; 0 in version 1, which does not count.
	Generation int `json:"-"`
	// Unasked marks an item that the cluster no longer asks for.
	Unasked bool `json:"-"`
	// Generations are all generations of an item that was rotated, the oldest first.
	Generations []generation `json:"-"`
	// Marks are of keys that others have had.
	Marks []pki.Mark `json:"-"`
}

// ClientRecord records a client certificate: who got it and how long it is valid. The
// certificate and its key are not kept.
type ClientRecord struct {
	User   string   `json:"user"`
	Groups []string `json:"groups,omitempty"`
	// Serial is the serial number in hex.
	Serial string `json:"serial"`
	// Fingerprint is the SHA-256 of the certificate's DER, in hex.
	Fingerprint string    `json:"fingerprint"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	// Authority is the name of the item that signed it.
	Authority string `json:"authority"`
	// Server is the URL that its kubeconfig dials, and ServerName the name that it verifies
	// instead of the URL's host; earlier releases did not record them.
	Server     string `json:"server,omitempty"`
	ServerName string `json:"serverName,omitempty"`
}

// NewClientRecord returns the record of a client certificate from pki.Client. It fails if the
// item has no readable certificate.
func NewClientRecord(item pki.Item) (ClientRecord, error) {
	cert, err := item.X509()
	if err != nil {
		return ClientRecord{}, err
	}
	return ClientRecord{
		User:        item.Request.Subject.CommonName,
		Groups:      item.Request.Subject.Organization,
		Serial:      hex.EncodeToString(cert.SerialNumber.Bytes()),
		Fingerprint: pki.Fingerprint(cert.Raw),
		NotBefore:   cert.NotBefore.UTC(),
		NotAfter:    cert.NotAfter.UTC(),
		Authority:   item.Request.Authority,
	}, nil
}

// describe makes the record of an item in a version of the index. It fails if a part cannot be read.
func describe(item pki.Item, version int) (record, error) {
	described, err := describePresent(item, version)
	if err == nil && len(item.Generations) > 0 {
		described.Generations, err = describeAll(item)
	}
	return described, err
}

func describePresent(item pki.Item, version int) (record, error) {
	described := record{Request: item.Request}
	if kind := item.Request.Kind; kind == pki.Authority || kind == pki.Leaf {
		cert, err := item.X509()
		if err != nil {
			return record{}, err
		}
		described.Key = pki.KeyIDOf(cert)
		described.NotBefore, described.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
		described.Certificate = pki.Fingerprint(cert.Raw)
		return described, nil
	}
	var err error
	if described.Key, err = pki.KeyID(item); err != nil {
		return record{}, err
	}
	if item.Request.Kind == pki.Secret && version == 1 {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(string(item.Key)))
		sum := sha256.Sum256(raw)
		described.Key = hex.EncodeToString(sum[:])
	}
	return described, nil
}

// nextRecords makes the records of a set. It keeps the records of leaves whose files are gone, which
// distinguish a renewed certificate from a new one.
func (s *Store) nextRecords(set pki.Set) (map[string]record, error) {
	next := maps.Clone(s.recorded)
	for name, item := range set {
		held, there := s.describeHeld(name)
		described := held
		if !there || !same(s.set[name], item) {
			var err error
			if described, err = describe(item, indexVersion); err != nil {
				return nil, err
			}
		}
		described.Request, described.Marks = item.Request, item.Marks
		described.Generation = 1
		before, known := s.recorded[name]
		if known {
			described.Generation, described.Unasked = max(before.Generation, 1), before.Unasked
		}
		switch number := described.present(); {
		case number > 0:
			described.Generation = number
		case known && (!there || held.Key != described.Key):
			described.Generation++
		}
		next[name] = described
	}
	for name := range s.set {
		if _, kept := set[name]; !kept {
			delete(next, name)
		}
	}
	for _, name := range s.drop {
		if _, kept := set[name]; !kept && next[name].Request.Kind == pki.Leaf {
			delete(next, name)
		}
	}
	for name, r := range next {
		if s.asked != nil {
			r.Unasked = !slices.Contains(s.asked, name)
			next[name] = r
		}
	}
	return next, nil
}

// describeHeld makes the record of an item as the directory has it. What was
// read has been described for that.
func (s *Store) describeHeld(name string) (record, bool) {
	if described, there := s.described[name]; there {
		return described, true
	}
	item, there := s.set[name]
	if !there {
		return record{}, false
	}
	described, err := describe(item, indexVersion)
	return described, err == nil
}

// same says whether two items have the same files.
func same(a, b pki.Item) bool {
	return bytes.Equal(a.Cert, b.Cert) && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Public, b.Public) && reflect.DeepEqual(a.Generations, b.Generations) && slices.Equal(a.Marks, b.Marks)
}

// indexFiles writes the index: the same bytes for the same content.
func indexFiles(cluster string, items map[string]record, clients []ClientRecord) ([]tree.File, error) {
	var files []tree.File
	add := func(path string, value any) error {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return errors.New("the index cannot be written as JSON")
		}
		if text.Len() > maxFile {
			return fmt.Errorf("%s would be larger than %d MiB, more than hagen reads: ask for fewer names in certificates", path, maxFile>>20)
		}
		files = append(files, tree.File{Path: path, Mode: 0o600, Data: text.Bytes()})
		return nil
	}
	err := add(indexFile, struct {
		Version int    `json:"version"`
		Cluster string `json:"cluster"`
	}{indexVersion, cluster})
	for _, name := range slices.Sorted(maps.Keys(items)) {
		err = errors.Join(err, add(recordPath(name), items[name].file()))
	}
	for _, c := range clients {
		err = errors.Join(err, add(clientPath(c), c))
	}
	return files, err
}
