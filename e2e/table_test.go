package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
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

var (
	table  []*row
	adding sync.Mutex
)

// scenario begins one: it will have a line in the table, and its hosts'
// journals are kept if it fails.
func scenario(t *testing.T, title string) *row {
	r := &row{scenario: title, result: "FAILED"}
	adding.Lock()
	table = append(table, r)
	adding.Unlock()
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

// printTable prints it, or appends it to a file: sites that are there at the same
// time have one.
func printTable(path string, total time.Duration) error {
	if len(table) == 0 {
		return nil
	}
	var b strings.Builder
	wide := len("scenario")
	for _, r := range table {
		wide = max(wide, len(r.scenario))
	}
	fmt.Fprintf(&b, "\n%-*s  %-6s  %7s  %s\n", wide, "scenario", "result", "seconds", "figures")
	for _, r := range table {
		fmt.Fprintf(&b, "%-*s  %-6s  %7.1f  %s\n", wide, r.scenario, r.result, r.took.Seconds(), strings.Join(r.figures, "; "))
	}
	fmt.Fprintf(&b, "%.0f s in all\n", total.Seconds())
	if path == "" {
		fmt.Print(b.String())
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(b.String())
	return errors.Join(err, file.Close())
}
