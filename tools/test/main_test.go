package main

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	output := func(test, text string) string {
		return `{"Action":"output","Package":"p","Test":"` + test + `","Output":"` + text + `\n"}` + "\n"
	}
	skip := func(test string, lines ...string) string {
		var b strings.Builder
		for _, l := range append(lines, "--- SKIP: "+test+" (0.00s)") {
			b.WriteString(output(test, l))
		}
		return b.String() + `{"Action":"skip","Package":"p","Test":"` + test + `"}` + "\n"
	}
	for want, events := range map[string]string{
		"": output("TestA", "--- PASS: TestA (0.00s)") + `{"Action":"skip","Package":"p"}` + "\n",
		"skipped: haproxy is not installed (TestA); make setup brings what is not installed": skip("TestA", "    a_test.go:1: a log", "    a_test.go:2: haproxy is not installed"),
		"skipped: only root may (TestA/one, TestB)":                                          skip("TestB", "    b_test.go:1: only root may") + skip("TestA/one", "        A_test.go:1: only root may"),
		"skipped: it takes long (4 of TestA)":                                                skip("TestA/1", "    a_test.go:1: it takes long") + skip("TestA/2", "    a_test.go:1: it takes long") + skip("TestA/3", "    a_test.go:1: it takes long") + skip("TestA/4", "    a_test.go:1: it takes long"),
		"skipped: keys take time (TestScripts/largest)":                                      skip("TestScripts/largest", "    cmd.go:375: keys take time", "    testscript.go:584: WORK=$WORK", "        > skip 'keys take time'"),
		"skipped: for a reason that it does not say (FuzzA/seed#0)":                          skip("FuzzA/seed#0"),
	} {
		r := report{said: map[[2]string]*strings.Builder{}, skipped: map[string]tests{}}
		var out strings.Builder
		if err := r.read(strings.NewReader(events), &out); err != nil || r.line() != want || out.String() != "" {
			t.Errorf("%v, got %q and %q, want %q", err, r.line(), out.String(), want)
		}
	}
}
