package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
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
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

// How long a break-glass certificate is valid by default, and at most: nothing withdraws it.
const (
	breakGlassLife = 24 * time.Hour
	breakGlassMost = 7 * 24 * time.Hour
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
	if err := cmp.Or(asked.checkUser(c), asked.checkGroups(c)); err != nil {
		return err
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
	item, warnings, err := pki.Client(authority, asked.request(keys.Cluster), keys.Now, pki.Generate)
	if elsewhere := (pki.KeysElsewhere{}); errors.As(err, &elsewhere) {
		elsewhere[authority.Request.Name] = []string{"the certificate of user " + asked.User}
	}
	if err != nil {
		return clusterpki.Unsigned(asked.Place, err)
	}
	for _, w := range warnings {
		ui.Warn("the certificate " + w.Text) // without its name in the PKI, which means nothing to the user
	}
	if c.Profile.OneAuthority {
		ui.Note("etcd accepts the certificate, too: its holder can read and write everything there")
	}

	if err := writeKubeconfig(ui, keys, item, server, asked.Path, control.Kubeconfig(c, server, authority, item)); err != nil {
		return err
	}
	asked.note(ui, keys.Cluster, item)
	return nil
}

// request returns what is issued. An administrator has the groups that the cluster's own has.
func (asked Client) request(c *cluster.Cluster) pki.Request {
	groups := asked.Groups
	if asked.User == control.AdminUser && len(groups) == 0 {
		groups = control.AdminGroups(c)
	}
	request := control.ClientRequest(c, asked.User, groups)
	if asked.life > 0 {
		request.Lifetime = asked.life
	}
	return request
}

// checkUser keeps the names of machines' certificates for these, where RBAC gives them rights.
func (asked Client) checkUser(c *cluster.Cluster) error {
	if by := control.UsedBy(c, asked.User); by != "" && control.Rights(c) != nil {
		return exit.Usage("--user %s: is the user of %s, whose rights it would have, and audit logs could not tell them apart; choose another", asked.User, by)
	}
	return nil
}

// checkGroups keeps the group that is obeyed without RBAC for break-glass. In classic, whose
// administrators are in it, anybody may have it.
func (asked Client) checkGroups(c *cluster.Cluster) error {
	if asked.BreakGlass || !control.Bypasses(asked.Groups) || control.Rights(c) == nil {
		return nil
	}
	return exit.Usage("--group %s: API servers obey it without asking RBAC, and it cannot be withdrawn: --break-glass gives it, for a day, to a user whose name says so; --group %s makes administrators whom RBAC binds", control.SystemMasters, control.Administrators)
}

// note says what somebody in the group that is obeyed without RBAC may do.
func (asked Client) note(ui *console.UI, c *cluster.Cluster, item pki.Item) {
	switch {
	case !control.Bypasses(item.Request.Subject.Organization):
	case asked.BreakGlass:
		ui.Note("API servers obey " + control.BreakGlass + " without asking RBAC until the certificate ends, and nothing can withdraw it: use it where RBAC refuses you, and remove it then. Audit logs have the user's name")
	case control.Rights(c) == nil:
		ui.Note("the group " + control.SystemMasters + " bypasses RBAC until the certificate expires")
	default:
		ui.Note(fmt.Sprintf("the group %s bypasses RBAC until the certificate expires: administrators of this cluster are in it until %s", control.SystemMasters, asked.Command("pki renew", "--rbac")))
	}
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
		if path, err = intoTree(ui, keys, item, text, save); err != nil {
			return err
		}
	} else if err := intoFile(path, text, save); err != nil {
		return err
	} else {
		warnBelowGit(ui, path)
	}
	until := record.NotAfter.Format(time.DateOnly)
	if record.User == control.BreakGlass { // a date would leave out most of it
		until = record.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	}
	ui.Say("wrote %s: user %s, valid until %s", path, record.User, until)
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
// One that was made to break the glass, and has ended, gives way to the next.
func intoTree(ui *console.UI, keys *clusterpki.PKI, item pki.Item, text []byte, save func() error) (string, error) {
	dir, place := filepath.Join(trees.Dir, keys.Cluster.Name), trees.UserKubeconfig(item.Request.Subject.CommonName)
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	defer target.Close()
	prepared, err := out.PrepareKey(target, tree.File{Path: place, Mode: 0o600, Data: text}, func(former []byte) bool {
		return item.Request.Subject.CommonName == control.BreakGlass && brokeGlass(former, keys.Now)
	})
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

// brokeGlass reports whether a kubeconfig is of break-glass alone, and its certificate has ended.
// The PKI forgets who was given one that has ended.
func brokeGlass(kubeconfig []byte, now time.Time) bool {
	k, _, _ := read.ParseKubeconfig(node.File{Contents: kubeconfig}, nil)
	if len(k.Client.Certificates) == 0 || bytes.Count(kubeconfig, []byte("client-certificate")) != 1 {
		return false
	}
	c := k.Client.Certificates[0]
	return c.CommonName() == control.BreakGlass && c.NotAfter.Before(now)
}

// Client holds the options of hagen kubeconfig.
type Client struct {
	clusterfile.Place
	User       string
	Named      bool // the command line names the user
	Groups     []string
	BreakGlass bool          // a user whom API servers obey without RBAC, instead of User and Groups
	Expiry     string        // "" is the cluster file's, or a day to break the glass
	life       time.Duration // Expiry, parsed; 0 is the cluster file's
	Server     string        // the URL to dial; "" is the endpoint's
	Path       string        // "" is a file in the cluster's tree
}

// named completes the user and its groups.
func (asked *Client) named() error {
	switch {
	case asked.BreakGlass && (asked.Named || len(asked.Groups) > 0):
		return exit.Usage("--break-glass: leave out --user and --group: the user is %s, in the group %s", control.BreakGlass, control.SystemMasters)
	case asked.BreakGlass:
		asked.User, asked.Groups, asked.life = control.BreakGlass, []string{control.SystemMasters}, breakGlassLife
	case asked.User == control.BreakGlass:
		return exit.Usage("--user: %s is the user of --break-glass, whose name has to mean that in audit logs; choose another", asked.User)
	}
	return nil
}

// check validates the options before anything is opened.
func (asked *Client) check(ui *console.UI) error {
	if err := asked.named(); err != nil {
		return err
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
	if asked.BreakGlass && asked.life > breakGlassMost {
		return exit.Usage("--expiry %s: what --break-glass gives cannot be withdrawn, so it is for 7d at most; for longer, bind a user to a role, or make an administrator whom RBAC binds: hagen kubeconfig", asked.Expiry)
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
