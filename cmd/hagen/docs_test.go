package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/gen/cluster"
	"hagen/out/media/bases"
	"hagen/profiles"
)

// shellBlock is a block of commands in a document, with its indentation.
var shellBlock = regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$")

// TestDocs executes every command of the README and of docs/, each document
// in its own empty directory, with hagen on the PATH, where TestMain has put it. Commands of make and
// git are the repository's own business: their targets must exist, and CI
// runs those of the README.
func TestDocs(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	documents, _ := filepath.Glob("../../docs/*.md")
	executed := 0
	for _, path := range append(documents, "../../README.md") {
		if filepath.Base(path) == "review.md" {
			continue // TestReview
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var commands []string
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.SplitSeq(block[2], "\n") {
				line = strings.TrimPrefix(line, block[1])
				switch {
				case strings.HasPrefix(line, "make "):
					target := strings.Fields(line)[1]
					if !strings.Contains(string(makefile), "\n"+target+":") {
						t.Errorf("%s: the Makefile has no target %s", path, target)
					}
				case strings.HasPrefix(line, "git "):
				case strings.TrimSpace(line) != "":
					commands = append(commands, line)
				}
			}
		}
		executed += len(commands)
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			output := runAll(t, commands)
			if filepath.Base(path) == "README.md" {
				holdShown(t, string(text), output)
			}
		})
	}
	if executed < 10 {
		t.Errorf("only %d commands were found", executed)
	}
}

// runAll executes a document's commands in an empty directory, beside the images
// that docs/images.md makes media from, and returns what they print.
func runAll(t *testing.T, commands []string) string {
	t.Helper()
	script := strings.Join(commands, "\n")
	run := exec.Command("bash", "-euo", "pipefail", "-c", script)
	run.Dir = t.TempDir()
	for name, image := range map[string]func() []byte{
		"fedora-coreos-live.iso": func() []byte { return bases.ISO("fedora-coreos-44", bases.Live()) },
		"debian.raw":             func() []byte { return bases.Disk(512, bases.Debian()) },
	} {
		if !strings.Contains(script, name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(run.Dir, name), image(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	output, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, script, output)
	}
	return string(output)
}

// textBlock is a block of output in a document.
var textBlock = regexp.MustCompile("(?ms)^```text\n(.*?)^```$")

// holdShown holds each line that a document shows as output against what was
// printed. It may leave lines out.
func holdShown(t *testing.T, document, output string) {
	t.Helper()
	blocks := textBlock.FindAllStringSubmatch(document, -1)
	if len(blocks) == 0 {
		t.Error("the document shows no output")
	}
	rest := "\n" + output
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			_, after, found := strings.Cut(rest, "\n"+line)
			if !found {
				t.Fatalf("the document shows what was not printed here: %s\nprinted was:\n%s", line, output)
			}
			rest = "\n" + after
		}
	}
}

// TestReview executes docs/review.md from top to bottom, with the real git. What
// the document shows as output is what was printed, or what stands in the
// comment.
func TestReview(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	text, err := os.ReadFile("../../docs/review.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[2])
	}
	dir := t.TempDir()
	run := exec.Command("bash", "-euo", "pipefail", "-c", script.String())
	run.Dir = dir
	run.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script.String(), output)
	}
	comment, err := os.ReadFile(filepath.Join(dir, "fleet", "comment.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := textBlock.FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		if !strings.Contains(string(output)+string(comment), block[1]) {
			t.Errorf("the document shows what was not printed:\n%s\nprinted was:\n%s\n%s", block[1], output, comment)
		}
	}
	tracked := exec.Command("git", "grep", "-l", "PRIVATE KEY", "main")
	tracked.Dir = filepath.Join(dir, "fleet")
	if keys, _ := tracked.Output(); len(keys) > 0 || len(blocks) == 0 {
		t.Errorf("%d outputs are shown; keys are in the repository: %s", len(blocks), keys)
	}
}

// TestShapes: every piece of a cluster file in docs/load-balancing.md makes one
// with the masters and ranges that it leaves out.
func TestShapes(t *testing.T) {
	text, err := os.ReadFile("../../docs/load-balancing.md")
	if err != nil {
		t.Fatal(err)
	}
	modes := map[cluster.Mode]int{}
	for _, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		c := validated(t, "apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\n"+block[1]+`  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters:
    - {name: kubem00, addresses: [10.10.10.80]}
    - {name: kubem01, addresses: [10.10.10.81]}
    - {name: kubem02, addresses: [10.10.10.82]}
`)
		modes[c.Balancing.Mode]++
	}
	if modes[cluster.Dedicated] != 4 || modes[cluster.Colocated] != 2 || modes[cluster.External] != 1 {
		t.Errorf("shapes: %v", modes)
	}
}

// TestPieces: every piece of a cluster file in docs/cluster-file.md is one of a
// cluster that can be rendered.
func TestPieces(t *testing.T) {
	text, err := os.ReadFile("../../docs/cluster-file.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for _, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if piece := block[1]; strings.HasPrefix(piece, "  ") {
			validated(t, clusterfile.New(profiles.Profiles()[0])+piece)
			pieces++
		}
	}
	if pieces < 2 {
		t.Errorf("%d pieces", pieces)
	}
}

// TestLinks: what a document links to in the repository is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	documents, _ := filepath.Glob("../../docs/*.md")
	more, _ := filepath.Glob("../../*.md")
	for _, path := range append(documents, more...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}
