// Command test runs go test with its arguments and prints what go test prints.
// One line at the end says which tests were skipped, and why. It needs nothing
// but Go: run it as a file, from the repository's root.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

func main() {
	command := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		fail(err)
	}
	r := report{said: map[[2]string]*strings.Builder{}, skipped: map[string]tests{}}
	if err := r.read(stdout, os.Stdout); err != nil {
		fail(err)
	}
	err = command.Wait()
	if line := r.line(); line != "" {
		fmt.Println(line)
	}
	if ended, ok := err.(*exec.ExitError); ok {
		os.Exit(ended.ExitCode())
	} else if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "test:", err)
	os.Exit(1)
}

// report is what tests say until it is known whether they failed, and why some
// were skipped.
type report struct {
	said    map[[2]string]*strings.Builder
	skipped map[string]tests // by reason
}

// tests are names of tests, each with those of its subtests.
type tests map[string][]string

func (r *report) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.take(e, out)
			} else {
				out.Write(line)
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// passes are lines that tell nothing when a test passes.
var passes = regexp.MustCompile(`^(PASS$|\?\s)`)

func (r *report) take(e event, out io.Writer) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "output", "build-output":
		if e.Test == "" { // of the package: whether it passed, or what broke it
			if !passes.MatchString(strings.TrimSpace(e.Output)) {
				fmt.Fprint(out, e.Output)
			}
			return
		}
		if r.said[key] == nil {
			r.said[key] = &strings.Builder{}
		}
		if !strings.HasPrefix(e.Output, "=== ") {
			r.said[key].WriteString(e.Output)
		}
	case "fail":
		if said := r.said[key]; said != nil {
			fmt.Fprint(out, said.String())
		}
		delete(r.said, key)
	case "skip":
		if e.Test != "" {
			r.skip(e.Test, r.said[key])
		}
		delete(r.said, key)
	case "pass":
		delete(r.said, key)
	}
}

// message is a line that a test prints. A script is skipped by testscript's cmd.go.
var message = regexp.MustCompile(`(?m)^ +([A-Za-z0-9_]+)\.go:[0-9]+: (.*)$`)

func (r *report) skip(test string, said *strings.Builder) {
	why := reasonIn(said)
	if r.skipped[why] == nil {
		r.skipped[why] = tests{}
	}
	name, below, isBelow := strings.Cut(test, "/")
	of := r.skipped[why][name]
	if isBelow && !slices.Contains(of, below) {
		of = append(of, below)
	}
	r.skipped[why][name] = of
}

// reasonIn returns the last message of a skipped test. What follows it in a script is
// the script.
func reasonIn(said *strings.Builder) string {
	why := "for a reason that it does not say"
	if said == nil {
		return why
	}
	for _, found := range message.FindAllStringSubmatch(said.String(), -1) {
		if found[1] != "testscript" && found[2] != "" {
			why = found[2]
		}
	}
	return why
}

// most is how many subtests of a test are named.
const most = 3

func (t tests) String() string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		switch below := t[name]; {
		case len(below) > most:
			names = append(names, fmt.Sprintf("%d of %s", len(below), name))
		case len(below) > 0:
			for _, b := range slices.Sorted(slices.Values(below)) {
				names = append(names, name+"/"+b)
			}
		default:
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// line is empty if no test was skipped.
func (r *report) line() string {
	if len(r.skipped) == 0 {
		return ""
	}
	var parts []string
	missing := ""
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		parts = append(parts, fmt.Sprintf("%s (%s)", why, r.skipped[why]))
		if strings.HasSuffix(why, " is not installed") {
			missing = "; make setup brings what is not installed"
		}
	}
	return "skipped: " + strings.Join(parts, "; ") + missing
}
