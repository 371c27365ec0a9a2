package diff

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"hagen/gen/lazy"
)

// Heading is what a diff is of.
type Heading struct {
	Cluster       string // "" if it has no name
	Before, After string // how the user wrote the two sides
}

// Style are the marks of a terminal; all empty gives plain text.
type Style struct {
	Bold, Red, Green, Faint, Normal string
}

// In puts a text between a mark and the end of it.
func (s Style) In(mark, text string) string {
	if mark == "" {
		return text
	}
	return mark + text + s.Normal
}

// Text writes a diff for people.
func (d Diff) Text(h Heading, style Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s → %s)\n", style.In(style.Bold, d.title(h, Visible)), Visible(h.Before), Visible(h.After))
	b.WriteString(d.ChangesText(style))
	for _, s := range d.sections(Visible, Visible) {
		b.WriteString(s.text(style))
	}
	return b.String()
}

// ChangesText writes what changes in files, units and the like, by hosts.
func (d Diff) ChangesText(style Style) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	hosts := ""
	for _, c := range d.Changes {
		if now := c.who(Visible); now != hosts {
			hosts = now
			line("\n%s", style.In(style.Bold, hosts))
		}
		mark, color := c.mark(style)
		line("  %s", style.In(color, mark+" "+c.title(Visible)))
		for _, detail := range c.Details {
			line("      %s", detail.phrase(Visible))
		}
		if c.Context {
			line("      %s", style.In(style.Faint, "as on "+Visible(c.Hosts[0])+"; elsewhere other lines stand around it"))
		}
		for _, hunk := range c.Hunks {
			line("      %s", style.In(style.Faint, hunk.Head()))
			for _, l := range hunk.Lines {
				line("      %s", style.In(map[byte]string{'-': style.Red, '+': style.Green, ' ': ""}[l[0]], Visible(l)))
			}
		}
		for _, e := range c.reasons() {
			line("      %s", style.In(style.Faint, "→ "+e.phrase(Visible)))
		}
	}
	return b.String()
}

// text writes a section.
func (s section) text(style Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", style.In(style.Bold, s.title))
	for i, l := range s.lines {
		number := "  "
		if s.numbered {
			number = fmt.Sprintf("  %d. ", i+1)
		}
		fmt.Fprintf(&b, "%s%s\n", number, strings.ReplaceAll(l, "\n", "\n"+strings.Repeat(" ", len(number))))
	}
	return b.String()
}

// Visible replaces what a terminal would act on: names and contents come from
// files that others wrote.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// section is a part of the summary below the changes.
type section struct {
	title    string
	lines    []string
	numbered bool
}

// sections tell what the changes do, in which order, and what to beware of.
func (d Diff) sections(code, prose func(string) string) []section {
	var all []section
	inPlace := section{title: "Applied in place"}
	for _, e := range d.Effects {
		var parts []string
		for _, effect := range e.Effects {
			part := effect.short(code)
			if effect.Action == Reimage {
				part += " (" + effect.Why + ")"
			}
			parts = append(parts, part)
		}
		inPlace.lines = append(inPlace.lines, names(e.Hosts, code)+": "+strings.Join(parts, "; "))
	}
	order := section{title: "Order", numbered: true}
	for _, s := range d.Order {
		order.lines = append(order.lines, s.phrase(code))
	}
	beware := section{title: "Beware"}
	for _, c := range d.Cautions {
		text := prose(c.Text)
		if len(c.Hosts) > 0 {
			text = names(c.Hosts, code) + ": " + text
		}
		beware.lines = append(beware.lines, text)
	}
	instead := section{title: "Re-imaged instead"}
	if len(d.Reimage) > 0 {
		instead.lines = []string{"documents act at the first boot alone; a machine that is made anew takes all of it at once"}
		if len(d.Reimage) > 1 {
			instead.lines = append(instead.lines, "one at a time, the next when the one before serves: "+names(d.Reimage, code))
		}
		if d.masters {
			instead.lines = append(instead.lines, keepData)
		}
		if slices.ContainsFunc(d.Order, func(s Step) bool { return s.Action == Membership || s.Action == Boot || s.Action == SwitchOff }) {
			instead.lines = append(instead.lines, "what the order says of etcd, and of machines that are new or gone, holds here, too")
		}
	}
	for _, s := range []section{inPlace, order, beware, instead} {
		if len(s.lines) > 0 {
			all = append(all, s)
		}
	}
	return all
}

func (d Diff) title(h Heading, code func(string) string) string {
	title := fmt.Sprintf("%d of %d machines change", d.Changed, d.Machines)
	switch {
	case d.Same:
		title = "nothing changes"
	case d.Changed == 1:
		title = fmt.Sprintf("1 of %d machines changes", d.Machines)
	}
	if h.Cluster != "" {
		title = "cluster " + code(h.Cluster) + ": " + title
	}
	return title
}

