package render

import (
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/document"
	"hagen/pki"
	"hagen/profiles"
)

// fitChannel wraps documents as the flags ask, or else those that do not fit their
// channel otherwise. The answer is no if a machine has no document for the
// channel, or one does not fit even when wrapped.
func (w *work) fitChannel() error {
	channel, _ := profiles.FindChannel(w.asked.Channel) // without a channel, everything fits
	c := &channel
	if hosts := unserved(c, w.machines); len(hosts) > 0 {
		return w.wrongReader(c, hosts)
	}
	which := func(d *document.Document) bool { return tooLarge(c, d) }
	if w.asked.Wrap != nil {
		which = func(*document.Document) bool { return *w.asked.Wrap }
	}
	wrapped, err := wrap(c, w.machines, which)
	if err != nil {
		return err
	}
	if misfits(c, wrapped) {
		return w.tooLarge(c)
	}
	w.machines = wrapped
	return nil
}

// wrap wraps documents for a channel.
func wrap(c *profiles.Channel, machines []gen.Machine, which func(*document.Document) bool) ([]gen.Machine, error) {
	wrapped, err := gen.Wrap(machines, which)
	if err != nil {
		return nil, decide.Fault(err)
	}
	return gen.ForChannel(c, wrapped), nil
}

// fitted returns the machines with the documents wrapped that do not fit a
// channel otherwise.
func fitted(c *profiles.Channel, machines []gen.Machine) ([]gen.Machine, error) {
	return wrap(c, machines, func(d *document.Document) bool { return tooLarge(c, d) })
}

// tooLarge reports whether a document is for a channel and does not fit it.
func tooLarge(c *profiles.Channel, d *document.Document) bool {
	return c.Serves(d.Reader()) && !gen.Fits(c, d.Text)
}

// misfits reports whether a document does not fit its channel.
func misfits(c *profiles.Channel, machines []gen.Machine) bool {
	return c.Limit > 0 && largest(c, machines) > c.Limit
}

// largest returns the size of the largest document.
func largest(c *profiles.Channel, machines []gen.Machine) int {
	size := 0
	for i := range machines {
		for _, d := range machines[i].DocumentsFor(c) {
			size = max(size, gen.Size(c, d.Text))
		}
	}
	return size
}

// unserved returns the names of the machines without a document for the readers
// of a channel.
func unserved(c *profiles.Channel, machines []gen.Machine) []string {
	var names []string
	for i := range machines {
		if len(machines[i].DocumentsFor(c)) == 0 {
			names = append(names, machines[i].Host.Name)
		}
	}
	return names
}

func hostsOf(machines []gen.Machine) []string {
	var names []string
	for i := range machines {
		names = append(names, machines[i].Host.Name)
	}
	return names
}

// smallest is the algorithm with the smallest keys, certificates and
// signatures.
const smallest = pki.ECDSAP256

// tooLarge returns the answer no, with remedies that it has tried.
func (w *work) tooLarge(c *profiles.Channel) error {
	wrapped, err := fitted(c, w.machines)
	if err != nil {
		return err
	}
	var lines []string
	for i := range w.machines {
		m := &w.machines[i]
		small, given := wrapped[i].DocumentsFor(c), m.DocumentsFor(c)
		for j, d := range given {
			if gen.Fits(c, d.Text) {
				continue
			}
			how := c.Name + " accepts no gzip for cloud-init"
			if small[j].Wrapped {
				how = "wrapped " + console.Count(gen.Size(c, small[j].Text))
			}
			lines = append(lines, fmt.Sprintf("%s: %s bytes; %s", label(m.Host.Name, d.Path, len(given)), console.Count(gen.Size(c, d.Text)), how))
		}
	}
	remedies, err := w.remedies(c, wrapped)
	if err != nil {
		return err
	}
	if len(remedies) == 0 {
		wider, err := otherChannels(w.machines)
		if err != nil {
			return err
		}
		remedies = []string{"nothing in hagen; channels that accept these documents wrapped: " + wider}
	}
	return refuse(fmt.Sprintf("%s accepts %s bytes%s, too few for %s", c.Name, console.Count(c.Limit), c.Unit(), console.Number(len(lines), "document")), lines, remedies)
}

// refuse returns the answer no for a channel: why, for which documents, and the
// remedies.
func refuse(why string, lines, remedies []string) error {
	return exit.No("%s\n  %s\nwhat would help:\n  %s\nnothing was written", why, strings.Join(lines, "\n  "), strings.Join(remedies, "\n  "))
}

// label names a document: by its path if the machine has several, or else by
// the machine.
func label(host, path string, several int) string {
	if several > 1 {
		return path
	}
	return host
}

