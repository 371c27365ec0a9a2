package check

import (
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
)

// secrecy is what of an item may be told: its lines that a twin shows, and the
// words that no twin does.
type secrecy struct {
	shown, words map[string]bool
	key          bool // what surrounds one is not shown at all
}

// Hide takes out of findings about machines what no twin of them shows.
func Hide(findings []Finding, machines []node.Node) {
	var all []*machine
	for _, n := range machines {
		all = append(all, &machine{facts: newFacts(Machine{Node: n}, nil)})
	}
	hide(findings, all)
}

// hide is Hide for machines that were read. A check tells what it read, and need
// not know what of that was secret; of another machine's item it may, too.
func hide(findings []Finding, machines []*machine) {
	known := map[string]secrecy{}
	for i := range findings {
		f := &findings[i]
		of, found := known[f.Item]
		if !found {
			of = secrecyOf(f.Item, machines)
			known[f.Item] = of
		}
		if of.key || !of.shown[f.Text] {
			f.Text = ""
		}
		for _, told := range []*string{&f.Problem, &f.Why, &f.Remedy} {
			*told = of.hide(*told)
		}
	}
}

// secrecyOf reads an item on all machines.
func secrecyOf(item string, machines []*machine) secrecy {
	of := secrecy{shown: map[string]bool{}, words: map[string]bool{}}
	open := map[string]bool{}
	var texts []string
	for _, m := range machines {
		for _, text := range m.texts(item) {
			if slices.Contains(texts, text) {
				continue
			}
			texts = append(texts, text)
			of.key = of.key || node.HoldsSecret([]byte(text))
			for line := range strings.SplitSeq(string(redact.Line([]byte(text))), "\n") {
				of.shown[line] = true
				for _, w := range word().FindAllString(line, -1) {
					open[w] = true
				}
			}
		}
	}
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if !of.shown[line] {
				for _, w := range word().FindAllString(line, -1) {
					of.words[w] = !open[w]
				}
			}
		}
	}
	return of
}

// texts are those of a path or unit.
func (m *facts) texts(item string) (out []string) {
	if f, found := m.files[item]; found {
		out = append(out, string(f.Contents))
	}
	for _, u := range m.units {
		for _, p := range u.Parts {
			if p.Item == item {
				out = append(out, u.Text())
			}
		}
	}
	return out
}

// hide replaces words that are not to be told. Of what stands in no item that is
// known, all is hidden that looks like a secret, though it may be prose.
func (of secrecy) hide(told string) string {
	if len(of.shown) == 0 {
		return string(redact.Line([]byte(told)))
	}
	return word().ReplaceAllStringFunc(told, func(w string) string {
		if of.words[w] {
			return redact.Hidden
		}
		return w
	})
}

// word is what stands between what may stand around a secret that is named again.
var word = lazy.Regexp("[^ \t\r\n\"'`=,;:/@?&()\\[\\]{}<>|\\\\]+")
