package clusterpki

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/console"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// theft is what hagen pki compromised says: what --json prints.
type theft struct {
	Cluster   string       `json:"cluster"`
	Directory string       `json:"directory"`
	Written   bool         `json:"written"` // with --write
	Changed   bool         `json:"changed"`
	Hosts     []stolenHost `json:"hosts"`
	Renewed   []string     `json:"renewed"` // certificates that have new keys now
	Began     []string     `json:"began"`   // kinds whose rotation begins
	Deliver   []string     `json:"deliver"` // hosts whose documents have the former certificates
	Steps     []theftStep  `json:"steps"`
	Warnings  []string     `json:"warnings"`
	Notes     []string     `json:"notes"`
}

// stolenHost is a host that others have had.
type stolenHost struct {
	Name   string    `json:"name"`
	Role   string    `json:"role"`
	Marked time.Time `json:"marked,omitzero"` // when that was recorded last
	RunsOn bool      `json:"runsOn"`          // it goes on, with new documents
	// Again is the command for one that others have had once more: it has got keys since it was marked.
	Again string      `json:"again,omitempty"`
	Keys  []stolenKey `json:"keys"`
}

// stolenKey is a key that was on it.
type stolenKey struct {
	Item       string    `json:"item"`
	KeyID      string    `json:"keyID"`
	Generation int       `json:"generation,omitempty"` // of what has no certificate
	SharedWith []string  `json:"sharedWith"`           // other hosts that have the item's key
	Gives      string    `json:"gives"`
	Until      time.Time `json:"until,omitzero"` // the end of its certificate
	Rotate     string    `json:"rotate"`         // the kind whose rotation ends what it gives
	Open       bool      `json:"open"`           // it still gives that
	Step       int       `json:"step,omitempty"` // the step that ends it
}

// theftStep is something that has to be done.
type theftStep struct {
	Text     string   `json:"text"`
	Commands []string `json:"commands"`
}

// hostOf says what was on a machine, as far as it is marked, or would be.
func (asked Theft) hostOf(c *cluster.Cluster, items pki.Set, m machine, now time.Time) stolenHost {
	h := stolenHost{Name: m.name, Role: string(m.role), Marked: markedOn(items, m.name), RunsOn: m.runsOn, Again: asked.onceMore(items, m), Keys: []stolenKey{}}
	found := marksOf(items, m.name)
	if h.Marked.IsZero() {
		found = m.keys(c, items)
	}
	for _, s := range found {
		item := items[s.item]
		if item.Request.Kind == pki.Authority && !m.isPKI() {
			continue // it is no key of the machine: it ends what its leaves give
		}
		k := stolenKey{Item: s.item, KeyID: s.key, SharedWith: []string{}, Gives: control.Gives(item.Request), Until: s.until, Rotate: control.KindOf(s.item)}
		for _, other := range control.KeyHolders(c, s.item) {
			if other != m.name {
				k.SharedWith = append(k.SharedWith, other)
			}
		}
		if item.Request.Kind == pki.Leaf {
			k.Rotate = control.KindOf(item.Request.Authority)
		} else {
			k.Generation = ring(item.All()).find(s.key)
		}
		k.Open = open(items, item, s, m.name, now)
		h.Keys = append(h.Keys, k)
	}
	return h
}

// onceMore returns the command for a machine that others have had once more: what it has got since it was marked
// counts for nothing here.
func (asked Theft) onceMore(items pki.Set, m machine) string {
	if markedOn(items, m.name).IsZero() || !slices.ContainsFunc(m.items, func(name string) bool {
		item := items[name]
		if item.Request.Name == "" {
			return false
		}
		_, marked := item.MarkOf(item.All()[0].ID)
		return !marked
	}) {
		return ""
	}
	words := []string{"--write", "--again"}
	if m.runsOn && !m.isPKI() {
		words = append(words, "--runs-on")
	}
	return asked.again([]string{m.name}, words...)
}

// open reports whether a key still gives what it gave: of Secrets it always does, since what it encrypted
// may be kept anywhere.
func open(items pki.Set, item pki.Item, s stolen, host string, now time.Time) bool {
	trusted := func(in pki.Item, is func(pki.Generation) bool) bool { return slices.ContainsFunc(in.Trusted(), is) }
	switch item.Request.Kind {
	case pki.Secret:
		return true
	case pki.KeyPair, pki.Authority:
		return trusted(item, func(g pki.Generation) bool { return g.ID == s.key })
	}
	by := items[item.Request.Authority]
	if !s.until.IsZero() && !now.Before(s.until) {
		return false
	}
	marked := slices.ContainsFunc(by.Marks, func(m pki.Mark) bool { return m.Host == host })
	return !marked || trusted(by, func(g pki.Generation) bool {
		return slices.ContainsFunc(by.Marks, func(m pki.Mark) bool { return m.Host == host && m.Key == g.ID })
	})
}

