package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/profiles"
)

func channelsCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:  "channels",
		Usage: "list the ways on which a machine gets its document, with their limits",
		Description: describe("hagen render tells which of them a document is too large for. docs/delivery.md says whose word\n"+
			"each limit is; so does --json.",
			"hagen channels",
			"hagen channels --json | jq -r '.channels[] | [.name, .limit] | @tsv'"),
		Flags: []cli.Flag{jsonFlag("print JSON")},
		Action: func(ctx *cli.Context) error {
			if err := noArguments(ctx); err != nil {
				return err
			}
			if ctx.Bool("json") {
				ui.json(struct {
					Channels []profiles.Channel `json:"channels"`
				}{profiles.Channels()})
				return nil
			}
			rows := [][]string{{"CHANNEL", "BYTES", "COUNTED", "WHAT IT IS"}}
			for _, c := range profiles.Channels() {
				rows = append(rows, []string{c.Name, limit(c), string(c.Counts), c.Summary})
			}
			table(ui.out, rows)
			return nil
		},
	}
}

// limit is a channel's, - for none.
func limit(c profiles.Channel) string {
	if c.Limit == 0 {
		return "-"
	}
	return count(c.Limit)
}

// channelFlag and wrapFlag say on which way documents go, and how.
func channelFlag() cli.Flag {
	return &cli.StringFlag{Name: "channel", Usage: "make documents that fit this `CHANNEL`, wrapped where they must be: " + strings.Join(profiles.ChannelNames(), ", ")}
}

func wrapFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wrap", Usage: "wrap every Ignition document into one that carries it compressed, and give cloud-init's user-data as gzip, too; --wrap=false: none", DisableDefaultText: true}
}

func knownChannel(ctx *cli.Context) error {
	if name := ctx.String("channel"); name != "" {
		if _, known := profiles.FindChannel(name); !known {
			return unknown("channel", name, profiles.ChannelNames())
		}
	}
	return nil
}

// deliver wraps the documents for which that was asked, or that do not fit
// their channel otherwise. One that does not fit even so is the answer no.
func (w *work) deliver(ctx *cli.Context) error {
	channel, _ := profiles.FindChannel(ctx.String("channel")) // without one, all fit
	which := misfits(channel, w.machines)
	if ctx.IsSet("wrap") {
		which = nil
	}
	if ctx.Bool("wrap") {
		which = hostsOf(w.machines)
	}
	wrapped := slices.Clone(w.machines)
	if err := gen.Wrap(wrapped, wrappable(channel, wrapped, which)); err != nil {
		return failed("%w\nThis is a fault of hagen, not of your file; nothing was written.", err)
	}
	if len(misfits(channel, wrapped)) > 0 {
		return w.tooLarge(channel)
	}
	w.machines = wrapped
	return nil
}

// misfits names the machines whose document does not fit a channel.
func misfits(c profiles.Channel, machines []gen.Machine) []string {
	var names []string
	for _, m := range machines {
		if d, found := m.Delivered(); found && !gen.Fits(c, d.Text) {
			names = append(names, m.Host.Name)
		}
	}
	return names
}

// wrappable are those of the named machines whose document can be wrapped for
// a channel.
func wrappable(c profiles.Channel, machines []gen.Machine, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(machines, func(m gen.Machine) bool { return m.Host.Name == name && m.Wraps(c) })
	})
}

func hostsOf(machines []gen.Machine) []string {
	var names []string
	for _, m := range machines {
		names = append(names, m.Host.Name)
	}
	return names
}

// smallest is the algorithm whose keys, certificates and signatures take the
// least room.
const smallest = pki.ECDSAP256

// tooLarge says no, and what would help: each remedy is tried before it is
// named.
func (w *work) tooLarge(c profiles.Channel) error {
	names := misfits(c, w.machines)
	wrapped := slices.Clone(w.machines)
	if err := gen.Wrap(wrapped, wrappable(c, wrapped, names)); err != nil {
		return failed("%w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s takes %s bytes%s, which is too little for %s", c.Name, count(c.Limit), c.Unit(), number(len(names), "document"))
	for i, m := range w.machines {
		if slices.Contains(names, m.Host.Name) {
			plain, _ := m.Delivered()
			small, _ := wrapped[i].Delivered()
			fmt.Fprintf(&b, "\n  %s: %s bytes", m.Host.Name, count(gen.Size(c, plain.Text)))
			if small.Wrapped {
				fmt.Fprintf(&b, "; wrapped %s", count(gen.Size(c, small.Text)))
			} else {
				fmt.Fprintf(&b, "; %s takes no gzip for cloud-init", c.Name)
			}
		}
	}
	remedies, err := w.remedies(c, wrapped)
	if err != nil {
		return err
	}
	if len(remedies) == 0 {
		remedies = []string{"nothing that hagen can do; channels that take these documents wrapped: " + strings.Join(w.wider(wrapped), ", ")}
	}
	fmt.Fprintf(&b, "\nwhat would help:\n  %s\nnothing was written", strings.Join(remedies, "\n  "))
	return no("%s", b.String())
}

// remedies lists what makes all documents fit.
func (w *work) remedies(c profiles.Channel, wrapped []gen.Machine) ([]string, error) {
	var out []string
	if len(misfits(c, wrapped)) == 0 {
		out = append(out, fmt.Sprintf("leave out --wrap=false: wrapped, the largest is %s bytes", count(largest(c, wrapped))))
	}
	if w.cluster.PKI.Algorithm == smallest {
		return out, nil
	}
	trial, err := w.trial(smallest)
	if err != nil {
		return nil, err
	}
	if len(misfits(c, trial)) == 0 {
		return append(out, fmt.Sprintf("pki.algorithm: %s: the largest is %s bytes", smallest, count(largest(c, trial)))), nil
	}
	if err := gen.Wrap(trial, wrappable(c, trial, misfits(c, trial))); err != nil {
		return nil, failed("%w", err)
	}
	if len(misfits(c, trial)) == 0 {
		out = append(out, fmt.Sprintf("pki.algorithm: %s, wrapped: the largest is %s bytes", smallest, count(largest(c, trial))))
	}
	return out, nil
}

// trial renders the same machines with keys of another algorithm, which are
// forgotten. Authorities that the PKI holds stay what they are, as they would.
func (w *work) trial(a pki.Algorithm) ([]gen.Machine, error) {
	other := *w.cluster
	other.PKI.Algorithm = a
	issued, err := pki.Issue(control.Requests(&other), w.before, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		return nil, failed("%w", err)
	}
	machines, err := gen.Render(&other, issued.Set, hostsOf(w.machines), nil)
	if err != nil {
		return nil, failed("%w", err)
	}
	return machines, nil
}

// largest is the size of the largest document.
func largest(c profiles.Channel, machines []gen.Machine) int {
	size := 0
	for _, m := range machines {
		if d, found := m.Delivered(); found {
			size = max(size, gen.Size(c, d.Text))
		}
	}
	return size
}

// wider lists the channels into which documents fit.
func (w *work) wider(machines []gen.Machine) []string {
	var names []string
	for _, c := range profiles.Channels() {
		if len(misfits(c, machines)) == 0 {
			names = append(names, c.Name)
		}
	}
	return names
}
