package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/certificates"
	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/render"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/outside/verify"
	"hagen/profiles"
)

// completeWord takes the place of the command when a shell asks which words may
// come next: hagen __complete WORD… CURRENT. The answer is one word a line; an
// empty answer means a file name, or that hagen does not know.
const completeWord = "__complete"

func complete(app *cli.App, words []string) {
	if len(words) == 0 {
		return
	}
	last := len(words) - 1
	for _, word := range suggest(app.Commands, words[:last], words[last]) {
		if strings.HasPrefix(word, words[last]) {
			fmt.Fprintln(app.Writer, word)
		}
	}
}

// suggest lists the words that may follow; current is the part of the next word
// that is typed already.
func suggest(commands []*cli.Command, words []string, current string) []string {
	if len(words) == 0 {
		if strings.HasPrefix(current, "-") {
			return []string{"--help", "--version"}
		}
		return commandNames(commands)
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == words[0] })
	if i < 0 {
		return nil
	}
	command, words := commands[i], words[1:]
	if below := belowOf(command, words); below != nil {
		command = below
	} else if len(command.Subcommands) > 0 && !strings.HasPrefix(current, "-") && !wantsValue(command, words) {
		return commandNames(command.Subcommands)
	}
	if wantsValue(command, words) {
		return values(findFlag(command, words[len(words)-1]).Names()[0], words)
	}
	switch {
	case strings.HasPrefix(current, "-"):
		return freeFlags(command, words)
	case command.Name == "help" && len(words) == 1:
		if above := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == words[0] }); above >= 0 {
			return commandNames(commands[above].Subcommands)
		}
		return nil
	case command.Name == "show" && words[len(words)-1] == "show":
		return certificates.Names(placeIn(words))
	case command.Name == "renew":
		return certificateNames(words)
	case command.Name == "compromised":
		return hostNames(words)
	case command.Name == "rotate" && words[len(words)-1] == "rotate":
		return control.RotatedKinds()
	case len(words) > 0:
		return nil
	case command.Name == "completion":
		return shells
	case command.Name == "releases":
		return recordedReleases()
	case command.Name == "help":
		return commandNames(commands)
	}
	return nil
}

// belowOf returns the subcommand that the words name; nil if none does.
func belowOf(command *cli.Command, words []string) *cli.Command {
	for i, word := range words {
		if below := command.Command(word); below != nil && !wantsValue(command, words[:i]) {
			return below
		}
	}
	return nil
}

// wantsValue reports whether the last of the words is a flag that needs a
// value.
func wantsValue(command *cli.Command, words []string) bool {
	if len(words) == 0 {
		return false
	}
	flag := findFlag(command, words[len(words)-1])
	_, isSwitch := flag.(*cli.BoolFlag)
	return flag != nil && flag != cli.HelpFlag && !isSwitch
}

// values lists the values of a flag.
func values(flag string, words []string) []string {
	switch flag {
	case "profile":
		return clusterfile.ProfileNames()
	case "format":
		return render.Formats()
	case "channel":
		return profiles.ChannelNames()
	case "kind":
		return profiles.KindNames()
	case "with":
		return verify.Names()
	case "to":
		return clusterpki.PhaseNames()
	case "host", "replace", "without":
		if c := clusterOf(words[:len(words)-1]); c != nil {
			return render.NamesOf(c)
		}
	}
	return nil
}

// certificateNames lists the certificates of the cluster file that the words name.
func certificateNames(words []string) (names []string) {
	c := clusterOf(words)
	if c == nil {
		return nil
	}
	for _, r := range control.Requests(c) {
		if r.Lifetime > 0 && !slices.Contains(words, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// hostNames lists the hosts of the cluster file that the words name, without those that are words.
func hostNames(words []string) []string {
	c := clusterOf(words)
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(render.NamesOf(c)), func(name string) bool { return slices.Contains(words, name) })
}

// clusterOf returns the cluster of the file that the words name; nil if that has
// faults, which render reports.
func clusterOf(words []string) *cluster.Cluster {
	path := placeIn(words).File
	text, err := clusterfile.Text(path)
	if err != nil {
		return nil
	}
	c, err := gen.Read(spec.Source{Name: path, Text: text})
	if err != nil {
		return nil
	}
	return c
}

// placeIn returns the cluster file and the PKI directory that the words name.
func placeIn(words []string) clusterfile.Place {
	at := clusterfile.Place{File: clusterfile.DefaultName}
	for i, word := range words[:max(len(words)-1, 0)] {
		switch word {
		case "-f", "--file":
			at.File = words[i+1]
		case "--pki":
			at.PKI = words[i+1]
		}
	}
	return at
}

// freeFlags lists a command's flags that may still be given.
func freeFlags(command *cli.Command, words []string) []string {
	var free []string
	for _, f := range append(slices.Clone(command.Flags), cli.HelpFlag) {
		_, mayRepeat := f.(*cli.StringSliceFlag)
		used := slices.ContainsFunc(words, func(w string) bool {
			return findFlag(command, w) != nil && findFlag(command, w).Names()[0] == f.Names()[0]
		})
		if !used || mayRepeat {
			free = append(free, "--"+f.Names()[0])
		}
	}
	return free
}
