package clusterpki

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/pki"
)

// current returns the requests that are renewed now, with the lifetimes that the cluster file asks
// for. A leaf that the file changes in another way is left to the next render, which issues it anew
// and says what that means for the cluster: two would be issued for one change.
func (k *PKI) current(ui *console.UI, asked Renewal, chosen []pki.Request) (now []pki.Request, err error) {
	wanted := map[string]pki.Request{}
	for _, r := range control.Requests(k.Cluster) {
		wanted[r.Name] = r
	}
	var reasons []string
	names := map[string][]string{}
	for _, r := range chosen {
		next := r
		next.Lifetime = wanted[r.Name].Lifetime
		if asked.RBAC {
			next.Subject.Organization = wanted[r.Name].Subject.Organization
		}
		reason := k.left(asked.Place, r, next, wanted[r.Name])
		if reason == "" {
			now = append(now, next)
			continue
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
		names[reason] = append(names[reason], r.Name)
	}
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s: not renewed: %s", strings.Join(Folded(names[reason]), ", "), reason)
	}
	if len(now) == 0 && len(reasons) > 0 {
		return nil, exit.Failed("%s", strings.Join(reasons, "\n"))
	}
	ui.WarnEach(reasons)
	return now, nil
}

// left says why a certificate is not renewed now; "" if it is.
func (k *PKI) left(at clusterfile.Place, was, next, wanted pki.Request) string {
	if changes := pki.Differences(next, wanted); was.Kind == pki.Leaf && len(changes) > 0 {
		return fmt.Sprintf("%s asks for another now (%s): %s issues it anew", at.File, strings.Join(changes, "; "), at.Command("render"))
	}
	cert, err := k.Store.Set()[was.Name].X509()
	if was.Kind != pki.Authority || err != nil || next.Lifetime >= was.Lifetime || !k.Now.Add(next.Lifetime).Before(cert.NotAfter) {
		return ""
	}
	return fmt.Sprintf("with the lifetime of %s that %s asks for now, it would end before it does, on %s, and what it signed may be valid until then", lifetimeText(next.Lifetime), at.File, cert.NotAfter.UTC().Format(time.DateOnly))
}

func lifetimeText(life time.Duration) string { return strings.TrimSuffix(life.String(), "0m0s") }

// noteFormer notes who was given kubeconfigs with the former certificate of the clusters' authority,
// if that is renewed.
func (k *PKI) noteFormer(ui *console.UI, at clusterfile.Place, renewed []string) {
	former, err := k.Store.Set()[control.ClusterAuthority].X509()
	if err != nil || !slices.Contains(renewed, control.ClusterAuthority) {
		return
	}
	var users []string
	add := func(user string, until time.Time) {
		if until.After(k.Now) {
			users = append(users, fmt.Sprintf("%s (until %s)", user, until.UTC().Format(time.DateOnly)))
		}
	}
	if admin, err := k.Store.Set()[control.Admin].X509(); err == nil && !slices.Contains(renewed, control.Admin) {
		add(admin.Subject.CommonName, admin.NotAfter)
	}
	for _, c := range k.Store.Clients() {
		add(c.User, c.NotAfter)
	}
	if len(users) > 0 {
		ui.Note(fmt.Sprintf("kubeconfigs that were given out hold the former certificate of %s, which ends on %s: %s. They work until then, and each until its own end; %s gives out new ones",
			control.ClusterAuthority, former.NotAfter.UTC().Format(time.DateOnly), strings.Join(users, ", "), at.Command("kubeconfig")))
	}
}
