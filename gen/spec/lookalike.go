package spec

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// lookalikes maps characters that most fonts draw like an ASCII one to that one:
// Cyrillic, Greek, Armenian, Latin, punctuation (the part of Unicode's
// confusables.txt, UTS 39, that keyboards and word processors produce). pairs has
// each before its ASCII character.
var lookalikes = sync.OnceValue(func() map[rune]rune {
	const pairs = "аaеeоoрpсcуyхxкkіiјjѕsһhԁdԛqԝwӏlьbАAВBЕEЗ3КKМMНHОOРPСCТTУYХXІIЈJЅSӀIԌGЬb" +
		"αaβbγyεeηnιiκkνvοoρpτtυuχxωwϲcϳjΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX" +
		"օoհhոnսuցgզqɑaɡgıiſf‐-‑-‒-–-—-―-−-﹣-․.∕/⁄/꞉:∶:"
	found := map[rune]rune{}
	runes := []rune(pairs)
	for i := 0; i < len(runes); i += 2 {
		found[runes[i]] = runes[i+1]
	}
	return found
})

// asciiOf returns the ASCII character that another one looks like.
func asciiOf(r rune) (rune, bool) {
	if r >= 0xff01 && r <= 0xff5e { // the wide forms of ASCII, in its order
		return r - 0xff01 + '!', true
	}
	plain, found := lookalikes()[r]
	return plain, found
}

// likeness is a word that looks like an ASCII word.
type likeness struct {
	plain  string // the word in ASCII
	letter rune   // the first character that is not ASCII
}

// lookalike reports whether a word is not ASCII but looks like an ASCII word. A
// word of another language does not: some of its letters have no ASCII lookalike.
// Words longer than any field allows are skipped.
func lookalike(word string) (likeness, bool) {
	like := likeness{letter: -1}
	if len(word) > 4096 {
		return like, false
	}
	like.plain = strings.Map(func(r rune) rune {
		plain, found := asciiOf(r)
		if !found {
			return r
		}
		if like.letter < 0 {
			like.letter = r
		}
		return plain
	}, word)
	other := strings.ContainsFunc(like.plain, func(r rune) bool { return r >= utf8.RuneSelf })
	return like, like.letter >= 0 && !other
}

func (l likeness) problem(word string) string {
	what := "character"
	if unicode.IsLetter(l.letter) {
		what = "letter"
	}
	plain, _ := asciiOf(l.letter)
	return fmt.Sprintf("%s holds the %s %U, which only looks like %c", Quote(word), what, l.letter, plain)
}

// looksLike faults a value that is not ASCII but looks like an ASCII one.
func (d *decoder) looksLike(n *yaml.Node, at At) bool {
	like, found := lookalike(n.Value)
	if found {
		at.Column = d.column(n, like.letter)
		d.fault(at, like.problem(n.Value), "type it again: "+short(strings.TrimSpace(like.plain)))
	}
	return found
}

// column returns the column of a character of a node. If the character is not in
// the node's first line, it returns the node's own column.
func (d *decoder) column(n *yaml.Node, r rune) int {
	if d.alias != nil {
		return d.alias.Column
	}
	if n.Line > len(d.lines) {
		return n.Column
	}
	if d.lineNo != n.Line {
		d.lineNo, d.line = n.Line, []rune(d.lines[n.Line-1])
	}
	if n.Column-1 < len(d.line) {
		if i := slices.Index(d.line[n.Column-1:], r); i >= 0 {
			return n.Column + i
		}
	}
	return n.Column
}
