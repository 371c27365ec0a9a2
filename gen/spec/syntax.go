package spec

import (
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"hagen/gen/lazy"
)

// failure is an error of the YAML reader, with its positions.
type failure struct {
	says  string // problem and context, in the reader's words
	begin At     // where the construct begins that cannot be read
	stop  At     // where the reader stopped
}

// failureOf reads where the YAML reader stopped. Its error names only a line, the
// wrong one for some errors; its marks are right to the column but not exported. A
// test checks this with the release of yaml.v3 in use; without the marks the
// position is the top of the file. go.yaml.in/yaml/v4 exports them, but accepts
// what other readers refuse: names of any length, a tab after a dash.
func failureOf(decoder *yaml.Decoder, err error) failure {
	f := failure{says: err.Error(), begin: At{Line: 1, Column: 1}, stop: At{Line: 1, Column: 1}}
	reader := reflect.ValueOf(decoder).Elem().FieldByName("parser").Elem()
	scanner, event := reader.FieldByName("parser"), reader.FieldByName("event")
	if !scanner.IsValid() || !event.IsValid() {
		return f
	}
	if scanner.FieldByName("problem").Len() == 0 { // found after reading: an alias
		f.stop = mark(event.FieldByName("start_mark"))
		f.begin = f.stop
		return f
	}
	f.says = scanner.FieldByName("problem").String() + " " + scanner.FieldByName("context").String()
	f.stop = mark(scanner.FieldByName("problem_mark"))
	f.begin = f.stop
	if scanner.FieldByName("context").Len() > 0 {
		f.begin = mark(scanner.FieldByName("context_mark"))
	}
	return f
}

// mark turns a position that counts from 0 into one that counts from 1.
func mark(m reflect.Value) At {
	return At{Line: int(m.FieldByName("line").Int()) + 1, Column: int(m.FieldByName("column").Int()) + 1}
}

