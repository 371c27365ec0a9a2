package check

import (
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
)

// secrecy is what a twin shows of an item, which findings may quote, and the
// words that no twin shows.
type secrecy struct {
	shown, words map[string]bool
	key          bool // the item holds a key: none of its lines is shown
}

// Hide removes from findings what no twin of the machines shows.
func Hide(findings []Finding, machines []node.Node) {
	var all []*machine
	for _, n := range machines {
		all = append(all, &machine{facts: newFacts(Machine{Node: n}, nil, new(texts))})
	}
	hide(findings, all)
}

// hide is Hide for machines that are read already. Checks may quote what they
// read without knowing what of it is secret, also from another machine's item.
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
		for _, text := range []*string{&f.Problem, &f.Why, &f.Remedy} {
			*text = of.hide(*text)
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

// texts returns the texts of a path or unit.
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

// hide replaces secret words. For an unknown item it replaces everything that
// looks like a secret, prose included.
func (of secrecy) hide(text string) string {
	if len(of.shown) == 0 {
		return string(redact.Line([]byte(text)))
	}
	return word().ReplaceAllStringFunc(text, func(w string) string {
		if of.words[w] {
			return redact.Hidden
		}
		return w
	})
}

// word matches what stands between the characters that may surround a secret.
var word = lazy.Regexp("[^ \t\r\n\"'`=,;:/@?&()\\[\\]{}<>|\\\\]+")
