package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/out/review/diff"
	"hagen/out/review/show"
)

// Text writes a plan as text. The names of the files are those of the command line.
func (p Plan) Text(before, after string, style show.Style) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "%s\n", show.Visible(fmt.Sprintf(format, args...))) }
	heading := func(text string) { fmt.Fprintf(&b, "\n%s\n", style.In(style.Bold, text)) }
	title := fmt.Sprintf("cluster %s: %s (%s → %s)", p.Cluster, p.title(), before, after)
	fmt.Fprintf(&b, "%s\n", style.In(style.Bold, show.Visible(title)))
	for _, text := range p.Unknown {
		line("%s", text)
	}
	if !p.Possible || p.Same {
		return b.String()
	}
	b.WriteString(show.Changes(p.Changes, style))
	if len(p.Cautions) > 0 {
		heading("Beware")
		for _, c := range p.Cautions {
			if len(c.Hosts) > 0 {
				line("  %s: %s", strings.Join(c.Hosts, ", "), c.Text)
			} else {
				line("  %s", c.Text)
			}
		}
	}
	heading(beforeTitle)
	exported := exports{}
	for _, v := range exported.missing(p.Environment) {
		line("  %s", v)
	}
	writeChecks(line, p.Prepare, exported)
	heading(p.stepsTitle())
	if len(p.Steps) == 0 {
		line("  %s", p.noSteps())
	}
	for i, s := range p.Steps {
		number := fmt.Sprintf("  %d. ", i+1)
		spaces := strings.Repeat(" ", len(number))
		line("%s%s", number, s.Title())
		for _, l := range s.lines(exported) {
			line("%s%s", spaces, l)
		}
	}
	heading("After")
	writeChecks(line, p.Verify, exported)
	if len(p.CleanUp) > 0 {
		heading("Later")
		writeChecks(line, p.CleanUp, exported)
	}
	return b.String()
}

const beforeTitle = "Before, on your workstation, in the directory where this plan was made"

// noSteps is what is said where steps would be.
func (p Plan) noSteps() string {
	if slices.ContainsFunc(p.Changes, func(c diff.Change) bool { return c.Kind == diff.KindKubeconfig }) {
		return "none: render, and hand the new admin.kubeconfig out to those who have the old one"
	}
	return "none: no machine changes"
}

func (p Plan) stepsTitle() string {
	if len(p.Steps) == 0 {
		return "Steps"
	}
	how := "in place"
	if p.Reimage {
		how = "each machine re-imaged"
	}
	return "Steps, " + how + ": go on when all checks of a step succeed"
}

var plainWord = lazy.Regexp(`^[A-Za-z0-9_./:,@%+=-]+$`)

// shellWord quotes a text for a shell if it has to be quoted.
func shellWord(text string) string {
	if plainWord().MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// exports are the variables that a reader has exported, by name.
type exports map[string]string

// missing returns commands that export what differs.
func (e exports) missing(environment []Variable) (lines []string) {
	for _, v := range environment {
		if e[v.Name] != v.Value {
			e[v.Name] = v.Value
			lines = append(lines, "export "+v.Name+"="+shellWord(v.Value))
		}
	}
	return lines
}

func writeChecks(line func(string, ...any), checks []Check, exported exports) {
	for _, c := range checks {
		for _, export := range exported.missing(c.Environment) {
			line("  %s", export)
		}
		line("  %s", c.Text)
		if c.Why != "" {
			line("      %s", c.Why)
		}
	}
}

func (p Plan) title() string {
	if len(p.Without) > 0 {
		return p.change() + ", without " + strings.Join(p.Without, ", ")
	}
	return p.change()
}

// change says what changes.
func (p Plan) change() string {
	switch {
	case !p.Possible:
		return "no plan"
	case p.Same:
		return "nothing changes"
	}
	var parts []string
	if p.From.Kubernetes != p.To.Kubernetes {
		parts = append(parts, fmt.Sprintf("Kubernetes %s to %s", p.From.Kubernetes, p.To.Kubernetes))
	}
	switch {
	case p.From.Emulated == p.To.Emulated:
	case p.To.Emulated != "":
		parts = append(parts, "which behaves like "+p.To.Emulated)
	case p.From.Kubernetes == p.To.Kubernetes:
		parts = append(parts, fmt.Sprintf("Kubernetes %s no longer behaves like %s", p.To.Kubernetes, p.From.Emulated))
	}
	if p.From.Etcd != p.To.Etcd {
		parts = append(parts, fmt.Sprintf("etcd %s to %s", p.From.Etcd, p.To.Etcd))
	}
	if p.ChangedMachines == 0 {
		return strings.Join(append(parts, "no machine changes, but admin.kubeconfig does"), ", ")
	}
	return strings.Join(append(parts, fmt.Sprintf("%d of %d machines change", p.ChangedMachines, p.Machines)), ", ")
}

// Title summarizes a step.
func (s Step) Title() string {
	unit := strings.TrimSuffix(s.Unit, ".service")
	switch s.Action {
	case diff.Nothing:
		switch {
		case unit != "":
			return fmt.Sprintf("%s: files of %s", s.Host, unit)
		case s.Note == onlyNow:
			return s.Host + ": only now"
		}
		return s.Host + ": at any time"
	case diff.Membership:
		return s.Host + ": change etcd membership"
	case diff.Boot, diff.Reimage, diff.SwitchOff:
		return fmt.Sprintf("%s: %s", s.Host, s.Action)
	}
	return fmt.Sprintf("%s: %s %s", s.Host, s.Action, unit)
}

// lines are the details of a step: what to install and write, what to run and check.
func (s Step) lines(exported exports) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, p := range s.Install {
		add("install %s %s at %s", p.Name, p.Version, p.Path)
	}
	if len(s.Write) > 0 {
		add("write, from its new document: %s", strings.Join(s.Write, ", "))
	}
	if len(s.Remove) > 0 {
		add("remove %s", strings.Join(s.Remove, ", "))
	}
	if s.Document != "" {
		add("with the document in %s", s.Document)
	}
	run := func(commands []Command) {
		for _, c := range withExports(commands, exported) {
			add("%s", c.prompt())
		}
	}
	run(s.Commands)
	if len(s.Checks) > 0 {
		add("done when %s", cmp.Or(s.WaitFor, "these succeed"))
	}
	run(s.Checks)
	if s.Note != "" && !slices.Contains(out, s.Note) {
		add("%s", s.Note)
	}
	return out
}

// prompt shows a command and where it is run.
func (c Command) prompt() string {
	if c.Host == "" {
		return "  $ " + c.Text
	}
	return "  " + c.Host + "# " + c.Text
}
