// Package verify runs the programs that read a machine's documents, to find
// what they reject. It writes their input to a temporary directory while they
// run.
package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/check"
	"hagen/gen/node"
)

// Machine is a machine's input for the programs.
type Machine struct {
	Node     node.Node
	Ignition []byte // nil if the tree has no such document
	UserData []byte // cloud-init's; likewise
}

// asked is one program that was found, with its input.
type asked struct {
	name, path string
	machine    Machine
	dir        string // temporary, for this machine and program alone
}

// remark is a message of a program.
type remark struct {
	item    string
	line    int
	words   string
	warning bool
}

// programs are the programs that can be run, by their names for --with.
var programs = []struct {
	name, binary string
	ask          func(asked) ([]remark, error)
}{
	{"systemd", "systemd-analyze", systemd},
	{"haproxy", "haproxy", haproxy},
	{"ignition", "ignition-validate", ignition},
	{"keepalived", "keepalived", keepalived},
	{"cloud-init", "cloud-init", cloudInit},
}

// Names lists the programs that can be run.
func Names() []string {
	var out []string
	for _, p := range programs {
		out = append(out, p.name)
	}
	return out
}

// skipped is why a program could not check a machine.
type skipped string

func (s skipped) Error() string { return string(s) }

// Run runs the named programs for every machine. Notes name the programs that
// are not installed, and checks that could not run.
func Run(names []string, machines []Machine, show ...string) (findings []check.Finding, notes []string, err error) {
	for _, p := range programs {
		if !slices.Contains(names, p.name) {
			continue
		}
		path, found := find(p.binary)
		if !found {
			notes = append(notes, p.binary+" is not installed: it was not asked")
			continue
		}
		for _, m := range machines {
			dir, err := os.MkdirTemp("", "hagen-check-")
			if err != nil {
				return nil, nil, fmt.Errorf("no temporary directory: %w", err)
			}
			remarks, err := p.ask(asked{p.name, path, m, dir})
			os.RemoveAll(dir)
			if why, ok := errors.AsType[skipped](err); ok {
				if note := p.binary + " was not asked: " + string(why); !slices.Contains(notes, note) {
					notes = append(notes, note)
				}
				continue
			}
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", p.binary, err)
			}
			for _, r := range remarks {
				findings = append(findings, finding(p.name, p.binary, m.Node, r))
			}
		}
	}
	// Programs quote what they reject: it may be a secret.
	nodes := make([]node.Node, len(machines))
	for i, m := range machines {
		nodes[i] = m.Node
	}
	check.Hide(findings, nodes, show...)
	return findings, notes, nil
}

func finding(name, binary string, n node.Node, r remark) check.Finding {
	f := check.Finding{
		Severity: check.Error, Rule: "with-" + name, Host: n.Name, Item: r.item, Line: r.line, Problem: binary + ": " + r.words,
		Why: "this program reads the file on the machine", Remedy: "write what the program accepts",
	}
	if r.warning {
		f.Severity = check.Warning
	}
	return f
}

// find looks for a program beside hagen, on the PATH, and in the
// administrator's directories.
func find(binary string) (string, bool) {
	if own, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(own), binary); executable(path) {
			return path, true
		}
	}
	for _, name := range []string{binary, "/usr/sbin/" + binary, "/sbin/" + binary} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// patience is the time limit of a program for one machine.
const patience = time.Minute

// run returns a program's output, and whether it accepted its input.
func run(path string, args ...string) (lines []string, content bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	command.WaitDelay = time.Second
	command.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_LOG_COLOR=0", "SYSTEMD_COLORS=0")
	output, err := command.CombinedOutput()
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("did not answer within %v", patience)
	}
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return nil, false, err
	}
	return lines, err == nil, nil
}

// write writes a file below a directory. The path is a document's and may be
// anything: it never leads out.
func write(dir, path string, contents []byte, executable bool) (string, error) {
	mode := os.FileMode(0o600)
	if executable {
		mode = 0o700
	}
	full := filepath.Join(dir, filepath.Clean("/"+path))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return "", err
	}
	return full, os.WriteFile(full, contents, mode)
}

// place finds "file:12:" in a program's output, and removes it.
func place(words, dir string, pattern *regexp.Regexp) (rest, file string, line int) {
	rest = strings.ReplaceAll(words, dir, "")
	m := pattern.FindStringSubmatchIndex(rest)
	if m == nil {
		return rest, "", 0
	}
	file = rest[m[2]:m[3]]
	line, _ = strconv.Atoi(rest[m[4]:m[5]])
	return strings.TrimSpace(rest[:m[0]] + rest[m[1]:]), file, line
}
