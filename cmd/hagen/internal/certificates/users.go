package certificates

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

// users is what --json prints.
type users struct {
	Cluster   string `json:"cluster,omitempty"`
	Directory string `json:"directory"`
	Users     []user `json:"users"`
}

// user is a client certificate that somebody was given.
type user struct {
	User        string    `json:"user"`
	Groups      []string  `json:"groups"`
	Item        string    `json:"item,omitempty"` // only of the one that the directory keeps
	Serial      string    `json:"serial"`
	Fingerprint string    `json:"sha256"`
	Issuer      string    `json:"issuer"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	DaysLeft    int       `json:"daysLeft"`
	State       state     `json:"state"`
	Server      string    `json:"server,omitempty"`
	ServerName  string    `json:"serverName,omitempty"`
	// Former says that the authority was renewed since: the kubeconfig has its former certificate.
	Former bool `json:"formerAuthority"`
	// Bypasses says that API servers obey the user without asking RBAC.
	Bypasses bool `json:"bypassesRBAC"`
}

// Users prints who was given kubeconfigs, and until when they are valid.
func Users(ui *console.UI, at clusterfile.Place, asJSON bool) error {
	d, err := lookAt(ui, at)
	if err != nil {
		return err
	}
	u := users{d.clusterName(), d.Name, d.users()}
	if asJSON {
		ui.JSON(u)
		return nil
	}
	rows := [][]string{{"USER", "GROUPS", "SERIAL", "FROM", "UNTIL", "DAYS", "STATE", "DIALS"}}
	for _, u := range u.Users {
		rows = append(rows, []string{u.User, or(strings.Join(u.Groups, ",")), u.Serial, day(u.From), day(u.Until), fmt.Sprint(u.DaysLeft), u.remarks(), u.dials()})
	}
	print(ui, rows)
	ui.Say("%s; Kubernetes cannot revoke them: each is valid until its end", console.Number(len(u.Users), "certificate"))
	return nil
}

// users returns the administrator, whose certificate the directory keeps, then all who
// were given one, the oldest first.
func (d directory) users() []user {
	all := []user{}
	for _, held := range d.Items {
		if cert := held.Cert; held.Request.Name == control.Admin && cert != nil {
			admin := userOf(store.ClientRecord{
				User: cert.Subject.CommonName, Groups: cert.Subject.Organization, Serial: hex.EncodeToString(cert.SerialNumber.Bytes()),
				Fingerprint: pki.Fingerprint(cert.Raw), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(), Authority: held.Request.Authority,
			}, d.now)
			admin.Item = held.Request.Name
			all = append(all, admin)
		}
	}
	for _, r := range d.Clients {
		one := userOf(r, d.now)
		for _, held := range d.Items {
			one.Former = one.Former || held.Request.Name == r.Authority && held.Cert != nil && held.Request.SignedAfter(held.Cert.NotAfter, r.NotBefore)
		}
		all = append(all, one)
	}
	return all
}

// remarks says how long it is valid, whether RBAC binds its user, and whether it has the authority's former certificate.
func (u user) remarks() string {
	text := u.State.words()
	if u.Bypasses {
		text += ", bypasses RBAC"
	}
	if u.Former {
		text += ", former authority"
	}
	return text
}

func userOf(r store.ClientRecord, now time.Time) user {
	return user{
		User: r.User, Groups: console.List(r.Groups), Serial: r.Serial, Fingerprint: r.Fingerprint, Issuer: r.Authority, From: r.NotBefore, Until: r.NotAfter,
		DaysLeft: *days(r.NotAfter, now), State: stateAt(r.NotBefore, r.NotAfter, false, now), Server: r.Server, ServerName: r.ServerName,
		Bypasses: control.Bypasses(r.Groups),
	}
}

// dials says what the kubeconfig dials, as far as that is recorded.
func (u user) dials() string {
	if u.Server != "" && u.ServerName != "" {
		return u.Server + " as " + u.ServerName
	}
	return or(u.Server)
}

// noteGiven notes the users whose newest kubeconfig ends soon or has ended: no file need be at hand.
func (r *report) noteGiven() {
	newest := map[string]store.ClientRecord{}
	for _, c := range r.kept.Clients {
		if last, there := newest[c.User]; !there || c.NotAfter.After(last.NotAfter) {
			newest[c.User] = c
		}
	}
	var soon []string
	ended := 0
	for _, user := range slices.Sorted(maps.Keys(newest)) {
		switch c := newest[user]; {
		case !r.now.Before(c.NotAfter):
			ended++
		case c.NotAfter.Sub(r.now) <= r.notice(c.NotAfter.Sub(c.NotBefore), false):
			soon = append(soon, fmt.Sprintf("%s (until %s)", user, day(c.NotAfter.UTC())))
		}
	}
	if len(soon) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("kubeconfigs that were given out end soon: %s; %s gives out new ones", strings.Join(soon, ", "), r.at.Command("kubeconfig", "--user", "NAME")))
	}
	if ended > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s that users were given last have ended: %s names them, %s removes the records", console.Number(ended, "kubeconfig"), r.at.Command("pki list", "--users"), r.at.Command("pki prune")))
	}
}
