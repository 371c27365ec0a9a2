package media

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// List is what media.json says.
type List struct {
	Cluster string   `json:"cluster"`
	Twins   bool     `json:"twins"` // made from twins: no file holds a key
	Media   []Medium `json:"media"`
}

// With returns a list with media that replace those of the same files, and without those
// for which gone returns true.
func (l List) With(made []File, gone func(Medium) bool) List {
	kept := slices.DeleteFunc(slices.Clone(l.Media), func(m Medium) bool {
		return gone(m) || slices.ContainsFunc(made, func(f File) bool { return f.File == m.File })
	})
	for _, f := range made {
		kept = append(kept, f.Medium)
	}
	slices.SortFunc(kept, func(a, b Medium) int { return cmp.Compare(a.File, b.File) })
	l.Media = kept
	return l
}

// Text writes the list.
func (l List) Text() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if l.Media == nil {
		l.Media = []Medium{}
	}
	if err := encoder.Encode(l); err != nil {
		panic(err) // texts, numbers and lists of them
	}
	return b.Bytes()
}

// ReadList reads what Text writes. A newer hagen may have written fields that this one
// does not know, and would lose.
func ReadList(text []byte) (List, error) {
	var l List
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return List{}, errors.New("is not as hagen media writes it")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return List{}, errors.New("goes on after its end")
	}
	seen := map[string]bool{}
	for _, m := range l.Media {
		if m.File == "" || m.Kind == "" || len(m.SHA256) != 64 {
			return List{}, errors.New("lists a file without its kind or hash")
		}
		if seen[m.File] {
			return List{}, fmt.Errorf("lists %q twice", m.File)
		}
		seen[m.File] = true
	}
	return l, nil
}
