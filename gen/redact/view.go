// Package redact says what of a machine may be shown: the lines that hagen can write,
// with the values that clusters have, and keys and certificates as what identifies
// them. All else is counted and has a fingerprint. Twins, comparisons and findings
// show machines by it, and by nothing else.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// Hidden is the first word of what stands for something that is not shown.
const Hidden = "REDACTED"

// View shows machines.
type View struct {
	key  []byte // of fingerprints; nil for none
	open []string
	seen sync.Map // what was shown before, by item and contents
}

// keyPath is a file with a key that all machines of a cluster have, and that leaves
// it never: the one of fingerprints is derived from it.
const keyPath = "/etc/kubernetes/pki/sa.key"

// ViewOf returns a view of machines that shows all lines of the open items: paths of
// files and names of units. If a machine has the cluster's key, fingerprints depend
// on it: who has it not cannot try what a line may have been.
func ViewOf(machines []node.Node, open ...string) *View {
	v := &View{open: open}
	for _, n := range machines {
		for _, f := range n.Files {
			if f.Path != keyPath {
				continue
			}
			if block, _ := pem.Decode(f.Contents); block != nil {
				sum := sha256.Sum256(slices.Concat([]byte("hagen: fingerprints in twins\n"), block.Bytes))
				v.key = sum[:]
				return v
			}
		}
	}
	return v
}

// Keyed reports whether fingerprints depend on the cluster's key.
func (v *View) Keyed() bool { return v.key != nil }

// File returns what may be shown of a file.
func (v *View) File(path string, contents []byte) []byte {
	return []byte(v.item(path, string(contents), path))
}

// Unit returns what may be shown of a unit's text.
func (v *View) Unit(name, contents string) string { return v.item(name, contents, name) }

// DropIn returns what may be shown of a unit's drop-in, which may have the lines of
// the unit.
func (v *View) DropIn(unit string, d node.DropIn) string {
	return v.item(unit, d.Contents, unit, d.Path(unit))
}

// Comment returns what may be shown of a comment in a document.
func (v *View) Comment(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(v.item(ItemComment, text), "\n")
	for i := range lines {
		if IsMark(lines[i]) {
			lines[i] = strings.TrimPrefix(lines[i], "# ") // it stands in a comment already
		}
	}
	return strings.Join(lines, "\n")
}

// item shows a text by the record's lines for an item. It is open if one of the names
// is.
func (v *View) item(item, text string, names ...string) string {
	type seen struct {
		item, text string
		open       bool
	}
	this := seen{item, text, slices.ContainsFunc(names, func(n string) bool { return slices.Contains(v.open, n) })}
	if shown, known := v.seen.Load(this); known {
		return shown.(string)
	}
	text = facts(text)
	shown := v.lines(item, text, this.open && !holdsKey(text))
	v.seen.Store(this, shown)
	return shown
}

// lines shows the lines of a text that hagen can write, or if it is open, all that
// hold no secret of the kinds that documents have. Each run of others is one line.
func (v *View) lines(item, text string, isOpen bool) string {
	return v.fitting(recorded().of(item), item, text, isOpen)
}

// fitting is lines for those of a shape, nil for none.
func (v *View) fitting(shape *shape, item, text string, isOpen bool) string {
	rest, ended := strings.CutSuffix(text, "\n")
	var out, hidden, blank []string
	close := func() {
		if len(hidden) > 0 {
			out = append(out, v.mark(hidden))
		}
		out, hidden, blank = append(out, blank...), nil, nil
	}
	about := false // the line before is about a certificate
	for line := range strings.SplitSeq(rest, "\n") {
		switch {
		case strings.TrimSpace(line) == "" && len(line) < 80:
			blank = append(blank, line)
			continue
		case markLine().MatchString(line),
			isOpen && !holdsSecret(line),
			shape != nil && (shape.fits(line) || about && detail().MatchString(line)),
			knownFlag(shape, item, line):
			close()
			out = append(out, line)
		default:
			hidden = append(append(hidden, blank...), line)
			blank = nil
		}
		about = len(hidden) == 0 && (strings.HasPrefix(line, node.CertificateMark) || about && detail().MatchString(line))
	}
	close()
	shown := strings.Join(out, "\n")
	if ended {
		shown += "\n"
	}
	return shown
}

var markLine = lazy.Regexp(`^(?:# )?` + Hidden + `: [0-9]+ lines? that (?:is|are) not hagen's, (?:HMAC-)?` + sum + `$`)

// HoldsSecret reports whether a text has a secret of the kinds that documents have. What
// stands for one in a twin is none.
func HoldsSecret(text []byte) bool {
	if !node.HoldsSecret(text) {
		return false
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if holdsSecret(line) {
			return true
		}
	}
	return false
}

// holdsSecret reports whether a line has a secret of the kinds that documents have.
func holdsSecret(line string) bool {
	name, value, _ := strings.Cut(line, ": ")
	return node.HoldsSecret([]byte(line)) && !(name != line && settled().MatchString(value))
}

// holdsKey reports whether a text has a key that was not replaced.
func holdsKey(text string) bool {
	return strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "AGE-SECRET-KEY-")
}

// Like returns what may be shown of a text that should be another: lines of that one,
// with other values.
func (v *View) Like(text, like []byte) []byte {
	s := &shape{}
	for line := range strings.SplitSeq(string(like), "\n") {
		general, _ := generalize(line)
		s.add(general)
	}
	return []byte(v.fitting(s, "", string(text), false))
}

// Count returns how many lines of a text are not hagen's.
func (v *View) Count(text []byte) string {
	return v.mark(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
}

// Unshown lists the items of a machine of which not all lines are shown, by what is
// shown of it.
func Unshown(shown node.Node) (items []string) {
	add := func(item, text string) {
		if slices.ContainsFunc(strings.Split(text, "\n"), IsMark) {
			items = append(items, item)
		}
	}
	for _, f := range shown.Files {
		add(f.Path, string(f.Contents))
	}
	for _, u := range shown.Units {
		add(u.Name, u.Contents)
		for _, d := range u.DropIns {
			add(d.Path(u.Name), d.Contents)
		}
	}
	return items
}

// IsMark reports whether a line stands for others that are not shown.
func IsMark(line string) bool { return markLine().MatchString(line) }

// mark returns the line that stands for others. It is a comment in all that hagen
// writes.
func (v *View) mark(hidden []string) string {
	lines := "line that is"
	if len(hidden) > 1 {
		lines = "lines that are"
	}
	return fmt.Sprintf("# %s: %d %s not hagen's, %s", Hidden, len(hidden), lines, v.fingerprint(strings.Join(hidden, "\n")))
}

// fingerprint identifies a text that is not shown.
func (v *View) fingerprint(text string) string {
	if v.key == nil {
		return "SHA-256 " + fingerprint([]byte(text))
	}
	mac := hmac.New(sha256.New, v.key)
	mac.Write([]byte(text))
	return "HMAC-SHA-256 " + hex.EncodeToString(mac.Sum(nil))
}
