package gen_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowed is the import policy: which of hagen's packages each may import
// (docs/design.md explains the table), besides hagen/gen/lazy, which all may. A
// package that is not listed may not exist.
var allowed = map[string][]string{
	"hagen/cmd/hagen":           {"*"},
	"hagen/gen":                 {"hagen/gen/*", "hagen/pki", "hagen/profiles"},
	"hagen/gen/spec":            {"hagen/gen/spelling"},
	"hagen/gen/spelling":        {},
	"hagen/gen/cluster":         {"hagen/gen/spec", "hagen/pki", "hagen/profiles"},
	"hagen/gen/control":         {"hagen/gen/cluster", "hagen/gen/network", "hagen/gen/node", "hagen/pki", "hagen/profiles"},
	"hagen/gen/node":            {},
	"hagen/gen/network":         {"hagen/gen/node", "hagen/profiles"},
	"hagen/gen/document":        {"hagen/profiles"},
	"hagen/gen/encode":          {"hagen/gen/network", "hagen/gen/node", "hagen/profiles"},
	"hagen/gen/read":            {"hagen/gen/network", "hagen/gen/node"},
	"hagen/gen/redact":          {"hagen/gen/node", "hagen/profiles"},
	"hagen/gen/check":           {"hagen/gen/network", "hagen/gen/node", "hagen/gen/read", "hagen/gen/redact", "hagen/gen/spelling", "hagen/profiles"},
	"hagen/pki":                 {},
	"hagen/pki/store":           {"hagen/pki", "hagen/out/tree"},
	"hagen/profiles":            {},
	"hagen/gen/lazy":            {},
	"hagen/out":                 {"hagen/gen/document", "hagen/out/tree"},
	"hagen/out/snapshot":        {},
	"hagen/out/media":           {"hagen/gen/cluster", "hagen/gen/document", "hagen/gen/encode", "hagen/gen/network", "hagen/gen/node", "hagen/gen/redact", "hagen/out/media/coreos", "hagen/out/media/gpt", "hagen/out/media/iso9660", "hagen/out/media/newc", "hagen/profiles"},
	"hagen/out/media/iso9660":   {},
	"hagen/out/media/newc":      {},
	"hagen/out/outside/digest":  {"hagen/out/tree"},
	"hagen/out/outside/sysext":  {"hagen/out/tree"},
	"hagen/out/outside/ext4":    {},
	"hagen/out/outside/served":  {},
	"hagen/out/media/bases":     {},
	"hagen/out/media/coreos":    {"hagen/gen/encode", "hagen/out/media/iso9660"},
	"hagen/out/media/gpt":       {},
	"hagen/out/tree":            {},
	"hagen/out/review/twin":     {"hagen/gen/document", "hagen/gen/encode", "hagen/gen/network", "hagen/gen/node", "hagen/gen/redact", "hagen/out/review/rendered", "hagen/profiles"},
	"hagen/out/review/facts":    {"hagen/gen/node", "hagen/gen/read"},
	"hagen/out/review/diff":     {"hagen/gen/network", "hagen/gen/node", "hagen/gen/read", "hagen/gen/redact", "hagen/out/review/facts", "hagen/profiles"},
	"hagen/out/review/risk":     {"hagen/gen/node", "hagen/gen/read", "hagen/out/review/facts", "hagen/profiles"},
	"hagen/out/review/order":    {"hagen/gen/node", "hagen/gen/read", "hagen/out/review/diff", "hagen/out/review/facts", "hagen/out/review/risk", "hagen/profiles"},
	"hagen/out/review/show":     {"hagen/out/review/diff", "hagen/out/review/order"},
	"hagen/out/review/plan":     {"hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/read", "hagen/gen/redact", "hagen/out/review/diff", "hagen/out/review/facts", "hagen/out/review/order", "hagen/out/review/risk", "hagen/out/review/show", "hagen/pki", "hagen/profiles"},
	"hagen/out/review/delta":    {"hagen/gen/document", "hagen/gen/node", "hagen/out/review/diff", "hagen/out/review/plan"},
	"hagen/out/review/replace":  {"hagen/gen/cluster", "hagen/gen/control", "hagen/gen/node", "hagen/out/review/diff", "hagen/out/review/facts"},
	"hagen/out/outside/verify":  {"hagen/gen/check", "hagen/gen/encode", "hagen/gen/node"},
	"hagen/out/review/rendered": {"hagen/gen/document", "hagen/gen/encode", "hagen/gen/network", "hagen/gen/node", "hagen/profiles"},

	// What tests read, and nothing else.
	forTests: {},

	// What the command line is made of.
	"hagen/cmd/hagen/internal/exit":          {},
	"hagen/cmd/hagen/internal/console":       {"hagen/cmd/hagen/internal/exit", "hagen/gen/spec", "hagen/out/review/show", "hagen/profiles"},
	"hagen/cmd/hagen/internal/files":         {"hagen/cmd/hagen/internal/exit", "hagen/gen/spec", "hagen/out", "hagen/out/tree"},
	"hagen/cmd/hagen/internal/trees":         {"hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/read", "hagen/out", "hagen/out/review/diff", "hagen/out/review/rendered", "hagen/out/tree", "hagen/pki", "hagen/profiles"},
	"hagen/cmd/hagen/internal/clusterfile":   {"hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/gen", "hagen/gen/cluster", "hagen/gen/spec", "hagen/profiles"},
	"hagen/cmd/hagen/internal/clusterpki":    {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/cmd/hagen/internal/trees", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/spelling", "hagen/out", "hagen/out/tree", "hagen/pki", "hagen/pki/store"},
	"hagen/cmd/hagen/internal/certificates":  {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/clusterpki", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/cmd/hagen/internal/trees", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/read", "hagen/gen/spelling", "hagen/out/outside/served", "hagen/out/review/rendered", "hagen/out/tree", "hagen/pki", "hagen/pki/store", "hagen/profiles"},
	"hagen/cmd/hagen/internal/otherclusters": {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/clusterpki", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/trees", "hagen/gen/cluster", "hagen/gen/document", "hagen/gen/encode", "hagen/gen/network", "hagen/gen/node", "hagen/gen/read", "hagen/out/review/rendered", "hagen/out/tree", "hagen/profiles"},
	"hagen/cmd/hagen/internal/decide":        {"hagen/cmd/hagen/internal/clusterpki", "hagen/cmd/hagen/internal/exit", "hagen/gen", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/pki"},
	"hagen/cmd/hagen/internal/render":        {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/clusterpki", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/decide", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/cmd/hagen/internal/otherclusters", "hagen/cmd/hagen/internal/trees", "hagen/gen", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/read", "hagen/gen/redact", "hagen/gen/spec", "hagen/out", "hagen/out/review/diff", "hagen/out/review/order", "hagen/out/review/rendered", "hagen/out/review/replace", "hagen/out/review/risk", "hagen/out/snapshot", "hagen/out/tree", "hagen/out/review/twin", "hagen/pki", "hagen/pki/store", "hagen/profiles"},
	"hagen/cmd/hagen/internal/compare":       {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/clusterpki", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/decide", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/cmd/hagen/internal/trees", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/node", "hagen/gen/spec", "hagen/out", "hagen/out/review/delta", "hagen/out/review/diff", "hagen/out/review/order", "hagen/out/review/plan", "hagen/out/review/show", "hagen/out/tree", "hagen/pki"},
	"hagen/cmd/hagen/internal/findings":      {"hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/trees", "hagen/gen/check", "hagen/gen/encode", "hagen/gen/node", "hagen/out/review/rendered", "hagen/out/tree", "hagen/out/outside/verify", "hagen/profiles"},
	"hagen/cmd/hagen/internal/bases":         {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/gen/cluster", "hagen/out/media", "hagen/out/outside/ext4", "hagen/out/tree"},
	"hagen/cmd/hagen/internal/media":         {"hagen/cmd/hagen/internal/bases", "hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/cmd/hagen/internal/files", "hagen/cmd/hagen/internal/trees", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/document", "hagen/gen/network", "hagen/gen/node", "hagen/gen/redact", "hagen/gen/spec", "hagen/out", "hagen/out/media", "hagen/out/review/rendered", "hagen/out/tree", "hagen/profiles"},
	"hagen/cmd/hagen/internal/digests":       {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/gen", "hagen/gen/cluster", "hagen/gen/spec", "hagen/out/outside/digest"},
	"hagen/cmd/hagen/internal/images":        {"hagen/cmd/hagen/internal/clusterfile", "hagen/cmd/hagen/internal/console", "hagen/cmd/hagen/internal/exit", "hagen/gen/cluster", "hagen/gen/control", "hagen/out/outside/digest", "hagen/out/outside/sysext", "hagen/out/tree", "hagen/profiles"},
}

// forTests is imported by tests alone.
const forTests = "hagen/gen/cases"

// reserved are libraries that one package alone may import.
var reserved = map[string][]string{
	"github.com/cloudflare/cfssl":   {"hagen/pki"},
	"github.com/coreos/ignition/v2": {"hagen/gen/encode"},
	"github.com/clarketm/json":      {"hagen/gen/encode"},
	"github.com/klauspost/compress": {"hagen/gen/encode"},
	"github.com/urfave/cli/v2":      {"hagen/cmd/hagen"},
	"golang.org/x/crypto":           {"hagen/out/snapshot"},
	"gopkg.in/yaml.v3":              {"hagen/gen/spec", "hagen/gen/encode", "hagen/gen/read"},
}

// impure is what packages that compute may not touch: they are functions of
// their arguments.
var impure = []string{"os", "os/exec", "net", "net/http", "io/ioutil", "log", "syscall", "flag", "path/filepath"}

// impureCalls are functions of packages that pure ones do need for other ends.
var impureCalls = []string{"time.Now(", "time.Since(", "fmt.Print", "println("}

// TestPure looks for calls that make a result depend on more than arguments.
func TestPure(t *testing.T) {
	for path := range allowed {
		if !pure(path) {
			continue
		}
		files, _ := filepath.Glob("../" + strings.TrimPrefix(path, "hagen/") + "/*.go")
		if len(files) == 0 {
			t.Errorf("%s has no files", path)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range impureCalls {
				if !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), call) {
					t.Errorf("%s calls %s", file, call)
				}
			}
		}
	}
}

// waiting are calls that wait for whoever is to write to a named pipe, and open
// devices. What is read may have been made by somebody else.
var waiting = []string{"os.Open(", "os.ReadFile(", "os.DirFS("}

// TestNoWaiting: whoever reads files opens them with out/tree, which refuses
// what is no regular file.
func TestNoWaiting(t *testing.T) {
	for path := range allowed {
		files, _ := filepath.Glob("../" + strings.TrimPrefix(path, "hagen/") + "/*.go")
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range waiting {
				ownUnits := file == "../out/outside/verify/programs.go" && call == "os.DirFS(" // of this machine, and only regular files
				if path != "hagen/out/tree" && path != forTests && !ownUnits && !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), call) {
					t.Errorf("%s calls %s", file, call)
				}
			}
		}
	}
}

