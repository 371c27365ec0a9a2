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

// Wrap returns an Ignition document that carries another one, compressed, and lets it
// replace itself (config.replace): most channels do not accept gzip, and a data URL needs
// no network. The carried document is equivalent to the text, in a form that compresses
// better. By the specification, the hash is that of the uncompressed document.
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

// compact rewrites an Ignition document so that it compresses best: contents are not in
// base64, which hides repetitions, and files that begin alike, such as certificates, are
// neighbours. Ignition ignores the order of files.
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

// defaultType is the media type of a data URL that has none (RFC 2397).
const defaultType = "text/plain;charset=US-ASCII"

// escape writes bytes for a data URL and escapes what cannot stand there (RFC
// 2397, RFC 3986 2.2 and 2.3), and "?", at which Go's parser splits.
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

// marshal writes JSON in its shortest form, with sorted keys.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return b.Bytes(), err
}

// hashes returns the hashes that Ignition accepts for a text.
func hashes(text []byte) []string {
	long, short := sha512.Sum512(text), sha256.Sum256(text)
	return []string{"sha512-" + hex.EncodeToString(long[:]), "sha256-" + hex.EncodeToString(short[:])}
}
