package delta

import (
	"bytes"
	"embed"
	"strings"
	"sync"
	"text/template"

	"hagen/out/review/plan"
)

//go:embed templates
var templateFiles embed.FS

var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Option("missingkey=error").
		Funcs(template.FuncMap{"quote": quote}).ParseFS(templateFiles, "templates/*.tmpl"))
})

// quote makes a text one word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func fill(name string, values any) []byte {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, values); err != nil {
		panic(err) // tests fill each
	}
	return b.Bytes()
}

// machine is what install.sh is made of.
type machine struct {
	Cluster, Host, Hostname string
	Steps                   []step
}

// delivery is what deliver.sh is made of.
type delivery struct {
	Cluster, Directory string
	ID                 string // of this delta
	Fresh              string // the command that fails if this is of an earlier plan
	Tree               bool   // nothing is rendered: machines get what a tree has
	Cautions           []string
	Without            string // machines that are off
	Environment        []plan.Variable
	Prepare, Verify    []command
	CleanUp            []plan.Check
	Steps              []step
	Groups             []group
}

// Place is the directory as a word of a shell, in which $here is the delta.
func (d delivery) Place() string {
	if strings.HasPrefix(d.Directory, "/") {
		return quote(d.Directory)
	}
	return `"$here"/` + quote(d.Directory)
}

// group has the numbers of steps that are one: first what all do, then the checks of all.
type group struct{ Numbers []int }

// Last is the last of them.
func (g group) Last() int { return g.Numbers[len(g.Numbers)-1] }

func (g Given) delivery(steps []step) delivery {
	d := delivery{Fresh: g.Fresh, Tree: g.Tree, Cautions: cautions(g.Plan), Without: strings.Join(g.Plan.Without, ", "), Cluster: g.Plan.Cluster, Directory: g.Directory, Environment: g.Plan.Environment, CleanUp: g.Plan.CleanUp, Steps: steps,
		Prepare: preparation(g.Plan), Verify: workstation(g.Plan.Verify)}
	for i, s := range steps {
		if i > 0 && s.Together && steps[i-1].Together {
			last := &d.Groups[len(d.Groups)-1]
			last.Numbers = append(last.Numbers, s.Number)
			continue
		}
		d.Groups = append(d.Groups, group{[]int{s.Number}})
	}
	return d
}

func workstation(checks []plan.Check) (commands []command) {
	for _, c := range checks {
		commands = append(commands, command{Command: c.Command})
	}
	return commands
}

// preparation has what is done once: documents with which masters join exist no longer
// for a render that comes after the one of all machines.
func preparation(p plan.Plan) []command {
	commands, begun := workstation(p.Prepare), false
	for i := range commands {
		c := &commands[i]
		c.Begins = c.Asks == "" && !begun
		begun = begun || c.Begins
		if strings.Contains(c.Text, "hagen render --join") {
			c.Once = "ran join"
		}
	}
	return commands
}

func cautions(p plan.Plan) (lines []string) {
	for _, c := range p.Cautions {
		text := c.Text
		if len(c.Hosts) > 0 {
			text = strings.Join(c.Hosts, ", ") + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}
