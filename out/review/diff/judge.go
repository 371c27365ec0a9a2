package diff

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// judge knows who reads what on one machine.
type judge struct {
	before, after node.Node
	versions      map[string]string // of the binaries that the machine is to have
	named         map[string][]mention
}

// mention is a place where a file is named: by a flag or setting of a unit, or
// by a word in another file.
type mention struct {
	unit, file string // one of them
	by         string
}

func newJudge(before, after node.Node) *judge {
	j := &judge{before: before, after: after, versions: versionsOf(after), named: map[string][]mention{}}
	known := map[string]bool{}
	for _, f := range slices.Concat(before.Files, after.Files) {
		known[f.Path] = true
	}
	for _, u := range after.Units {
		parsed := facts.UnitOf(after, u.Name)
		name := func(path, by string) {
			if known[path] {
				j.named[path] = append(j.named[path], mention{unit: u.Name, by: by})
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
		name(parsed.Program(), program)
		for _, s := range parsed.Settings {
			if by := s.Name; strings.HasPrefix(by, "Exec") && by != "ExecReload" || by == "EnvironmentFile" {
				for _, path := range strings.Fields(strings.Join(s.Values, " ")) {
					// What -f names in a check before the start is what ExecStart reads.
					if !slices.ContainsFunc(j.named[path], func(m mention) bool { return m.unit == u.Name }) {
						name(path, by)
					}
				}
			}
		}
	}
	for _, f := range after.Files {
		j.readFile(f, known)
	}
	return j
}

// readFile finds the files that another one names.
func (j *judge) readFile(f node.File, known map[string]bool) {
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
			j.named[w] = append(j.named[w], mention{file: f.Path, by: by})
		}
	}
}

// effects tells what a change does, the strongest first.
func (j *judge) effects(c Change) []Effect {
	switch c.Kind {
	case KindUnit:
		return j.ofUnit(c)
	case KindFile:
		return j.ofFile(c)
	case KindUser, KindGroup, KindDirectory:
		return []Effect{{Action: Reimage, Why: accounts}}
	case KindDisk, KindFilesystem, KindMount:
		return []Effect{{Action: Reimage, Why: disks}}
	}
	return []Effect{{Action: Reimage, Why: "hagen does not know who uses it"}}
}

func (j *judge) ofFile(c Change) []Effect {
	if c.How == Changed && len(c.Details) == 1 && c.Details[0].What == detailExisting && len(c.Hunks) == 0 {
		return []Effect{{Action: Nothing, Why: "counts at a first boot alone"}}
	}
	if j.elsewhere(c) {
		return []Effect{{Action: Nothing, Why: "fetched at a first boot alone, and the same there"}}
	}
	for _, name := range []string{c.Name, path.Dir(c.Name) + "/"} {
		if place, known := places[name]; known {
			return []Effect{place}
		}
	}
	if unit := network.ClockUnit(c.Name); unit != "" {
		return []Effect{{Action: Nothing, Why: "read when the clock's program starts: systemctl try-restart " + unit}}
	}
	effects := merge(j.ofBinaries(c), j.ofArtefact(c))
	if c.Name == read.BinariesPath || len(effects) > 0 {
		effects = merge(effects, []Effect{{Nothing, binariesUnit, "run at every boot"}})
	} else {
		effects = merge(effects, j.readers(c.Name, map[string]bool{}))
	}
	if len(effects) == 0 {
		return []Effect{{Action: Nothing, Why: "no unit reads it"}}
	}
	return effects
}

// elsewhere says whether nothing of a file is another but the place from which
// it is fetched.
func (j *judge) elsewhere(c Change) bool {
	if c.How != Changed || len(c.Details) != 1 || c.Details[0].What != detailFetched || len(c.Hunks) > 0 {
		return false
	}
	return source(j.before, c.Name).Same(source(j.after, c.Name))
}

func source(n node.Node, place string) node.Source {
	for _, f := range n.Files {
		if f.Path == place {
			return f.Source
		}
	}
	return node.Source{}
}

// ofBinaries: another release of a binary is wanted.
func (j *judge) ofBinaries(c Change) []Effect {
	var effects []Effect
	for _, d := range c.Details {
		name, isBinary := strings.CutPrefix(d.What, "binary ")
		if isBinary && d.How == Changed && j.has(name+".service") {
			effects = append(effects, Effect{Restart, name + ".service", "with the other binary"})
		}
	}
	return effects
}

