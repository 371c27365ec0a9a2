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
	r := report{said: map[[2]string]*strings.Builder{}, skipped: map[string][]string{}}
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
	skipped map[string][]string // names of tests by reason
}

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

// reason is what a test says when it is skipped.
var reason = regexp.MustCompile(`(?m)^ +[a-z0-9_]+_test\.go:[0-9]+: (.*)$`)

func (r *report) skip(test string, said *strings.Builder) {
	why := "for a reason that it does not say"
	if said != nil {
		if found := reason.FindStringSubmatch(said.String()); found != nil {
			why = found[1]
		}
	}
	name, _, _ := strings.Cut(test, "/")
	if !slices.Contains(r.skipped[why], name) {
		r.skipped[why] = append(r.skipped[why], name)
	}
}

// line is empty if no test was skipped.
func (r *report) line() string {
	if len(r.skipped) == 0 {
		return ""
	}
	var parts []string
	missing := ""
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		parts = append(parts, why+" ("+strings.Join(r.skipped[why], ", ")+")")
		if strings.HasSuffix(why, " is not installed") {
			missing = "; make setup brings what is not installed"
		}
	}
	return "skipped: " + strings.Join(parts, "; ") + missing
}
