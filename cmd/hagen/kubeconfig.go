package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/render"
	"hagen/gen/control"
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
			"hagen kubeconfig --break-glass    # for a day, without RBAC",
			"hagen kubeconfig --user ci -o - | vault kv put secret/ci kubeconfig=-"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.StringFlag{Name: "user", Value: control.AdminUser, Usage: "the user's `NAME`; only admin is an administrator by default"},
			&cli.StringSliceFlag{Name: "group", Usage: "a `GROUP` of the user", KeepSpace: true},
			&cli.BoolFlag{Name: "break-glass", Usage: "for the user break-glass in system:masters, whom API servers obey without asking RBAC", DisableDefaultText: true},
			&cli.StringFlag{Name: "expiry", Usage: "how long it is valid: `TIME` in hours, days or years, such as 30d (default: pki.adminExpiry; with --break-glass 24h)"},
			&cli.StringFlag{Name: "server", Usage: "the `URL` to dial instead of the endpoint; the API servers' certificates must be valid for it"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write (default: rendered/<cluster>/kubeconfigs/<user>.kubeconfig), or - for a pipe"},
		},
		Action: func(ctx *cli.Context) error {
			return render.Kubeconfig(ui, render.Client{Place: placeOf(ctx), User: ctx.String("user"), Named: ctx.IsSet("user"), Groups: ctx.StringSlice("group"), BreakGlass: ctx.Bool("break-glass"), Expiry: ctx.String("expiry"),
				Server: ctx.String("server"), Path: ctx.String("output")})
		},
	}
}