// syntax turns an error of the YAML reader into words for the user.
func syntax(text []byte, decoder *yaml.Decoder, err error) *Fault {
	f := failureOf(decoder, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	f.begin, f.stop = inside(f.begin, lines), inside(f.stop, lines)
	if fault := traceNear(f, lines); fault != nil {
		return fault
	}
	for _, known := range syntaxFaults {
		if !strings.Contains(f.says, known.says) {
			continue
		}
		fault := &Fault{At: f.stop, Problem: known.problem, Remedy: known.remedy}
		if known.begin {
			fault.At = f.begin
		}
		if known.refine != nil {
			known.refine(fault, f, lines)
		}
		return fault
	}
	return &Fault{At: f.stop, Problem: "the file is not YAML from here on",
		Remedy: "look for a missing colon, quote or space on this line or the one above"}
}

// inside moves a position after the end of the file to the end of its last
// line that is not blank.
func inside(at At, lines []string) At {
	if at.Line <= len(lines) {
		return at
	}
	at.Line = len(lines)
	for at.Line > 1 && strings.TrimSpace(lines[at.Line-1]) == "" {
		at.Line--
	}
	at.Column = 1 + utf8.RuneCountInString(strings.TrimRight(lines[at.Line-1], " \t\r"))
	return at
}

// comment is skipped in the search for traces: it may hold anything.
var comment = lazy.Regexp(`(^|\s)#.*$`)

// traceNear looks for a trace where the reader stopped, where the construct
// begins, and on the line above.
func traceNear(f failure, lines []string) *Fault {
	for _, n := range []int{f.stop.Line, f.begin.Line, f.stop.Line - 1} {
		if n < 1 {
			continue
		}
		line := comment().ReplaceAllString(lines[n-1], "")
		for _, known := range traces {
			if found := known.pattern().FindStringIndex(line); found != nil {
				at := At{Line: n, Column: 1 + utf8.RuneCountInString(line[:found[0]])}
				if known.problem == aTab {
					at.Column = 1 + strings.IndexByte(line, '\t')
				}
				return &Fault{At: at, Problem: known.problem, Remedy: known.remedy}
			}
		}
	}
	return nil
}

// trace returns what the first trace in a text means.
func trace(text string) (problem, remedy string) {
	for _, known := range traces {
		if known.pattern().MatchString(text) {
			return known.problem, known.remedy
		}
	}
	return "", ""
}

// traces are texts and characters on an unreadable line that show what happened.
var traces = []struct {
	pattern         func() *regexp.Regexp
	problem, remedy string
}{
	{lazy.Regexp(`^(<{7}|={7}|>{7}|\|{7})`), leftConflict, "keep one side and remove the marks"},
	{lazy.Regexp(`\{[{%]`), "a template was not filled in", "write the value"},
	{lazy.Regexp(`-----(BEGIN|END) `), "a PEM block is where a field should be", "a cluster file holds no certificates and no keys: remove it"},
	{lazy.Regexp(`[\x{00a0}\x{2007}\x{202f}\x{3000}]`), "a no-break space stands here, which only looks like a space", "write a space"},
	{lazy.Regexp(`[\x{200b}-\x{200f}\x{2060}\x{feff}]`), "an invisible character stands here", "remove it, or write the line again"},
	{lazy.Regexp(`[“”„‘’‚]`), "a typographic quote stands here", `write plain quotes: "`},
	{lazy.Regexp(`^ *\t`), aTab, writeBlanks},
}

// Words that several faults share.
const (
	likeNeighbours = "indent it like its neighbours"
	quoteIt        = "put the whole value in quotes"
	noDirectives   = "remove the line: a cluster file needs none"
	aTab           = "a tab stands here"
	writeBlanks    = "write spaces: YAML allows no tabs here"
	leftConflict   = "a merge conflict was left here"
	noColon        = "a field has no colon"
	writeColon     = "write name: value, with a space after the colon"
)

// syntaxFaults maps the reader's words to words for the user, and says which of the
// two positions to show. The first entry whose text the reader's error contains is
// used. The entries cover all errors of yaml.v3 (scannerc.go, parserc.go and
// decode.go) that encoding has not refused before.
var syntaxFaults = []struct {
	says            string
	begin           bool
	problem, remedy string
	refine          func(*Fault, failure, []string)
}{
	// Constructs that a cluster file does not need; several messages each.
	{says: "directive", problem: "a line that begins with % is an instruction to YAML readers", remedy: noDirectives, begin: true},
	{says: "found incompatible YAML document", problem: "the file is in another version of YAML", remedy: noDirectives},
	{says: "a tag", begin: true, problem: "a value that begins with ! is a YAML tag", remedy: quoteIt + ", or remove the !"},
	{says: "found undefined tag handle", begin: true, problem: "a value that begins with ! is a YAML tag", remedy: quoteIt + ", or remove the !"},
	{says: "scanning an alias", begin: true, problem: "a value that begins with * is an alias in YAML", remedy: quoteIt},
	{says: "scanning an anchor", begin: true, problem: "a value that begins with & is an anchor in YAML", remedy: quoteIt},
	{says: "unknown anchor", problem: "a value that begins with * is an alias in YAML, and the file has no anchor of this name", remedy: quoteIt},
	{says: "block scalar", begin: true, problem: "a value that begins with | or > continues on the lines below", remedy: quoteIt},

	// Quotes.
	{says: "found unexpected end of stream", begin: true, problem: "the quote that opens here is never closed", remedy: "close it"},
	{says: "found unexpected document indicator", begin: true, problem: "the quote that opens here is never closed", remedy: "close it"},
	{says: "quoted scalar", problem: `the text in double quotes has a backslash that is no known escape`, remedy: `write it in single quotes, where \ is an ordinary character`},

	// Brackets and braces.
	{says: "expected ',' or ']'", problem: "a comma is missing before this", remedy: "separate items with commas: [first, second]", refine: unclosed("[", "]")},
	{says: "expected ',' or '}'", problem: "a comma is missing before this", remedy: "separate fields with commas: {name: kubem00, os: fcos}", refine: unclosed("{", "}")},
	{says: "did not find expected node content", problem: "a value is missing here", remedy: "write one, or remove the comma or bracket that asks for it", refine: atEnd},

	// Lines that do not fit together.
	{says: "mapping values are not allowed", problem: "this line has a second colon", remedy: "begin the field on its own line, or put the value in quotes", refine: deeper},
	{says: "could not find expected ':'", begin: true, problem: noColon, remedy: writeColon, refine: longName},
	{says: "sequence entries are not allowed", problem: "a list cannot begin on the line of its field", remedy: "begin it on the next line, or write it in brackets: [first, second]", refine: behindDashes},
	{says: "mapping keys are not allowed", problem: "a question mark is where no field can begin", remedy: quoteIt},
	{says: "expected '-' indicator", problem: "this line is neither an item of the list above nor aligned with the list's field", remedy: likeNeighbours},
	{says: "did not find expected key", problem: "this line fits neither the field above nor a new one", remedy: likeNeighbours, refine: behindValue},
	{says: "did not find expected <document start>", problem: "this follows the end of the YAML document", remedy: "remove it, or " + likeNeighbours},
	{says: "cannot start any token", problem: "no value can begin with this character", remedy: quoteIt, refine: tab},
	{says: "found a tab character", problem: aTab, remedy: writeBlanks},
	{says: "exceeded max depth", problem: "the file is nested too deeply", remedy: "write fewer levels: a cluster file has six"},
}

// tab tells a tab from other characters that cannot begin a value.
func tab(fault *Fault, f failure, lines []string) {
	if strings.HasPrefix(after(lines, f.stop), "\t") {
		fault.Problem, fault.Remedy = aTab, writeBlanks
	}
}

// unclosed tells a bracket that is never closed, or closed by one of another kind,
// from a comma that is missing within one line.
func unclosed(open, closing string) func(*Fault, failure, []string) {
	return func(fault *Fault, f failure, lines []string) {
		rest := after(lines, f.stop)
		if name := lastItem(before(lines, f.stop)); strings.HasPrefix(rest, ":") && utf8.RuneCountInString(name) > maxName {
			fault.At = At{Line: f.stop.Line, Column: f.stop.Column - utf8.RuneCountInString(name)}
			fault.Problem, fault.Remedy = nameTooLong, shortenName
			return
		}
		if strings.IndexAny(rest, "]}") == 0 {
			fault.Problem = "the " + open + " before this is not closed yet"
			fault.Remedy = "close it with " + closing + " first"
			return
		}
		if f.begin.Line == f.stop.Line && strings.Contains(rest, closing) {
			return
		}
		fault.At = f.begin
		fault.Problem = "the " + open + " that opens here is never closed"
		fault.Remedy = "close it with " + closing
	}
}

// maxName is the longest name of a field, in characters: YAML looks no further for
// its colon (YAML 1.2.2, 7.4.2).
const (
	maxName     = 1024
	nameTooLong = "the name of this field is too long: its colon comes after more than 1024 characters"
	shortenName = "shorten it: every field's name is shorter than thirty characters"
)

var colon = lazy.Regexp(`:(\s|$)`)

// longName tells a colon that comes too late from a missing one.
func longName(fault *Fault, f failure, lines []string) {
	rest := after(lines, f.begin)
	if found := colon().FindStringIndex(rest); found != nil && utf8.RuneCountInString(rest[:found[0]]) > maxName {
		fault.Problem, fault.Remedy = nameTooLong, shortenName
	}
}

// lastItem returns what follows the last comma or bracket of a text.
func lastItem(text string) string {
	return strings.TrimLeft(text[strings.LastIndexAny(text, ",{[")+1:], " ")
}

var dashes = lazy.Regexp(`^--- +`)

// behindDashes finds a field or item that begins on the line of a document mark.
func behindDashes(fault *Fault, f failure, lines []string) {
	if mark := dashes().FindString(before(lines, f.stop)); mark != "" {
		fault.At.Column = 1 + len(mark)
		fault.Problem, fault.Remedy = "no field or item can begin on the line of the ---", "begin it on the next line, or remove the ---"
	}
}

// atEnd tells a file that ends within brackets from one with a comma too many.
func atEnd(fault *Fault, f failure, lines []string) {
	if f.stop.Line == len(lines) && after(lines, f.stop) == "" {
		fault.Problem, fault.Remedy = "the file ends here, within a list or a mapping", "close it with ] or }"
	}
}

var fieldStart = lazy.Regexp(`^( *(?:- +)*)[^:"'{\[]+$`)

// deeper tells a line with two colons from one with a single colon: then either
// the line above lacks its colon, or this one is indented too far.
func deeper(fault *Fault, f failure, lines []string) {
	text := before(lines, f.stop)
	m := fieldStart().FindStringSubmatch(text)
	if dashes().MatchString(text) {
		behindDashes(fault, f, lines)
		return
	}
	if m == nil {
		return
	}
	if above, indent, lost := lineAbove(lines, f.stop.Line); lost && indent == len(m[1]) {
		fault.At = At{Line: above, Column: 1 + indent}
		fault.Problem, fault.Remedy = noColon, writeColon
		return
	}
	fault.At.Column = 1 + len(m[1])
	fault.Problem = "this line is indented more than the one above, whose field has a value already"
	fault.Remedy = likeNeighbours
}

var plainLine = lazy.Regexp(`^( *(?:- +)*)[^ "'{\[]`)

// lineAbove finds the last line before this one that is not blank, its indent, and
// whether it is a field that lacks its colon.
func lineAbove(lines []string, line int) (above, indent int, lost bool) {
	for n := line - 1; n > 0; n-- {
		text := strings.TrimRight(comment().ReplaceAllString(lines[n-1], ""), " \r")
		if m := plainLine().FindStringSubmatch(text); m != nil {
			return n, len(m[1]), !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":")
		}
		if text != "" {
			break
		}
	}
	return 0, 0, false
}

// behindValue tells text that follows a value on its line from a line that is
// indented wrongly.
func behindValue(fault *Fault, f failure, lines []string) {
	rest := after(lines, f.stop)
	switch {
	case strings.IndexAny(rest, "]}") == 0:
		fault.Problem, fault.Remedy = "the "+rest[:1]+" closes nothing", "remove it, or add the bracket that opens it"
	case strings.TrimSpace(before(lines, f.stop)) != "":
		fault.Problem, fault.Remedy = "the value before this has already ended", quoteIt
	}
}

// before and after return the text of a line on either side of a position.
func before(lines []string, at At) string {
	line := []rune(lines[at.Line-1])
	return string(line[:min(at.Column-1, len(line))])
}

func after(lines []string, at At) string {
	return strings.TrimPrefix(lines[at.Line-1], before(lines, at))
}
