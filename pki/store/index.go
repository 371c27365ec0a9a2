package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hagen/pki"
)

const (
	indexFile    = "index.json"
	indexVersion = 1
)

// index is what index.json holds: what each item was made for and how to recognize it, and
// whom a certificate was given that is not kept. It holds no key material.
type index struct {
	Version int
	Items   []record
	Clients []ClientRecord
}

// record is the memory of one item. The dates are for people who read the index; they are
// those of the certificate.
type record struct {
	Request   pki.Request `json:"request"`
	NotBefore time.Time   `json:"notBefore,omitzero"`
	NotAfter  time.Time   `json:"notAfter,omitzero"`
	// Certificate is the SHA-256 of the certificate's DER, in hex.
	Certificate string `json:"certificate,omitempty"`
	// Key is the SHA-256 of the public key's DER (SubjectPublicKeyInfo), in hex; of a secret,
	// which is 256 random bits that nobody can guess, it is that of its bytes.
	Key string `json:"key,omitempty"`
}

// ClientRecord says that a client certificate was issued, to whom and for how long. The
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
}

// NewClientRecord describes a client certificate as pki.Client issued it. The error is that
// of an item without a readable certificate.
func NewClientRecord(item pki.Item) (ClientRecord, error) {
	cert, err := item.X509()
	if err != nil {
		return ClientRecord{}, err
	}
	return ClientRecord{
		User:        item.Request.Subject.CommonName,
		Groups:      item.Request.Subject.Organization,
		Serial:      hex.EncodeToString(cert.SerialNumber.Bytes()),
		Fingerprint: fingerprint(cert.Raw),
		NotBefore:   cert.NotBefore.UTC(),
		NotAfter:    cert.NotAfter.UTC(),
		Authority:   item.Request.Authority,
	}, nil
}

// describe makes the record of an item. The error is that of parts that cannot be read.
func describe(item pki.Item) (record, error) {
	described := record{Request: item.Request}
	switch item.Request.Kind {
	case pki.Authority, pki.Leaf:
		cert, err := item.X509()
		if err != nil {
			return record{}, err
		}
		described.NotBefore, described.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
		described.Certificate = fingerprint(cert.Raw)
		described.Key = fingerprint(cert.RawSubjectPublicKeyInfo)
	case pki.KeyPair:
		block, _ := pem.Decode(item.Public)
		if block == nil {
			return record{}, fmt.Errorf("%s: public half: it is not PEM", item.Request.Name)
		}
		described.Key = fingerprint(block.Bytes)
	case pki.Secret:
		secret, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(item.Key)))
		if err != nil || len(secret) != pki.SecretSize {
			return record{}, fmt.Errorf("%s: key: it is not base64 of %d bytes", item.Request.Name, pki.SecretSize)
		}
		described.Key = fingerprint(secret)
	}
	return described, nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// encodeIndex writes the index: the same bytes for the same content.
func encodeIndex(set pki.Set, clients []ClientRecord) ([]byte, error) {
	written := struct {
		Version int            `json:"version"`
		Items   []record       `json:"items"`
		Clients []ClientRecord `json:"clients"`
	}{indexVersion, []record{}, append([]ClientRecord{}, clients...)}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		item, err := describe(set[name])
		if err != nil {
			return nil, err
		}
		written.Items = append(written.Items, item)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(written); err != nil {
		return nil, errors.New("the index cannot be written as JSON")
	}
	return text.Bytes(), nil
}

// indexFault is something wrong at a place in the index.
type indexFault struct {
	offset int
	text   string
}

// decodeIndex reads an index. It is strict: a field it does not know would be lost with the
// next write.
func decodeIndex(data []byte) (index, []indexFault) {
	var versioned struct{ Version *float64 } // however large it is
	if err := json.Unmarshal(data, &versioned); err != nil {
		return index{}, []indexFault{jsonFault(data, 0, err)}
	}
	switch version := versioned.Version; {
	case version == nil || *version < 1:
		return index{}, []indexFault{{0, "it has no version, so hagen did not write it: restore it from a backup"}}
	case *version > indexVersion:
		return index{}, []indexFault{{0, fmt.Sprintf("it was written by a newer hagen (version %g; this one knows %d): use that one", *version, indexVersion)}}
	}
	var raw struct {
		Version int
		Items   []json.RawMessage
		Clients []json.RawMessage
	}
	if err := decodeStrictly(data, &raw); err != nil {
		return index{}, []indexFault{jsonFault(data, 0, err)}
	}
	read := index{Version: raw.Version, Items: make([]record, len(raw.Items)), Clients: make([]ClientRecord, len(raw.Clients))}
	var faults []indexFault
	for i, text := range raw.Items {
		if err := decodeStrictly(text, &read.Items[i]); err != nil {
			faults = append(faults, jsonFault(data, bytes.Index(data, text), err))
		}
	}
	for i, text := range raw.Clients {
		if string(text) == "null" {
			faults = append(faults, indexFault{bytes.Index(data, text), "a record is empty: restore it from a backup"})
			continue
		}
		if err := decodeStrictly(text, &read.Clients[i]); err != nil {
			faults = append(faults, jsonFault(data, bytes.Index(data, text), err))
		}
	}
	if len(faults) > 0 {
		return index{}, faults
	}
	if faults := checkNames(data, read.Items, raw.Items); len(faults) > 0 {
		return index{}, faults
	}
	return read, nil
}

// checkNames sees to it that no record leads outside of the directory, or two to one file.
func checkNames(data []byte, items []record, raw []json.RawMessage) []indexFault {
	var faults []indexFault
	seen := map[string]bool{}
	for i, item := range items {
		offset := bytes.Index(data, raw[i])
		if err := item.Request.Validate(); err != nil {
			faults = append(faults, indexFault{offset, strings.ReplaceAll(err.Error(), "\n", "; ") + ": restore it from a backup"})
		}
		name := strings.ToLower(item.Request.Name)
		if seen[name] {
			faults = append(faults, indexFault{offset, item.Request.Name + " is recorded twice: restore it from a backup"})
		}
		seen[name] = true
	}
	return faults
}

func decodeStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of it")
	}
	return nil
}

// unknownField is how encoding/json tells of a field; it has no type for it.
var unknownField = regexp.MustCompile(`unknown field "[^"]*"`)

// jsonFault words an error of encoding/json; base is where in data the decoded part begins.
func jsonFault(data []byte, base int, err error) indexFault {
	offset, text := max(base, 0), "it holds a value that hagen does not write"
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	var date *time.ParseError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		text = "it is empty"
	case errors.As(err, &syntax):
		offset += max(int(syntax.Offset)-1, 0)
		text = "not JSON from here on"
		if int(syntax.Offset) >= len(data)-base {
			text = "it is cut short"
		}
	case errors.As(err, &date):
		text = date.Value + " is not a time like \"2026-01-02T15:04:05Z\""
	case errors.As(err, &mistyped):
		text = fmt.Sprintf("the value is of the wrong kind (%s)", mistyped.Value)
		// The names of fields, not those of Go's types.
		if field := mistyped.Field[strings.LastIndexByte(mistyped.Field, '.')+1:]; field != "" {
			text = field + ": " + text
		}
	case unknownField.MatchString(err.Error()):
		text = unknownField.FindString(err.Error())
	case errors.Is(err, pki.ErrLifetime):
		text = err.Error()
	}
	return indexFault{offset, text + ": restore it from a backup"}
}

// position turns an offset into line and column, both from 1, columns in characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
