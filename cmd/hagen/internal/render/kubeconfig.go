package render

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

const (
	adminUser  = "admin"
	adminGroup = "system:masters"
)

// Kubeconfig issues a client certificate and writes its kubeconfig.
func Kubeconfig(ui *console.UI, asked Client) error {
	if err := asked.check(ui); err != nil {
		return err
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	request := control.ClientRequest(c, asked.User, asked.Groups)
	if asked.life > 0 {
		request.Lifetime = asked.life
	}
	if err := files.Preflight(asked.Dir(), asked.File); err != nil {
		return err
	}
	keys, err := clusterpki.OpenToWrite(ui, asked.Place, c, clusterpki.Trees{Always: []string{filepath.Join(trees.Dir, c.Name)}})
	if err != nil {
		return err
	}
	defer keys.Close()
	server, err := serverOf(asked.Place, c, keys, asked.Server)
	if err != nil {
		return err
	}
	authority, found := keys.Store.Set()[control.ClusterAuthority]
	if !found {
		return exit.Failed("%s: holds no authority to sign with; %s makes one for a cluster that has none yet", asked.Dir(), asked.Command("render"))
	}
	if asked.User == authority.Request.Subject.CommonName {
		return exit.Usage("--user: %q is the name of the signing authority; choose another --user", asked.User)
	}
	item, warnings, err := pki.Client(authority, request, keys.Now, pki.Generate)
	if elsewhere := (pki.KeysElsewhere{}); errors.As(err, &elsewhere) {
		elsewhere[authority.Request.Name] = []string{"the certificate of user " + asked.User}
	}
	if err != nil {
		return clusterpki.Unsigned(asked.Place, err)
	}
	for _, w := range warnings {
		ui.Warn("the certificate " + w.Text) // without its name in the PKI, which means nothing to the user
	}
	if slices.Contains(asked.Groups, adminGroup) {
		ui.Note("the group " + adminGroup + " bypasses RBAC until the certificate expires")
	}
	if c.Profile.OneAuthority {
		ui.Note("etcd accepts the certificate, too: its holder can read and write everything there")
	}

	return writeKubeconfig(ui, keys, item, server, asked.Path, control.Kubeconfig(c, server, authority, item))
}

// writeKubeconfig records the certificate, then writes the kubeconfig: in this order no
// certificate is handed out that is not recorded.
func writeKubeconfig(ui *console.UI, keys *clusterpki.PKI, item pki.Item, server control.Server, path string, text []byte) error {
	record, err := store.NewClientRecord(item)
	if err != nil {
		return exit.Failed("%w", err)
	}
	record.Server, record.ServerName = server.URL, server.Name
	save := func() error { return keys.Save(ui, keys.Store.Set(), record) }
	if path == pipe {
		if err := save(); err != nil {
			return err
		}
		ui.Out.Write(text)
		return nil
	}
	if path == "" {
		if path, err = intoTree(ui, keys.Cluster, item, text, save); err != nil {
			return err
		}
	} else if err := intoFile(path, text, save); err != nil {
		return err
	} else {
		warnBelowGit(ui, path)
	}
	ui.Say("wrote %s: user %s, valid until %s", path, record.User, record.NotAfter.Format(time.DateOnly))
	return nil
}

// intoFile writes a file that must not exist, once the certificate is recorded.
func intoFile(path string, text []byte, save func() error) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return exit.Failed("%s: exists and is not overwritten; name another file with -o", path)
	case !errors.Is(err, fs.ErrNotExist):
		return exit.Failed("%s: cannot be written: %w; name another file with -o", path, exit.Reason(err))
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return exit.Failed("%s: its directory does not exist; make it first, or name another file with -o", path)
	}
	staged, err := files.Stage(path, nil, 0o600)
	if err != nil {
		return err
	}
	defer staged.Discard()
	if err := staged.Fill(text); err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	return staged.Put()
}

// intoTree writes the kubeconfig into the cluster's tree, which is private and
// ignored by git, and returns its path.
func intoTree(ui *console.UI, c *cluster.Cluster, item pki.Item, text []byte, save func() error) (string, error) {
	dir, place := filepath.Join(trees.Dir, c.Name), trees.UserKubeconfig(item.Request.Subject.CommonName)
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	defer target.Close()
	prepared, err := out.PrepareKey(target, tree.File{Path: place, Mode: 0o600, Data: text})
	if err != nil {
		return "", exit.Failed("%w; name another file with -o", err)
	}
	defer prepared.Discard()
	if err := save(); err != nil {
		return "", err
	}
	if _, err := prepared.Commit(); err != nil {
		return "", exit.Failed("%w", err)
	}
	ui.WarnEach(target.Notes())
	return filepath.Join(dir, filepath.FromSlash(place)), nil
}

// Client holds the options of hagen kubeconfig.
type Client struct {
	clusterfile.Place
	User   string
	Groups []string
	Expiry string        // "" is the cluster file's
	life   time.Duration // Expiry, parsed; 0 is the cluster file's
	Server string        // the URL to dial; "" is the endpoint's
	Path   string        // "" is a file in the cluster's tree
}

// check validates the options before anything is opened.
func (asked *Client) check(ui *console.UI) error {
	if asked.User == adminUser && len(asked.Groups) == 0 {
		asked.Groups = []string{adminGroup}
	}
	var faults []error
	for i, name := range append([]string{asked.User}, asked.Groups...) {
		flag := "--group"
		if i == 0 {
			flag = "--user"
		}
		err := checkName(flag, name)
		if err == nil && slices.Contains(asked.Groups[:max(i-1, 0)], name) {
			err = exit.Usage("--group %s is given twice; leave one out", name)
		}
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if text := asked.Expiry; text != "" {
		var err error
		if asked.life, err = cluster.ParseLifetime(text); err != nil {
			return exit.Usage("--expiry: %w", err)
		}
	}
	if asked.Path == pipe && ui.Terminal {
		return exit.Usage("the kubeconfig holds a key and is not printed on a terminal: pipe it, or name a file with -o")
	}
	return nil
}

// checkName refuses a name of a user or group that a certificate cannot hold
// (RFC 5280, ub-common-name and ub-organization-name).
func checkName(flag, name string) error {
	odd := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
	switch {
	case odd:
		return exit.Usage("%s: %q holds a character that cannot be printed", flag, name)
	case strings.TrimSpace(name) != name:
		return exit.Usage("%s: %q begins or ends with a space", flag, name)
	case utf8.RuneCountInString(name) > 64:
		return exit.Usage("%s: the name has %d characters; a certificate can hold 64", flag, utf8.RuneCountInString(name))
	}
	return nil
}
