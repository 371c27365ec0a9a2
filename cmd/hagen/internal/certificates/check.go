package certificates

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
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
	Without []string // machines whose servers are not asked
	JSON    bool
}

// report is what --json prints.
type report struct {
	Within   string    `json:"within,omitempty"`
	Sources  []source  `json:"sources"`
	Findings []finding `json:"findings"`
	Compared []string  `json:"compared,omitempty"` // trees of the cluster that were looked into, too
	Live     *live     `json:"live,omitempty"`
	Notes    []string  `json:"notes"`

	within time.Duration
	now    time.Time
	first  found // to end
	at     clusterfile.Place
	kept   *kept   // nil if no PKI directory is at hand
	faults []error // what could not be read
}

// finding is a certificate that ends too soon.
type finding struct {
	Source   string    `json:"source"`
	Item     string    `json:"item,omitempty"`
	Places   []place   `json:"places"`
	Subject  string    `json:"subject"`
	SHA256   string    `json:"sha256"`
	Key      string    `json:"keyID,omitempty"` // of one that is compromised
	Problem  state     `json:"problem"`
	From     time.Time `json:"from,omitzero"` // missing if its files are gone, as until
	Until    time.Time `json:"until,omitzero"`
	DaysLeft int       `json:"daysLeft"`
	// Renewed is the end of the certificate that the PKI directory has instead: this one has only
	// to be replaced.
	Renewed *time.Time `json:"renewed,omitempty"`
	Renew   string     `json:"renew"`   // what to type to renew it; "" if there is nothing to type
	Deliver string     `json:"deliver"` // what to type then
	Remedy  string     `json:"remedy"`  // both, or what else to do

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
			r.Notes = append(r.Notes, console.Number(passed, "item")+" left out, of hosts that are gone: "+r.at.Command("pki list")+" names them")
		}
		r.kept = &kept{d.View, d.clusterName()}
		r.addStolen(s)
		r.addBehind(d.cluster)
		r.noteGiven()
		return nil
	}
	code := exit.CodeUsage
	for _, argument := range asked.Sources {
		s, err := readSource(argument)
		if err != nil {
			r.faults, code = append(r.faults, err), max(code, exit.Code(err))
			continue
		}
		r.Sources = append(r.Sources, s)
	}
	if len(r.Sources) == 0 || len(r.faults) > 0 && asked.Live {
		return exit.With(code, errors.Join(r.faults...))
	}
	return r.find(asked.Place)
}

// addStolen adds a finding for each key that others have had, as long as machines trust, read or use it.
func (r *report) addStolen(s source) {
	for _, k := range clusterpki.StolenOf(r.kept.View, r.at) {
		r.Findings = append(r.Findings, finding{Source: s.Name, Item: k.Item, Places: []place{}, Problem: compromised, Key: k.KeyID, Remedy: k.Why + ", and is in use: " + k.Remedy})
	}
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
			From: f.NotBefore.UTC(), Until: f.NotAfter.UTC(), DaysLeft: *days(f.NotAfter, r.now), foreign: r.kept.foreign(s, f),
		}
		mend := r.remedy(s, f, problem)
		if next := r.renewed(s, f); next != nil {
			until := next.NotAfter.UTC()
			one.Renewed, mend = &until, r.replacement(s, f)
		}
		if held := r.kept.held(s, f); held != nil && besidePresent(held, f) {
			rotate := r.at.Command("pki rotate", control.KindOf(held.Request.Name))
			mend = remedy{renew: rotate, words: rotate}
		}
		one.Renew, one.Deliver, one.Remedy = mend.renew, mend.deliver, mend.words
		r.Findings = append(r.Findings, one)
	}
	for _, name := range s.gone {
		mend := r.commands(r.at.Command("pki renew", name), r.delivery(s))
		if name == control.Admin {
			mend = r.admin("")
		}
		r.Findings = append(r.Findings, finding{Source: s.Name, Item: name, Places: []place{}, Problem: gone, Renew: mend.renew, Deliver: mend.deliver, Remedy: mend.words})
	}
}

// stateOf returns the state of a certificate by the time that was asked for.
func (r *report) stateOf(f found) state {
	notice := r.notice(f.NotAfter.Sub(f.NotBefore), f.IsCA)
	switch is := stateAt(f.NotBefore, f.NotAfter, f.IsCA, r.now); {
	case is == expired || is == early:
		return is
	case f.NotAfter.Sub(r.now) <= notice:
		return endsSoon
	}
	return valid
}

// notice returns how long before its end a certificate of a life is reported.
func (r *report) notice(life time.Duration, authority bool) time.Duration {
	if r.Within != "" {
		return r.within
	}
	return pki.Notice(life, authority)
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
	stolen := r.count(compromised)
	switch ending := len(r.Findings) - stolen; {
	case len(r.Findings) > 0:
		answer := fmt.Sprintf("%d of %s: expired, or ends soon%s%s", ending, where, within, r.together())
		if n := r.count(gone); n > 0 {
			answer = fmt.Sprintf("%d of %s, and %d without files: expired, gone, or ends soon%s%s", ending-n, where, n, within, r.together())
		}
		if stolen > 0 {
			answer = fmt.Sprintf("in use are %s that others have had, or that have signed what they have; %s", console.Number(stolen, "key"), answer)
		}
		if len(r.faults) == 0 {
			return exit.No("%s", answer)
		}
		ui.Say("%s", answer)
	case total == 0:
		ui.Say("%s", where)
	default:
		ui.Say("%s: none ends soon%s; first to end: %s on %s", where, within, r.first.name(), day(r.first.NotAfter.UTC()))
	}
	if len(r.Compared) > 0 {
		ui.Say("compared with %s", strings.Join(r.Compared, ", "))
	}
	switch {
	case len(r.faults) > 0:
		return exit.With(exit.CodeFailed, errors.Join(r.faults...))
	case r.Live.problems() > 0:
		return exit.Differs{}
	}
	return nil
}

// count counts the findings of a problem.
func (r *report) count(problem state) (n int) {
	for _, f := range r.Findings {
		if f.Problem == problem {
			n++
		}
	}
	return n
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
	return fmt.Sprintf("%s: %s: %s: %s\n", at, what, ends, f.Remedy)
}

func (f finding) ends() string { return endsWords(f.Problem, f.From, f.Until, f.DaysLeft) }

// endsWords says when a certificate ends.
func endsWords(is state, from, until time.Time, left int) string {
	switch {
	case is == gone, is == compromised:
		return is.words()
	case is == expired:
		return "expired on " + day(until)
	case is == early:
		return "is valid only from " + from.Format(time.RFC3339)
	case left == 0:
		return "ends on " + day(until) + ", in less than a day"
	}
	return fmt.Sprintf("ends on %s, in %s", day(until), console.Number(left, "day"))
}
