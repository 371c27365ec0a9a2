package e2e

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// figures are the rows of docs/failover.md: what was measured at each loss
// of power, and which losses count.
var figures = []struct {
	name   string
	target string
	value  func(loss) time.Duration
	counts func(loss) bool
}{
	{"longest gap between writes, new connections; etcd's leader lost", "2.5 s", func(l loss) time.Duration { return l.newConnections }, func(l loss) bool { return l.leader }},
	{"the same; another member lost", "2.5 s", func(l loss) time.Duration { return l.newConnections }, func(l loss) bool { return !l.leader }},
	{"longest gap between writes, one HTTP/2 connection; etcd's leader lost", "3.5 s", func(l loss) time.Duration { return l.oneFor }, func(l loss) bool { return l.leader }},
	{"the same; another member lost", "3.5 s", func(l loss) time.Duration { return l.oneFor }, func(l loss) bool { return !l.leader }},
	{"until the endpoints drop the machine", "30 s", func(l loss) time.Duration { return l.endpoints }, func(loss) bool { return true }},
	{"until another machine holds its leases", "20 s", func(l loss) time.Duration { return l.leasesMoved }, func(l loss) bool { return l.leases }},
	{"from power-on until it does all its work again", "", func(l loss) time.Duration { return l.back }, func(loss) bool { return true }},
	{"longest gap between writes while it comes back", "", func(l loss) time.Duration { return l.backGap }, func(loss) bool { return true }},
}

const preface = `# Failover, measured

Written by ` + "`e2e/run figures`" + `; do not edit. Kubernetes %s, three masters and a load
balancer as in docs/first-boot.md, all on one machine with %d processors.

%d times a master lost its power (cable silent, every process killed; each
master in turn) while two clients wrote through the load balancer, five times a
second each, whether or not earlier writes were answered: one over a new
connection each time, one over a single HTTP/2 connection that led to the
machine. After the losses %d writes were acknowledged. None was lost.

`

// writeFigures writes the median and the worst of every figure as a table,
// and what the other scenarios showed.
func writeFigures(path string) error {
	var b strings.Builder
	writes := 0
	for _, l := range losses {
		writes += l.acknowledged
	}
	fmt.Fprintf(&b, preface, os.Getenv("E2E_KUBERNETES"), runtime.NumCPU(), len(losses), writes)
	b.WriteString("| figure | target | median | worst | losses |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range figures {
		var values []time.Duration
		for _, l := range losses {
			if f.counts(l) {
				values = append(values, f.value(l))
			}
		}
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		fmt.Fprintf(&b, "| %s | %s | %.1f s | %.1f s | %d |\n", f.name, f.target,
			values[len(values)/2].Seconds(), values[len(values)-1].Seconds(), len(values))
	}
	b.WriteString("\n| scenario | figures |\n| --- | --- |\n")
	for _, r := range table {
		if !strings.HasPrefix(r.scenario, "3 ") {
			_, name, _ := strings.Cut(r.scenario, " ")
			fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(r.figures, "; "))
		}
	}
	fmt.Print("\n", b.String())
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
