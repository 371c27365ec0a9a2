package encode

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vincent-petithory/dataurl"

	"hagen/profiles"
)

// Wrap gives an Ignition document that carries another one, compressed, and
// has Ignition take that in its place (config.replace): most channels pass no
// gzip, and a data URL needs no network. The document that is carried says
// what the text says, in the words that compress best. The hash is that of
// the document before compression, as the specification has it.
func Wrap(text []byte, system profiles.OS) ([]byte, error) {
	inner, err := compact(text)
	if err != nil {
		return nil, err
	}
	return marshal(map[string]any{"ignition": map[string]any{
		"version": system.Spec,
		"config": map[string]any{"replace": map[string]any{
			"compression":  "gzip",
			"source":       "data:;base64," + base64.StdEncoding.EncodeToString(Gzip(inner)),
			"verification": map[string]any{"hash": hashes(inner)[0]},
		}},
	}})
}

// compact writes an Ignition document as it compresses best: contents as they
// are where Butane has base64, which hides what repeats, and next to each
// other what begins alike, such as certificates. The order of files means
// nothing to Ignition.
func compact(text []byte) ([]byte, error) {
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	storage, _ := document["storage"].(map[string]any)
	files, _ := storage["files"].([]any)
	sources := map[any]string{}
	for _, file := range files {
		fields, _ := file.(map[string]any)
		contents, _ := fields["contents"].(map[string]any)
		source, _ := contents["source"].(string)
		if contents["compression"] == "" {
			delete(contents, "compression") // it is the default
		}
		if decoded, err := dataurl.DecodeString(source); err == nil && decoded.MediaType.String() == defaultType {
			source = "data:," + escape(decoded.Data)
			contents["source"] = source
		}
		path, _ := fields["path"].(string)
		sources[path] = source
	}
	slices.SortStableFunc(files, func(a, b any) int {
		return strings.Compare(sources[a.(map[string]any)["path"]], sources[b.(map[string]any)["path"]])
	})
	return marshal(document)
}

// defaultType is that of a data URL that names none (RFC 2397).
const defaultType = "text/plain;charset=US-ASCII"

// escape writes bytes for a data URL and escapes what cannot stand there (RFC
// 2397, RFC 3986 2.2 and 2.3), and "?", which Go's parser takes apart.
func escape(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if alphanumeric || strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// marshal writes JSON as short as it can be, with the keys in order.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return b.Bytes(), err
}

// hashes are those by which Ignition may know a text.
func hashes(text []byte) []string {
	long, short := sha512.Sum512(text), sha256.Sum256(text)
	return []string{"sha512-" + hex.EncodeToString(long[:]), "sha256-" + hex.EncodeToString(short[:])}
}
