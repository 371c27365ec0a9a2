package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// row is a line of the table at the end.
type row struct {
	scenario string
	result   string
	took     time.Duration
	figures  []string
	repeated bool // in several rounds: docs/failover.md has the median
}

var table []*row

// scenario begins one: it will have a line in the table, and its hosts'
// journals are kept if it fails.
func scenario(t *testing.T, title string) *row {
	r := &row{scenario: title, result: "FAILED"}
	table = append(table, r)
	begin := time.Now()
	t.Cleanup(func() {
		r.took = time.Since(begin)
		if t.Failed() {
			saveJournals(t)
			return
		}
		r.result = "ok"
	})
	return r
}

// figure puts a measured time into the table.
func (r *row) figure(t *testing.T, name string, value time.Duration) {
	text := fmt.Sprintf("%s %.1f s", name, value.Seconds())
	t.Log(text)
	r.figures = append(r.figures, text)
}

// note puts something counted into the table.
func (r *row) note(t *testing.T, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.Log(text)
	r.figures = append(r.figures, text)
}

func printTable(total time.Duration) {
	if len(table) == 0 {
		return
	}
	wide := len("scenario")
	for _, r := range table {
		wide = max(wide, len(r.scenario))
	}
	fmt.Printf("\n%-*s  %-6s  %7s  %s\n", wide, "scenario", "result", "seconds", "figures")
	for _, r := range table {
		fmt.Printf("%-*s  %-6s  %7.1f  %s\n", wide, r.scenario, r.result, r.took.Seconds(), strings.Join(r.figures, "; "))
	}
	fmt.Printf("%.0f s in all\n", total.Seconds())
}
