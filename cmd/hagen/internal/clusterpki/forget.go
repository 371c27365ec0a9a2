package clusterpki

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
	"hagen/pki/store"
)

// Forget removes names and addresses that the API servers' certificates keep
// for clients although the cluster file no longer has them; without names, it
// removes all of these. The next render reissues the certificates.
func Forget(ui *console.UI, at clusterfile.Place, names []string, asJSON bool) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	k, err := Open(ui, at, c, Trees{})
	if err != nil {
		return err
	}
	defer k.Close()
	if len(k.Store.Recorded()) == 0 {
		return exit.Failed("%s: holds no certificates, so there is nothing to forget", at.Dir())
	}
	former := control.FormerNames(k.Cluster)
	if names = oneSpelling(names); len(names) == 0 {
		names = former
	}
	for _, name := range names {
		switch {
		case name == "":
			return exit.Usage("a name is empty; leave it out")
		case slices.Contains(former, name):
		case slices.Contains(k.carried, name):
			return exit.Usage("%s: %s has it: remove it there, and render, before you forget it", name, at.File)
		case len(former) == 0:
			return exit.Usage("%s: the API servers' certificates keep no name that %s lacks", name, at.File)
		default:
			return exit.Usage("%s: is not among the names that the API servers' certificates keep: %s", name, strings.Join(former, ", "))
		}
	}
	told := forgotten{Cluster: c.Name, Lock: k.lock.Path, Forgotten: console.List(names)}
	if len(names) > 0 {
		if err := k.forget(names); err != nil {
			return err
		}
		told.Kubeconfigs = k.dialling(at, names)
	}
	told.report(ui, at, asJSON)
	return nil
}

// oneSpelling returns each name once, as the lock file holds it.
func oneSpelling(names []string) (out []string) {
	for _, name := range names {
		if name = cluster.OneName(name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// forget writes the lock file without these names, which it lists as forgotten.
func (k *PKI) forget(names []string) (err error) {
	next := k.lock.LockContents
	next.Names = without(k.carried, names)
	next.Forgotten = slices.Sorted(slices.Values(append(without(k.lock.Forgotten, names), names...)))
	if k.staged, err = k.lock.Stage(); err != nil {
		return err
	}
	if err := k.staged.Fill(cluster.LockText(k.Cluster.Name, next)); err != nil {
		return err
	}
	return k.staged.Put()
}

// Forgets reports whether a name was forgotten, and the cluster does not have it.
func (k *PKI) Forgets(name string) bool {
	asked := slices.ContainsFunc(control.Requests(k.Cluster), func(r pki.Request) bool {
		return control.Serves(k.Cluster, r.Name) && slices.Contains(append(addressTexts(r), r.DNSNames...), name)
	})
	return !asked && slices.Contains(k.lock.Forgotten, name)
}

func addressTexts(r pki.Request) (texts []string) {
	for _, a := range r.IPAddresses {
		texts = append(texts, a.String())
	}
	return texts
}

// dialling returns the kubeconfigs that have not expired and dial one of the names, or
// verify it. Of those of earlier releases nobody knows. The administrator's is the one that
// the last render wrote.
func (k *PKI) dialling(at clusterfile.Place, names []string) (texts []string) {
	records := k.Store.Clients()
	if admin, there := k.Store.Set()[control.Admin]; there {
		if record, err := store.NewClientRecord(admin); err == nil {
			record.User = document.AdminPath
			record.Server, record.ServerName = trees.Dialled(TreeOf(at, k.Cluster.Name))
			if record.Server != "" {
				records = append(slices.Clone(records), record)
			}
		}
	}
	for _, record := range records {
		at, err := url.Parse(record.Server)
		known := err == nil && record.Server != ""
		if !record.NotAfter.After(k.Now) || known && !covers(names, at.Hostname()) && !covers(names, record.ServerName) {
			continue
		}
		dials := "dials " + record.Server
		if !known {
			dials = "nobody recorded what it dials"
		} else if record.ServerName != "" {
			dials += " as " + record.ServerName
		}
		texts = append(texts, fmt.Sprintf("%s (until %s, %s)", record.User, record.NotAfter.UTC().Format("2006-01-02"), dials))
	}
	return texts
}

// covers reports whether one of the names in a certificate is that of a host.
func covers(names []string, host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return host != "" && (slices.Contains(names, host) || parent != "" && slices.Contains(names, "*."+parent))
}

// forgotten is what --json prints.
type forgotten struct {
	Cluster     string   `json:"cluster"`
	Lock        string   `json:"lockFile"`
	Forgotten   []string `json:"forgotten"`
	Kubeconfigs []string `json:"kubeconfigs"` // not expired, and use a forgotten name, or may
	Warnings    []string `json:"warnings"`
	Notes       []string `json:"notes"`
}

func (f forgotten) report(ui *console.UI, at clusterfile.Place, asJSON bool) {
	if len(f.Kubeconfigs) > 0 {
		ui.Warn(fmt.Sprintf("these kubeconfigs use the forgotten names, or may: %s", strings.Join(f.Kubeconfigs, ", ")))
	}
	if asJSON {
		f.Kubeconfigs, f.Warnings, f.Notes = console.List(f.Kubeconfigs), console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(f)
		return
	}
	if len(f.Forgotten) == 0 {
		ui.Say("the API servers' certificates keep no name that %s lacks", at.File)
		return
	}
	ui.Say("wrote %s without %s: %s reissues the API servers' certificates; commit both", f.Lock, strings.Join(f.Forgotten, ", "), at.Command("render"))
}
