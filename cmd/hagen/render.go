package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/render"
	"hagen/profiles"
)

// channelFlag and wrapFlag say through which channel documents are delivered,
// and in which form.
func channelFlag() cli.Flag {
	return &cli.StringFlag{Name: "channel", Usage: "make documents that fit this `CHANNEL`, wrapped where needed: " + strings.Join(profiles.ChannelNames(), ", ")}
}

func wrapFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wrap", Usage: "wrap every Ignition document in one that carries it compressed, and write cloud-init's user-data as gzip, too; --wrap=false: wrap none", DisableDefaultText: true}
}

func renderCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "render",
		Usage: "make missing certificates and keys, and one document per machine",
		Description: describe("The same cluster file and the same PKI give the same bytes. Everything is checked before\n"+
			"anything is written; directories are replaced as a whole.",
			"hagen render",
			"hagen render -f prod/cluster.yaml -o /srv/boot/prod",
			"hagen render --host kubem00 --host kubem01",
			"hagen render --host kubem00 --format ignition -o kubem00.ign",
			"hagen render --host kubem00 --format ignition -o - | ssh matchbox 'cat > kubem00.ign'",
			"hagen render --restore kubem01-20261101T020000Z.db    # etcd starts from it, once",
			"hagen render --channel aws    # documents that fit into EC2's user data",
			"hagen render --replace kubem01",
			"hagen render --prove    # in a pipeline: Butane confirms that both texts say the same",
			"hagen render --join    # for new masters, before the normal render",
			"hagen render --redact -o golden/kubernetes"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the documents to `DIR` (default: rendered/<cluster>); with one --host and one --format, write one document to a FILE, or with - to a pipe"},
			&cli.StringSliceFlag{Name: "host", Usage: "render only the host `NAME`", KeepSpace: true},
			formatFlag(), channelFlag(), wrapFlag(), restoreFlag(), restorePathFlag(), loseSecretsFlag(),
			&cli.StringFlag{Name: "replace", Usage: "write the document with which a replacement of the lost master `NAME` joins the others, and a runbook, to replace/<cluster>"},
			&cli.BoolFlag{Name: "join", Usage: "write the documents with which new masters join the others, to join/<cluster>; before the normal render", DisableDefaultText: true},
			&cli.StringFlag{Name: "from", Usage: "with --replace or --join: `DIR` holds the tree that machines have now (default: rendered/<cluster>)"},
			nodesFitFlag(),
			&cli.BoolFlag{Name: "redact", Usage: "write twins, which may be shared: documents with fingerprints instead of secrets; needs -o", DisableDefaultText: true},
			&cli.BoolFlag{Name: "prove", Usage: "have Butane translate each config.bu, and refuse to write a config.ign that differs by a byte", DisableDefaultText: true},
			jsonFlag("print the summary as JSON on stdout"),
		},
		Action: func(ctx *cli.Context) error {
			return render.Run(ui, renderFlags(ctx))
		},
	}
}

// renderFlags reads the flags.
func renderFlags(ctx *cli.Context) render.Options {
	asked := render.Options{
		Place: placeOf(ctx), Output: ctx.String("output"), Hosts: ctx.StringSlice("host"), Formats: ctx.StringSlice("format"),
		Channel: ctx.String("channel"), Restore: ctx.String("restore"), LoseSecrets: ctx.Bool("lose-secrets"), Replace: ctx.String("replace"), Join: ctx.Bool("join"),
		From: ctx.String("from"), NodesFit: ctx.Bool("nodes-fit"), Redact: ctx.Bool("redact"), Prove: ctx.Bool("prove"), JSON: ctx.Bool("json"),
	}
	if ctx.IsSet("restore-path") {
		asked.RestorePath = ctx.String("restore-path")
	}
	if ctx.IsSet("wrap") {
		wrap := ctx.Bool("wrap")
		asked.Wrap = &wrap
	}
	return asked
}

// formatFlag adds formats to those that each operating system needs.
func formatFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "format", Usage: "also write this `FORMAT`: " + strings.Join(render.Formats(), ", "), KeepSpace: true}
}

func restoreFlag() cli.Flag {
	return &cli.StringFlag{Name: "restore", Usage: "make documents with which all masters restore etcd from the snapshot `FILE`, once"}
}

func restorePathFlag() cli.Flag {
	return &cli.StringFlag{Name: "restore-path", Usage: "the snapshot's `PATH` on each master", Value: render.RestorePlace}
}

func loseSecretsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "lose-secrets", Usage: "with --restore: go on although no key opens some Secrets of the snapshot; the steps remove them", DisableDefaultText: true}
}
