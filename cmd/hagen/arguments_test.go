package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
)

// TestArrange tries every flag of every command before and after an argument:
// both ways must be the same.
func TestArrange(t *testing.T) {
	app := newApp(console.New(os.Stdout, os.Stderr))
	for _, command := range app.Commands {
		words, want := []string{"word", "-"}, " -- word -"
		if command.ArgsUsage == "" {
			words, want = nil, " --"
		}
		tryFlags(t, app.Commands, []string{command.Name}, command.Flags, words, want)
		for _, below := range command.Subcommands {
			tryFlags(t, app.Commands, []string{command.Name, below.Name}, below.Flags, []string{"word", "-"}, " -- word -")
		}
	}
}

func tryFlags(t *testing.T, commands []*cli.Command, path []string, flags []cli.Flag, words []string, want string) {
	for _, flag := range flags {
		for _, name := range flag.Names() {
			written := []string{"--" + name, "value"}
			if _, isSwitch := flag.(*cli.BoolFlag); isSwitch {
				written = written[:1]
			}
			before, err1 := arrange(commands, slices.Concat(path[:1], written, path[1:], words))
			after, err2 := arrange(commands, slices.Concat(path, words, written))
			if err1 != nil || err2 != nil {
				t.Errorf("%s --%s: %v, %v", path, name, err1, err2)
			}
			if a, b := strings.Join(before, " "), strings.Join(after, " "); a != b || !strings.HasSuffix(a, want) {
				t.Errorf("%s --%s: %q and %q", path, name, a, b)
			}
		}
	}
}

func FuzzArrange(f *testing.F) {
	for _, line := range []string{"render\x00-f\x00a", "render\x00--host=a\x00--\x00-x", "", "help\x00-h", "render\x00-", "init\x00--=\x00=", "pki\x00--json\x00rename\x00a\x00b"} {
		f.Add(line)
	}
	app := newApp(console.New(os.Stdout, os.Stderr))
	f.Fuzz(func(t *testing.T, line string) {
		args, err := arrange(app.Commands, strings.Split(line, "\x00"))
		if (err == nil) == (len(args) == 0) {
			t.Errorf("%q: %q, %v", line, args, err)
		}
		words := strings.Split(line, "\x00")
		suggest(app.Commands, words[:len(words)-1], words[len(words)-1])
	})
}
