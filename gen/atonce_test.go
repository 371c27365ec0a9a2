package gen_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/out/review/twin"
	"hagen/pki"
	"hagen/profiles"
)

// TestRenderAtOnce: several clusters are issued, rendered and wrapped at once,
// and their twins made, in one process: a program that imports hagen may do so.
func TestRenderAtOnce(t *testing.T) {
	for _, name := range []string{"standard", "static", "mixed"} {
		for range 2 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := readCase(t, name)
				issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				machines, err := gen.Render(c, issued.Set, control.Options{}, nil, []string{profiles.Ignition})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := gen.Wrap(machines, everything); err != nil {
					t.Error(err)
				}
				if _, err := twin.Tree(twin.ViewOf(twinned(machines)), c.Name, twinned(machines), nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// starts is code that starts goroutines.
var starts = regexp.MustCompile(`\bgo func|\bgo [a-zA-Z.]+\(|\.Go\(`)

// TestRaced: make race runs every package that does things at once, each with a
// test of that.
func TestRaced(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^RACED +:= (.*)$`).FindStringSubmatch(string(makefile))
	if list == nil {
		t.Fatal("the Makefile has no RACED")
	}
	want := map[string]bool{"./cmd/hagen": true} // whose scripts run the whole binary
	for path := range allowed {
		dir := strings.TrimPrefix(path, "hagen/")
		started, tested := false, false
		files, _ := filepath.Glob("../" + dir + "/*.go")
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				tested = tested || strings.Contains(string(text), "AtOnce(t *testing.T)")
			} else {
				started = started || starts.Match(text)
			}
		}
		if started {
			want["./"+dir] = true
		}
		if started && !tested {
			t.Errorf("%s does things at once, and has no Test…AtOnce", path)
		}
	}
	for _, dir := range strings.Fields(list[1]) {
		if !want[dir] {
			t.Errorf("RACED has %s, which starts nothing", dir)
		}
		delete(want, dir)
	}
	for dir := range want {
		t.Errorf("RACED lacks %s", dir)
	}
}