// ofArtefact: another file with binaries in it is wanted, which binaries.sh
// unpacks or systemd-sysext merges.
func (j *judge) ofArtefact(c Change) []Effect {
	var effects []Effect
	for _, s := range read.StepsOf(j.after) {
		if s.Place.Text != c.Name {
			continue
		}
		for _, u := range j.after.Units {
			exec := facts.UnitOf(j.after, u.Name).Program()
			unpacked := slices.Contains(s.Binaries, path.Base(exec))
			merged := s.Does == read.Image && path.Dir(exec) == profiles.SysextBin
			if exec != "" && (unpacked || merged) {
				effects = append(effects, Effect{Restart, u.Name, otherBinary})
			}
		}
	}
	return effects
}

func (j *judge) has(unit string) bool {
	return slices.ContainsFunc(j.after.Units, func(u node.Unit) bool { return u.Name == unit })
}

// readers tells which units read a file, and what each does when it changes.
func (j *judge) readers(path string, seen map[string]bool) []Effect {
	if seen[path] {
		return nil
	}
	seen[path] = true
	var effects []Effect
	for _, m := range j.named[path] {
		if j.timed(m.unit) {
			effects = merge(effects, []Effect{{Nothing, m.unit, byTimer}})
			continue
		}
		if m.unit != "" {
			effects = merge(effects, []Effect{j.look(m.unit, m.by, Effect{Restart, m.unit, "read when it starts"})})
			continue
		}
		for _, e := range j.readers(m.file, seen) {
			effects = merge(effects, []Effect{j.look(e.Unit, m.by, e)})
		}
	}
	return effects
}

// look finds the row of a reading.
func (j *judge) look(unit, by string, otherwise Effect) Effect {
	if unit == binariesUnit {
		return Effect{Nothing, unit, "run at every boot"}
	}
	for _, r := range readings {
		if r.by != by || r.unit != "" && r.unit != unit {
			continue
		}
		if r.since != "" && !j.isSince(unit, r.since) {
			return Effect{Restart, unit, "read when it starts"}
		}
		return Effect{r.action, unit, r.why}
	}
	return otherwise
}

// isSince says whether the machine's release of a daemon is as new as that.
func (j *judge) isSince(unit, since string) bool {
	have, ok := profiles.ParseVersion(j.versions[strings.TrimSuffix(unit, path.Ext(unit))])
	want, ok2 := profiles.ParseVersion(since + ".0")
	return ok && ok2 && have.Compare(want) >= 0
}

func (j *judge) ofUnit(c Change) []Effect {
	switch {
	case j.timed(c.Name):
		return []Effect{{Nothing, c.Name, byTimer}}
	case c.How == Added:
		return []Effect{{Start, c.Name, "a new unit"}}
	case c.How == Removed:
		return []Effect{{Stop, c.Name, "the unit is gone"}}
	case c.Name == binariesUnit:
		return []Effect{{Nothing, c.Name, "run at every boot"}}
	}
	var effects []Effect
	for _, d := range c.Details {
		row, known := unitSettings[c.Name+" "+d.What]
		if !known {
			row, known = unitSettings[d.What]
		}
		switch {
		case known:
			row.Unit = c.Name
			effects = merge(effects, []Effect{row})
		case d.What == detailMasked && d.To == "true":
			effects = merge(effects, []Effect{{Stop, c.Name, "the unit is masked"}})
		case d.What == detailMasked:
			effects = merge(effects, []Effect{{Start, c.Name, "the unit is not masked any more"}})
		case d.What == "enabled" && d.To == "true":
			effects = merge(effects, []Effect{{Start, c.Name, "the unit is enabled"}})
		case d.What == "enabled":
			effects = merge(effects, []Effect{{Stop, c.Name, "the unit is not enabled"}})
		default:
			effects = merge(effects, []Effect{{Restart, c.Name, "its unit has changed"}})
		}
	}
	return effects
}

// merge keeps the strongest effect on each unit, and beside it that etcd has

// byTimer is what a change of a unit does that runs only when a timer of the
// machine starts it, as the next run reads all anew.
const byTimer = "the next run that its timer starts has it"

// timed says whether a timer of the machine starts a unit (systemd.timer(5),
// Unit=: the one of the same name).
func (j *judge) timed(unit string) bool {
	name, service := strings.CutSuffix(unit, ".service")
	return service && j.has(name+".timer")
}
