package diff

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"hagen/gen/node"
	"hagen/gen/redact"
)

// files compares the files of one machine.
func (c *comparison) files(before, after []node.File) []Change {
	var changes []Change
	each(before, after, func(f node.File) string { return f.Path }, func(b, a *node.File) {
		change, differs := Change{Details: []Detail{}, Hunks: []Hunk{}}, true
		switch {
		case b == nil:
			change, _ = c.contents(nil, a.Contents)
			change.Details = append(shown(append(access(a.User, a.Group, a.Mode), origin(a)...), KindFile), change.Details...)
			change.How, change.Name = Added, a.Path
		case a == nil:
			change.How, change.Name = Removed, b.Path
		default:
			change, differs = c.contents(b.Contents, a.Contents)
			details := compareFacts(slices.Concat(access(b.User, b.Group, b.Mode), []fact{existing(b)}, origin(b)),
				slices.Concat(access(a.User, a.Group, a.Mode), []fact{existing(a)}, origin(a)))
			change.Details = append(details, change.Details...)
			differs = differs || len(details) > 0
			change.How, change.Name = Changed, a.Path
		}
		if differs {
			change.Kind = KindFile
			changes = append(changes, change)
		}
	})
	return changes
}

// origin is where a file is fetched, and what it has to be then.
func origin(f *node.File) []fact {
	digest := f.Source.Hash
	if kind, value, found := strings.Cut(digest, "-"); found && len(value) > 16 {
		digest = kind + "-" + value[:16] + "…"
	}
	return []fact{{detailFetched, f.Source.URL}, {"digest", digest}}
}

// contents compares what stands in a file. Only twins are looked at: of what
// they do not tell apart, it says no more than that it differs.
func (c *comparison) contents(before, after []byte) (Change, bool) {
	change := Change{Details: []Detail{}, Hunks: []Hunk{}}
	if bytes.Equal(before, after) {
		return change, false
	}
	old, new := c.twin(before), c.twin(after)
	switch {
	case old == new:
		if old == string(before) || new == string(after) {
			return change, false // a twin and the file it was made of
		}
		change.Details = append(change.Details, Detail{What: "a secret that is not identified", How: Replaced})
	case unshowable(old) || unshowable(new):
		change.Details = append(change.Details, Detail{What: "content that cannot be shown", How: Replaced})
	default:
		details, told := byMeaning(old, new)
		change.Details = append(change.Details, details...)
		if !told {
			change.Hunks = hunks(shorten(old), shorten(new))
		}
	}
	return change, true
}

func (c *comparison) twin(contents []byte) string {
	text, known := c.twins[string(contents)]
	if !known {
		text = string(redact.Text(contents))
		c.twins[string(contents)] = text
	}
	return text
}

// unshowable says whether a twin still is no text, or holds the mark of a key
// that its maker did not find: a file that somebody broke.
func unshowable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsRune(text, 0) ||
		strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "AGE-SECRET-KEY-")
}

// pairKeys takes a private key and its certificate, changed together, for one
// change.
func pairKeys(changes []Change) []Change {
	certificate := map[string]int{}
	for i, c := range changes {
		if c.Kind == KindFile && c.How == Changed && hasDetail(c, detailKey) {
			certificate[strings.TrimSuffix(c.Name, path.Ext(c.Name))] = i
		}
	}
	var kept []Change
	gone := map[int]bool{}
	for i, c := range changes {
		stem, isKey := strings.CutSuffix(c.Name, "-key.pem")
		at, paired := certificate[stem]
		if isKey && paired && c.How == Changed && len(c.Details) == 1 && c.Details[0].What == detailPrivateKey {
			changes[at].Also = append(changes[at].Also, c.Name)
			changes[at].Effects = merge(changes[at].Effects, c.Effects)
			gone[i] = true
		}
	}
	for i, c := range changes {
		if !gone[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

func hasDetail(c Change, what string) bool {
	return slices.ContainsFunc(c.Details, func(d Detail) bool { return d.What == what })
}

// fold puts equal changes of several hosts together. Those of the same hosts
// stand together; groups of hosts are in the order of their first host, larger
// ones first.
func fold(hosts []string, changes []Change) []Change {
	var folded []Change
	at := map[string]int{}
	for _, c := range changes {
		key := foldKey(c)
		i, known := at[key]
		if !known {
			at[key] = len(folded)
			folded = append(folded, c)
			continue
		}
		folded[i].Hosts = append(folded[i].Hosts, c.Hosts...)
		folded[i].Context = folded[i].Context || !slices.EqualFunc(folded[i].Hunks, c.Hunks, sameHunk)
	}
	place := map[string]int{}
	for i, h := range hosts {
		place[h] = i
	}
	first := func(c Change) int {
		if len(c.Hosts) == 0 {
			return len(hosts) // what is no machine's stands last
		}
		return place[c.Hosts[0]]
	}
	slices.SortStableFunc(folded, func(a, b Change) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(len(b.Hosts), len(a.Hosts)), slices.Compare(a.Hosts, b.Hosts))
	})
	for i := range folded {
		if folded[i].Hosts == nil {
			folded[i].Hosts = []string{}
		}
	}
	return folded
}

// foldKey is equal for changes that say the same, whatever stands around the
// lines that change.
func foldKey(c Change) string {
	var lines []string
	for _, h := range c.Hunks {
		for _, l := range h.Lines {
			if !strings.HasPrefix(l, " ") {
				lines = append(lines, l)
			}
		}
		lines = append(lines, "")
	}
	return fmt.Sprintf("%q", []any{c.Kind, c.Name, c.How, c.Also, c.Details, lines, c.Effects})
}
