package render

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out"
	"hagen/pki"
	"hagen/profiles"
)

// summary is what --json prints. Its fields are an interface: they are added
// to, never renamed.
type summary struct {
	Cluster    string           `json:"cluster"`
	Profile    string           `json:"profile"`
	Kubernetes profiles.Version `json:"kubernetes"`
	Etcd       profiles.Version `json:"etcd"`
	Output     string           `json:"output"`
	Changed    bool             `json:"changed"`
	Written    []string         `json:"written"`
	Removed    []string         `json:"removed"`
	Hosts      []hostSummary    `json:"hosts"`
	PKI        pkiSummary       `json:"pki"`
	Runbook    string           `json:"runbook,omitempty"` // of --replace and --join, in the output directory
	Warnings   []string         `json:"warnings"`
	Notes      []string         `json:"notes"`
}

type hostSummary struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	OS        string            `json:"os"`
	MAC       string            `json:"mac,omitempty"` // by which boot media identify it
	Addresses []netip.Addr      `json:"addresses"`
	Files     int               `json:"files"`
	Units     int               `json:"units"`
	Documents []documentSummary `json:"documents"`
	Kargs     string            `json:"kargs,omitempty"` // what its boot medium must say to its kernel
}

type documentSummary struct {
	Format string `json:"format"`
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	// Of the document that the machine gets:
	Wrapped     bool     `json:"wrapped,omitempty"`
	TooLargeFor []string `json:"tooLargeFor,omitempty"` // channels
}

type pkiSummary struct {
	Directory    string          `json:"directory"`
	Made         []changeSummary `json:"made"`
	Renewed      []changeSummary `json:"renewed"`
	Reissued     []changeSummary `json:"reissued"`
	Kept         int             `json:"kept"`
	FirstExpiry  time.Time       `json:"firstExpiry"`
	FirstExpires string          `json:"firstToExpire"`
	Ends         []endSummary    `json:"ends"` // of all certificates that the cluster asks for, and those that users were given
}

// endSummary says when a certificate ends.
type endSummary struct {
	Name  string    `json:"name"`
	User  string    `json:"user,omitempty"` // who was given it in a kubeconfig
	Until time.Time `json:"until"`
}

type changeSummary struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// report prints the summary as text or, with --json, as JSON.
func (w *work) report(ui *console.UI, dir string, result out.Result) {
	for _, note := range result.Notes {
		ui.Warn(note)
	}
	w.noteOthers(ui, w.asked.Hosts)
	s := summary{
		Cluster: w.cluster.Name, Profile: w.cluster.Profile.Name, Kubernetes: w.cluster.Kubernetes, Etcd: w.cluster.Etcd,
		Output: dir, Changed: result.Changed, Written: console.List(result.Written), Removed: console.List(result.Removed),
		Hosts: w.hosts(), PKI: w.summary(w.asked.Dir()), Warnings: console.List(ui.Warnings), Notes: console.List(ui.Notes),
	}
	if len(w.options.Joining) > 0 {
		s.Runbook = runbookPath
	}
	if w.asked.JSON {
		ui.JSON(s)
		return
	}
	s.print(ui)
}

// noteOthers warns if a run for some hosts reissued certificates of others,
// whose documents have the old ones until they are rendered.
func (w *work) noteOthers(ui *console.UI, asked []string) {
	if len(asked) == 0 {
		return
	}
	var others []string
	for _, m := range w.cluster.Members() {
		holds := func(c pki.Change) bool {
			shared := strings.HasPrefix(c.Name, "cluster/") && c.Name != control.Admin
			return c.Action != pki.Kept && (shared || strings.HasPrefix(c.Name, "hosts/"+m.Name+"/"))
		}
		if !slices.Contains(asked, m.Name) && slices.ContainsFunc(w.issued.Changes, holds) {
			others = append(others, m.Name)
		}
	}
	if len(others) > 0 {
		ui.Warn(fmt.Sprintf("%s also got new certificates, but no new document: render without --host before they boot", strings.Join(others, ", ")))
	}
}

// reportPKI prints what changed in the PKI, if there is nothing else to print.
func (w *work) reportPKI(ui *console.UI) {
	if s := w.summary(w.asked.Dir()); s.issued() > 0 {
		s.print(ui)
	}
}