// pure says whether a package computes. Its place tells.
func pure(path string) bool {
	return path == "hagen/gen" || path == "hagen/pki" || path == "hagen/profiles" ||
		strings.HasPrefix(path, "hagen/gen/") && path != forTests || strings.HasPrefix(path, "hagen/out/review/") ||
		strings.HasPrefix(path+"/", "hagen/out/media/")
}

// outward are the ways to a network and to programs.
var outward = []string{"os/exec", "net", "net/http"}

// outside says whether a package may have a network or start programs. Its
// place tells. A revision is git's to read, so trees starts git.
func outside(path string) bool {
	return strings.HasPrefix(path, "hagen/out/outside/") || path == "hagen/cmd/hagen/internal/trees"
}

func TestImports(t *testing.T) {
	output, err := exec.Command("go", "list", "-json=ImportPath,Imports", "hagen/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		rules, listed := allowed[p.ImportPath]
		if !listed {
			t.Errorf("%s is not in the table of packages", p.ImportPath)
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "hagen/") && i != "hagen/gen/lazy" && !permits(rules, i) {
				t.Errorf("%s may not import %s", p.ImportPath, i)
			}
			if pure(p.ImportPath) && slices.Contains(impure, i) {
				t.Errorf("%s computes and may not import %s", p.ImportPath, i)
			}
			if !outside(p.ImportPath) && slices.Contains(outward, i) {
				t.Errorf("%s may not import %s", p.ImportPath, i)
			}
			for library, owners := range reserved {
				if (i == library || strings.HasPrefix(i, library+"/")) && !slices.Contains(owners, p.ImportPath) {
					t.Errorf("%s may not import %s", p.ImportPath, i)
				}
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages, %d in the table", seen, len(allowed))
	}
}

// unlinked are what packages do without, however far away: what reads and
// compares trees issues no certificates and decides on no machine.
var unlinked = map[string][]string{
	"hagen/cmd/hagen":       {forTests, "hagen/out/media/bases"},
	"hagen/out/review/show": {"github.com/cloudflare/cfssl", "hagen/gen", "hagen/gen/cluster", "hagen/gen/control", "hagen/gen/spec", "hagen/pki"},
}

func TestUnlinked(t *testing.T) {
	for path, without := range unlinked {
		output, err := exec.Command("go", "list", "-deps", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		linked := strings.Fields(string(output))
		if !slices.Contains(linked, path) {
			t.Errorf("%s is not among the packages that it links", path)
		}
		for _, p := range linked {
			if slices.ContainsFunc(without, func(w string) bool {
				return p == w || strings.HasPrefix(w, "github.com/") && strings.HasPrefix(p, w+"/")
			}) {
				t.Errorf("%s links %s", path, p)
			}
		}
	}
}

func permits(rules []string, path string) bool {
	for _, r := range rules {
		if r == "*" || r == path || strings.HasSuffix(r, "/*") && strings.HasPrefix(path, strings.TrimSuffix(r, "*")) {
			return true
		}
	}
	return false
}
