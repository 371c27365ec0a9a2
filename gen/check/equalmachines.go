package check

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// equalityRules are about what machines of a kind have in common.
var equalityRules = []check{
	{across: (*set).drift, warns: true, rules: []rule{
		{ruleMachinesDiffer, Warning, "machines of one kind should behave alike",
			"write the same on all of them, unless the difference is intended"},
	}},
}

// drift compares what several machines of a kind have, apart from each
// machine's own name and addresses. Machines of a kind run the same daemons.
// Those with different binaries are not compared: they are in the middle of an
// upgrade.
func (s *set) drift() {
	kinds := map[string][]*machine{}
	var order []string
	for _, m := range s.machines {
		kind := m.kindOf()
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], m)
	}
	for _, kind := range order {
		if len(kinds[kind]) > 1 {
			compare(kinds[kind])
		}
	}
}

// kindOf returns what a machine runs, in which versions, whether it fetches
// them, and what it has disks for.
func (m *facts) kindOf() string {
	var names []string
	for _, p := range m.processes {
		if _, known := daemons[p.Name]; known && p.Main {
			names = append(names, p.Name)
		}
	}
	for _, n := range m.needs {
		names = append(names, n.Product+" "+n.Version)
	}
	if slices.ContainsFunc(m.Files, node.File.Remote) {
		names = append(names, "fetched")
	}
	// The first line of binaries.sh says whether it brings any.
	names = append(names, lineAt(string(m.files[read.BinariesPath].Contents), 0))
	for _, d := range m.mounts() {
		names = append(names, "on "+d.path)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// held is what one of several machines has of a property; nil if it lacks it.
type held struct {
	machine  *machine
	property *property
}

// compare compares all properties of machines.
func compare(machines []*machine) {
	type id struct{ within, name string }
	found := map[id]map[*machine]*property{}
	holders := map[string]map[*machine]bool{}
	var order []id
	for _, m := range machines {
		for _, f := range m.properties() {
			key := id{f.within, f.name}
			if found[key] == nil {
				found[key] = map[*machine]*property{}
				order = append(order, key)
			}
			if holders[f.within] == nil {
				holders[f.within] = map[*machine]bool{}
			}
			found[key][m], holders[f.within][m] = &f, true
		}
	}
	missing := &gaps{things: map[gap][]string{}}
	for _, key := range order {
		var all []held
		for _, m := range machines {
			if holders[key.within][m] {
				all = append(all, held{m, found[key][m]})
			}
		}
		differ(all, missing)
	}
	for _, g := range missing.order {
		what := missing.things[g]
		if len(what) > 8 {
			what = append(what[:8], fmt.Sprintf("%d more", len(what)-8))
		}
		g.machine.find(ruleMachinesDiffer, read.Whole(g.item), "lacks %s, which %s", own(strings.Join(what, ", ")), own(g.have))
	}
}

// gaps are what machines lack: for one item they are one finding.
type gaps struct {
	order  []gap
	things map[gap][]string
}

type gap struct {
	machine    *machine
	item, have string // "2 others have"
}

// differ reports the machines that deviate from the majority; with no
// majority, all of them.
func differ(all []held, missing *gaps) {
	of := func(text func(property) string) func(held) string {
		return func(h held) string {
			if h.property == nil {
				return "\x00" // which no text holds
			}
			return text(*h.property)
		}
	}
	value := of(func(f property) string { return f.value })
	best, most := common(all, value)
	inAll := shared(all)
	for _, other := range []func(property) string{
		func(f property) string { return f.bare },
		func(f property) string { return f.bareBut(inAll) },
	} {
		if other := of(other); most < len(all) {
			if b, more := common(all, other); more > most || 2*most <= len(all) {
				best, most, value = b, more, other
			}
		}
	}
	if most == len(all) || slices.ContainsFunc(all, held.reported) {
		return
	}
	for _, h := range all {
		if value(h) == best && 2*most > len(all) {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(all), func(o held) bool {
			return value(o) == value(h) || 2*most > len(all) && value(o) != best
		})
		h.report(others, value, missing)
	}
}

// shared returns the lines that all machines have.
func shared(all []held) map[string]bool {
	holders := map[string]int{}
	for at, h := range all {
		if h.property == nil {
			return nil
		}
		for line := range strings.SplitSeq(h.property.value, "\n") {
			if holders[line] == at { // once each
				holders[line] = at + 1
			}
		}
	}
	lines := map[string]bool{}
	for line, n := range holders {
		lines[line] = n == len(all)
	}
	return lines
}

// bareBut is bare, except that the given lines stay whole: a line that all
// machines have, such as a list of all, is not a machine's own.
func (f property) bareBut(lines map[string]bool) string {
	mine, bare := strings.Split(f.value, "\n"), strings.Split(f.bare, "\n")
	if len(mine) != len(bare) {
		return f.bare
	}
	for i := range mine {
		if lines[mine[i]] {
			bare[i] = mine[i]
		}
	}
	return strings.Join(bare, "\n")
}

// reported reports whether another rule has a finding about the place already.
func (h held) reported() bool {
	return h.property != nil && slices.ContainsFunc(h.machine.findings, func(f Finding) bool {
		line := strings.Count(h.property.at.Text[:max(h.property.at.At, 0)], "\n") + 1
		return f.Rule != ruleMachinesDiffer && f.Item == h.property.at.Item && (f.Line == 0 || f.Line == line)
	})
}

// report adds a finding: what a machine has and what the others have.
func (h held) report(others []held, value func(held) string, missing *gaps) {
	who, have, do := fmt.Sprintf("%d others", len(others)), "have", own("do")
	if len(others) == 1 {
		who, have, do = others[0].machine.Name, "has", "does"
	}
	other := others[0].property
	switch {
	case h.property == nil:
		what, g := string(other.shown(other.value)), gap{h.machine, other.at.Item, who + " " + have}
		if other.bare != other.value {
			what = strings.TrimSuffix(other.key, "=")
		}
		if missing.things[g] == nil {
			missing.order = append(missing.order, g)
		}
		missing.things[g] = append(missing.things[g], what)
		return
	case other == nil && strings.HasPrefix(h.property.within, things):
		return // an additional file or unit is not a fault
	case other == nil:
		h.machine.find(ruleMachinesDiffer, h.property.at, "has %s, which %s %s not", h.property.shown(h.property.value), own(who), do)
		return
	}
	for _, d := range unequalLines(value(h), value(others[0])) {
		mine, theirs := lineAt(h.property.value, d.mine), lineAt(other.value, d.theirs)
		if len(others) > 1 && others[1].property != nil && other.value != others[1].property.value {
			theirs = lineAt(value(others[0]), d.theirs) // each with what is its own
		}
		at := h.property.at
		if d.mine >= 0 && at.At <= 0 && strings.Contains(h.property.value, "\n") {
			at = read.Place{Item: at.Item, Text: at.Text, At: offsetOf(at.Text, d.mine)}
		}
		switch {
		case d.mine < 0:
			h.machine.find(ruleMachinesDiffer, read.Whole(at.Item), "lacks %s, which %s %s", other.shownOf(lineAt(other.value, d.theirs), theirs), own(who), own(have))
		case d.theirs < 0:
			h.machine.find(ruleMachinesDiffer, at, "has %s, which %s %s not", h.property.shown(mine), own(who), do)
		default:
			h.machine.find(ruleMachinesDiffer, at, "has %s, %s %s %s", h.property.shown(mine), own(who), own(have), other.shownOf(lineAt(other.value, d.theirs), theirs))
		}
	}
}

// shown returns a value for a message.
func (f property) shown(value string) own { return f.shownOf(value, value) }

// shownOf returns what a message says of a value: for a machine's text, a quote of it.
// The property's key stays, if it is one that systemd or a daemon knows.
func (f property) shownOf(value, said string) own {
	key, of := f.key, f.of
	if of == nil && f.at.At >= 0 { // lines of a file
		of = strings.Split(value, "\n")
	}
	if !f.named {
		key, said = "", key+strings.TrimSpace(said)
	}
	text := key + strings.TrimSpace(said)
	switch end := strings.LastIndexAny(text[:min(len(text), 100)], " ,;="); {
	case len(text) > 100 && end < len(key):
		return "another value"
	case len(text) > 100:
		return own(key + quoteOf(f.at.Item, of, strings.ToValidUTF8(text[len(key):end], "")+"…"))
	case strings.ContainsAny(text, " ") || text == "":
		said := fmt.Sprintf("%q", text)
		return own(`"` + key + quoteOf(f.at.Item, of, said[len(key)+1:len(said)-1]) + `"`)
	}
	return own(key + quoteOf(f.at.Item, of, text[len(key):]))
}

// unequal is a pair of lines that should be equal, counted from 0; -1 is none.
type unequal struct{ mine, theirs int }

// unequalLines returns where two texts differ: line by line if they have
// equally many, else the first lines of the part between an equal beginning
// and end.
func unequalLines(a, b string) (out []unequal) {
	mine, theirs := strings.Split(a, "\n"), strings.Split(b, "\n")
	if len(mine) == len(theirs) {
		for i := range mine {
			if mine[i] != theirs[i] {
				out = append(out, unequal{i, i})
			}
		}
		return out
	}
	begin, short := 0, min(len(mine), len(theirs))
	for begin < short && mine[begin] == theirs[begin] {
		begin++
	}
	end := 0
	for end < short-begin && mine[len(mine)-1-end] == theirs[len(theirs)-1-end] {
		end++
	}
	d := unequal{begin, begin}
	if begin == len(mine)-end {
		d.mine = -1
	}
	if begin == len(theirs)-end {
		d.theirs = -1
	}
	return []unequal{d}
}

// lineAt returns one line of a text, "" for none.
func lineAt(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n < 0 || n >= len(lines) {
		return ""
	}
	return lines[n]
}

// offsetOf returns the offset of the first word of a line.
func offsetOf(text string, n int) int {
	lines := strings.SplitAfter(text, "\n")
	if n >= len(lines) {
		return 0
	}
	return len(strings.Join(lines[:n], "")) + len(lines[n]) - len(strings.TrimLeft(lines[n], " \t"))
}
