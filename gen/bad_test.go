package gen_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"hagen/gen"
	"hagen/gen/cases"
	"hagen/gen/spec"
)

var updateBad = flag.Bool("update-bad", false, "rewrite what testdata/bad expects; read every changed text")

// rawWords are marks of a library's own error, which no user should meet.
var rawWords = regexp.MustCompile(`(^|[^.])yaml:|strconv|\bpars(e|ing)\b|\binvalid\b|netip|%!|did not find|cannot unmarshal`)

// TestBad reads every bad cluster file of testdata/bad, and holds all that is
// said about it against what stands beside it.
func TestBad(t *testing.T) {
	all, err := cases.Dir(testdata).Bad()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, bad := range all {
		t.Run(bad.Name, func(t *testing.T) {
			got := refusal(t, bad.Text)
			if said[bad.Name] != "" {
				t.Error("the name is taken")
			}
			said[bad.Name] = got
			if got != bad.Said && !*updateBad {
				t.Errorf("got\n%s\nwant\n%s\ngo test ./gen -run TestBad -update-bad writes it", got, bad.Said)
			}
		})
	}
	if *updateBad && !t.Failed() {
		if err := cases.Dir(testdata).Say(said); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 977 {
		t.Errorf("%d bad files, there were 977", len(all))
	}
}

// TestBases: what the bad files are edits of is good, and is needed.
func TestBases(t *testing.T) {
	all, err := cases.Dir(testdata).Bad()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, bad := range all {
		used[bad.Base] = true
	}
	bases, err := cases.Dir(testdata).Bases()
	if err != nil || len(bases) == 0 {
		t.Fatal(bases, err)
	}
	for _, path := range bases {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gen.Read(spec.Source{Name: path, Text: text}); err != nil || !used[filepath.Base(path)] {
			t.Errorf("%s: used: %t, %v", path, used[filepath.Base(path)], err)
		}
	}
}

// refusal gives all that is said about a bad file, and holds it against what
// is true of every refusal.
func refusal(t *testing.T, text []byte) string {
	t.Helper()
	source := spec.Source{Name: "cluster.yaml", Text: text}
	c, err := gen.Read(source)
	var refused *spec.Error
	if !errors.As(err, &refused) || c != nil {
		t.Fatalf("not refused: %v", err)
	}
	checkFaults(t, refused)
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.Contains(line, " | ") && rawWords.MatchString(line) {
			t.Errorf("a library speaks: %s", line)
		}
	}
	return err.Error()
}

// checkFaults holds faults against what is true of all: they point into the
// file, if anywhere, and say what to do.
func checkFaults(t *testing.T, refused *spec.Error) {
	t.Helper()
	if len(refused.Faults) == 0 {
		t.Error("refused without a fault")
	}
	lines := strings.Split(strings.TrimPrefix(string(refused.Source.Text), "\uFEFF"), "\n")
	for _, f := range refused.Faults {
		if f.Problem == "" || f.Remedy == "" {
			t.Errorf("%+v says not enough", f)
		}
		if f.At == (spec.At{}) {
			if len(refused.Faults) > 1 {
				t.Errorf("%+v: no place", f)
			}
			continue
		}
		if f.At.Line < 1 || f.At.Line > len(lines) || f.At.Column < 1 ||
			f.At.Column > utf8.RuneCountInString(lines[f.At.Line-1])+1 {
			t.Errorf("%+v: not in the file", f)
		}
	}
}
