package main

import (
	"os"
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
		for _, flag := range command.Flags {
			for _, name := range flag.Names() {
				written := []string{"--" + name, "value"}
				if _, isSwitch := flag.(*cli.BoolFlag); isSwitch {
					written = written[:1]
				}
				before, err1 := arrange(app.Commands, append(append([]string{command.Name}, written...), "word", "-"))
				after, err2 := arrange(app.Commands, append([]string{command.Name, "word", "-"}, written...))
				if err1 != nil || err2 != nil {
					t.Errorf("%s --%s: %v, %v", command.Name, name, err1, err2)
				}
				if a, b := strings.Join(before, " "), strings.Join(after, " "); a != b || !strings.HasSuffix(a, " -- word -") {
					t.Errorf("%s --%s: %q and %q", command.Name, name, a, b)
				}
			}
		}
	}
}

func FuzzArrange(f *testing.F) {
	for _, line := range []string{"render\x00-f\x00a", "render\x00--host=a\x00--\x00-x", "", "help\x00-h", "render\x00-", "init\x00--=\x00="} {
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
