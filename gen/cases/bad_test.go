package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBad(t *testing.T) {
	dir := Dir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(string(dir), "bad", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dir.Bad(); err == nil {
		t.Error("no bad files are no error")
	}
	write("plain.yaml", "a\nb\n")
	write("ipv6.yaml", "a\nc\n")
	write("x.txtar", "Comment.\n-- one.diff --\n-b\n+d\n-- one.txt --\nwrong\n-- two.diff --\n--- ipv6.yaml\n-c\n-- two.txt --\nworse\nagain\n-- three.yaml --\nwhole\n")
	all, err := dir.Bad()
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for i, want := range []Bad{{"x/one", "plain.yaml", []byte("a\nd\n"), "wrong"}, {"x/two", "ipv6.yaml", []byte("a\n"), "worse\nagain"}, {"x/three", "", []byte("whole\n"), ""}} {
		if got := all[i]; got.Name != want.Name || got.Base != want.Base || string(got.Text) != string(want.Text) || got.Said != want.Said {
			t.Errorf("%+v", got)
		}
	}
	if err := dir.Say(map[string]string{"x/one": "1", "x/two": "2", "x/three": "3"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(string(dir), "bad", "x.txtar"))
	if want := "Comment.\n-- one.diff --\n-b\n+d\n-- one.txt --\n1\n-- two.diff --\n--- ipv6.yaml\n-c\n-- two.txt --\n2\n-- three.yaml --\nwhole\n-- three.txt --\n3\n"; err != nil || string(text) != want {
		t.Errorf("%v\n%s", err, text)
	}
	for archive, want := range map[string]string{
		"-- one.diff --\n-d\n":                "in plain.yaml, these lines are not found",
		"-- one.diff --\n--- none.yaml\n-d\n": "none.yaml",
		"-- one --\n":                         "is neither .diff nor .yaml nor .txt",
		"-- one.yaml --\n-- two.txt --\n":     "two.txt does not stand behind its file",
		"-- one.txt --\n":                     "one.txt does not stand behind its file",
	} {
		write("x.txtar", archive)
		if _, err := dir.Bad(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
