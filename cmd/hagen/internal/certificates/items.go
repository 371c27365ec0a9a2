// Package certificates shows which certificates there are and when they end:
// hagen pki list, show and check. It opens no key and writes nothing.
package certificates

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
	"hagen/pki/store"
)

// directory is a PKI directory at a moment.
type directory struct {
	store.View
	cluster *cluster.Cluster // nil if no cluster file is at hand
	now     time.Time
}

// lookAt reads the PKI directory of a cluster.
func lookAt(ui *console.UI, at clusterfile.Place) (directory, error) {
	now, err := ui.Time()
	if err != nil {
		return directory{}, err
	}
	view, c, err := clusterpki.Look(ui, at)
	return directory{view, c, now}, err
}

// item is what --json prints of a certificate or key.
type item struct {
	Name       string    `json:"name"`
	Host       string    `json:"host,omitempty"` // that has it alone
	Kind       string    `json:"kind"`
	Generation int       `json:"generation,omitempty"`
	Issuer     string    `json:"issuer,omitempty"`
	From       time.Time `json:"from,omitzero"`
	Until      time.Time `json:"until,omitzero"`
	DaysLeft   *int      `json:"daysLeft,omitempty"`
	State      state     `json:"state,omitempty"`
	HasKey     bool      `json:"keyPresent"`
	Asked      bool      `json:"asked"` // by the cluster file; if none is at hand, in the last render
	Files      []file    `json:"files"`
	// Generations are all keys of an item that was rotated, the oldest first.
	Generations []generation `json:"generations,omitempty"`
	// Compromised are keys that others have had.
	Compromised []pki.Mark `json:"compromised,omitempty"`

	dropped bool   // from the cluster file since the last render
	keyID   string // of the present key
}

// generation is one of the keys that an item has had.
type generation struct {
	Generation int        `json:"generation"`
	State      pki.State  `json:"state"`
	KeyID      string     `json:"keyID"`
	KeyName    string     `json:"keyName,omitempty"` // under which etcd stores what it encrypted
	HasKey     bool       `json:"keyPresent"`
	Until      time.Time  `json:"until,omitzero"`   // of an authority's certificate
	Phases     []pki.Step `json:"phases,omitempty"` // of the rotation that led to it
}

// generationsOf returns the generations of an item.
func generationsOf(held store.Held) (all []generation) {
	for _, g := range held.Generations {
		one := generation{Generation: g.Number, State: g.State, KeyID: g.ID, KeyName: g.KeyName, HasKey: g.HasKey, Phases: g.Steps}
		if g.X509 != nil {
			one.Until = g.X509.NotAfter.UTC()
		}
		all = append(all, one)
	}
	return all
}

// had says that others have had a key or, of an authority, what it has signed; "" if they have not.
func (it item) had(keyID string) string {
	switch {
	case !slices.ContainsFunc(it.Compromised, func(m pki.Mark) bool { return m.Key == keyID }):
		return ""
	case it.Kind == string(pki.Authority):
		return "what it has signed is compromised"
	}
	return "compromised"
}

// words says what a generation is for.
func (g generation) words() string { return fmt.Sprintf("key %d is %s", g.Generation, g.State) }

// file is a file that has a part of an item: of a machine, or of the rendered tree.
type file struct {
	Host string `json:"host,omitempty"`
	Path string `json:"path"`
	Key  bool   `json:"key"` // it has the key
}

// state says in a word whether a certificate can be used, and for how long.
type state string

const (
	valid       state = "valid"
	endsSoon    state = "ends-soon" // so soon that hagen render warns
	expired     state = "expired"
	early       state = "not-yet-valid"
	gone        state = "gone"        // the next render renews it
	compromised state = "compromised" // others have had it, or what it has signed
)

// words is a state as a table has it.
func (s state) words() string {
	if s == gone {
		return "its files are gone"
	}
	return strings.ReplaceAll(string(s), "-", " ")
}

// stateAt returns the state of a certificate, as hagen render judges it.
func stateAt(from, until time.Time, authority bool, now time.Time) state {
	switch left := until.Sub(now); {
	case left <= 0:
		return expired
	case now.Before(from):
		return early
	case left <= pki.Notice(until.Sub(from), authority):
		return endsSoon
	}
	return valid
}

// days returns the whole days that are left; they are negative after the end.
func days(until, now time.Time) *int {
	n := int(math.Floor(until.Sub(now).Hours() / 24))
	return &n
}

// kinds are the words for leaves, by their signing profile.
var kinds = map[string]string{
	pki.ServerAuthentication: "server", pki.ClientAuthentication: "client", pki.PeerAuthentication: "peer",
}

// items returns what a directory has, sorted by name.
func (d directory) items() []item {
	files, asked := map[string][]file{control.Admin: {{Path: document.AdminPath, Key: true}}}, map[string]bool{}
	if d.cluster != nil {
		for _, r := range control.Requests(d.cluster) {
			asked[r.Name] = true
		}
		for _, p := range control.Places(d.cluster) {
			files[p.Item] = append(files[p.Item], file{p.Host, p.Path, p.Key})
		}
	}
	var all []item
	for _, held := range d.Items {
		request := held.Request
		it := item{
			Name: request.Name, Host: control.HostOf(request.Name), Kind: string(request.Kind), Generation: held.Generation,
			Issuer: request.Authority, HasKey: held.HasKey, Asked: held.Asked, Files: append([]file{}, files[request.Name]...),
			Generations: generationsOf(held), Compromised: held.Marks, keyID: held.KeyID,
		}
		if d.cluster != nil {
			it.Asked, it.dropped = asked[request.Name], held.Asked && !asked[request.Name]
		}
		switch request.Kind {
		case pki.Authority:
			it.Issuer = request.Name
		case pki.Leaf:
			it.Kind = kinds[request.Profile]
		}
		if cert := held.Cert; cert != nil {
			it.From, it.Until, it.DaysLeft = cert.NotBefore.UTC(), cert.NotAfter.UTC(), days(cert.NotAfter, d.now)
			it.State = stateAt(it.From, it.Until, cert.IsCA, d.now)
		} else if request.Kind == pki.Leaf {
			it.State = gone
		}
		all = append(all, it)
	}
	return all
}

// short is an authority's name in a table.
func short(authority string) string { return path.Base(path.Dir(authority)) }
