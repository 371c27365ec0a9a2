package show

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/out/review/diff"
	"hagen/out/review/order"
)

// maxNames is how many hosts are listed by name before the list is shortened.
const maxNames = 10

// hosts lists machines; of many, the first three and the last.
func (m markup) hosts(hosts []string) string {
	var shown []string
	for i, h := range hosts {
		if len(hosts) <= maxNames || i < 3 {
			shown = append(shown, m.code(h))
		}
	}
	text := strings.Join(shown, ", ")
	if len(hosts) > maxNames {
		text += fmt.Sprintf(", … %s (%d machines)", m.code(hosts[len(hosts)-1]), len(hosts))
	}
	return text
}

func unitName(unit string) string { return strings.TrimSuffix(unit, ".service") }

// reasons returns the effects that the title does not have. That nothing happens is shown
// only if there is no other effect.
func reasons(c diff.Change) []diff.Effect {
	if c.Kind == diff.KindMachine {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(c.Effects), func(e diff.Effect) bool { return e.Action == diff.Nothing })
	if len(rest) == 0 {
		return c.Effects[:min(1, len(c.Effects))]
	}
	return rest
}

// who lists the machines that have a change.
func (m markup) who(c diff.Change) string {
	if len(c.Hosts) == 0 {
		return "no machine"
	}
	return m.hosts(c.Hosts)
}

// change names what changes: a file or unit by its name, others with their kind.
func (m markup) change(c diff.Change) string {
	name := m.code(c.Name)
	switch c.Kind {
	case diff.KindMachine:
		if c.How == diff.Added {
			return "a new " + c.Name
		}
		return "a removed " + c.Name
	case diff.KindGroup, diff.KindUser, diff.KindDisk, diff.KindFilesystem, diff.KindMount, diff.KindDirectory, diff.KindLink:
		name = c.Kind + " " + name
	}
	for _, also := range c.KeyFiles {
		name += " and " + m.code(also)
	}
	if c.How != diff.Changed {
		name += " " + c.How
	}
	return name
}

// word is a name without markup.
var word = lazy.Regexp(`^[A-Za-z][A-Za-z' -]*$`)

// detail describes a detail.
func (m markup) detail(d diff.Detail) string {
	what := d.What
	if !word().MatchString(what) {
		what = m.code(what)
	}
	quote := func(text string) string {
		if text == "" {
			return "nothing"
		}
		return m.code(text)
	}
	switch {
	case d.How == diff.Replaced && d.To != "":
		return what + " replaced: " + d.To
	case d.How == diff.Replaced:
		return what + " replaced"
	case d.What == "units" && d.Added != nil:
		return "units: " + m.hosts(d.Added)
	case d.What == "files":
		return "files: " + d.To
	case len(d.Added)+len(d.Removed) > 0:
		var parts []string
		for _, e := range d.Added {
			parts = append(parts, "+ "+m.code(e))
		}
		for _, e := range d.Removed {
			parts = append(parts, "- "+m.code(e))
		}
		return what + " changed: " + strings.Join(parts, ", ")
	case d.How == diff.Changed:
		return what + " changed from " + quote(d.From) + " to " + quote(d.To)
	case d.How == diff.Removed && d.From != "":
		return what + " removed: " + m.code(d.From)
	case d.To != "":
		return what + " added: " + m.code(d.To)
	}
	return what + " " + d.How
}

// effect describes an effect without its reason.
func (m markup) effect(e diff.Effect) string {
	unit := m.code(unitName(e.Unit))
	switch e.Action {
	case diff.PickUp:
		return unit + " picks it up by itself"
	case diff.Membership:
		return "etcd membership has to change"
	case diff.Reimage:
		return "has to be re-imaged"
	case diff.Boot:
		return "boots for the first time"
	case diff.SwitchOff:
		return "is switched off"
	case diff.Nothing:
		return "nothing happens"
	}
	return unit + " " + string(e.Action) + "s"
}

func (m markup) reason(e diff.Effect) string { return m.effect(e) + ": " + e.Why }

// step describes a step.
func (m markup) step(s order.Step) string {
	text := string(s.Action) + " "
	switch s.Action {
	case diff.Membership:
		text = "change etcd membership"
	case diff.Boot, diff.Reimage, diff.SwitchOff:
		text += m.hosts(s.Hosts)
	default:
		text += m.code(unitName(s.Unit)) + " on " + m.hosts(s.Hosts)
	}
	switch {
	case s.OneAtATime && s.WaitFor != "":
		text += ", one at a time: the next when " + s.WaitFor
	case s.OneAtATime:
		text += ", one at a time"
	case s.WaitFor != "":
		text += "; go on when " + s.WaitFor
	}
	for _, c := range s.Commands {
		text += "\n" + m.code(c)
	}
	if len(s.EtcdFlags) > 0 {
		text += "\nstart its etcd with these flags instead of those in its document:"
		for _, f := range s.EtcdFlags {
			text += "\n" + m.code(f)
		}
	}
	if s.Note != "" && s.Note != order.KeepData { // which is shown once, for all machines
		text += "\n" + s.Note
	}
	return text
}
