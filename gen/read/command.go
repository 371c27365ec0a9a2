package read

import (
	"path"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// Process is a program that a service runs.
type Process struct {
	Unit  *Unit
	Name  string // of the program, without its directory
	Path  Word
	Args  []Word // everything after the path
	Flags []Flag
	Main  bool // of ExecStart, not of ExecStartPre and the like
}

// Flag is one flag of a command line, or a variable that stands for one.
type Flag struct {
	Name, Value string
	Written     string // the name with its dashes
	Given       bool   // with a value
	Apart       bool   // the value is a separate word
	Variable    string // "ETCD_NAME"; "" for a flag
	At, ValueAt int
}

// Said returns the flag or variable as it is written.
func (f Flag) Said() string {
	if f.Variable != "" {
		return f.Variable
	}
	return "--" + f.Name
}

// Processes reads every command line of a unit (systemd.service(5)).
func (u *Unit) Processes() []*Process {
	var out []*Process
	for _, d := range u.Directives {
		if d.Section == node.ContainerSection && d.Key == "Exec" {
			out = append(out, u.contained(d))
			continue
		}
		if d.Section != "Service" || !strings.HasPrefix(d.Key, "Exec") || d.Value == "" {
			continue
		}
		words := Split(d.Value, d.ValueAt)
		program := Program(words[0])
		out = append(out, &Process{
			Unit: u, Name: path.Base(program.Text), Path: program, Args: words[1:], Flags: flagsOf(words[1:]), Main: d.Key == "ExecStart",
		})
	}
	return out
}

// contained returns the process of a container, named after its image. The
// arguments may begin with the program's own name, for the image's entry
// point.
func (u *Unit) contained(d Directive) *Process {
	image, _ := u.Directive(d.Section, "Image")
	name, _, _ := strings.Cut(path.Base(image.Value), "@")
	name, _, _ = strings.Cut(name, ":")
	args := Split(d.Value, d.ValueAt)
	return &Process{Unit: u, Name: name, Path: Word{image.Value, image.ValueAt}, Args: args, Flags: flagsOf(args), Main: true}
}

// Container reports whether Podman makes the unit.
func (u *Unit) Container() bool {
	_, is := u.Directive(node.ContainerSection, "Image")
	return is
}

// isFlag tells a flag from a value, which may be a negative number.
var isFlag = lazy.Regexp(`^-([^0-9.]|$)`)

// Program returns a program without the prefix that tells systemd how to run
// it (systemd.service(5)).
func Program(w Word) Word {
	bare := strings.TrimLeft(w.Text, "@-:+!|")
	return Word{bare, w.At + len(w.Text) - len(bare)}
}

// ParseFlags reads --name=value, --name value and --name; rest are the words
// that belong to no flag.
func ParseFlags(words []Word) (flags []Flag, rest []Word) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		name := strings.TrimPrefix(strings.TrimPrefix(w.Text, "-"), "-")
		if !isFlag().MatchString(w.Text) || name == "" {
			rest = append(rest, w)
			continue
		}
		key, value, inline := strings.Cut(name, "=")
		end := len(w.Text) - len(name) + len(key)
		f := Flag{Name: key, Value: value, Written: w.Text[:end], Given: inline, At: w.At, ValueAt: w.At + end + 1}
		if !inline && i+1 < len(words) && !isFlag().MatchString(words[i+1].Text) {
			i++
			f.Value, f.Given, f.Apart, f.ValueAt = words[i].Text, true, true, words[i].At
		}
		flags = append(flags, f)
	}
	return flags, rest
}

func flagsOf(words []Word) []Flag {
	flags, _ := ParseFlags(words)
	return flags
}

// Named returns the flags of a name. Of some all count, of others the last.
func (p *Process) Named(name string) (all []Flag) {
	if p == nil {
		return nil // no such daemon
	}
	for _, f := range p.Flags {
		if f.Name == name {
			all = append(all, f)
		}
	}
	return all
}

// Flag returns the last flag of a name, which is the one that counts.
func (p *Process) Flag(name string) (f Flag, found bool) {
	all := p.Named(name)
	if len(all) == 0 {
		return Flag{}, false
	}
	return all[len(all)-1], true
}

// Value returns the value of the last flag of a name; "" for none.
func (p *Process) Value(name string) string {
	f, _ := p.Flag(name)
	return f.Value
}

// Where returns the place of a flag's value, or of the program if the flag is
// missing.
func (p *Process) Where(name string) Place {
	if f, found := p.Flag(name); found {
		return p.Unit.Place(f.ValueAt)
	}
	return p.Unit.Place(p.Path.At)
}
