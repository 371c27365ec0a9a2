package main

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

func kubeconfigCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:  "kubeconfig",
		Usage: "issue one more client certificate and write its kubeconfig",
		Description: "The certificate is signed by the cluster's authority and recorded in the PKI directory's index;\n" +
			"its key stands in the kubeconfig alone. Kubernetes cannot revoke it: keep it short.\n\n" +
			"   hagen kubeconfig --user jane --group developers --expiry 30d\n" +
			"   hagen kubeconfig --user ci -o - | vault kv put secret/ci kubeconfig=-",
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.StringFlag{Name: "user", Value: "admin", Usage: "the user's `NAME`; admin alone is in system:masters without asking"},
			&cli.StringSliceFlag{Name: "group", Usage: "a `GROUP` of the user; may be repeated"},
			&cli.StringFlag{Name: "expiry", Usage: "how long it is valid: `TIME` in hours, days or years, such as 30d (default: pki.adminExpiry)"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write (default: <user>.kubeconfig), or - for a pipe", TakesFile: true},
		},
		Action: func(ctx *cli.Context) error {
			if err := noArguments(ctx); err != nil {
				return err
			}
			return kubeconfig(ui, ctx)
		},
	}
}

const (
	adminUser  = "admin"
	adminGroup = "system:masters"
)

func kubeconfig(ui *ui, ctx *cli.Context) error {
	request, path, err := clientRequest(ui, ctx)
	if err != nil {
		return err
	}
	c, err := readCluster(ui, ctx.String("file"))
	if err != nil {
		return err
	}
	full := control.ClientRequest(c, request.user, request.groups)
	if request.life > 0 {
		full.Lifetime = request.life
	}
	s, err := openStore(ui, pkiDir(ctx))
	if err != nil {
		return err
	}
	defer s.Close()
	authority, found := s.Set()[control.ClusterAuthority]
	if !found {
		return failed("%s: holds no authority that could sign; hagen render makes one", pkiDir(ctx))
	}
	item, warnings, err := pki.Client(authority, full, time.Now(), pki.Generate)
	if err != nil {
		return failed("%w", err)
	}
	for _, w := range warnings {
		ui.warn(w.Name + ": " + w.Text)
	}
	return deliver(ui, s, item, path, control.Kubeconfig(c, authority, item))
}

// deliver records the certificate, then hands the kubeconfig over. In this
// order nobody holds a certificate that the index does not know.
func deliver(ui *ui, s *store.Store, item pki.Item, path string, text []byte) error {
	var file *os.File
	if path != "-" {
		var err error
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			return failed("%s: exists and is not overwritten; name another file with -o", path)
		case err != nil:
			return failed("%s: cannot be written: %w", path, reason(err))
		}
		defer file.Close()
	}
	record, err := store.NewClientRecord(item)
	if err == nil {
		_, err = s.Save(s.Set(), record)
	}
	if err != nil {
		discard(file)
		return failed("%w", err)
	}
	if file == nil {
		if _, err := ui.out.Write(text); err != nil {
			return failed("the kubeconfig could not be printed: %w", reason(err))
		}
		return nil
	}
	if _, err := file.Write(text); err != nil {
		discard(file)
		return failed("%s: cannot be written: %w", path, reason(err))
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		discard(file)
		return failed("%s: cannot be written: %w", path, reason(err))
	}
	ui.say("wrote %s, valid until %s", path, record.NotAfter.Format(time.DateOnly))
	return nil
}

// discard removes a file that did not become what it should.
func discard(file *os.File) {
	if file != nil {
		_ = os.Remove(file.Name()) // the error that led here is the one to tell
	}
}

// client is what the flags ask for.
type client struct {
	user   string
	groups []string
	life   time.Duration
}

// clientRequest reads the flags, before anything is opened.
func clientRequest(ui *ui, ctx *cli.Context) (client, string, error) {
	r := client{user: ctx.String("user"), groups: ctx.StringSlice("group")}
	if r.user == adminUser && len(r.groups) == 0 {
		r.groups = []string{adminGroup}
	}
	for what, texts := range map[string][]string{"user": {r.user}, "group": r.groups} {
		for _, text := range texts {
			if text == "" || len(text) > 64 || strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				return r, "", usage("--%s: a name of 1 to 64 printable characters is needed (RFC 5280, ub-common-name)", what)
			}
		}
	}
	if slices.Contains(r.groups, adminGroup) {
		ui.warn("group system:masters is obeyed without asking RBAC, until the certificate expires")
	}
	if text := ctx.String("expiry"); text != "" {
		var err error
		if r.life, err = cluster.ParseLifetime(text); err != nil {
			return r, "", usage("--expiry: %w", err)
		}
	}
	path := ctx.String("output")
	if path == "" {
		path = fileName.ReplaceAllString(r.user, "_") + ".kubeconfig"
	}
	if path == "-" && ui.outTerminal {
		return r, "", usage("the kubeconfig holds a key and is not printed on a terminal: pipe it, or name a file with -o")
	}
	return r, path, nil
}

// fileName matches what a user's name may hold and a file's should not.
var fileName = regexp.MustCompile(`[^A-Za-z0-9@_-]`)
