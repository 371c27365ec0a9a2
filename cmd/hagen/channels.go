package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/profiles"
)

func channelsCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "channels",
		Usage: "list the channels through which a machine gets its document, with their limits and readers",
		Description: describe("hagen render names the channels that a document is too large for; hagen media makes the media named\n"+
			"here. docs/delivery.md and --json give the source of each limit.",
			"hagen channels",
			"hagen channels --json | jq -r '.channels[] | [.name, .limit, .readers[]] | @tsv'"),
		Flags: []cli.Flag{jsonFlag("print JSON")},
		Action: func(ctx *cli.Context) error {
			if ctx.Bool("json") {
				ui.JSON(struct {
					Channels []profiles.Channel `json:"channels"`
				}{profiles.Channels()})
				return nil
			}
			rows := [][]string{{"CHANNEL", "BYTES", "COUNTED", "READ BY", "MEDIA", "WHAT IT IS"}}
			for _, c := range profiles.Channels() {
				rows = append(rows, []string{c.Name, limit(c), string(c.Counts), strings.Join(c.Readers, ","), orNone(strings.Join(c.Media, ",")), c.Summary})
			}
			console.Table(ui.Out, rows)
			return nil
		},
	}
}

// orNone returns a cell of the table, - for an empty one.
func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// limit returns a channel's limit for the table, - for none.
func limit(c profiles.Channel) string {
	if c.Limit == 0 {
		return "-"
	}
	return console.Count(c.Limit)
}
