// Command flags reads the help text of a component on its standard input and
// prints one line per flag: component, flag, type, default, "deprecated" or
// "-", and the values that the text lists, with tabs between. etcd's help names
// no types, lacks flags and has some that are gone: which flags there are, of
// which type, is read off the source that makes them, in the directories that
// follow. `make flags` runs it on the real binaries; the lines are what
// profiles/flags holds.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 2 || (os.Args[1] == "etcd") == (len(os.Args) == 2) {
		fmt.Fprintln(os.Stderr, "usage: COMPONENT --help | flags COMPONENT\n       etcd --help | flags etcd DIRECTORY...")
		os.Exit(2)
	}
	var flags []flag
	var err error
	if os.Args[1] == "etcd" {
		flags, err = etcd(os.Stdin, os.Args[2:])
	} else {
		flags = kubernetes(os.Stdin)
	}
	if err == nil && len(flags) == 0 {
		err = fmt.Errorf("the help text of %s shows no flag", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "flags:", err)
		os.Exit(1)
	}
	slices.SortFunc(flags, func(a, b flag) int { return strings.Compare(a.name, b.name) })
	for _, f := range flags {
		fmt.Println(strings.Join([]string{os.Args[1], f.name, or(f.kind), or(f.fallback), f.deprecation(), or(strings.Join(f.values(), ","))}, "\t"))
	}
}

type flag struct {
	name, kind, fallback, text string
	takes                      []string // the values that its source names
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return strings.ReplaceAll(s, "\t", " ")
}

// deprecated are the words in which help texts say it of the flag itself.
var deprecated = regexp.MustCompile(`DEPRECATED|Deprecated in v|[Ww]ill be deprecated`)

func (f flag) deprecation() string {
	if deprecated.MatchString(f.text) {
		return "deprecated"
	}
	return "-"
}

// lists are the words before the values that a flag takes. Other lists are
// examples, or a part of what there is.
var lists = []*regexp.Regexp{
	regexp.MustCompile(`Possible values: ([\w., ]+)`),
	regexp.MustCompile(`Known (?:formats|modes) are ([\w,-]+)`),
	regexp.MustCompile(`Comma-delimited list of(?: admission plugins)?: ([\w, ]+)`),
	regexp.MustCompile(`All controllers: ([\w, -]+?) Disabled`),
	regexp.MustCompile(`Supported media types: \[(.*?)\]`),
	regexp.MustCompile(`Use an endpoint reconciler \((.*?)\)`),
	regexp.MustCompile(`Interpret '.*' one of: ([\w|]+)`),
	regexp.MustCompile(`Only supports ([\w, ]+)`),
	regexp.MustCompile(`[Ii]nitial cluster state \((.*?)\)`),
	regexp.MustCompile(`preferred NodeAddressTypes .*\(default \[(.*?)\]\)`),
	regexp.MustCompile(`Permitted formats: (.*?)\. `),
	regexp.MustCompile(`(?:Preferred|Insecure) values: ([\w, ]+)`),
}

var (
	quoted = regexp.MustCompile(`["']([\w-]+)["']`)
	gate   = regexp.MustCompile(`(\w+)=true\|false \(`)
)

// values are those that the source or the text lists.
func (f flag) values() (out []string) {
	out = append(out, f.takes...)
	for _, m := range gate.FindAllStringSubmatch(f.text, -1) {
		out = append(out, m[1])
	}
	for _, list := range lists {
		for _, m := range list.FindAllStringSubmatch(f.text, -1) {
			if words := quoted.FindAllStringSubmatch(m[1], -1); words != nil {
				for _, w := range words {
					out = append(out, w[1])
				}
				continue
			}
			for _, w := range strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(", |", r) }) {
				if w = strings.TrimRight(w, "."); w != "or" && w != "" {
					out = append(out, w)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	// pflag: "      --name type   text (default value)"; a bool shows no type.
	pflagLine    = regexp.MustCompile(`^\s+(?:-\w, )?--([a-z0-9.-]+)(?: (\S+))?(?:\s{2,}(.*))?$`)
	pflagDefault = regexp.MustCompile(`\(default (.*)\)\s*$`)
	// etcd: "  --name 'value'", the text on lines of its own below. Some values
	// lack their quotes.
	etcdLine = regexp.MustCompile(`^  --([a-z0-9-]+)(?: '(.*)'| ([0-9]+))?\s*$`)
)

func kubernetes(help io.Reader) []flag {
	return flags(help, func(line string) (flag, bool) {
		m := pflagLine.FindStringSubmatch(line)
		if m == nil {
			return flag{}, false
		}
		if m[2] == "" {
			m[2] = "bool"
		}
		return flag{name: m[1], kind: m[2], text: m[3]}, true
	}, func(f *flag) {
		if m := pflagDefault.FindStringSubmatch(f.text); m != nil {
			f.fallback = m[1]
		}
	})
}

// etcd gives the flags that its source makes, with what the help says of them.
func etcd(help io.Reader, dirs []string) ([]flag, error) {
	made, err := registered(dirs)
	if err != nil {
		return nil, err
	}
	told := map[string]flag{}
	for _, f := range flags(help, func(line string) (flag, bool) {
		m := etcdLine.FindStringSubmatch(line)
		if m == nil {
			return flag{}, false
		}
		return flag{name: m[1], fallback: m[2] + m[3]}, true
	}, func(*flag) {}) {
		told[f.name] = f
		if _, is := made[f.name]; !is {
			fmt.Fprintf(os.Stderr, "flags: etcd's help has --%s, and its source makes no such flag: left out\n", f.name)
		}
	}
	var out []flag
	for name, r := range made {
		f := told[name]
		f.name, f.kind, f.takes = name, r.kind, r.values
		out = append(out, f)
	}
	return out, nil
}

// flags collects flags with the lines of text below each. A line that begins
// no flag and is not indented ends the text.
func flags(help io.Reader, begin func(string) (flag, bool), finish func(*flag)) []flag {
	var out []flag
	open := false
	lines := bufio.NewScanner(help)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if f, is := begin(line); is {
			out, open = append(out, f), true
			continue
		}
		if open = open && strings.HasPrefix(line, "  "); open {
			out[len(out)-1].text += " " + strings.TrimSpace(line)
		}
	}
	for i := range out {
		finish(&out[i])
	}
	return out
}
