package read

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
)

// UnitTypes are the suffixes of units, each with the section that it must have
// (systemd.unit(5)).
var UnitTypes = map[string]string{
	".service": "Service", ".socket": "Socket", ".timer": "Timer", ".path": "Path", ".mount": "Mount", ".automount": "Automount",
	".swap": "Swap", ".target": "", ".slice": "", ".scope": "",
}

// unitParts are the units of a machine by name, before they are read.
type unitParts struct {
	units map[string]*node.Unit
	parts map[string][]part // their drop-ins
	order []string
	twice []node.Unit // second units with the name of another
}

// Units reads the units of a machine: the document's, and those that are files
// and links where systemd finds units (systemd.unit(5)). A second one with the
// same name comes last, without drop-ins.
func Units(n node.Node) (out []*Unit) {
	all := gather(n)
	for _, name := range all.order {
		out = append(out, all.read(name))
	}
	for _, u := range all.twice {
		out = append(out, ParseUnit(u))
	}
	return out
}

// UnitOf reads one unit of a machine; nil if it has none of that name.
func UnitOf(n node.Node, name string) *Unit {
	all := gather(n)
	if all.units[name] == nil {
		return nil
	}
	return all.read(name)
}

func gather(n node.Node) unitParts {
	all := unitParts{units: map[string]*node.Unit{}, parts: map[string][]part{}}
	for _, u := range n.Units {
		if all.units[u.Name] != nil {
			all.twice = append(all.twice, u)
			continue
		}
		*all.unit(u.Name) = u
		for _, d := range u.DropIns {
			all.parts[u.Name] = append(all.parts[u.Name], part{Item: d.Path(u.Name), text: d.Contents})
		}
	}
	for _, f := range n.Files {
		switch name, place := placed(f.Path); place {
		case itself:
			if u := all.unit(name); u.Contents == "" {
				u.Contents = string(f.Contents)
			}
		case dropIn:
			all.unit(name)
			all.parts[name] = append(all.parts[name], part{Item: f.Path, text: string(f.Contents)})
		}
	}
	for _, l := range n.Links {
		switch name, place := placed(l.Path); {
		case place == itself && l.Target == "/dev/null":
			all.unit(name).Masked = true
		case place == wanted:
			all.unit(name).Enabled = true
		}
	}
	return all
}

// unit returns the unit with a name, and adds it if there is none.
func (all *unitParts) unit(name string) *node.Unit {
	if all.units[name] == nil {
		all.units[name] = &node.Unit{Name: name}
		all.order = append(all.order, name)
	}
	return all.units[name]
}

// read reads a unit with its drop-ins, in the order of their names.
func (all *unitParts) read(name string) *Unit {
	drops := all.parts[name]
	slices.SortStableFunc(drops, func(a, b part) int { return strings.Compare(path.Base(a.Item), path.Base(b.Item)) })
	own := part{Item: name, text: all.units[name].Contents}
	return parseUnit(*all.units[name], append([]part{own}, drops...)...)
}

// What a path below the directory of units is to the unit that it names.
type unitPlace int

const (
	noUnit unitPlace = iota
	itself           // /etc/systemd/system/etcd.service
	dropIn           // etcd.service.d/10-limits.conf
	wanted           // multi-user.target.wants/etcd.service
)

func placed(file string) (name string, place unitPlace) {
	below, found := strings.CutPrefix(file, node.UnitDir+"/")
	dir, base := path.Split(below)
	_, isUnit := UnitTypes[path.Ext(base)]
	switch of := strings.TrimSuffix(dir, "/"); {
	case !found || strings.Contains(of, "/"):
	case of == "" && isUnit:
		return base, itself
	case path.Ext(of) == ".d" && path.Ext(base) == ".conf":
		return strings.TrimSuffix(of, ".d"), dropIn
	case isUnit && (path.Ext(of) == ".wants" || path.Ext(of) == ".requires"):
		return base, wanted
	}
	return "", noUnit
}