// remedies lists what would make all documents fit, the cheapest first.
func (w *work) remedies(c *profiles.Channel, wrapped []gen.Machine) ([]string, error) {
	var out []string
	fits := func(what string, machines []gen.Machine) {
		if !misfits(c, machines) {
			out = append(out, fmt.Sprintf("%s the largest is %s bytes", what, console.Count(largest(c, machines))))
		}
	}
	fits("leave out --wrap=false: wrapped,", wrapped)
	const smaller = "pki.algorithm: " + string(smallest)
	if w.cluster.PKI.Algorithm != smallest {
		machines, err := w.trial(c, w.before)
		if err != nil {
			return nil, err
		}
		fits(smaller+ifWrapped(machines), machines)
	}
	if len(w.options.Joining) == 0 && keepsLarger(w.before) {
		machines, err := w.trial(c, nil)
		if err != nil {
			return nil, err
		}
		fits(smaller+" in a cluster that runs nowhere yet, with "+w.asked.Command("pki init", "--again")+ifWrapped(machines), machines)
	}
	return out, nil
}

// ifWrapped notes whether a document of these machines is wrapped.
func ifWrapped(machines []gen.Machine) string {
	for i := range machines {
		if slices.ContainsFunc(machines[i].Documents, func(d document.Document) bool { return d.Wrapped }) {
			return ", wrapped:"
		}
	}
	return ":"
}

// keepsLarger reports whether a PKI has keys that are never replaced and take
// more room than the smallest.
func keepsLarger(before pki.Set) bool {
	for _, item := range before {
		if r := &item.Request; r.Kind != pki.Leaf && r.Algorithm != "" && r.Algorithm != smallest {
			return true
		}
	}
	return false
}

// trial renders the same machines for a channel with the smallest keys, and
// discards these. Authorities that the PKI has stay, as they would in a render.
func (w *work) trial(c *profiles.Channel, before pki.Set) ([]gen.Machine, error) {
	other := *w
	other.cluster = w.cluster.WithKeys(smallest)
	var err error
	if _, other.decided, err = decide.Machines(other.cluster, before, w.keys.Now, w.options.Restore); err != nil {
		return nil, err
	}
	machines, err := other.render(hostsOf(w.machines), w.formats)
	if err != nil {
		return nil, exit.Failed("%w", err)
	}
	return fitted(c, machines)
}

// otherChannels lists the channels that serve all machines and accept their documents,
// wrapped if possible.
func otherChannels(machines []gen.Machine) (string, error) {
	wrapped, err := wrap(&profiles.Channel{}, machines, func(*document.Document) bool { return true })
	if err != nil {
		return "", err
	}
	var names []string
	for _, c := range profiles.Channels() {
		if on := gen.ForChannel(&c, wrapped); len(unserved(&c, on)) == 0 && !misfits(&c, on) {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", "), nil
}

// readers are the names of the programs that read documents.
var readers = map[string]string{profiles.Ignition: "Ignition", profiles.CloudInit: "cloud-init"}

// wrongReader returns the answer no for a channel with nothing to read for
// these hosts, and the remedies.
func (w *work) wrongReader(c *profiles.Channel, hosts []string) error {
	reader := c.Readers[0] // the only one: a channel with several serves every machine
	name := readers[reader]
	var lines, others, remedies []string
	for i := range w.machines {
		m := &w.machines[i]
		if !slices.Contains(hosts, m.Host.Name) {
			others = append(others, m.Host.Name)
			continue
		}
		has := m.DocumentsFor(&profiles.Channel{})[0].Reader()
		lines = append(lines, fmt.Sprintf("%s: %s, with a document for %s", m.Host.Name, m.Host.OS.Name, readers[has]))
	}
	if !w.cluster.Profile.OnlyOS {
		remedies = append(remedies, fmt.Sprintf("an os that %s configures: %s", name, strings.Join(profiles.SystemsOf(reader), ", ")))
	}
	format := reader
	if w.alone && reader == profiles.CloudInit {
		format = profiles.UserData // it is one document
	}
	if w.canRead(c, hosts, format) {
		remedies = append(remedies, fmt.Sprintf("--format %s, if the image has %s", format, name))
	}
	if len(others) > 0 {
		remedies = append(remedies, "--host "+strings.Join(others, " --host ")+": there "+name+" reads it")
	}
	channels, err := otherChannels(w.machines)
	if err != nil {
		return err
	}
	return refuse(fmt.Sprintf("only %[2]s reads %[1]s; without a document for it:", c.Name, name), lines, append(remedies, "another channel: "+channels))
}

// canRead reports whether the hosts would have documents for a channel in a
// format.
func (w *work) canRead(c *profiles.Channel, hosts []string, format string) bool {
	machines, err := w.render(hosts, profiles.FormatsOf(format))
	if err != nil {
		return false // not every format can describe every machine
	}
	machines, err = fitted(c, machines)
	return err == nil && len(unserved(c, machines)) == 0 && !misfits(c, machines)
}
