package diff

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/network"
	"hagen/gen/read"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// effects returns what a change does, the strongest first.
func (r *readers) effects(c Change) []Effect {
	switch c.Kind {
	case KindUnit:
		return r.ofUnit(c)
	case KindFile:
		return r.ofFile(c)
	case KindUser, KindGroup, KindDirectory:
		return []Effect{{Action: Reimage, Why: accounts}}
	case KindDisk, KindFilesystem, KindMount:
		return []Effect{{Action: Reimage, Why: disks}}
	}
	return []Effect{{Action: Reimage, Why: "hagen does not know which unit uses it"}}
}

func (r *readers) ofFile(c Change) []Effect {
	if c.only(detailExisting) {
		return []Effect{{Action: Nothing, Why: "matters only at a first boot"}}
	}
	if r.onlyURL(c) {
		return []Effect{{Action: Nothing, Why: "fetched only at a first boot, with the same digest"}}
	}
	for _, name := range []string{c.Name, path.Dir(c.Name) + "/"} {
		if place, known := places[name]; known {
			return []Effect{place}
		}
	}
	if unit := network.ClockUnit(c.Name); unit != "" {
		return []Effect{{Action: Nothing, Why: "read when the NTP client starts: systemctl try-restart " + unit}}
	}
	effects := merge(r.ofBinaries(c), r.ofArtefact(c)...)
	if c.Name == read.BinariesPath || len(effects) > 0 {
		effects = merge(effects, Effect{Nothing, binariesUnit, "runs at every boot"})
	} else {
		effects = merge(effects, r.of(c.Name, map[string]bool{})...)
	}
	if len(effects) == 0 {
		return []Effect{{Action: Nothing, Why: "no unit reads it"}}
	}
	return effects
}

// onlyURL reports whether nothing of a file has changed but the URL that it is fetched
// from.
func (r *readers) onlyURL(c Change) bool {
	return c.only(detailFetched) && facts.FileAt(r.before, c.Name).Source.Same(facts.FileAt(r.after, c.Name).Source)
}

// ofBinaries returns the effects of a new release of binaries.
func (r *readers) ofBinaries(c Change) []Effect {
	var effects []Effect
	for _, d := range c.Details {
		name, isBinary := strings.CutPrefix(d.What, "binary ")
		if isBinary && d.How == Changed && r.has(name+".service") {
			effects = append(effects, Effect{Restart, name + ".service", "to run the new binary"})
		}
	}
	return effects
}

// ofArtefact returns the effects of a new archive or image of binaries, which binaries.sh
// unpacks or systemd-sysext merges.
func (r *readers) ofArtefact(c Change) []Effect {
	var effects []Effect
	for _, s := range read.StepsOf(r.after) {
		if s.Place.Text != c.Name {
			continue
		}
		for _, u := range r.after.Units {
			exec := facts.UnitOf(r.after, u.Name).Program()
			unpacked := slices.Contains(s.Binaries, path.Base(exec))
			merged := s.Does == read.Image && path.Dir(exec) == profiles.SysextBin
			if exec != "" && (unpacked || merged) {
				effects = append(effects, Effect{Restart, u.Name, otherBinary})
			}
		}
	}
	return effects
}

func (r *readers) ofUnit(c Change) []Effect {
	switch {
	case r.timed(c.Name):
		return []Effect{{Nothing, c.Name, byTimer}}
	case c.How == Added:
		return []Effect{{Start, c.Name, "a new unit"}}
	case c.How == Removed:
		return []Effect{{Stop, c.Name, "the unit is removed"}}
	case c.Name == binariesUnit:
		return []Effect{{Nothing, c.Name, "runs at every boot"}}
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
			effects = merge(effects, row)
		case d.What == detailMasked && d.To == "true":
			effects = merge(effects, Effect{Stop, c.Name, "the unit is masked"})
		case d.What == detailMasked:
			effects = merge(effects, Effect{Start, c.Name, "the unit is no longer masked"})
		case d.What == "enabled" && d.To == "true":
			effects = merge(effects, Effect{Start, c.Name, "the unit is enabled"})
		case d.What == "enabled":
			effects = merge(effects, Effect{Stop, c.Name, "the unit is no longer enabled"})
		default:
			effects = merge(effects, Effect{Restart, c.Name, "its unit has changed"})
		}
	}
	return effects
}
