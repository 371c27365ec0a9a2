package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/profiles"
)

func releasesCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "releases",
		Usage:     "list profiles, Kubernetes releases with their etcd, and operating systems",
		ArgsUsage: "[RELEASE --flags]",
		Description: describe("With a release and --flags: every flag that its binaries accept, from their own --help and etcd's\n"+
			"source. --json adds the values of flags that accept only certain ones.",
			"hagen releases",
			"hagen releases --json | jq -r '.releases[].kubernetes'",
			"hagen releases 1.36 --flags"),
		Flags: []cli.Flag{
			jsonFlag("print JSON"),
			&cli.BoolFlag{Name: "flags", Usage: "list the flags of a release's binaries"},
		},
		Action: func(ctx *cli.Context) error {
			if ctx.Bool("flags") || ctx.Args().Present() {
				return releaseFlags(ui, ctx.Args().Slice(), ctx.Bool("flags"), ctx.Bool("json"))
			}
			if ctx.Bool("json") {
				releasesJSON(ui)
			} else {
				releasesTables(ui)
			}
			return nil
		},
	}
}

// recordedReleases are the releases whose binaries' flags are recorded, newest
// first.
func recordedReleases() []string {
	var minors []string
	for _, r := range profiles.Releases() {
		if _, recorded := profiles.Flags(r.Minor); recorded {
			minors = append(minors, r.Minor)
		}
	}
	return minors
}

// releaseFlags prints the recorded flags of one release.
func releaseFlags(ui *console.UI, args []string, flags, asJSON bool) error {
	minors := recordedReleases()
	if len(args) != 1 || !flags {
		return exit.Usage("name one release together with --flags: %s", strings.Join(minors, ", "))
	}
	minor := args[0]
	record, recorded := profiles.Flags(minor)
	if !recorded {
		return exit.Unknown("record of the flags of release", minor, minors)
	}
	if asJSON {
		ui.JSON(record)
		return nil
	}
	rows := [][]string{{"COMPONENT", "FLAG", "TYPE", "DEFAULT", ""}}
	for _, f := range record {
		remark := ""
		if f.Deprecated {
			remark = "deprecated"
		}
		rows = append(rows, []string{f.Component, "--" + f.Name, f.Type, f.Default, remark})
	}
	console.Table(ui.Out, rows)
	return nil
}

func releasesJSON(ui *console.UI) {
	ui.JSON(struct {
		Profiles []profiles.Profile `json:"profiles"`
		Releases []profiles.Release `json:"releases"`
		Systems  []profiles.OS      `json:"operatingSystems"`
	}{profiles.Profiles(), profiles.Releases(), profiles.Systems()})
}

func releasesTables(ui *console.UI) {
	rows := [][]string{{"PROFILE", "KEYS", "OS", "WHAT IT IS"}}
	for _, p := range profiles.Profiles() {
		name := p.Name
		if p.Default {
			name += " (default)"
		}
		system := p.OS
		if !p.OnlyOS {
			system = "any (" + p.OS + ")"
		}
		rows = append(rows, []string{name, p.Algorithm, system, p.Summary})
	}
	console.Table(ui.Out, rows)
	rows = [][]string{{"KUBERNETES", "ETCD", "PROFILE"}}
	for _, r := range profiles.Releases() {
		rows = append(rows, []string{r.Proven.String(), r.Etcd.String(), r.Profile})
	}
	fmt.Fprintln(ui.Out)
	console.Table(ui.Out, rows)
	rows = [][]string{{"OS", "BINARIES", "HAPROXY", "BUTANE", "IGNITION", "FORMATS", "WHAT IT IS"}}
	for _, o := range profiles.Systems() {
		rows = append(rows, []string{o.Name, o.BinDir, o.HAProxy, o.Variant + " " + o.Butane, o.Spec, strings.Join(o.Formats, ","), o.Summary})
	}
	fmt.Fprintln(ui.Out)
	console.Table(ui.Out, rows)
}
