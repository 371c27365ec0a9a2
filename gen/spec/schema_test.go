package spec

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSchema: every field that YAML could take for something else has a
// remedy that does not lead to the next fault.
func TestSchema(t *testing.T) {
	fields := 0
	var walk func(schema reflect.Type, path string)
	walk = func(schema reflect.Type, path string) {
		for i := 1; i < schema.NumField(); i++ {
			f := schema.Field(i)
			name, required := tag(f)
			m, where := rulesOf(f), join(path, name)
			fields++
			inner := f.Type
			if items, list := inner.FieldByName("Items"); list {
				if !strings.HasPrefix(m.example, "[") || !strings.HasSuffix(m.example, "]") {
					t.Errorf("%s is a list, and its example is %q", where, m.example)
				}
				if inner = items.Type.Elem(); inner == reflect.TypeFor[String]() && m.item().quote {
					t.Errorf("%s: an item that is no text cannot be quoted", where)
				}
			}
			if required && m.example == "" {
				t.Errorf("%s is required and has no example", where)
			}
			if inner.Field(0).Type == reflect.TypeFor[At]() {
				walk(inner, where)
			}
		}
	}
	walk(fileSchema, "")
	if fields < 50 {
		t.Errorf("%d fields", fields)
	}
}

// TestLookalikes: the table turns what is not ASCII into ASCII.
func TestLookalikes(t *testing.T) {
	for other, plain := range lookalikes() {
		if other < utf8.RuneSelf || plain >= utf8.RuneSelf || plain <= ' ' {
			t.Errorf("%U is %U", other, plain)
		}
	}
	for word, want := range map[string]string{
		"kubem00": "", "": "", "мастер": "", "günther": "", "mаster": "master", "１０": "10", "ТЕСТ": "TECT", "a–b": "a-b", "ΚΑΙ": "KAI",
	} {
		like, found := lookalike(word)
		if found != (want != "") || found && like.plain != want {
			t.Errorf("%s: got %q, %t", word, like.plain, found)
		}
	}
}
