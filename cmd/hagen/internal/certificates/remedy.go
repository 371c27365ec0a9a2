package certificates

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
)

// remedy is what to do about a certificate.
type remedy struct {
	renew   string // what to type to renew it
	deliver string // what to type then, so that machines get it
	words   string // the same in words, or what else to do
}

// commands is a remedy that consists of what to type.
func (r *report) commands(renew, deliver string) remedy {
	return remedy{renew, deliver, r.chain(renew, deliver)}
}

// remedy returns what to do about a problem of a certificate.
func (r *report) remedy(s source, f found, problem state) remedy {
	next := r.renewal(s, f)
	if problem == early {
		next.words = "set the clock right; if it was wrong when this was issued, " + next.words
	}
	return next
}

// renewal returns how to renew a certificate.
func (r *report) renewal(s source, f found) remedy {
	name := f.item
	was := r.kept.held(s, f)
	switch {
	case was != nil:
		name = was.Request.Name
	case r.kept.foreign(s, f):
		return remedy{words: fmt.Sprintf("renew it where it was issued: %s has other authorities; -f or --pki names another", r.kept.Name)}
	}
	switch host := f.host(); {
	case s.Kind == kindKubeconfig && f.IsCA:
		return r.commands(r.renew(name, s, f), s.kubeconfig(r))
	case name == control.Admin:
		return r.admin(r.issuerToRenew(s, f))
	case name != "":
		return r.commands(r.renew(name, s, f), r.delivery(s))
	case s.Kind == kindKubeconfig, f.isUsers(), r.kept.gave(f):
		next := r.commands(r.authorityFirst(s, f), r.kubeconfig(f))
		if f.isUsers() {
			next.words += "; or remove the file"
		}
		return next
	case host != "":
		return r.commands(r.at.Command("pki renew", "--host", host), r.delivery(s))
	}
	return remedy{words: "renew it where it was issued; " + r.at.Command("pki list") + " names the cluster's"}
}

// admin renews the administrator's certificate, and perhaps its authority before. That writes the
// kubeconfig in the cluster's tree; if there is none, a render does.
func (r *report) admin(authority string) remedy {
	names := []string{control.Admin}
	if authority != "" {
		names = []string{authority, control.Admin}
	}
	renew := r.at.Command("pki renew", names...)
	if _, err := os.Lstat(filepath.Join(clusterpki.TreeOf(r.at, r.kept.name()), document.AdminPath)); err != nil {
		return r.commands(renew, r.at.Command("render"))
	}
	return r.commands(renew, "")
}

// delivery returns what to type so that machines get what was renewed, from what was checked or the
// cluster's tree.
func (r *report) delivery(s source) string {
	dir := clusterpki.TreeOf(r.at, r.kept.name())
	if s.Kind == kindTree {
		dir = s.Name
		if _, _, is := trees.Revision(dir); is {
			return clusterpki.DeliveryFrom(r.at, dir, r.off(dir)...)
		}
		if !isTree(dir) {
			dir = filepath.Join(dir, r.kept.name())
		}
	}
	if !isTree(dir) {
		return r.at.Command("render")
	}
	return clusterpki.DeliveryFrom(r.at, dir, r.off(dir)...)
}

// chain joins commands that have to be typed one after the other.
func (r *report) chain(commands ...string) string {
	return strings.Join(slices.DeleteFunc(commands, func(c string) bool { return c == "" }), " && ")
}

// renew renews an item of the PKI, and its authority if that can sign nothing that ends later.
func (r *report) renew(name string, s source, f found) string {
	if name == "" {
		return ""
	}
	if by := r.issuerToRenew(s, f); by != "" {
		return r.at.Command("pki renew", by, name)
	}
	return r.at.Command("pki renew", name)
}

// authorityFirst renews the authority of a leaf if it can sign nothing that ends later.
func (r *report) authorityFirst(s source, f found) string {
	if by := r.issuerToRenew(s, f); by != "" {
		return r.at.Command("pki renew", by)
	}
	return ""
}

// issuerToRenew returns the item of the authority that signed a leaf, if that ends no later.
func (r *report) issuerToRenew(s source, leaf found) string {
	if leaf.IsCA {
		return ""
	}
	if r.kept != nil {
		if by := r.kept.issuer(s, leaf); by != nil {
			if by.Cert.NotAfter.After(leaf.NotAfter) {
				return ""
			}
			return by.Request.Name
		}
	}
	i := slices.IndexFunc(s.found, func(f found) bool { return f.IsCA && f.Subject == leaf.Issuer })
	if i < 0 || s.found[i].NotAfter.After(leaf.NotAfter) {
		return ""
	}
	return s.found[i].item
}

