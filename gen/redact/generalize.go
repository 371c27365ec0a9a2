package redact

import (
	"maps"
	"slices"
	"strings"

	"hagen/gen/lazy"
)

// Names in a cluster file from which lines are recorded begin with one of these, so
// that a line's own words are told from the cluster's.
const (
	OwnName   = "zq-"
	OwnDevice = "zqd"
)

// Recorder makes the record anew from what was rendered. Tests use it.
type Recorder struct{ lines map[string]map[string]bool }

// NewRecorder returns a recorder that has the lines of the present record.
func NewRecorder() *Recorder {
	r := &Recorder{lines: map[string]map[string]bool{}}
	for item, s := range recorded().exact {
		for line := range strings.SplitSeq(s.text, "\n") {
			r.put(item, line)
		}
	}
	return r
}

func (r *Recorder) put(item, line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	if r.lines[item] == nil {
		r.lines[item] = map[string]bool{}
	}
	r.lines[item][line] = true
}

var versioned = lazy.Regexp(`[0-9]+\.[0-9]+\.[0-9]+`)

// Add adds the lines of an item, whose facts were replaced. It returns words that have
// a name in them but are no value of a known kind.
func (r *Recorder) Add(item, text string) (unknown []string) {
	for _, part := range []string{OwnName, OwnDevice} {
		for _, w := range wordsOf(item) {
			if strings.Contains(w.text, part) {
				item = ownPart().ReplaceAllString(item, "*")
			}
		}
	}
	item = macPart().ReplaceAllString(item, "*$1")
	for line := range strings.SplitSeq(text, "\n") {
		if detail().MatchString(line) {
			continue // always behind a certificate's first line
		}
		general, bad := generalize(line)
		if item == "/etc/hosts" || strings.HasPrefix(general, "NTP=") {
			general = hostsPart().ReplaceAllString(general, "«"+kindHosts+"»")
		}
		unknown = append(unknown, bad...)
		r.put(item, general)
	}
	return unknown
}

var (
	ownPart   = lazy.Regexp(`zq(?:-[a-z0-9]+|d[a-z0-9]+)`)
	macPart   = lazy.Regexp(`[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(\.|$)`)
	hostsPart = lazy.Regexp(`«host»(?: «host»)*`)
	members   = lazy.Regexp(`«host»=«URL»(?:,«host»=«URL»)*`)
)

// generalize replaces the values in a line by their kinds.
func generalize(line string) (general string, unknown []string) {
	if i := strings.Index(line, ": "); settled().MatchString(line) {
		return "«" + kindFact + "»", nil
	} else if i >= 0 && settled().MatchString(line[i+2:]) {
		return line[:i+2] + "«" + kindFact + "»", nil
	}
	var b strings.Builder
	for i, w := range wordsOf(line) {
		kind, known := kindOf(w.text)
		switch {
		case i > 0 && strings.IndexByte("$&{", line[w.at-1]) >= 0: // an argument or a stream of a shell
			b.WriteString(w.text)
		case !known:
			unknown = append(unknown, w.text)
		case kind != "":
			b.WriteString("«" + kind + "»")
		default:
			b.WriteString(w.text)
		}
	}
	general = members().ReplaceAllString(b.String(), "«"+kindMembers+"»")
	for _, k := range kinds {
		list := "«" + k.name + "»"
		for _, separator := range []string{",", ";"} {
			for strings.Contains(general, list+separator+list) {
				general = strings.ReplaceAll(general, list+separator+list, list)
			}
		}
	}
	return general, unknown
}

// kindOf returns the kind of a word that is a value, "" for one of hagen's own.
func kindOf(w string) (kind string, known bool) {
	own := strings.Contains(w, OwnName)
	if strings.HasPrefix(w, OwnDevice) {
		return kindDevice, true
	}
	for _, k := range kinds {
		switch {
		case !k.fits(w), k.name == kindDevice, k.name == kindHosts:
		case (k.name == kindHost || k.name == kindImage) && !own && !isAddressed(w) && !versioned().MatchString(w):
		case k.name == kindNumber && isAddressed(w):
		default:
			return k.name, true
		}
	}
	return "", !own
}

// isAddressed reports whether a word is an address, perhaps with a port.
func isAddressed(w string) bool {
	host, _, _ := cutLast(w, ":")
	return isAddress(w) || isHost(w) && isAddress(host)
}

// Text returns the record as its file has it. Items with the same lines are one
// section.
func (r *Recorder) Text() string {
	items := map[string][]string{}
	for _, item := range slices.Sorted(maps.Keys(r.lines)) {
		lines := strings.Join(slices.Sorted(maps.Keys(r.lines[item])), "\n")
		items[lines] = append(items[lines], item)
	}
	var sections []string
	for lines, of := range items {
		sections = append(sections, sectionMark+strings.Join(of, " | ")+"\n"+lines+"\n")
	}
	slices.Sort(sections)
	return strings.Join(sections, "")
}
