package clusterpki

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

const timeLayout = time.RFC3339

// recovered is what --json prints.
type recovered struct {
	Cluster   string          `json:"cluster"`
	Directory string          `json:"directory"`
	Lock      string          `json:"lockFile"`
	Changed   bool            `json:"changed"`
	Items     []recoveredItem `json:"recovered"`
	Users     []string        `json:"users"`   // with kubeconfigs that have not ended
	Missing   []missingItem   `json:"missing"` // what the cluster asks for, and nothing has
	// NoIssuer lists the authorities without a key, which sign nothing.
	NoIssuer []string `json:"noIssuer"`
	// FirstEnd is when the first of what they have signed ends.
	FirstEnd time.Time `json:"firstEnd,omitzero"`
	Next     []string  `json:"next"`
	Warnings []string  `json:"warnings"`
	Notes    []string  `json:"notes"`

	from int // documents that were read
}

type recoveredItem struct {
	Name string `json:"name"`
	From string `json:"from"`
}

type missingItem struct {
	Name   string `json:"name"`
	Remedy string `json:"remedy"`
}

// recoveredOf says what was found, and what is to be done.
func recoveredOf(k *PKI, asked Recovery, found control.Recovered) recovered {
	r := recovered{Cluster: k.Cluster.Name, Directory: asked.Dir(), Lock: k.lock.Path}
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
	for _, name := range found.Missing {
		r.Missing = append(r.Missing, missingItem{name, asked.remedy(k, name)})
	}
	r.Next = asked.nextSteps(found, r)
	return r
}

// remedy says how an item that nothing has comes back.
func (asked Recovery) remedy(k *PKI, name string) string {
	anew := fmt.Sprintf("else it is made anew: the next authority signs it, after %s", asked.Command("pki rotate", control.KindOf(authorityOf(k, name)), "--to", string(pki.PhaseTrust)))
	host := control.HostOf(name)
	if host == "" {
		return "if you have admin.kubeconfig, name it, too; " + anew
	}
	return fmt.Sprintf("if %s runs, copy its files, %s, move %s away, and name %s, too; %s", host, copyCommand(k.Cluster, host), asked.Dir(), host, anew)
}

func authorityOf(k *PKI, name string) string {
	for _, q := range control.Requests(k.Cluster) {
		if q.Name == name {
			return q.Authority
		}
	}
	return ""
}

// nextSteps lists what is to be done after a recovery.
func (asked Recovery) nextSteps(found control.Recovered, r recovered) (steps []string) {
	if len(r.Missing) == 0 && len(found.Changed) == 0 {
		steps = append(steps, fmt.Sprintf("%s: writes what machines have, and changes nothing", asked.Command("render")))
	}
	var keys, rotate []string
	for _, name := range r.NoIssuer {
		keys = append(keys, filepath.Join(asked.Dir(), filepath.FromSlash(store.KeyFile(name))))
		rotate = append(rotate, asked.Command("pki rotate", control.KindOf(name), "--to", string(pki.PhaseTrust)))
	}
	if len(keys) > 0 {
		steps = append(steps, fmt.Sprintf("nothing can be issued or renewed without the authorities' keys, which are on no machine. If they are kept elsewhere, bring them back, as %s. If they are lost, let others take their place: %s",
			strings.Join(keys, ", "), strings.Join(rotate, " && ")))
	}
	return steps
}

// report prints what was recovered, and what was not.
func (r recovered) report(ui *console.UI, asJSON bool) {
	if asJSON {
		r.Users, r.NoIssuer, r.Next = console.List(r.Users), console.List(r.NoIssuer), console.List(r.Next)
		if r.Missing == nil {
			r.Missing = []missingItem{}
		}
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return
	}
	verb := "wrote"
	if !r.Changed {
		verb = "unchanged:"
	}
	ui.Say("%s %s: %s from %s", verb, r.Directory, console.Number(len(r.Items), "item"), console.Number(r.from, "document"))
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
func warnMissing(ui *console.UI, at clusterfile.Place, found control.Recovered, r recovered) {
	byRemedy := map[string][]string{}
	var order []string
	for _, m := range r.Missing {
		folder := control.HostOf(m.Name)
		key := folder + "\x00"
		if folder == "" {
			key += m.Remedy
		}
		if byRemedy[key] == nil {
			order = append(order, key)
		}
		byRemedy[key] = append(byRemedy[key], m.Name)
	}
	for _, key := range order {
		i := slices.IndexFunc(r.Missing, func(m missingItem) bool { return m.Name == byRemedy[key][0] })
		ui.Warn(fmt.Sprintf("%s: nothing that was named has it: %s", strings.Join(Folded(byRemedy[key]), ", "), r.Missing[i].Remedy))
	}
	for _, name := range slices.Sorted(maps.Keys(found.Changed)) {
		ui.Warn(fmt.Sprintf("%s: %s asks for another now (%s), which only an authority with a key can issue: until then restore what the file asked for", name, at.File, strings.Join(found.Changed[name], "; ")))
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
