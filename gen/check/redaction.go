package check

import (
	"strings"
	"sync"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
)

// Hide removes from findings what may not be shown of machines, but of open items
// all may. Of a line that is hidden a finding names the place and the fingerprint, and
// quotes nothing.
func Hide(findings []Finding, machines []node.Node, open ...string) {
	if len(findings) == 0 {
		return
	}
	s := secrecy{view: redact.ViewOf(machines, open...), shown: map[string]bool{}, hidden: map[string]bool{}, of: map[string]map[string]bool{}, known: map[[2]string]bool{}}
	s.open = sync.OnceValue(func() map[string]bool {
		words := map[string]bool{}
		for _, text := range s.texts {
			addWords(words, text)
		}
		return words
	})
	for _, n := range machines {
		s.read(n)
	}
	rules := sync.OnceValue(func() map[string]rule { return rulesOf(checks()) })
	for i := range findings {
		f := &findings[i]
		isHidden := f.Text != "" && !s.shown[f.Item+"\n"+f.Text]
		if isHidden {
			f.Column = 0 // within the line
			f.Text = strings.TrimPrefix(strings.TrimSuffix(s.view.Count([]byte(f.Text)), "\n"), "# ")
		}
		remedy, whole := s.message(f.Remedy, isHidden)
		if f.Remedy = remedy; !whole {
			f.Remedy = rules()[f.Rule].remedy
		}
		f.Problem, _ = s.message(f.Problem, isHidden)
		if rules()[f.Rule].name == "" { // of another program, which quotes without marks
			f.Problem = s.without(f.Problem, func(w string) bool { return s.of[f.Item][w] || s.hidden[w] && !s.open()[w] })
		}
	}
}

// secrecy is what of machines may be shown. Checks may quote what they read without
// knowing what of it is secret, also from another machine's item.
type secrecy struct {
	view   *redact.View
	shown  map[string]bool        // lines, behind their item
	texts  []string               // what is shown
	open   func() map[string]bool // its words
	hidden map[string]bool        // words of the others

	of    map[string]map[string]bool // those words, by item
	known map[[2]string]bool         // items with their texts that were read
}

// message decides about the quotes in a message. It is whole if all are shown.
func (s *secrecy) message(text string, isHidden bool) (shown string, whole bool) {
	var b strings.Builder
	whole = true
	for {
		before, rest, found := strings.Cut(text, quoteBegins)
		b.WriteString(before)
		if !found {
			return b.String(), whole
		}
		var between string
		between, text, _ = strings.Cut(rest, quoteEnds)
		parts := strings.SplitN(between, quoteGoesOn, 3)
		said := s.quote(parts[0], parts[1], parts[2], isHidden)
		whole = whole && said == parts[2]
		b.WriteString(said)
	}
}

// quote returns what may be shown of a quote: nothing if it is of a hidden line, and
// else not the words that only hidden lines have.
func (s *secrecy) quote(item, lines, text string, isHidden bool) string {
	if lines != "" {
		isHidden = false
		for line := range strings.SplitSeq(lines, "\n") {
			isHidden = isHidden || strings.TrimSpace(line) != "" && !s.shown[item+"\n"+line]
		}
	}
	if isHidden {
		return redact.Hidden
	}
	return s.without(text, func(w string) bool { return s.hidden[w] && !s.open()[w] })
}

// without returns a text with some words hidden.
func (s *secrecy) without(text string, hides func(string) bool) string {
	return word().ReplaceAllStringFunc(text, func(w string) string {
		if hides(w) {
			return redact.Hidden
		}
		return w
	})
}

// read reads all items of a machine.
func (s *secrecy) read(n node.Node) {
	for _, f := range n.Files {
		s.item(f.Path, string(f.Contents), string(s.view.File(f.Path, f.Contents)))
	}
	for _, u := range n.Units {
		s.item(u.Name, u.Contents, s.view.Unit(u.Name, u.Contents))
		for _, d := range u.DropIns {
			s.item(d.Path(u.Name), d.Contents, s.view.DropIn(u.Name, d))
		}
	}
	twin := s.view.Node(n)
	for i, u := range n.Users {
		s.item("", strings.Join(u.SSHKeys, "\n"), strings.Join(twin.Users[i].SSHKeys, "\n"))
	}
	for i, l := range n.Links {
		s.item("", l.Target, twin.Links[i].Target)
	}
	for i, f := range n.Files {
		s.item("", f.Source.URL, twin.Files[i].Source.URL)
	}
	for i, m := range n.Mounts {
		s.item("", strings.Join(m.Options, "\n"), strings.Join(twin.Mounts[i].Options, "\n"))
	}
	for i, f := range n.Filesystems {
		s.item("", strings.Join(f.Options, "\n"), strings.Join(twin.Filesystems[i].Options, "\n"))
	}
}

// item reads a text, and what is shown of it.
func (s *secrecy) item(item, text, shown string) {
	if s.known[[2]string{item, text}] {
		return
	}
	s.known[[2]string{item, text}] = true
	s.texts = append(s.texts, shown)
	stays := map[string]bool{}
	if s.of[item] == nil {
		s.of[item] = map[string]bool{}
	}
	for line := range strings.SplitSeq(shown, "\n") {
		stays[line] = true
		s.shown[item+"\n"+line] = true
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !stays[line] {
			for _, into := range []map[string]bool{s.hidden, s.of[item]} {
				addWords(into, line)
				if strings.ContainsAny(line, `\%`) {
					addWords(into, redact.Unescaped(line))
				}
			}
		}
	}
}

func addWords(into map[string]bool, text string) {
	for _, w := range word().FindAllString(text, -1) {
		into[w] = true
	}
}

// word matches what stands between the characters that may surround a secret.
var word = lazy.Regexp("[^ \t\r\n\"'`=,;:/@?&()\\[\\]{}<>|\\\\]+")
