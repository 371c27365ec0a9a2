package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/render"
)

func kubeconfigCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "kubeconfig",
		Usage: "issue one more client certificate and write its kubeconfig",
		Description: describe("The certificate is signed by the cluster's authority and recorded in the PKI directory's index;\n"+
			"its key is in the kubeconfig alone. Kubernetes cannot revoke it: keep its lifetime short.",
			"hagen kubeconfig --user jane --group developers --expiry 30d",
			"hagen kubeconfig --user jane --group developers -o jane.kubeconfig",
			"hagen kubeconfig --user jane --group developers --server https://10.10.10.2:6443",
			"hagen kubeconfig --user ci -o - | vault kv put secret/ci kubeconfig=-"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.StringFlag{Name: "user", Value: "admin", Usage: "the user's `NAME`; only admin is in system:masters by default"},
			&cli.StringSliceFlag{Name: "group", Usage: "a `GROUP` of the user", KeepSpace: true},
			&cli.StringFlag{Name: "expiry", Usage: "how long it is valid: `TIME` in hours, days or years, such as 30d (default: pki.adminExpiry)"},
			&cli.StringFlag{Name: "server", Usage: "the `URL` to dial instead of the endpoint; the API servers' certificates must be valid for it"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write (default: rendered/<cluster>/kubeconfigs/<user>.kubeconfig), or - for a pipe"},
		},
		Action: func(ctx *cli.Context) error {
			return render.Kubeconfig(ui, render.Client{Place: placeOf(ctx), User: ctx.String("user"), Groups: ctx.StringSlice("group"), Expiry: ctx.String("expiry"),
				Server: ctx.String("server"), Path: ctx.String("output")})
		},
	}
}
