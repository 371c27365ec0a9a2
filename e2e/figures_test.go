package e2e

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measured is a row of docs/failover.md: what it is, how long it should take
// at most, and how long it took each time.
type measured struct {
	name, target string
	values       []time.Duration
}

// of takes a value from each of the items that count.
func of[T any](items []T, counts func(T) bool, value func(T) time.Duration) []time.Duration {
	var values []time.Duration
	for _, item := range items {
		if counts(item) {
			values = append(values, value(item))
		}
	}
	return values
}

// masterFigures are those of masters that lost their power.
func masterFigures() []measured {
	leader := func(l loss) bool { return l.leader }
	other := func(l loss) bool { return !l.leader }
	every := func(loss) bool { return true }
	each := func(l loss) time.Duration { return l.newConnections }
	one := func(l loss) time.Duration { return l.oneFor }
	return []measured{
		{"longest gap between writes, new connections; etcd's leader lost", "2.5 s", of(losses, leader, each)},
		{"the same; another member lost", "2.5 s", of(losses, other, each)},
		{"longest gap between writes, one HTTP/2 connection; etcd's leader lost", "3.5 s", of(losses, leader, one)},
		{"the same; another member lost", "3.5 s", of(losses, other, one)},
		{"until the endpoints drop the machine", "30 s", of(losses, every, func(l loss) time.Duration { return l.endpoints })},
		{"until another machine holds its leases", "20 s", of(losses, func(l loss) bool { return l.leases }, func(l loss) time.Duration { return l.leasesMoved })},
		{"from power-on until it does all its work again", "", of(losses, every, func(l loss) time.Duration { return l.back })},
		{"longest gap between writes while it comes back", "", of(losses, every, func(l loss) time.Duration { return l.backGap })},
	}
}

// balancerFigures are those of machines whose HAProxy clients used.
func balancerFigures() []measured {
	var figures []measured
	for _, layout := range balanced {
		row := func(name, target string, outages []outage, value func(outage) time.Duration) {
			this := func(o outage) bool { return o.layout.Name == layout.Name }
			figures = append(figures, measured{layout.Name + ": " + name, target, of(outages, this, value)})
		}
		each := func(o outage) time.Duration { return o.each }
		one := func(o outage) time.Duration { return o.one }
		back := func(o outage) time.Duration { return max(o.backEach, o.backOne) }
		row("longest gap between writes, new connections; power lost", "2.5 s", powerOutages, each)
		row("the same, one HTTP/2 connection", "3.5 s", powerOutages, one)
		row("longest gap of both while the machine comes back", "1 s", powerOutages, back)
		if layout.VirtualIP == "" {
			row("a kubectl while the machine is off", "", powerOutages, func(o outage) time.Duration { return o.kubectl })
			row("longest gap for who begins at another address; HAProxy hangs", "1 s", hangOutages, func(o outage) time.Duration { return o.other })
			continue
		}
		row("until the virtual IP has moved; power lost", "", powerOutages, func(o outage) time.Duration { return o.moved })
		row("longest gap between writes, new connections; HAProxy hangs", "3 s", hangOutages, each)
		row("the same, one HTTP/2 connection", "4 s", hangOutages, one)
		row("longest gap of both when it goes on", "1 s", hangOutages, back)
	}
	return figures
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

const balancerPreface = `
## Load balancers

%d times the machine whose HAProxy clients used lost its power and came back,
and %d times all processes of that HAProxy hung, with their port open, and went
on. Two such clients wrote ten times a second each. With a virtual IP the
machine is the one that has it. Without one it is the one that clients dial first:
they dial each address that the endpoint's name stands for, in turn, a second
each, and the one with a single connection asks each second whether it
still lives (HTTP/2 PING). kubectl waits longer for an address, a share of 30 s,
and Kubernetes' clients ask after 30 s of silence. A hang without a
virtual IP lasts, for who dials that address first, until it ends. %d writes
were acknowledged. None was lost.

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
	writeTable(&b, masterFigures())
	writes = 0
	for _, o := range append(slices.Clone(powerOutages), hangOutages...) {
		writes += o.acknowledged
	}
	if len(powerOutages) > 0 {
		fmt.Fprintf(&b, balancerPreface, len(powerOutages), len(hangOutages), writes)
		writeTable(&b, balancerFigures())
	}
	b.WriteString("\n## Other scenarios\n\n| scenario | figures |\n| --- | --- |\n")
	for _, r := range table {
		if !r.repeated {
			_, name, _ := strings.Cut(r.scenario, " ")
			fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(r.figures, "; "))
		}
	}
	fmt.Print("\n", b.String())
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func writeTable(b *strings.Builder, figures []measured) {
	b.WriteString("| figure | target | median | worst | times |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range figures {
		if len(f.values) == 0 {
			continue
		}
		slices.Sort(f.values)
		fmt.Fprintf(b, "| %s | %s | %.1f s | %.1f s | %d |\n", f.name, f.target,
			f.values[len(f.values)/2].Seconds(), f.values[len(f.values)-1].Seconds(), len(f.values))
	}
}