// ends says when a key does not give anything any more.
func (k stolenKey) ends() string {
	rotated := k.Rotate + " is rotated"
	if k.Step > 0 {
		rotated = fmt.Sprintf("step %d", k.Step)
	}
	switch {
	case !k.Open:
		return "over"
	case k.Rotate == control.KindOf(control.SecretsKey):
		return "for good, of what was written before phase issue of secrets; nothing new after that"
	case k.Until.IsZero():
		return "until " + rotated
	}
	return fmt.Sprintf("until %s, or %s", k.Until.Format(time.DateOnly), rotated)
}

// line says what a key gives, and until when.
func (k stolenKey) line() string {
	shared := ""
	if k.Generation > 1 {
		shared = fmt.Sprintf(" (key %d)", k.Generation)
	}
	if len(k.SharedWith) > 0 {
		shared += " (also on " + strings.Join(k.SharedWith, ", ") + ")"
	}
	return fmt.Sprintf("  %s%s: %s; %s", k.Item, shared, k.Gives, k.ends())
}

// lines says what was on the host.
func (h stolenHost) lines() []string {
	head := fmt.Sprintf("%s, a %s", h.Name, h.Role)
	if !h.Marked.IsZero() {
		head += ", marked on " + day(h.Marked)
	}
	if len(h.Keys) == 0 && !h.Marked.IsZero() {
		return []string{head + ": had keys of which only marks of the authorities that have signed them are left"}
	}
	if len(h.Keys) == 0 {
		return []string{head + ": had no key. Whoever has it can stop traffic, and see who talks to the API servers, when and how much"}
	}
	lines := []string{head + ": had these keys, and whoever has them has the cluster:"}
	for _, k := range h.Keys {
		if line := k.line(); !slices.Contains(lines, line) { // of a second theft
			lines = append(lines, line)
		}
	}
	if h.Again != "" {
		lines = append(lines, fmt.Sprintf("  keys that %s has got since then are not among these. If others have had it since %s: %s", h.Name, h.Marked.UTC().Format(time.RFC3339), h.Again))
	}
	return lines
}

// lines says what has to be done.
func (t theftStep) lines(n int) []string {
	lines := []string{fmt.Sprintf("%d. %s", n, t.Text)}
	for i, command := range t.Commands {
		if i < len(t.Commands)-1 {
			command += " &&" // pasted at once, they stop at the first that fails
		}
		lines = append(lines, "     "+command)
	}
	return lines
}

// report prints it: where nothing is written, on stdout.
func (t theft) report(ui *console.UI, asked Theft) {
	if asked.JSON {
		t.Warnings, t.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(t)
		return
	}
	say := func(line string) { fmt.Fprint(ui.Out, console.Printable(line+"\n")) }
	if asked.Write {
		say = func(line string) { ui.Say("%s", line) }
		t.sayDone(ui)
	}
	for _, h := range t.Hosts {
		for _, line := range h.lines() {
			say(line)
		}
	}
	say("What to do:")
	for i, step := range t.Steps {
		for _, line := range step.lines(i + 1) {
			say(line)
		}
	}
}

// sayDone says what was written.
func (t theft) sayDone(ui *console.UI) {
	if !slices.ContainsFunc(t.Hosts, func(h stolenHost) bool { return len(h.Keys) > 0 || !h.Marked.IsZero() }) {
		ui.Say("nothing is recorded: there was no key")
		return
	}
	if !t.Changed {
		ui.Say("nothing changed: what is to be written was")
		for _, h := range t.Hosts {
			if h.Again != "" {
				ui.Say("if others have had %s since %s: %s", h.Name, h.Marked.UTC().Format(time.RFC3339), h.Again)
			}
		}
		return
	}
	if len(t.Renewed) > 0 {
		ui.Say("renewed %s, with new keys", strings.Join(Folded(t.Renewed), ", "))
	}
	if len(t.Began) > 0 {
		ui.Say("began the rotation of %s", strings.Join(t.Began, ", "))
	}
	if len(t.Deliver) > 0 {
		ui.Say("still to be delivered to %s", strings.Join(t.Deliver, ", "))
	}
}
