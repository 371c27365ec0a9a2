package check

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
)

// readUnits reads the units of a machine: the document's, and those that it
// lays as files and links where systemd finds units (systemd.unit(5)).
func (m *machine) readUnits() {
	units := map[string]*node.Unit{}
	parts := map[string][]part{}
	var order []string
	unit := func(name string) *node.Unit {
		if units[name] == nil {
			units[name] = &node.Unit{Name: name}
			order = append(order, name)
		}
		return units[name]
	}
	var twice []node.Unit
	for _, u := range m.Node.Units {
		if units[u.Name] != nil {
			twice = append(twice, u)
			continue
		}
		*unit(u.Name) = u
		for _, d := range u.DropIns {
			parts[u.Name] = append(parts[u.Name], part{item: d.Path(u.Name), text: d.Contents})
		}
	}
	for _, f := range m.Files {
		switch name, place := unitOf(f.Path); place {
		case itself:
			if u := unit(name); u.Contents == "" {
				u.Contents = string(f.Contents)
			}
		case dropIn:
			unit(name)
			parts[name] = append(parts[name], part{item: f.Path, text: string(f.Contents)})
		}
	}
	for _, l := range m.Links {
		switch name, place := unitOf(l.Path); {
		case place == itself && l.Target == "/dev/null":
			unit(name).Masked = true
		case place == wanted:
			unit(name).Enabled = true
		}
	}
	for _, name := range order {
		slices.SortStableFunc(parts[name], func(a, b part) int { return strings.Compare(path.Base(a.item), path.Base(b.item)) })
		own := part{item: name, text: units[name].Contents}
		m.units = append(m.units, parseUnit(*units[name], append([]part{own}, parts[name]...)...))
	}
	for _, u := range twice { // which is said of them
		m.units = append(m.units, parseUnit(u, part{item: u.Name, text: u.Contents}))
	}
}

// What a path below the directory of units is to the unit that it names.
type unitPlace int

const (
	noUnit unitPlace = iota
	itself           // /etc/systemd/system/etcd.service
	dropIn           // etcd.service.d/10-limits.conf
	wanted           // multi-user.target.wants/etcd.service
)

func unitOf(file string) (name string, place unitPlace) {
	below, found := strings.CutPrefix(file, node.UnitDir+"/")
	dir, base := path.Split(below)
	_, isUnit := unitTypes[path.Ext(base)]
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

// masked: what is to run can be started.
func (m *machine) masked(u *unit) {
	if u.Contents != "" {
		m.find(ruleMasked, whole(u.Name), "is masked")
		return
	}
	for _, other := range m.units {
		for _, d := range other.directives {
			if d.section != "Unit" || !slices.Contains(pulls, d.key) {
				continue
			}
			for _, w := range split(d.value, d.valueAt) {
				if w.text == u.Name {
					m.find(ruleMasked, other.place(w.at), "%s= names %s, which is masked", d.key, u.Name)
				}
			}
		}
	}
}

// remedies of what a document says beyond what hagen writes, by a word of it.
var furtherRemedies = []struct{ word, remedy string }{
	{"passwordHash", "give the account a key instead: users in the cluster file"},
	{"without quotes", "write it in quotes: cloud-init would take it for a number or another word"},
	{"ignition.config", "carry the document in a data URL, or write what it says into this one: what is fetched cannot be looked at"},
	{"in Ignition", "write it in the specification of the document that carries it: a later one cannot be looked at"},
	{"kernelArguments", "remove it, and give the argument where the machine is installed or booted"},
}

// further: what the machine is told is what hagen compares and checks.
func (m *machine) further() {
	for _, f := range m.Further {
		item := f.Item
		if item == "" {
			item = "the document"
		}
		found := m.find(ruleFurther, whole(item), "says %s, which hagen does not write", f.Says)
		for _, row := range furtherRemedies {
			if strings.Contains(f.Says, row.word) {
				found.Remedy = row.remedy
			}
		}
	}
	for _, name := range m.differing {
		m.find(ruleFormats, whole(name), "says something else of the machine than the document beside it")
	}
}
