package spec

import (
	"reflect"
	"strings"
)

// fieldRules holds the rules of a field besides its type, from the tags of the schema.
type fieldRules struct {
	example string // "" is none
	quote   bool   // a value that is not text for YAML becomes good in quotes
	free    bool   // any script, not only ASCII
	one     bool   // a list that may be a single value
}

func rulesOf(f reflect.StructField) fieldRules {
	m := fieldRules{example: f.Tag.Get("example"), quote: f.Tag.Get("quote") != "", free: f.Tag.Get("free") != "", one: f.Tag.Get("one") != ""}
	m.quote = m.quote || m.example == ""
	return m
}

// item returns the rules of a list's items.
func (m fieldRules) item() fieldRules {
	m.one = false
	m.example, _, _ = strings.Cut(m.example, ", …")
	m.example = strings.TrimSuffix(strings.TrimPrefix(m.example, "["), "]")
	return m
}