// maxNames is how many hosts are listed by name.
const maxNames = 10

// names lists hosts, and of many the first and the last.
func names(hosts []string, code func(string) string) string {
	var shown []string
	for i, h := range hosts {
		if len(hosts) <= maxNames || i < 3 {
			shown = append(shown, code(h))
		}
	}
	text := strings.Join(shown, ", ")
	if len(hosts) > maxNames {
		text += fmt.Sprintf(", … %s (%d machines)", code(hosts[len(hosts)-1]), len(hosts))
	}
	return text
}

// reasons are the effects that the title does not tell. That nothing happens is
// worth a word only if nothing else does.
func (c Change) reasons() []Effect {
	if c.Kind == KindMachine {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(c.Effects), func(e Effect) bool { return e.Action == Nothing })
	if len(rest) == 0 {
		return c.Effects[:min(1, len(c.Effects))]
	}
	return rest
}

func (c Change) who(code func(string) string) string {
	if len(c.Hosts) == 0 {
		return "no machine"
	}
	return names(c.Hosts, code)
}

func (c Change) mark(style Style) (mark, color string) {
	switch c.How {
	case Added:
		return "+", style.Green
	case Removed:
		return "-", style.Red
	}
	return "~", style.Bold
}

// title names what changes: a file or unit by itself, else with its kind.
func (c Change) title(code func(string) string) string {
	name := code(c.Name)
	switch c.Kind {
	case KindMachine:
		if c.How == Added {
			return "a new " + c.Name
		}
		return "a " + c.Name + " that is gone"
	case KindGroup, KindUser, KindDisk, KindFilesystem, KindMount, KindDirectory, KindLink:
		name = c.Kind + " " + name
	}
	for _, also := range c.Also {
		name += " and " + code(also)
	}
	if c.How != Changed {
		name += " " + c.How
	}
	return name
}

// word is a name that means nothing but itself in any markup.
var word = lazy.Regexp(`^[A-Za-z][A-Za-z' -]*$`)

// phrase says a detail in words; code marks what is quoted.
func (d Detail) phrase(code func(string) string) string {
	what := d.What
	if !word().MatchString(what) {
		what = code(what)
	}
	quote := func(text string) string {
		if text == "" {
			return "nothing"
		}
		return code(text)
	}
	switch {
	case d.How == Replaced && d.To != "":
		return what + " replaced: " + d.To
	case d.How == Replaced:
		return what + " replaced"
	case d.What == "units" && d.Added != nil:
		return "units: " + names(d.Added, code)
	case d.What == "files":
		return "files: " + d.To
	case len(d.Added)+len(d.Removed) > 0:
		var parts []string
		for _, e := range d.Added {
			parts = append(parts, "+ "+code(e))
		}
		for _, e := range d.Removed {
			parts = append(parts, "- "+code(e))
		}
		return what + " changed: " + strings.Join(parts, ", ")
	case d.How == Changed:
		return what + " changed from " + quote(d.From) + " to " + quote(d.To)
	case d.How == Removed && d.From != "":
		return what + " removed: " + code(d.From)
	case d.To != "":
		return what + " added: " + code(d.To)
	}
	return what + " " + d.How
}

func unitName(unit string) string { return strings.TrimSuffix(unit, ".service") }

// short says an effect without its reason.
func (e Effect) short(code func(string) string) string {
	unit := code(unitName(e.Unit))
	switch e.Action {
	case ByItself:
		return unit + " takes it up by itself"
	case Membership:
		return "etcd has to be told"
	case Reimage:
		return "has to be re-imaged"
	case Boot:
		return "boots for the first time"
	case SwitchOff:
		return "is switched off"
	case Nothing:
		return "nothing happens"
	}
	return unit + " " + string(e.Action) + "s"
}

func (e Effect) phrase(code func(string) string) string { return e.short(code) + ": " + e.Why }

// phrase says a step in words.
func (s Step) phrase(code func(string) string) string {
	text := string(s.Action) + " "
	switch s.Action {
	case Membership:
		text = "tell etcd"
	case Boot, Reimage, SwitchOff:
		text += names(s.Hosts, code)
	default:
		text += code(unitName(s.Unit)) + " on " + names(s.Hosts, code)
	}
	switch {
	case s.OneAtATime && s.Until != "":
		text += ", one at a time: the next when " + s.Until
	case s.OneAtATime:
		text += ", one at a time"
	case s.Until != "":
		text += "; go on when " + s.Until
	}
	for _, c := range s.Commands {
		text += "\n" + code(c)
	}
	if len(s.Flags) > 0 {
		text += "\nits etcd has to be started with what its document does not say:"
		for _, f := range s.Flags {
			text += "\n" + code(f)
		}
	}
	if s.Note != "" && s.Note != keepData { // which is said of all machines
		text += "\n" + s.Note
	}
	return text
}