// host returns the host that has a certificate; "" if none or several have.
func (f found) host() string {
	for _, p := range f.places {
		if p.Host != f.places[0].Host {
			return ""
		}
	}
	if len(f.places) == 0 {
		return ""
	}
	return f.places[0].Host
}

// kubeconfig gives a kubeconfig to the user of a certificate.
func (r *report) kubeconfig(f found) string {
	var groups, words []string
	if !f.Twin {
		groups = f.Certificate.Certificate.Subject.Organization
	}
	switch user := f.CommonName(); {
	case user == "", user == control.AdminUser:
	case user == control.BreakGlass && f.NotAfter.Before(r.now): // its file gives way
		return r.at.Command("kubeconfig", "--break-glass")
	case control.Bypasses(groups), user == control.BreakGlass:
		words = []string{"--break-glass"}
	default:
		words = append(words, "--user", user)
		for _, group := range groups {
			words = append(words, "--group", group)
		}
	}
	return r.at.Command("kubeconfig", append(words, r.elsewhere(cmp.Or(f.CommonName(), control.AdminUser))...)...)
}

// elsewhere names a file for a user's kubeconfig if there is one already where hagen kubeconfig would
// write it: that overwrites none.
func (r *report) elsewhere(user string) []string {
	if r.kept == nil {
		return nil
	}
	file := filepath.Join(trees.Dir, r.kept.name(), trees.UserKubeconfig(user))
	if _, err := os.Lstat(file); err != nil {
		return nil
	}
	return []string{"-o", strings.TrimSuffix(file, ".kubeconfig") + "-" + day(r.now) + ".kubeconfig"}
}

// kubeconfig makes again what a kubeconfig is, whose authority has ended.
func (s source) kubeconfig(r *report) string {
	for _, f := range s.found {
		was := r.kept.held(s, f)
		switch {
		case f.IsCA:
		case f.item == control.Admin, was != nil && was.Request.Name == control.Admin:
			return r.admin("").words
		default:
			return r.kubeconfig(f)
		}
	}
	return r.at.Command("kubeconfig")
}

// together returns what renews at once all that was found, and nothing else; "" for one thing.
func (r *report) together() string {
	ends := r.ends()
	wanted := map[string]time.Time{}
	for _, f := range r.Findings {
		if f.Item != "" && f.Problem != early && f.Problem != compromised && f.Renewed == nil && !f.foreign {
			wanted[f.Item] = f.Until
		}
	}
	for name := range wanted { // an authority that ends with what it signed
		if by := r.kept.authorityOf(name); by != "" && !ends[by].IsZero() && !ends[by].After(wanted[name]) {
			wanted[by] = ends[by]
		}
	}
	if len(wanted) < 2 {
		return ""
	}
	last := slices.MaxFunc(slices.Collect(maps.Values(wanted)), time.Time.Compare)
	within := max(1, *days(last, r.now)+1)
	for name, until := range ends {
		if _, is := wanted[name]; !is && !until.After(r.now.AddDate(0, 0, within)) {
			return "; " + r.at.Command("pki renew", folders(wanted, ends)...) + " renews all at once"
		}
	}
	return "; " + r.at.Command("pki renew", "--expiring", fmt.Sprintf("%dd", within)) + " renews all at once"
}

// ends returns the end of each certificate that a PKI directory has or, if none is at hand, the sources.
func (r *report) ends() map[string]time.Time {
	ends := map[string]time.Time{}
	if r.kept != nil {
		for _, held := range r.kept.Items {
			if held.Cert != nil && held.Asked {
				ends[held.Request.Name] = held.Cert.NotAfter
			}
		}
		return ends
	}
	for _, s := range r.Sources {
		for _, f := range s.found {
			if f.item != "" {
				ends[f.item] = f.NotAfter
			}
		}
	}
	return ends
}

// folders names items by the widest folders that hold no other, as hagen pki renew takes them.
func folders(wanted, all map[string]time.Time) (names []string) {
	whole := func(folder string) bool {
		n := 0
		for name := range all {
			if clusterpki.Within(name, folder) {
				if _, is := wanted[name]; !is {
					return false
				}
				n++
			}
		}
		return n > 1
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			if whole(folder) {
				name = folder
			}
		}
		names = append(names, name)
	}
	return slices.Compact(names)
}

// keyed reports whether a kind of item has a certificate.
func keyed(k pki.Kind) bool { return k == pki.Authority || k == pki.Leaf }
