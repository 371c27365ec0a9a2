package verify

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hagen/gen/encode"
	"hagen/gen/lazy"
	"hagen/gen/node"
)

var (
	unitPlace  = lazy.Regexp(`(/etc/systemd/system/[^:\s]+):(\d+):\s*`)
	proxyPlace = lazy.Regexp(`\[([^\]:]*/haproxy\.cfg):(\d+)\]\s*:?\s*`)
	proxyLevel = lazy.Regexp(`^\[([A-Z]+)\]\s*\(\d+\)\s*:\s*(?:config\s*:\s*)?`)
	proxySum   = lazy.Regexp(`(?i)errors? found in configuration|\berror\(s\) found`)
	aliveConf  = lazy.Regexp(`\(([^\s():]*):?\s*Line (\d+)\)\s*`)
)

// systemd has systemd-analyze verify read every unit, in a root directory with
// the document's units, this machine's own and stubs for binaries.
func systemd(a asked) ([]remark, error) {
	if err := copyUnits(a.dir); err != nil {
		return nil, err
	}
	args := []string{"verify", "--man=no", "--root=" + a.dir}
	for _, d := range a.machine.Node.Directories {
		if err := os.MkdirAll(filepath.Join(a.dir, filepath.Clean("/"+d.Path)), 0o700); err != nil {
			return nil, err
		}
	}
	units := slices.Clone(a.machine.Node.Units)
	for _, m := range a.machine.Node.Mounts {
		units = append(units, encode.MountUnit(m))
	}
	for _, u := range units {
		place := path.Join(node.UnitDir, path.Base(u.Name))
		texts := map[string]string{}
		for _, d := range u.DropIns {
			texts[path.Join(place+".d", path.Base(d.Name))] = d.Contents
		}
		if u.Contents != "" {
			texts[place] = u.Contents
			args = append(args, place)
		}
		for place, text := range texts {
			if err := writeUnit(a.dir, place, text); err != nil {
				return nil, err
			}
		}
	}
	lines, content, err := run(a.path, args...)
	var out []remark
	for _, l := range lines {
		words, file, line := place(l, a.dir, unitPlace())
		item := file
		switch {
		case file == "":
			item, _, _ = strings.Cut(words, ":")
		case path.Dir(file) == node.UnitDir:
			item = path.Base(file)
		}
		out = append(out, remark{item, line, words, content})
	}
	return out, err
}

// writeUnit writes a unit, and stubs for the programs that it runs.
func writeUnit(root, place, text string) error {
	if _, err := write(root, place, []byte(text), false); err != nil {
		return err
	}
	for _, program := range programsOf(text) {
		if _, err := write(root, program, []byte("#!/bin/sh\n"), true); err != nil {
			return err
		}
	}
	return nil
}

// copyUnits copies this machine's targets and services, which units name, to a
// root directory.
func copyUnits(root string) error {
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if _, err := os.Stat(dir); err == nil {
			return os.CopyFS(filepath.Join(root, "usr/lib/systemd/system"), unitFiles{os.DirFS(dir)})
		}
	}
	return skipped("this machine has no systemd units to read it with")
}

// unitFiles is a directory without symbolic links, which may lead out of it.
type unitFiles struct{ fs.FS }

