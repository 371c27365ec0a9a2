package clusterpki

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen/control"
	"hagen/pki"
)

// recovered is what --json prints.
type recovered struct {
	Cluster   string          `json:"cluster"`
	Directory string          `json:"directory"`
	Lock      string          `json:"lockFile"`
	Changed   bool            `json:"changed"`
	Items     []recoveredItem `json:"recovered"`
	Users     []string        `json:"users"`   // with kubeconfigs that have not ended
	Missing   []string        `json:"missing"` // what the cluster asks for, and nothing has
	// NoIssuer lists the authorities without a key, which sign nothing.
	NoIssuer []string `json:"noIssuer"`
	// FirstEnd is when the first of what they have signed ends.
	FirstEnd time.Time `json:"firstEnd,omitzero"`
	// Tree is what machines were made from, as far as it is there, and Added the hosts whose documents were put there.
	Tree     string   `json:"tree"`
	Added    []string `json:"added"`
	Next     []string `json:"next"`
	Warnings []string `json:"warnings"`
	Notes    []string `json:"notes"`

	from int // documents that were read
}

type recoveredItem struct {
	Name string `json:"name"`
	From string `json:"from"`
}

// recoveredOf says what was found, and what is to be done.
func recoveredOf(k *PKI, asked Recovery, found control.Recovered, made madeFrom, retired []string) recovered {
	r := recovered{Cluster: k.Cluster.Name, Directory: asked.Dir(), Lock: k.lock.Path, Tree: made.dir, Added: made.added}
	documents := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(found.Set)) {
		item := found.Set[name]
		r.Items = append(r.Items, recoveredItem{name, found.From[name]})
		documents[found.From[name]] = true
		if item.KeyElsewhere() {
			r.NoIssuer = append(r.NoIssuer, name)
		}
		if cert, err := item.X509(); err == nil && item.Request.Kind == pki.Leaf && (r.FirstEnd.IsZero() || cert.NotAfter.Before(r.FirstEnd)) {
			r.FirstEnd = cert.NotAfter.UTC()
		}
	}
	for _, c := range found.Clients {
		if cert, err := c.X509(); err == nil && cert.NotAfter.After(k.Now) {
			r.Users = append(r.Users, cert.Subject.CommonName)
		}
	}
	r.from = len(documents)
	r.Missing = found.Missing
	r.Next = recoverySteps{asked, k.Cluster, found, made, retired, r.NoIssuer, Off(k.Cluster, found.Set)}.all()
	return r
}

// hostsOf returns the hosts of items, each once.
func hostsOf(items []string) (hosts []string) {
	for _, name := range items {
		if host := control.HostOf(name); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// report prints what was recovered, and what was not.
func (r recovered) report(ui *console.UI, asJSON bool) {
	if asJSON {
		r.Users, r.NoIssuer, r.Next = console.List(r.Users), console.List(r.NoIssuer), console.List(r.Next)
		r.Missing, r.Added = console.List(r.Missing), console.List(r.Added)
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return
	}
	verb := "wrote"
	if !r.Changed {
		verb = "unchanged:"
	}
	ui.Say("%s %s: %s from %s", verb, r.Directory, console.Number(len(r.Items), "item"), console.Number(r.from, "document"))
	if len(r.Added) > 0 {
		ui.Say("wrote %s: the documents of %s, which they were made from", r.Tree, strings.Join(r.Added, ", "))
	}
	if len(r.Users) > 0 {
		ui.Say("kubeconfigs that were given out: %s", strings.Join(r.Users, ", "))
	}
	if len(r.NoIssuer) > 0 {
		ui.Say("no issuer: %s without their keys. Of what they have signed, the first ends on %s", strings.Join(r.NoIssuer, ", "), day(r.FirstEnd))
	}
	for n, step := range r.Next {
		ui.Say("%d. %s", n+1, step)
	}
}

// warnMissing warns of what was not recovered.
func warnMissing(ui *console.UI, at clusterfile.Place, found control.Recovered) {
	if len(found.Missing) > 0 {
		ui.Warn(strings.Join(Folded(found.Missing), ", ") + ": nothing that was named has it, and without it no document is rendered")
	}
	other := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(found.Changed)) {
		why := strings.Join(found.Changed[name], "; ")
		other[why] = append(other[why], name)
	}
	for _, why := range slices.Sorted(maps.Keys(other)) {
		ui.Warn(fmt.Sprintf("%s: %s asks for another now (%s), and nothing is rendered until an authority with a key has issued it, or the file asks for what it did", strings.Join(Folded(other[why]), ", "), at.File, why))
	}
	if first := lowest(found.Set[control.SecretsKey]); first > 1 {
		ui.Warn(fmt.Sprintf("%s: the earlier keys, before key %d, are in no document: the Secrets of a snapshot from before they were rotated cannot be read without them", control.SecretsKey, first))
	}
}

// lowest returns the number of the first generation that is known of an item; 0 of one that was never rotated.
func lowest(item pki.Item) int {
	if len(item.Generations) == 0 {
		return 0
	}
	return item.Generations[0].Number
}
