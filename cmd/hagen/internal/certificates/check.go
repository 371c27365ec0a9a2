package certificates

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// Asked is what hagen pki check was asked.
type Asked struct {
	clusterfile.Place
	Within  string   // as written; "" is as hagen render warns
	Sources []string // none is the PKI directory
	Live    bool     // ask the cluster's servers, too
	Timeout string   // as written, for all of that
	JSON    bool
}

// report is what --json prints.
type report struct {
	Within   string    `json:"within,omitempty"`
	Sources  []source  `json:"sources"`
	Findings []finding `json:"findings"`
	Live     *live     `json:"live,omitempty"`
	Notes    []string  `json:"notes"`

	within time.Duration
	now    time.Time
	first  found // to end
	at     clusterfile.Place
	kept   *kept // nil if no PKI directory is at hand
}

// finding is a certificate that ends too soon.
type finding struct {
	Source   string    `json:"source"`
	Item     string    `json:"item,omitempty"`
	Places   []place   `json:"places"`
	Subject  string    `json:"subject"`
	SHA256   string    `json:"sha256"`
	Problem  state     `json:"problem"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	DaysLeft int       `json:"daysLeft"`
	// Renewed is the end of the certificate that the PKI directory has instead: this one has only
	// to be replaced.
	Renewed *time.Time `json:"renewed,omitempty"`
	Renew   string     `json:"renew"` // what to type

	foreign bool // of other authorities than the PKI directory has
}

// Check says which certificates have ended, or end soon.
func Check(ui *console.UI, asked Asked) error {
	r := report{Within: asked.Within, Sources: []source{}, Findings: []finding{}, at: asked.Place}
	var err error
	if r.now, err = ui.Time(); err != nil {
		return err
	}
	if asked.Within != "" {
		if r.within, err = cluster.ParseLifetime(asked.Within); err != nil {
			return exit.Usage("--within: %w", err)
		}
	}
	if asked.Live && len(asked.Sources) > 1 {
		return exit.Usage("--live compares what servers show with one PKI directory or tree: name one, or none")
	}
	if err := r.read(ui, asked); err != nil {
		return err
	}
	if asked.Live {
		if err := r.ask(ui, asked, r.Sources[0]); err != nil {
			return err
		}
	}
	for _, s := range r.Sources {
		r.judge(s)
	}
	return r.print(ui, asked.JSON)
}

// read reads all sources, and reports all that cannot be read.
func (r *report) read(ui *console.UI, asked Asked) error {
	if len(asked.Sources) == 0 {
		d, err := lookAt(ui, asked.Place)
		if err != nil {
			return err
		}
		s, passed := ofStore(d.View)
		if r.Sources = append(r.Sources, s); passed > 0 {
			r.Notes = append(r.Notes, console.Number(passed, "item")+" left out, of hosts that are gone or without files: "+r.at.Command("pki list")+" names them")
		}
		r.kept = &kept{d.View, d.clusterName()}
		r.addBehind()
		return nil
	}
	var faults []error
	code := exit.CodeUsage
	for _, argument := range asked.Sources {
		s, err := readSource(argument)
		if err != nil {
			faults, code = append(faults, err), max(code, exit.Code(err))
		}
		r.Sources = append(r.Sources, s)
	}
	if len(faults) > 0 {
		return exit.With(code, errors.Join(faults...))
	}
	return r.find(asked.Place)
}

// judge adds a finding for each certificate of a source that has ended or ends soon.
func (r *report) judge(s source) {
	for _, f := range s.found {
		if r.first.Certificate.Certificate == nil || f.NotAfter.Before(r.first.NotAfter) {
			r.first = f
		}
		problem := r.stateOf(f)
		if problem == valid {
			continue
		}
		one := finding{
			Source: s.Name, Item: f.item, Places: append([]place{}, f.places...), Subject: f.Subject, SHA256: f.Identity, Problem: problem,
			From: f.NotBefore.UTC(), Until: f.NotAfter.UTC(), DaysLeft: *days(f.NotAfter, r.now), Renew: r.remedy(s, f, problem), foreign: r.kept.foreign(s, f),
		}
		if next := r.renewed(s, f); next != nil {
			until := next.NotAfter.UTC()
			one.Renewed, one.Renew = &until, r.delivery(s, f)
		}
		if held := r.kept.held(s, f); held != nil && besidePresent(held, f) {
			one.Renew = r.at.Command("pki rotate", control.KindOf(held.Request.Name))
		}
		r.Findings = append(r.Findings, one)
	}
}

// stateOf returns the state of a certificate by the time that was asked for.
func (r *report) stateOf(f found) state {
	notice := r.within
	if r.Within == "" {
		notice = pki.Notice(f.NotAfter.Sub(f.NotBefore), f.IsCA)
	}
	switch is := stateAt(f.NotBefore, f.NotAfter, f.IsCA, r.now); {
	case is == expired || is == early:
		return is
	case f.NotAfter.Sub(r.now) <= notice:
		return endsSoon
	}
	return valid
}

// print prints the findings on stdout, and the summary on stderr.
func (r *report) print(ui *console.UI, asJSON bool) error {
	if asJSON {
		r.Notes = console.List(r.Notes)
		ui.JSON(r)
	} else {
		for _, f := range r.Findings {
			fmt.Fprint(ui.Out, console.Printable(f.line()))
		}
	}
	for _, n := range r.Notes {
		ui.Note(n)
	}
	r.Live.print(ui, asJSON)
	return r.answer(ui)
}

// answer is the answer in a line.
func (r *report) answer(ui *console.UI) error {
	total, names := 0, []string{}
	for _, s := range r.Sources {
		total += s.Certificates
		names = append(names, s.Name)
	}
	within := ""
	if r.Within != "" {
		within = " within " + r.Within
	}
	where := console.Number(total, "certificate") + " in " + strings.Join(names, ", ")
	switch {
	case len(r.Findings) > 0:
		return exit.No("%d of %s: expired, or ends soon%s%s", len(r.Findings), where, within, r.together())
	case total == 0:
		ui.Say("%s", where)
	default:
		ui.Say("%s: none ends soon%s; first to end: %s on %s", where, within, r.first.name(), day(r.first.NotAfter.UTC()))
	}
	if r.Live.problems() > 0 {
		return exit.Differs{}
	}
	return nil
}

// name returns what a certificate is best known by.
func (f found) name() string {
	if f.item != "" {
		return f.item
	}
	return f.Subject
}

// line says what ends where and when, and what to type.
func (f finding) line() string {
	at := f.Source
	for i, p := range f.Places {
		if p.Host == "" && p.Path == path.Base(at) { // the source itself
			continue
		}
		switch {
		case i > 0 && p.Path == f.Places[i-1].Path:
			at += ", " + p.Host
			continue
		case i > 0:
			at += ";"
		default:
			at += ":"
		}
		at += " " + strings.TrimPrefix(p.Host+":"+p.Path, ":")
	}
	what := f.Item
	if what == "" {
		what = f.Subject
	}
	ends := f.ends()
	if f.Renewed != nil {
		ends += "; it is renewed already, until " + day(*f.Renewed) + ", but not delivered"
	}
	return fmt.Sprintf("%s: %s: %s: %s\n", at, what, ends, f.Renew)
}

func (f finding) ends() string { return endsWords(f.Problem, f.From, f.Until, f.DaysLeft) }

// endsWords says when a certificate ends.
func endsWords(is state, from, until time.Time, left int) string {
	switch {
	case is == expired:
		return "expired on " + day(until)
	case is == early:
		return "is valid only from " + from.Format(time.RFC3339)
	case left == 0:
		return "ends on " + day(until) + ", in less than a day"
	}
	return fmt.Sprintf("ends on %s, in %s", day(until), console.Number(left, "day"))
}
