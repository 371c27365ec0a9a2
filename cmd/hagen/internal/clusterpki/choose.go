package clusterpki

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/gen/spelling"
	"hagen/pki"
)

// renewable returns the certificates that the cluster asks for and has had, in the order in which a
// render makes them.
func (k *PKI) renewable() (known []pki.Request) {
	recorded := k.Store.Recorded()
	for _, r := range control.Requests(k.Cluster) {
		if was, there := recorded[r.Name]; there && (was.Kind == pki.Authority || was.Kind == pki.Leaf) {
			known = append(known, was)
		}
	}
	return known
}

// choose returns the requests of what is to be renewed.
func (asked Renewal) choose(k *PKI, known []pki.Request, within time.Duration) ([]pki.Request, error) {
	switch {
	case asked.All:
		return known, nil
	case within > 0:
		return k.endingBy(known, k.Now.Add(within)), nil
	case len(asked.Hosts) > 0:
		return below(known, asked.Hosts, asked.hostFolder(k))
	case len(asked.Names) > 0:
		return below(known, asked.Names, asked.folder(k, known))
	case asked.RBAC:
		return k.inMasters(known), nil
	}
	return nil, exit.Usage("name what to renew, or give --host, --expiring or --all: %s. There are: %s", asked.Command("pki renew", "--expiring", "30d"), strings.Join(Folded(namesOf(known)), ", "))
}

// endingBy returns what has ended by a time, and what is recorded but gone.
func (k *PKI) endingBy(known []pki.Request, by time.Time) []pki.Request {
	set := k.Store.Set()
	return slices.DeleteFunc(slices.Clone(known), func(r pki.Request) bool {
		cert, err := set[r.Name].X509()
		return err == nil && cert.NotAfter.After(by)
	})
}

// below returns the requests that are named, or below a folder that is named. find returns the
// folder of a word, or why there is none.
func below(known []pki.Request, words []string, find func(string) (string, error)) (chosen []pki.Request, err error) {
	var folders []string
	for _, word := range words {
		folder, err := find(word)
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	for _, r := range known {
		if slices.ContainsFunc(folders, func(f string) bool { return Within(r.Name, f) }) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

// hostFolder returns the folder of a host that has certificates of its own.
func (asked Renewal) hostFolder(k *PKI) func(string) (string, error) {
	return func(host string) (string, error) {
		var hosts, with []string
		for _, h := range k.Cluster.Hosts() {
			hosts = append(hosts, h.Name)
			if slices.ContainsFunc(k.renewable(), func(r pki.Request) bool { return Within(r.Name, control.HostFolder(h.Name)) }) {
				with = append(with, h.Name)
			}
		}
		switch {
		case slices.Contains(with, host):
			return control.HostFolder(host), nil
		case !slices.Contains(hosts, host):
			return "", exit.Usage("--host: %s", unknown("host", host, hosts))
		case len(with) == 0 && !slices.ContainsFunc(control.Requests(k.Cluster), func(r pki.Request) bool { return control.HostOf(r.Name) != "" }):
			return "", exit.Usage("--host: the hosts of this cluster share their certificates, so none is renewed for one of them: %s", asked.Command("pki renew", "cluster"))
		case len(with) == 0:
			return "", exit.Usage("--host: no host has certificates of its own yet: %s makes them", asked.Command("render"))
		}
		return "", exit.Usage("--host: %s has no certificates of its own; these have: %s", host, strings.Join(with, ", "))
	}
}

// folder returns a name of an item, or a folder of some.
func (asked Renewal) folder(k *PKI, known []pki.Request) func(string) (string, error) {
	return func(word string) (string, error) {
		name := ItemOf(asked.Dir(), word)
		if slices.ContainsFunc(known, func(r pki.Request) bool { return name != "" && control.HostOf(r.Name) == name }) {
			name = control.HostFolder(name)
		}
		if slices.ContainsFunc(known, func(r pki.Request) bool { return Within(r.Name, name) }) {
			if asked.NewKeys && slices.ContainsFunc(known, func(r pki.Request) bool { return r.Kind == pki.Authority && Within(r.Name, name) }) {
				return "", exit.Usage("%s: an authority that is renewed keeps its key, since all that it signed depends on it: leave out --new-keys", word)
			}
			return name, nil
		}
		recorded, wanted := k.Store.Recorded(), control.Requests(k.Cluster)
		asksFor := slices.ContainsFunc(wanted, func(r pki.Request) bool { return Within(r.Name, name) })
		switch was, there := recorded[name]; {
		case there && !asksFor:
			return "", exit.Usage("%s: %s asks for it no more, so it is not renewed", word, asked.File)
		case there:
			return "", exit.Usage("%s: is a %s, which has no dates to renew", word, was.Kind)
		case asksFor:
			return "", exit.Usage("%s: does not exist yet; %s makes it", word, asked.Command("render"))
		}
		var meant []string
		for _, r := range known {
			if path.Base(r.Name) == name {
				meant = append(meant, r.Name)
			}
		}
		if len(meant) > 0 {
			return "", exit.Usage("there is no certificate %q; did you mean %s?", word, strings.Join(meant, " or "))
		}
		return "", exit.Usage("%s", unknown("certificate", cmp.Or(name, word), namesOf(known)))
	}
}

func namesOf(requests []pki.Request) (names []string) {
	for _, r := range requests {
		names = append(names, r.Name)
	}
	return names
}

// checkAuthorities refuses leaves that no date can be given to before their authority is renewed:
// it has ended, or ends when they do.
func (k *PKI) checkAuthorities(asked Renewal, chosen []pki.Request) error {
	set := k.Store.Set()
	waiting := map[string][]string{}
	var order []string
	for _, r := range chosen {
		if r.Kind != pki.Leaf || slices.ContainsFunc(chosen, func(a pki.Request) bool { return a.Name == r.Authority }) {
			continue
		}
		authority, err := set[r.Authority].X509()
		if err != nil {
			continue // the store has seen it: this does not happen
		}
		leaf, err := set[r.Name].X509()
		if k.Now.Before(authority.NotAfter) && (err != nil || asked.NewKeys || leaf.NotAfter.Before(authority.NotAfter)) {
			continue
		}
		if waiting[r.Authority] == nil {
			order = append(order, r.Authority)
		}
		waiting[r.Authority] = append(waiting[r.Authority], r.Name)
	}
	if len(order) == 0 {
		return nil
	}
	var lines []string
	for _, name := range order {
		authority, _ := set[name].X509()
		verb := "ends"
		if !k.Now.Before(authority.NotAfter) {
			verb = "ended"
		}
		lines = append(lines, fmt.Sprintf("%s: %s on %s, and so does all that it signs: it gives no later end to %s", name, verb, authority.NotAfter.UTC().Format(time.DateOnly), strings.Join(Folded(waiting[name]), ", ")))
	}
	return exit.Failed("%s\nrenew the authority first, with the same key: %s", strings.Join(lines, "\n"), asked.Command("pki renew", order...))
}

// unknown says that there is no such thing, and which was meant, or which there are.
func unknown(what, word string, known []string) string {
	if nearest := spelling.Nearest(word, known, 3, 1); nearest != "" {
		return fmt.Sprintf("there is no %s %q; did you mean %s?", what, word, nearest)
	}
	return fmt.Sprintf("there is no %s %q; known: %s", what, word, strings.Join(Folded(known), ", "))
}
