package plan

import (
	"cmp"
	"fmt"
	"strings"

	"hagen/out/review/show"
)

// maxSteps is how many bytes of a comment the steps may fill; the lines of files have the
// rest (show.MarkdownChanges).
const maxSteps = 30000

// Markdown writes a plan as a comment on a pull request. It puts what it quotes into code,
// so that nothing in it is markup. The names of the files are those of the command line.
func (p Plan) Markdown(before, after string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("### cluster %s: %s", show.Code(p.Cluster), show.Prose(p.title()))
	line("\n%s → %s", show.Code(before), show.Code(after))
	for _, text := range p.Unknown {
		line("\n%s", show.Prose(text))
	}
	remedies := p.Remedies()
	for i, r := range p.Refused {
		line("\n- %s: %s\n  %s", show.Code(r.Field), show.Prose(r.Problem), show.Prose(remedies[i]))
	}
	if !p.Possible || p.Same {
		return b.String()
	}
	if len(p.Cautions) > 0 {
		line("\n**Beware**\n")
	}
	for _, c := range p.Cautions {
		text := show.Prose(c.Text)
		if len(c.Hosts) > 0 {
			text = show.Code(strings.Join(c.Hosts, ", ")) + ": " + text
		}
		line("- %s", text)
	}
	line("\n**%s**\n", beforeTitle)
	exported := exports{}
	var first strings.Builder
	for _, export := range exported.missing(p.Environment) {
		fmt.Fprintf(&first, "%s\n", show.Visible(export))
	}
	b.WriteString(show.Fenced("sh", first.String()+shell(p.Prepare, exported)))
	line("\n**%s**\n", p.stepsTitle())
	if len(p.Steps) == 0 {
		line("%s", show.Prose(p.noSteps()))
	}
	for i, s := range p.Steps {
		if b.Len() > maxSteps {
			line("\n(too long for a comment: %s shows the other %d steps)", show.Code("hagen plan"), len(p.Steps)-i)
			break
		}
		s.markdown(&b, i+1, exported)
	}
	line("\n**After**\n")
	b.WriteString(show.Fenced("sh", shell(p.Verify, exported)))
	if len(p.CleanUp) > 0 {
		line("\n**Later**\n")
		b.WriteString(show.Fenced("sh", shell(p.CleanUp, exported)))
	}
	show.MarkdownChanges(&b, p.Changes, "hagen plan")
	return b.String()
}

// shell writes commands, each below the comment that says why.
func shell(checks []Check, exported exports) string {
	var b strings.Builder
	for _, c := range checks {
		if c.Why != "" {
			fmt.Fprintf(&b, "# %s\n", show.Visible(c.Why))
		}
		for _, export := range exported.missing(c.Environment) {
			fmt.Fprintf(&b, "%s\n", show.Visible(export))
		}
		fmt.Fprintf(&b, "%s\n", show.Visible(c.Text))
	}
	return b.String()
}

// markdown writes a step as an item of a numbered list.
func (s Step) markdown(b *strings.Builder, number int, exported exports) {
	first := fmt.Sprintf("%d. ", number)
	spaces := strings.Repeat(" ", len(first))
	item := func(format string, args ...any) { fmt.Fprintf(b, spaces+"- "+format+"\n", args...) }
	fmt.Fprintf(b, "%s%s\n", first, show.Prose(s.Title()))
	for _, i := range s.Install {
		item("install %s %s at %s", show.Prose(i.Name), show.Prose(i.Version), show.Code(i.Path))
	}
	if len(s.Write) > 0 {
		item("write, from its new document: %s", codes(s.Write))
	}
	if len(s.Remove) > 0 {
		item("remove %s", codes(s.Remove))
	}
	if s.Document != "" {
		item("with the document in %s", show.Code(s.Document))
	}
	for _, c := range withExports(s.Commands, exported) {
		item("%s", c.code())
	}
	if len(s.Checks) > 0 {
		item("done when %s:", show.Prose(cmp.Or(s.WaitFor, "these succeed")))
	}
	for _, c := range withExports(s.Checks, exported) {
		fmt.Fprintf(b, "%s  - %s\n", spaces, c.code())
	}
	if s.Note != "" {
		item("%s", show.Prose(s.Note))
	}
}

// withExports puts commands that export what differs before those that need it.
func withExports(commands []Command, exported exports) (out []Command) {
	for _, c := range commands {
		for _, export := range exported.missing(c.Environment) {
			out = append(out, onWorkstation(export))
		}
		out = append(out, c)
	}
	return out
}

// code shows a command and where it is run.
func (c Command) code() string {
	if c.Host == "" {
		return show.Code(c.Text)
	}
	return "on " + show.Code(c.Host) + ": " + show.Code(c.Text)
}

func codes(names []string) string {
	var out []string
	for _, n := range names {
		out = append(out, show.Code(n))
	}
	return strings.Join(out, ", ")
}
