package clusterfile

import (
	"strings"
	"unicode"
)

// Command returns a command that the user can paste: a verb of hagen, its words, and the flags
// that name this cluster file and its PKI.
func (p Place) Command(verb string, words ...string) string {
	command := []string{"hagen", verb}
	for _, w := range words {
		command = append(command, Word(w))
	}
	return strings.Join(command, " ") + p.Flags()
}

// Flags returns the flags that name the cluster file and the PKI, where they are not the usual ones.
func (p Place) Flags() (flags string) {
	if p.File != "" && p.File != DefaultName {
		flags = " -f " + Word(p.File)
	}
	if p.PKI != "" {
		flags += " --pki " + Word(p.PKI)
	}
	return flags
}

// Of returns the place of a cluster file, for commands without a PKI.
func Of(file string) Place { return Place{File: file} }

// Word writes a word of a command so that a shell takes it as it is. What others wrote names hosts,
// users and files.
func Word(text string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._:@-+=,", r))
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
