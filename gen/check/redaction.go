package check

import (
	"strings"
	"sync"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
)

// Hide removes from findings what may not be shown of machines, but of open items
// all may.
func Hide(findings []Finding, machines []node.Node, open ...string) {
	if len(findings) == 0 {
		return
	}
	s := secrecy{view: redact.ViewOf(machines, open...), shown: map[string]bool{}, hidden: map[string]bool{}}
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
	for i := range findings {
		f := &findings[i]
		if !s.shown[f.Item+"\n"+f.Text] {
			f.Text = ""
		}
		for _, told := range []*string{&f.Problem, &f.Why, &f.Remedy} {
			*told = s.hide(*told)
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
	s.texts = append(s.texts, shown)
	stays := map[string]bool{}
	for line := range strings.SplitSeq(shown, "\n") {
		stays[line] = true
		s.shown[item+"\n"+line] = true
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !stays[line] {
			addWords(s.hidden, line)
			addWords(s.hidden, redact.Unescaped(line))
		}
	}
}

func addWords(into map[string]bool, text string) {
	for _, w := range word().FindAllString(text, -1) {
		into[w] = true
	}
}

// hide replaces words that only hidden lines have. Hagen's own words are no secrets,
// nor are those with one typo, which a finding is about.
func (s *secrecy) hide(told string) string {
	return word().ReplaceAllStringFunc(told, func(w string) string {
		if len(w) < 3 || !s.hidden[w] || s.open()[w] || redact.IsWord(w) {
			return w
		}
		if letters().MatchString(w) && nearest(w, redact.Words()) != "" {
			return w
		}
		return redact.Hidden
	})
}

var (
	// word matches what stands between the characters that may surround a secret.
	word    = lazy.Regexp("[^ \t\r\n\"'`=,;:/@?&()\\[\\]{}<>|\\\\]+")
	letters = lazy.Regexp(`^[A-Za-z-]+$`)
)