func (u unitFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(u.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		if e.Type().IsRegular() || e.IsDir() {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// programsOf lists the programs that a unit runs.
func programsOf(unit string) (out []string) {
	for line := range strings.Lines(unit) {
		key, command, found := strings.Cut(strings.TrimSpace(line), "=")
		words := strings.Fields(strings.TrimLeft(command, "@-:+!|"))
		if found && strings.HasPrefix(key, "Exec") && len(words) > 0 && strings.HasPrefix(words[0], "/") {
			out = append(out, words[0])
		}
	}
	return out
}

// haproxy has HAProxy read its configuration with the files beside it.
func haproxy(a asked) ([]remark, error) {
	const home, config = "/etc/haproxy", "/etc/haproxy/haproxy.cfg"
	cfg := ""
	for _, f := range a.machine.Node.Files {
		if !strings.HasPrefix(f.Path, home+"/") {
			continue
		}
		if bytes.HasPrefix(f.Contents, []byte("certificate, SHA-256 ")) || bytes.HasPrefix(f.Contents, []byte("REDACTED")) {
			return nil, skipped("the documents are redacted, and it needs the certificates")
		}
		full, err := write(a.dir, strings.TrimPrefix(f.Path, home), bytes.ReplaceAll(f.Contents, []byte(home), []byte(a.dir)), false)
		if err != nil {
			return nil, err
		}
		if f.Path == config {
			cfg = full
		}
	}
	if cfg == "" {
		return nil, nil
	}
	// With -q it would print nothing at all.
	lines, content, err := run(a.path, "-c", "-f", cfg)
	var out []remark
	for _, l := range lines {
		level := proxyLevel().FindStringSubmatch(l)
		if level == nil || level[1] == "NOTICE" || proxySum().MatchString(l) {
			continue // about HAProxy itself, or a repetition
		}
		words, _, line := place(strings.TrimPrefix(l, level[0]), a.dir, proxyPlace())
		out = append(out, remark{config, line, words, level[1] == "WARNING"})
	}
	if len(out) == 0 && !content {
		out = []remark{{config, 0, "refuses the configuration: " + strings.Join(lines, "; "), false}}
	}
	return out, err
}

// ignition has ignition-validate read the document. It only warns about unknown
// keys, so any output is a remark.
func ignition(a asked) ([]remark, error) {
	if a.machine.Ignition == nil {
		return nil, nil
	}
	file, err := write(a.dir, "config.ign", a.machine.Ignition, false)
	if err != nil {
		return nil, err
	}
	lines, content, err := run(a.path, file)
	var out []remark
	for _, l := range lines {
		out = append(out, remark{"config.ign", 0, strings.ReplaceAll(l, a.dir+"/", ""), content})
	}
	if len(out) == 0 && !content {
		out = []remark{{"config.ign", 0, "refuses the document", false}}
	}
	return out, err
}

// keepalived has keepalived read its configuration as root, with an interface
// other than the loopback.
func keepalived(a asked) ([]remark, error) {
	const config = "/etc/keepalived/keepalived.conf"
	for _, f := range a.machine.Node.Files {
		if f.Path != config {
			continue
		}
		name := networkInterface()
		if os.Geteuid() != 0 || name == "" {
			return nil, skipped("it reads its configuration only as root, and needs a network interface")
		}
		if _, err := write(a.dir, "interface.conf", []byte("$INTERFACE="+name+"\n$INTERFACE_2="+name+"\n"), false); err != nil {
			return nil, err
		}
		contents := strings.NewReplacer("/run/hagen-keepalived", a.dir, "script_user keepalived_script", "script_user nobody").Replace(string(f.Contents))
		full, err := write(a.dir, "keepalived.conf", []byte(contents), false)
		if err != nil {
			return nil, err
		}
		// Its exit code is useless: 2.2.7 mistakes its own change of user for the
		// death of its parent, and ends with SIGTERM. It prints its errors before.
		lines, _, err := run(a.path, "--config-test", "--use-file="+full)
		var out []remark
		for _, l := range lines {
			words, _, line := place(l, a.dir, aliveConf())
			out = append(out, remark{config, line, words, false})
		}
		return out, err
	}
	return nil, nil
}

func networkInterface() string {
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			return i.Name
		}
	}
	return ""
}

var (
	schemaHead  = lazy.Regexp(`Error:|Cloud config schema (?:errors|deprecations):|Invalid schema: \S+`)
	schemaPlace = lazy.Regexp(`(?:^|, )([a-z_]+(?:\.[a-z0-9_-]+)*): `)
	schemaValue = lazy.Regexp(`\{.*\}|\[.*\]|'[^']{24,}'|"[^"]{24,}"`)
)

// cloudInit has cloud-init validate user-data against its schema. It repeats
// whole values, some of which are keys: hagen leaves these out.
func cloudInit(a asked) ([]remark, error) {
	if a.machine.UserData == nil {
		return nil, nil
	}
	file, err := write(a.dir, "user-data", a.machine.UserData, false)
	if err != nil {
		return nil, err
	}
	lines, content, err := run(a.path, "schema", "--config-file", file)
	words := strings.Join(lines, " ")
	if err != nil || content && !schemaHead().MatchString(words) {
		return nil, err
	}
	words = strings.TrimSpace(schemaHead().ReplaceAllString(words, ""))
	var out []remark
	places := schemaPlace().FindAllStringSubmatchIndex(words, -1)
	for i, p := range places {
		end := len(words)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		said := schemaValue().ReplaceAllString(words[p[1]:end], "…")
		if node.HoldsSecret([]byte(said)) {
			said = "does not match the schema"
		}
		out = append(out, remark{"user-data", 0, words[p[2]:p[3]] + ": " + strings.TrimSpace(said), content})
	}
	if len(out) == 0 {
		out = []remark{{"user-data", 0, "refuses the document", content}}
	}
	return out, nil
}
