package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
)

func pkiRenewCommand(ui *console.UI, file, dir, asJSON, all cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "renew",
		Usage:     "issue certificates again, with new dates",
		ArgsUsage: "NAME… | --host NAME | --expiring TIME | --all",
		Description: describe("NAME is a certificate's in the PKI directory, or a folder of some. Names, keys and the way\n"+
			"that a certificate is used stay as they are. --new-keys makes new keys, for when one may have been\n"+
			"read by others. An authority always keeps its key: no certificate that it signed changes, and those\n"+
			"who have its former certificate accept what it signs until that ends.\n"+
			"No network is used, and it works when all has expired. Machines have the former certificates until\n"+
			"they get new files: hagen plan --delta, from the tree that they were made from, writes a script that\n"+
			"delivers them; hagen render replaces that tree, so it comes after the plan.",
			"hagen pki renew --expiring 30d",
			"hagen pki renew --host kubem00",
			"hagen pki renew hosts/kubem00/apiserver --new-keys",
			"hagen pki renew authorities/etcd",
			"hagen pki renew --rbac            # what is in system:masters leaves it (docs/pki.md)",
			"hagen pki renew cluster/admin    # and rendered/<cluster>/admin.kubeconfig"),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "host", Usage: "with renew: the certificates of the host `NAME`", KeepSpace: true},
			&cli.StringFlag{Name: "expiring", Usage: "with renew: what ends within this `TIME`, in hours, days or years, such as 30d, or has ended"},
			&cli.BoolFlag{Name: "new-keys", Usage: "with renew: make new keys, too, but for authorities", DisableDefaultText: true},
			&cli.BoolFlag{Name: "rbac", Usage: "with renew: certificates in system:masters leave it, and have the rights of rbac.yaml; alone, it renews these", DisableDefaultText: true},
			file, dir, all, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			return clusterpki.Renew(ui, clusterpki.Renewal{Place: placeOf(ctx), Names: ctx.Args().Slice(), Hosts: ctx.StringSlice("host"),
				Expiring: ctx.String("expiring"), All: ctx.Bool("all"), NewKeys: ctx.Bool("new-keys"), RBAC: ctx.Bool("rbac"), JSON: ctx.Bool("json")})
		},
	}
}
