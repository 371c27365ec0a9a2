package gen_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/profiles"
)

// script is what a machine's shell is given. What shellcheck may say of it all the
// same stands where it comes from, as "shellcheck disable=CODE WORD…: why". It may say
// that of a place that begins with one of the words, of any if there are none.
type script struct{ name, shell, text, source string }

var (
	disabled   = regexp.MustCompile(`shellcheck disable=(SC[0-9]+)((?: \S+)*): \S`)
	complaint  = regexp.MustCompile(`^(.*):([0-9]+):([0-9]+): (.* \[(SC[0-9]+)\])$`)
	inTemplate = regexp.MustCompile(`(?s)\{\{- /\*.*?\*/ -\}\}\n`)
)

const whichShell = "# shellcheck shell=%s\n%s"

// scriptFiles lists those that are files of a machine, with the shell that runs
// them.
func scriptFiles(t *testing.T, n node.Node) (out []script) {
	t.Helper()
	var texts []string
	for _, u := range n.Units {
		texts = append(texts, u.Contents)
	}
	for _, f := range n.Files {
		texts = append(texts, string(f.Contents))
	}
	for _, f := range n.Files {
		if path.Ext(f.Path) != ".sh" {
			continue
		}
		run := regexp.MustCompile(`/bin/([a-z]+) ` + regexp.QuoteMeta(f.Path) + `\b`).FindStringSubmatch(strings.Join(texts, "\n"))
		if run == nil {
			t.Fatalf("%s: nothing runs %s", n.Name, f.Path)
		}
		name := path.Base(f.Path)
		out = append(out, script{name, run[1], string(f.Contents), "control/templates/" + name + ".tmpl"})
	}
	return out
}

// scriptCommands lists those that cloud-init runs.
func scriptCommands(t *testing.T, userData []byte) []script {
	t.Helper()
	var commands struct {
		Bootcmd []yaml.Node
		Runcmd  []string
	}
	if err := yaml.Unmarshal(userData, &commands); err != nil {
		t.Fatal(err)
	}
	const source, disks = "encode/cloudinit.go", "encode/cloudinit_disks.go"
	out := []script{{"runcmd", "sh", strings.Join(commands.Runcmd, "\n"), source}}
	for _, c := range commands.Bootcmd {
		if c.Kind == yaml.ScalarNode {
			out = append(out, script{"bootcmd", "sh", c.Value + "\n", source})
			continue
		}
		// cloud-init-per instance NAME sh -c SCRIPT
		command := script{c.Content[2].Value, "sh", c.Content[5].Value, disks}
		if command.name == "hagen-files" {
			command.source = source
		}
		out = append(out, command)
	}
	return out
}

// scriptsOf lists the scripts of all golden cases, each once.
func scriptsOf(t *testing.T) map[script]bool {
	t.Helper()
	seen := map[script]bool{}
	for _, name := range shapes(t) {
		c := readCase(t, name)
		var options control.Options
		if c.Profile.Name != profiles.Classic {
			options.Restore = control.Restore{SHA256: strings.Repeat("0", 64), Path: "/var/lib/etcd-restore/snapshot.db"}
		}
		machines, err := gen.Render(c, fixedPKI(t, name), options, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range machines {
			scripts := scriptFiles(t, m.Node)
			for _, d := range m.Documents {
				if d.Format == profiles.UserData {
					scripts = append(scripts, scriptCommands(t, d.Text)...)
				}
			}
			for _, s := range scripts {
				seen[s] = true
			}
		}
	}
	return seen
}

// TestShellcheck: shellcheck has nothing to say of a script that a machine is
// given, but for what is disabled where it comes from; and it is disabled for
// nothing.
func TestShellcheck(t *testing.T) {
	t.Parallel()
	args, written := []string{"--format=gcc"}, map[string]script{}
	dir, shellcheck, scripts := t.TempDir(), program(t, "shellcheck"), scriptsOf(t)
	noneLeftOut(t, scripts)
	for s := range scripts {
		file := fmt.Sprintf("%s-%.6x", s.name, sha256.Sum256([]byte(s.text)))
		file = write(t, filepath.Join(dir, file), fmt.Appendf(nil, whichShell, s.shell, s.text))
		args, written[file] = append(args, file), s
	}
	reasons, used := map[string][]string{}, map[string]bool{} // by source and code
	for _, s := range written {
		source, err := os.ReadFile(s.source)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range disabled.FindAllStringSubmatch(string(source), -1) {
			reasons[s.source+" "+d[1]] = strings.Split(strings.TrimSpace(d[2]), " ")
		}
	}
	output, err := exec.Command(shellcheck, args...).CombinedOutput()
	if err != nil && len(output) == 0 {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		c := complaint.FindStringSubmatch(strings.TrimSpace(line))
		if c == nil {
			t.Fatalf("%v: %s", err, output)
		}
		s := written[c[1]]
		row, _ := strconv.Atoi(c[2])
		column, _ := strconv.Atoi(c[3])
		at, reason := strings.Split(fmt.Sprintf(whichShell, s.shell, s.text), "\n")[row-1], s.source+" "+c[5]
		if !slices.ContainsFunc(reasons[reason], func(word string) bool { return strings.HasPrefix(at[column-1:], word) }) {
			t.Errorf("%s, of gen/%s: %s\n%s", s.name, s.source, c[4], at)
		}
		used[reason] = true
	}
	for r := range reasons {
		if !used[r] && os.Getenv("HAGEN_READERS") == "required" { // CI's shellcheck: releases differ in what they say
			t.Errorf("gen/%s is disabled, and shellcheck does not say it", r)
		}
	}
}

// noneLeftOut tells of lines that no golden case has.
func noneLeftOut(t *testing.T, scripts map[script]bool) {
	t.Helper()
	lines := map[string]bool{}
	for s := range scripts {
		for line := range strings.Lines(s.text) {
			lines[line] = true
		}
	}
	files, _ := filepath.Glob("control/templates/*.sh.tmpl")
	embedded, _ := filepath.Glob("encode/scripts/*.sh")
	if len(files) == 0 || len(embedded) == 0 {
		t.Fatal("there are no scripts")
	}
	for _, file := range append(files, embedded...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(inTemplate.ReplaceAllString(string(text), "")) {
			if strings.TrimSpace(line) != "" && !strings.Contains(line, "{{") && !lines[line] {
				t.Errorf("%s: no golden case has the line %s", file, line)
			}
		}
	}
}
