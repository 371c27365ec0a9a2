package diff

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// readers are the units and files of a machine that name other files.
type readers struct {
	before, after node.Node
	versions      map[string]string // of binaries
	named         map[string][]mention
}

// mention is where a file is named: in a flag or setting of a unit, or after a word in
// another file.
type mention struct {
	unit, file string // one of them
	by         string
}

func newReaders(before, after node.Node) *readers {
	r := &readers{before: before, after: after, versions: facts.Versions(after), named: map[string][]mention{}}
	known := map[string]bool{}
	for _, f := range slices.Concat(before.Files, after.Files) {
		known[f.Path] = true
	}
	for _, u := range after.Units {
		parsed := facts.UnitOf(after, u.Name)
		name := func(path, by string) {
			if known[path] {
				r.named[path] = append(r.named[path], mention{unit: u.Name, by: by})
			}
		}
		for _, f := range parsed.Flags {
			for _, path := range strings.Split(strings.Join(f.Values, ","), ",") {
				name(path, f.Name)
			}
		}
		for _, path := range parsed.Words {
			name(path, "ExecStart")
		}
		name(parsed.Program(), ofProgram)
		for _, s := range parsed.Settings {
			if by := s.Name; strings.HasPrefix(by, "Exec") && by != "ExecReload" || by == "EnvironmentFile" {
				for _, path := range strings.Fields(strings.Join(s.Values, " ")) {
					// ExecStartPre names the same file for a check.
					if !slices.ContainsFunc(r.named[path], func(m mention) bool { return m.unit == u.Name }) {
						name(path, by)
					}
				}
			}
		}
	}
	for _, f := range after.Files {
		r.readFile(f, known)
	}
	return r
}

// readFile finds the files that a file names.
func (r *readers) readFile(f node.File, known map[string]bool) {
	text := string(f.Contents)
	if !strings.Contains(text, "/") || strings.HasPrefix(text, "-----BEGIN") {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.Contains(line, "/") || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"',=-[]{}", r) && r != '-' })
		for i, w := range words {
			if !known[w] || w == f.Path {
				continue
			}
			by := strings.TrimSuffix(words[max(0, i-1)], ":")
			if strings.HasPrefix(by, "/") { // an interpreter
				by = strings.TrimSuffix(words[0], ":")
			}
			r.named[w] = append(r.named[w], mention{file: f.Path, by: by})
		}
	}
}

// of returns what each unit that reads a file does when it changes.
func (r *readers) of(path string, seen map[string]bool) []Effect {
	if seen[path] {
		return nil
	}
	seen[path] = true
	var effects []Effect
	for _, m := range r.named[path] {
		if r.timed(m.unit) {
			effects = merge(effects, Effect{Nothing, m.unit, byTimer})
			continue
		}
		if m.unit != "" {
			effects = merge(effects, r.look(m.unit, m.by, Effect{Restart, m.unit, "read when it starts"}))
			continue
		}
		for _, e := range r.of(m.file, seen) {
			effects = merge(effects, r.look(e.Unit, m.by, e))
		}
	}
	return effects
}

// look returns the effect of the matching row of readings, or else the given one.
func (r *readers) look(unit, by string, otherwise Effect) Effect {
	if unit == binariesUnit {
		return Effect{Nothing, unit, "runs at every boot"}
	}
	for _, row := range readings {
		if row.by != by || row.unit != "" && row.unit != unit {
			continue
		}
		if row.since != "" && !r.isSince(unit, row.since) {
			return Effect{Restart, unit, "read when it starts"}
		}
		return Effect{row.action, unit, row.why}
	}
	return otherwise
}

// PicksUp reports whether a machine's daemon reads a file that it names in a flag again while
// it runs.
func PicksUp(n node.Node, unit, by string) bool {
	r := readers{versions: facts.Versions(n)}
	return r.look(unit, by, Effect{}).Action == PickUp
}

// isSince reports whether the machine's release of a daemon is at least this one.
func (r *readers) isSince(unit, since string) bool {
	have, ok := profiles.ParseVersion(r.versions[strings.TrimSuffix(unit, path.Ext(unit))])
	want, ok2 := profiles.ParseVersion(since + ".0")
	return ok && ok2 && have.Compare(want) >= 0
}

func (r *readers) has(unit string) bool {
	return slices.ContainsFunc(r.after.Units, func(u node.Unit) bool { return u.Name == unit })
}

// timed reports whether a timer of the machine starts a unit (systemd.timer(5),
// Unit=: the one of the same name).
func (r *readers) timed(unit string) bool {
	name, service := strings.CutSuffix(unit, ".service")
	return service && r.has(name+".timer")
}
