package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/exit"
)

// arrange checks the flags of a command line and puts them before the
// arguments, each as --name=value: cli/v2 stops reading flags at the first
// argument, and silently lets the last of two values win. A command with
// subcommands takes the flags of all of them, wherever they are.
func arrange(commands []*cli.Command, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, exit.Usage("give a command: %s; hagen --help explains them", strings.Join(commandNames(commands), ", "))
	}
	switch first := args[0]; {
	case first == "--version", first == "-version":
		return []string{"version"}, nil
	case first == "--help", first == "-help", first == "-h":
		return []string{"help"}, nil
	case strings.HasPrefix(first, "-"):
		return nil, exit.Usage("the command comes first, then its flags: hagen render %s", first)
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == args[0] })
	if i < 0 {
		return nil, exit.Unknown("command", args[0], commandNames(commands))
	}
	line := arguments{command: commands[i], given: map[string]string{}}
	for rest := args[1:]; len(rest) > 0; {
		var err error
		if rest, err = line.take(rest); err != nil {
			return nil, err
		}
	}
	return line.arranged()
}

// arranged returns the command line in the order that cli/v2 expects.
func (a *arguments) arranged() ([]string, error) {
	path := []string{a.command.Name}
	words := a.words
	if len(words) > 0 {
		if below := a.command.Command(words[0]); below != nil {
			path, words = append(path, below.Name), words[1:]
			if err := a.fit(below); err != nil && !a.help {
				return nil, err
			}
		}
	}
	if a.help {
		return append([]string{"help"}, path...), nil
	}
	if len(words) > 0 && len(path) == 1 && a.command.ArgsUsage == "" {
		return nil, exit.Usage("hagen %s takes no argument %q; hagen %[1]s --help lists its flags", a.command.Name, words[0])
	}
	return slices.Concat(path, a.flags, []string{"--"}, words), nil
}

// fit refuses a flag that only another subcommand has. A switch that is off is
// ignored.
func (a *arguments) fit(below *cli.Command) error {
	var own []string
	for _, f := range a.flags {
		name, value, _ := strings.Cut(f, "=")
		if findFlag(below, name) != nil {
			own = append(own, f)
			continue
		}
		var owners []string
		for _, c := range a.command.Subcommands {
			if findFlag(c, name) != nil {
				owners = append(owners, "hagen "+a.command.Name+" "+c.Name)
			}
		}
		if _, isSwitch := findFlag(a.command, name).(*cli.BoolFlag); !isSwitch || value == "true" {
			return exit.Usage("%s is a flag of %s: leave it out", name, strings.Join(owners, " and "))
		}
	}
	a.flags = own
	return nil
}

// arguments is the command line of one command, as far as it has been read.
type arguments struct {
	command *cli.Command
	flags   []string
	words   []string
	given   map[string]string // last value of each flag, by name
	help    bool              // requested, and takes precedence
}

// take reads the first word of rest, with its value if it is a flag that has
// one, and returns the words that are left.
func (a *arguments) take(rest []string) ([]string, error) {
	word, rest := rest[0], rest[1:]
	if word == "--" {
		a.words = append(a.words, rest...)
		return nil, nil
	}
	if !strings.HasPrefix(word, "-") || word == "-" {
		a.words = append(a.words, word)
		return rest, nil
	}
	written, value, hasValue := strings.Cut(word, "=")
	flag := findFlag(a.command, written)
	if flag == nil {
		return nil, exit.Usage("hagen %s has no flag %s; hagen %[1]s --help lists its flags", a.command.Name, written)
	}
	if flag == cli.HelpFlag {
		a.help = true
		return rest, nil
	}
	if _, isSwitch := flag.(*cli.BoolFlag); isSwitch {
		return rest, a.addSwitch(flag, written, value, hasValue)
	}
	if !hasValue {
		if len(rest) == 0 {
			return nil, exit.Usage("%s needs a value; hagen %s --help explains it", written, a.command.Name)
		}
		value, rest = rest[0], rest[1:]
		if name, _, _ := strings.Cut(value, "="); findFlag(a.command, name) != nil {
			return nil, exit.Usage("%s needs a value, but the flag %s follows", written, value)
		}
	}
	return rest, a.add(flag, written, value)
}

func (a *arguments) addSwitch(flag cli.Flag, written, value string, hasValue bool) error {
	on := true
	if hasValue {
		var err error
		if on, err = strconv.ParseBool(value); err != nil {
			return exit.Usage("%s is on or off: write %[1]s alone, or %[1]s=false", written)
		}
	}
	a.flags = append(a.flags, fmt.Sprintf("--%s=%t", flag.Names()[0], on))
	return nil
}

func (a *arguments) add(flag cli.Flag, written, value string) error {
	name := flag.Names()[0]
	_, mayRepeat := flag.(*cli.StringSliceFlag)
	before, again := a.given[name]
	switch {
	case value == "":
		// Most likely an unset variable of a script.
		return exit.Usage("%s has an empty value; write one, or leave the flag out", written)
	case again && !mayRepeat:
		return exit.Usage("--%s is given twice, as %q and as %q; leave one out", name, before, value)
	}
	if format, isFormat := outputFormat(name, value); isFormat {
		return a.noFormat(written, format)
	}
	a.given[name] = value
	a.flags = append(a.flags, "--"+name+"="+value)
	return nil
}

// outputFormats are the values of -o in kubectl and similar tools, where it
// names the output format. Here -o names where to write, and documents hold
// keys.
var outputFormats = []string{"json", "yaml", "yml", "wide", "name", "jsonpath", "jsonpath-as-json", "go-template", "custom-columns", "text", "table"}

// outputFormat reports whether the value of -o is such a format, and which.
func outputFormat(flag, value string) (format string, is bool) {
	format, _, _ = strings.Cut(value, "=")
	return format, flag == "output" && slices.Contains(outputFormats, strings.ToLower(format))
}

// noFormat refuses a format, and names the flag to use instead.
func (a *arguments) noFormat(written, format string) error {
	meant := ""
	if findFlag(a.command, "--json") != nil {
		meant = "for JSON write --json; "
	}
	return exit.Usage("%s %s: %[1]s names where hagen %[3]s writes, not a format; %[4]sfor a file or directory of that name write %[1]s ./%[2]s", written, format, a.command.Name, meant)
}

// findFlag returns the flag written like this, with its dashes; nil if the
// command has none.
func findFlag(command *cli.Command, written string) cli.Flag {
	name := strings.TrimPrefix(strings.TrimPrefix(written, "-"), "-")
	if !strings.HasPrefix(written, "-") {
		return nil
	}
	for _, f := range append([]cli.Flag{cli.HelpFlag}, command.Flags...) {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// oneDirectory returns the argument of a command that takes one directory.
func oneDirectory(command string, words []string, example string) (string, error) {
	if len(words) != 1 || words[0] == "" {
		return "", exit.Usage("name one directory: hagen %s %s", command, example)
	}
	return words[0], nil
}