func (w *work) hosts() []hostSummary {
	var hosts []hostSummary
	for i := range w.machines {
		m := &w.machines[i]
		h := hostSummary{Name: m.Host.Name, Role: string(m.Host.Role), OS: m.Host.OS.Name, MAC: m.Host.MAC, Addresses: m.Host.Addresses, Files: len(m.Node.Files), Units: len(m.Node.Units)}
		for j := range m.Documents {
			d := &m.Documents[j]
			h.Documents = append(h.Documents, summaryOf(m, d))
			if d.Format == document.Kargs {
				h.Kargs = strings.TrimSpace(string(d.Text))
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func summaryOf(m *gen.Machine, d *document.Document) documentSummary {
	s := documentSummary{Format: d.Format, Path: d.Path, Bytes: len(d.Text), Wrapped: d.Wrapped}
	if !m.Delivers(d) {
		return s
	}
	for _, c := range profiles.Channels() {
		// On some channels the machine needs the plain one.
		for _, given := range m.DocumentsFor(&c) {
			if given.Reader() == d.Reader() && !gen.Fits(&c, given.Text) {
				s.TooLargeFor = append(s.TooLargeFor, c.Name)
			}
		}
	}
	return s
}

// summary returns what changed in the PKI in dir.
func (w *work) summary(dir string) pkiSummary {
	s := pkiSummary{Directory: dir, Made: []changeSummary{}, Renewed: []changeSummary{}, Reissued: []changeSummary{}, Ends: []endSummary{}}
	for _, change := range w.issued.Changes {
		entry := changeSummary{change.Name, change.Why}
		switch change.Action {
		case pki.Made:
			s.Made = append(s.Made, entry)
		case pki.Renewed:
			s.Renewed = append(s.Renewed, entry)
		case pki.Reissued:
			s.Reissued = append(s.Reissued, entry)
		default:
			s.Kept++
		}
		cert, err := w.issued.Set[change.Name].X509()
		if err != nil {
			continue // of a key pair or a secret
		}
		s.Ends = append(s.Ends, endSummary{Name: change.Name, Until: cert.NotAfter.UTC()})
		if s.FirstExpires == "" || cert.NotAfter.Before(s.FirstExpiry) {
			s.FirstExpiry, s.FirstExpires = cert.NotAfter.UTC(), change.Name
		}
	}
	for _, c := range w.keys.Store.Clients() {
		s.Ends = append(s.Ends, endSummary{"clients/" + c.Serial, c.User, c.NotAfter.UTC()})
	}
	return s
}

func (s summary) print(ui *console.UI) {
	ui.Line("cluster "+s.Cluster, fmt.Sprintf(": %s, Kubernetes %s, etcd %s", s.Profile, s.Kubernetes, s.Etcd))
	console.Table(ui.Err, s.table())
	s.delivery(ui)
	s.printKargs(ui)
	s.PKI.print(ui)
	for _, path := range s.Removed {
		ui.Say("removed %s", path)
	}
	if s.Changed {
		ui.Say("wrote %s", s.Output)
	} else {
		ui.Say("nothing changed in %s", s.Output)
	}
}

// printKargs lists the machines that have no network before they read their
// document, unless their boot medium has kernel arguments.
func (s summary) printKargs(ui *console.UI) {
	var hosts []string
	for _, h := range s.Hosts {
		if h.Kargs != "" {
			hosts = append(hosts, h.Name)
		}
	}
	if len(hosts) > 0 {
		ui.Say("static addresses: %s; a boot medium that needs the network needs the kernel arguments in HOST/%s", strings.Join(hosts, ", "), document.Kargs)
	}
}

// table returns a row for each host and a column for each format in use.
func (s summary) table() [][]string {
	var formats []string
	rows := [][]string{{"HOST", "ROLE", "OS", "FILES", "UNITS"}}
	for _, format := range profiles.Formats() {
		if slices.ContainsFunc(s.Hosts, func(h hostSummary) bool { return h.bytes(format) != "-" }) {
			formats = append(formats, format)
			rows[0] = append(rows[0], strings.ToUpper(format)+" BYTES")
		}
	}
	for _, h := range s.Hosts {
		row := []string{h.Name, h.Role, h.OS, fmt.Sprint(h.Files), fmt.Sprint(h.Units)}
		for _, format := range formats {
			row = append(row, h.bytes(format))
		}
		rows = append(rows, row)
	}
	return rows
}

// delivery prints which documents are wrapped, and which are too large for
// which channels: a line for all machines with the same result.
func (s summary) delivery(ui *console.UI) {
	var lines []string
	hosts := map[string][]string{}
	packed, form := 0, "" // size and format of the largest gzip, which has no column
	tell := func(line, host string) {
		if hosts[line] == nil {
			lines = append(lines, line)
		}
		hosts[line] = append(hosts[line], host)
	}
	for _, h := range s.Hosts {
		readers := 0
		for _, d := range h.Documents {
			if profiles.Reader(d.Format) != "" {
				readers++
			}
		}
		for _, d := range h.Documents {
			name := label(h.Name, d.Path, readers)
			if d.Wrapped {
				tell("wrapped", name)
			}
			if d.Format == document.Gzipped || d.Format == document.GzippedText {
				packed, form = max(packed, d.Bytes), d.Format
			}
			if len(d.TooLargeFor) > 0 {
				tell("too large for "+channelList(d.TooLargeFor), name)
			}
		}
	}
	for _, line := range lines {
		ui.Say("%s: %s", line, strings.Join(hosts[line], ", "))
	}
	if packed > 0 {
		ui.Say("machines get the %s beside user-data: at most %s bytes", form, console.Count(packed))
	}
}

// channelList lists channels with their limits.
func channelList(names []string) string {
	var out []string
	for _, name := range names {
		c, _ := profiles.FindChannel(name)
		out = append(out, fmt.Sprintf("%s (%s bytes%s)", name, console.Count(c.Limit), c.Unit()))
	}
	return strings.Join(out, ", ")
}

// bytes returns the size of the host's document in a format, - if it has none.
func (h hostSummary) bytes(format string) string {
	for _, d := range h.Documents {
		if d.Format == format {
			return console.Count(d.Bytes)
		}
	}
	return "-"
}

func (s pkiSummary) print(ui *console.UI) {
	renewed := ""
	if len(s.Renewed) > 0 {
		renewed = fmt.Sprintf("%d renewed, ", len(s.Renewed))
	}
	ui.Say("certificates and keys in %s: %d made, %s%d reissued, %d kept; first to expire: %s on %s",
		s.Directory, len(s.Made), renewed, len(s.Reissued), s.Kept, s.FirstExpires, s.FirstExpiry.Format(time.DateOnly))
	if len(s.Made) == s.issued() && s.Kept == 0 {
		return // all of it is new: no reasons to print
	}
	s.printChanges(ui)
}

// issued counts what was made, renewed or reissued.
func (s pkiSummary) issued() int { return len(s.Made) + len(s.Renewed) + len(s.Reissued) }

func (s pkiSummary) printChanges(ui *console.UI) {
	printChanges(ui, "made", s.Made)
	printChanges(ui, "renewed", s.Renewed)
	printChanges(ui, "reissued", s.Reissued)
}

// printChanges prints changes with their reasons. Those of a host with the same
// reason share a line, written as in a shell:
// hosts/kubem00/{apiserver,scheduler}.
func printChanges(ui *console.UI, what string, changes []changeSummary) {
	for len(changes) > 0 {
		why := changes[0].Why
		var names []string
		for len(changes) > 0 && changes[0].Why == why && (len(names) == 0 || path.Dir(changes[0].Name) == path.Dir(names[0])) {
			names = append(names, changes[0].Name)
			changes = changes[1:]
		}
		ui.Say("  %s %s: %s", what, clusterpki.Folded(names)[0], why)
	}
}

// runbookPath is the runbook's file in the directory of --replace or --join.
const runbookPath = "runbook.md"

// membership warns if the members of etcd differ from those of the last render:
// documents alone do not change a running cluster. removed are the paths in the
// tree that this render removed.
func (w *work) membership(ui *console.UI, removed []string) {
	var said []string
	for _, file := range removed {
		host := path.Dir(file)
		// Perhaps only one format is gone.
		remains := slices.ContainsFunc(w.cluster.Members(), func(h cluster.Host) bool { return h.Name == host })
		if _, master := w.recorded[path.Join("hosts", host, clusterpki.EtcdLeaf)]; master && !remains && !slices.Contains(said, host+" is gone") {
			said = append(said, host+" is gone")
		}
	}
	gone, rendered := len(said), false
	for _, change := range w.issued.Changes {
		if path.Base(change.Name) != clusterpki.EtcdLeaf {
			continue
		}
		old, known := w.recorded[change.Name]
		rendered = rendered || known
		host := path.Base(path.Dir(change.Name))
		if w.cluster.Profile.OneAuthority { // its masters share the certificate
			host = "a master"
		}
		switch {
		case change.Action == pki.Made, w.returned[change.Name]:
			said = append(said, host+" is new")
		case !sameAddresses(old, w.issued.Set[change.Name].Request):
			said = append(said, host+" has another address")
		}
	}
	switch changed := "the masters have changed: " + strings.Join(said, ", "); {
	case !rendered || len(said) == 0:
	case len(said) == gone: // a replacement has its certificates already, as after --replace
		ui.Warn(changed + "; in a running cluster, etcd has to remove them, too (hagen plan says at which step; after hagen render --replace it has)")
	default:
		ui.Warn(changed + "; in a running cluster, change etcd's members first (hagen plan says how; for a lost master, hagen render --replace): these documents are for a new cluster")
	}
}

func sameAddresses(a, b pki.Request) bool {
	sorted := func(r pki.Request) []netip.Addr {
		return slices.SortedFunc(slices.Values(r.IPAddresses), netip.Addr.Compare)
	}
	return slices.Equal(sorted(a), sorted(b))
}
