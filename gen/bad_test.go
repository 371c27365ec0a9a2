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

	"github.com/rogpeppe/go-internal/txtar"

	"hagen/gen"
	"hagen/gen/spec"
)

var updateBad = flag.Bool("update-bad", false, "rewrite what testdata/bad expects; read every changed text")

// rawWords are marks of a library's own error, which no user should meet.
var rawWords = regexp.MustCompile(`(^|[^.])yaml:|strconv|\bpars(e|ing)\b|\binvalid\b|netip|%!|did not find|cannot unmarshal`)

// TestBad reads every bad cluster file of testdata/bad/*.txtar: WHAT.yaml is
// the file, WHAT.txt all that is said about it.
func TestBad(t *testing.T) {
	archives, err := filepath.Glob(testdata + "/bad/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	cases := 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		topic := strings.TrimSuffix(filepath.Base(path), ".txtar")
		kept := *archive
		kept.Files = nil
		for i, file := range archive.Files {
			what, isYAML := strings.CutSuffix(file.Name, ".yaml")
			if !isYAML {
				continue
			}
			cases++
			kept.Files = append(kept.Files, file)
			t.Run(topic+"/"+what, func(t *testing.T) {
				got := refusal(t, file.Data)
				kept.Files = append(kept.Files, txtar.File{Name: what + ".txt", Data: []byte(got + "\n")})
				want := ""
				if i+1 < len(archive.Files) && archive.Files[i+1].Name == what+".txt" {
					want = strings.TrimSuffix(string(archive.Files[i+1].Data), "\n")
				}
				if got != want && !*updateBad {
					t.Errorf("got\n%s\nwant\n%s\ngo test ./gen -run TestBad -update-bad writes it", got, want)
				}
			})
		}
		if *updateBad {
			if err := os.WriteFile(path, txtar.Format(&kept), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cases < 150 {
		t.Errorf("%d bad files, there were 150 and more", cases)
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
