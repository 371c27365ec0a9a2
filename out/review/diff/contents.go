package diff

import (
	"slices"
	"strings"
	"unicode/utf8"

	"hagen/gen/node"
	"hagen/gen/redact"
)

// Shown returns what may be shown of two trees, which is what Of compares: the twins
// of their machines. All lines of open items are shown. Fingerprints of both depend on
// the key of one, so that they can be compared.
func Shown(before, after Side, open ...string) (Side, Side) {
	v := redact.ViewOf(slices.Concat(before.Machines, after.Machines), open...)
	return before.shown(v), after.shown(v)
}

func (s Side) shown(v *redact.View) Side {
	var machines []node.Node
	for _, n := range s.Machines {
		machines = append(machines, v.Node(n))
	}
	s.Machines = machines
	if s.Kubeconfig != nil {
		s.Kubeconfig = v.File(kubeconfigName, s.Kubeconfig)
	}
	if s.Rights != nil {
		s.Rights = v.File(rightsName, s.Rights)
	}
	return s
}

// contents compares what is shown of a file.
func contents(old, new string) (Change, bool) {
	change := Change{Details: []Detail{}, Hunks: []Hunk{}}
	switch {
	case old == new:
		return change, false
	case unshowable(old) || unshowable(new):
		change.Details = append(change.Details, Detail{What: "content that cannot be shown", How: Replaced})
	default:
		details, complete := byMeaning(old, new)
		change.Details = append(change.Details, details...)
		if !complete {
			change.Hunks = Hunks(shorten(old), shorten(new))
		}
	}
	return change, true
}

// unshowable reports whether a text is none: the lines of an open item may be bytes.
func unshowable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsRune(text, 0)
}

// others compares the lines of two texts that stand for those that are not hagen's.
func others(before, after string) []Detail {
	marks := func(text string) (out []string) {
		for line := range strings.SplitSeq(text, "\n") {
			if redact.IsMark(line) {
				out = append(out, strings.TrimPrefix(shorten(line), "# "+redact.Hidden+": "))
			}
		}
		return out
	}
	var details []Detail
	was, is := marks(before), marks(after)
	for _, m := range is {
		if !slices.Contains(was, m) {
			details = append(details, Detail{What: "not shown", How: Added, To: m})
		}
	}
	for _, m := range was {
		if !slices.Contains(is, m) {
			details = append(details, Detail{What: "not shown", How: Removed, From: m})
		}
	}
	return details
}
