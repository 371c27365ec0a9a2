package spec

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestMarks holds what is read from the inside of yaml.v3 against the
// release in use.
func TestMarks(t *testing.T) {
	for _, test := range []struct {
		text        string
		says        string
		begin, stop At
	}{
		{"a: b\nc: \"d\n", "found unexpected end of stream while scanning a quoted scalar", At{Line: 2, Column: 4}, At{Line: 3, Column: 1}},
		{"a: b\n  c: d\n", "mapping values are not allowed in this context ", At{Line: 2, Column: 4}, At{Line: 2, Column: 4}},
		{"a: [b\nc: d\n", "did not find expected ',' or ']' while parsing a flow sequence", At{Line: 1, Column: 4}, At{Line: 2, Column: 2}},
		{"ä: *x\n", "yaml: unknown anchor 'x' referenced", At{Line: 1, Column: 4}, At{Line: 1, Column: 4}},
	} {
		decoder := yaml.NewDecoder(strings.NewReader(test.text))
		var node yaml.Node
		err := decoder.Decode(&node)
		if err == nil {
			t.Fatalf("%q: no error", test.text)
		}
		if got, want := failureOf(decoder, err), (failure{test.says, test.begin, test.stop}); got != want {
			t.Errorf("%q: got %+v, want %+v", test.text, got, want)
		}
	}
}

// readerSays is all that yaml.v3 v3.0.1 says of a text that encoding has let
// through, problem and context (scannerc.go, parserc.go, decode.go).
var readerSays = []string{
	"found character that cannot start any token while scanning for the next token",
	"could not find expected ':' while scanning a simple key",
	"exceeded max depth of 10000 while increasing flow level",
	"exceeded max depth of 10000 while increasing indent level",
	"block sequence entries are not allowed in this context ",
	"mapping keys are not allowed in this context ",
	"mapping values are not allowed in this context ",
	"found unknown directive name while scanning a directive",
	"did not find expected comment or line break while scanning a directive",
	"could not find expected directive name while scanning a directive",
	"found unexpected non-alphabetical character while scanning a directive",
	"did not find expected digit or '.' character while scanning a %YAML directive",
	"found extremely long version number while scanning a %YAML directive",
	"did not find expected version number while scanning a %YAML directive",
	"did not find expected whitespace while scanning a %TAG directive",
	"did not find expected whitespace or line break while scanning a %TAG directive",
	"did not find expected alphabetic or numeric character while scanning an alias",
	"did not find expected alphabetic or numeric character while scanning an anchor",
	"did not find the expected '>' while scanning a tag",
	"did not find expected whitespace or line break while scanning a tag",
	"did not find expected '!' while parsing a tag",
	"did not find expected '!' while parsing a %TAG directive",
	"did not find expected tag URI while parsing a tag",
	"did not find URI escaped octet while parsing a tag",
	"found an incorrect leading UTF-8 octet while parsing a tag",
	"found an incorrect trailing UTF-8 octet while parsing a tag",
	"found an indentation indicator equal to 0 while scanning a block scalar",
	"did not find expected comment or line break while scanning a block scalar",
	"found a tab character where an indentation space is expected while scanning a block scalar",
	"found unexpected document indicator while scanning a quoted scalar",
	"found unexpected end of stream while scanning a quoted scalar",
	"found unknown escape character while parsing a quoted scalar",
	"did not find expected hexdecimal number while parsing a quoted scalar",
	"found invalid Unicode character escape code while parsing a quoted scalar",
	"found a tab character that violates indentation while scanning a plain scalar",
	"did not find expected <document start> ",
	"found undefined tag handle while parsing a node",
	"did not find expected node content while parsing a block node",
	"did not find expected node content while parsing a flow node",
	"did not find expected '-' indicator while parsing a block collection",
	"did not find expected key while parsing a block mapping",
	"did not find expected ',' or ']' while parsing a flow sequence",
	"did not find expected ',' or '}' while parsing a flow mapping",
	"found duplicate %YAML directive ",
	"found incompatible YAML document ",
	"found duplicate %TAG directive ",
	"yaml: unknown anchor 'x' referenced",
}

// TestEveryReaderFaultHasWords: each is put into the user's words, and each
// row of the table is the one for something.
func TestEveryReaderFaultHasWords(t *testing.T) {
	used := map[string]bool{}
	for _, says := range readerSays {
		found := false
		for _, known := range syntaxFaults {
			if strings.Contains(says, known.says) {
				found, used[known.says] = true, true
				break
			}
		}
		if !found {
			t.Errorf("%q is not known", says)
		}
	}
	for _, known := range syntaxFaults {
		if !used[known.says] {
			t.Errorf("the row %q is for nothing", known.says)
		}
	}
}

// TestWindow: a long line is cut around the caret, which stays under what it
// points to.
func TestWindow(t *testing.T) {
	long := strings.Repeat("x", 300) + "HERE" + strings.Repeat("y", 300)
	for _, test := range []struct {
		line   string
		column int
		under  string
	}{
		{"name: x", 7, "x"},
		{long, 301, "HERE"},
		{long, 1, "xxx"},
		{"\tname: x", 2, "name"},
		{"a\x1bb", 3, "b"},
		{"short", 99, ""},
		{"", 1, ""},
	} {
		shown, caret := window(test.line, test.column)
		at := len([]rune(caret))
		runes := []rune(shown)
		if at > len(runes) || !strings.HasPrefix(string(runes[at:]), test.under) {
			t.Errorf("%.20q: caret at %d of %q", test.line, at, shown)
		}
		if len(runes) > 110 || strings.ContainsRune(shown, '\x1b') {
			t.Errorf("%.20q: %q", test.line, shown)
		}
	}
}

// TestQuote: values in messages are short and harmless.
func TestQuote(t *testing.T) {
	for value, want := range map[string]string{
		"plain":                              `"plain"`,
		"a\x1b[31m\n":                        `"a\x1b[31m\n"`,
		strings.Repeat("ü", 81):              `"` + strings.Repeat("ü", 80) + `…"`,
		"-----BEGIN RSA PRIVATE KEY-----\nx": `"…"`,
	} {
		if got := Quote(value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestMeant: what an unknown field was meant to be.
func TestMeant(t *testing.T) {
	for word, want := range map[string]string{
		"apiversion": "write apiVersion",
		"knd":        "did you mean kind?",
		"kinds":      "did you mean kind?",
		"masters":    "masters belongs to spec or spec.disks",
		"os":         "os belongs to spec or spec.masters[] or spec.loadBalancers[]",
		"sizeMiB":    "sizeMiB belongs to spec.masters[].disks[].partitions[] or spec.loadBalancers[].disks[].partitions[] or spec.disks.masters[].partitions[]",
		"svcCidr":    "hagen calls it spec.serviceCIDRs",
		"certSANs":   "hagen calls it spec.apiServer.extraSANs",
		"wholly":     "its fields are apiVersion, kind, metadata, spec",
	} {
		if got, _ := suggestField(word, fileSchema); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
	for word, name := range otherNames {
		if len(holders()[name]) == 0 {
			t.Errorf("%s: %s is no field", word, name)
		}
	}
}
