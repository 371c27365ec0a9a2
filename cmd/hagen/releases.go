package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/profiles"
)

func releasesCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:  "releases",
		Usage: "list profiles, Kubernetes releases with their etcd, and operating systems",
		Description: describe("",
			"hagen releases",
			"hagen releases --json | jq -r '.releases[].kubernetes'"),
		Flags: []cli.Flag{jsonFlag("print JSON")},
		Action: func(ctx *cli.Context) error {
			if err := noArguments(ctx); err != nil {
				return err
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

func releasesJSON(ui *ui) {
	ui.json(struct {
		Profiles []profiles.Profile `json:"profiles"`
		Releases []profiles.Release `json:"releases"`
		Systems  []profiles.OS      `json:"operatingSystems"`
	}{profiles.Profiles(), profiles.Releases(), profiles.Systems()})
}

func releasesTables(ui *ui) {
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
	table(ui.out, rows)
	rows = [][]string{{"KUBERNETES", "ETCD", "PROFILE"}}
	for _, r := range profiles.Releases() {
		rows = append(rows, []string{r.Proven.String(), r.Etcd.String(), r.Profile})
	}
	fmt.Fprintln(ui.out)
	table(ui.out, rows)
	rows = [][]string{{"OS", "BINARIES", "HAPROXY", "BUTANE", "IGNITION", "FORMATS", "WHAT IT IS"}}
	for _, o := range profiles.Systems() {
		rows = append(rows, []string{o.Name, o.BinDir, o.HAProxy, o.Variant + " " + o.Butane, o.Spec, strings.Join(o.Formats, ","), o.Summary})
	}
	fmt.Fprintln(ui.out)
	table(ui.out, rows)
}
