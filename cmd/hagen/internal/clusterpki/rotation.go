package clusterpki

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
	"hagen/pki/store"
)

// rotation is where the rotation of a kind of key stands: what --json prints.
type rotation struct {
	Cluster   string `json:"cluster"`
	Directory string `json:"directory"`
	Kind      string `json:"kind"`
	Item      string `json:"item"`
	// Phase is the last one of the last rotation; "" if there was none.
	Phase       pki.Phase           `json:"phase"`
	Began       time.Time           `json:"began,omitzero"`
	Rendered    time.Time           `json:"rendered,omitzero"`
	Delivered   time.Time           `json:"delivered,omitzero"`
	By          string              `json:"by,omitempty"`
	Without     []string            `json:"without,omitempty"` // left out of deliveries of this rotation
	Changed     bool                `json:"changed"`
	Generations []rotatedGeneration `json:"generations"`
	Next        nextPhase           `json:"next"`
	// Kubeconfig is the administrator's, if it was written.
	Kubeconfig string   `json:"kubeconfig,omitempty"`
	Warnings   []string `json:"warnings"`
	Notes      []string `json:"notes"`

	at      clusterfile.Place
	row     control.Rotated
	off     []string // hosts that get nothing
	signs   bool     // the present authority can sign the next one
	holders []string // of kubeconfigs that the former authority has signed
	// Of Secrets: what has all written again, what counts them by their keys, and the name of the present one.
	rewrite, stored, present string
	unpublish                string // what takes a former authority away from aggregated APIs
}

type rotatedGeneration struct {
	Generation int       `json:"generation"`
	State      pki.State `json:"state"`
	KeyID      string    `json:"keyID"`
	KeyName    string    `json:"keyName,omitempty"`
	// Compromised is since when it is known that others have had it or, of an authority, what it has signed.
	Compromised time.Time `json:"compromised,omitzero"`
	Hosts       []string  `json:"hosts,omitempty"` // that it was on
}

// nextPhase is what comes next.
type nextPhase struct {
	Phase   pki.Phase `json:"phase"`
	Command string    `json:"command"`
	Needs   []string  `json:"needs"` // what has to be done before
	// NotBefore is when what the former key has signed is replaced by itself, if hagen can tell.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

// rotationOf says where the rotation of an item stands, whose parts need not be there, while hosts are off.
func rotationOf(c *cluster.Cluster, at clusterfile.Place, row control.Rotated, item pki.Item, off []string, signs bool, clients []store.ClientRecord, now time.Time) rotation {
	r := rotation{Cluster: c.Name, Directory: at.Dir(), Kind: row.Kind, Item: row.Item, at: at, row: row, off: off, signs: signs}
	if last := item.Rotation(); last != nil {
		r.Phase, r.Began, r.Rendered, r.Delivered, r.By = last.Phase, last.Began, last.Rendered, last.Delivered, last.By
	}
	for _, client := range clients {
		// Certificates begin an hour before they are made.
		if client.Authority == row.Item && client.NotAfter.After(now) && client.NotBefore.Add(time.Hour).Before(r.Began) {
			r.holders = append(r.holders, client.User)
		}
	}
	slices.Sort(r.holders)
	r.holders = slices.Compact(r.holders)
	for _, g := range item.All() {
		mark, _ := markOf(item, g, cluster.LockContents{})
		r.Generations = append(r.Generations, rotatedGeneration{g.Number, g.State, g.ID, control.KeyNameOf(row.Item, g), mark.since, mark.hosts})
	}
	slices.SortFunc(r.Generations, func(a, b rotatedGeneration) int { return a.Generation - b.Generation })
	tree := TreeOf(at, c.Name)
	if !trees.HoldsDocuments(tree) {
		tree = "TREE" // where the operator has it
	}
	kubeconfig := clusterfile.Word(filepath.Join(tree, document.AdminPath))
	if row.Published {
		r.unpublish = control.Unpublish(kubeconfig)
	}
	if row.Rewrite {
		r.rewrite = control.RewriteSecrets(kubeconfig)
		r.stored, r.present = StoredKeys(c, at, off...), control.NamesOf(item.All()[0]).Key
	}
	r.Without = item.LeftOut()
	r.Next = nextPhase{Phase: item.NextPhase(), Command: r.command(item.NextPhase()), Needs: console.List(append(r.comeBack(c), r.needs()...))}
	if r.Phase == pki.PhaseIssue && row.Hold > 0 && !r.Rendered.IsZero() {
		r.Next.NotBefore = r.Rendered.Add(row.Hold)
	}
	return r
}

// StoredKeys returns the command that counts the Secrets in etcd by the key that encrypted them. It asks no host
// that is off.
func StoredKeys(c *cluster.Cluster, at clusterfile.Place, off ...string) string {
	members := slices.DeleteFunc(slices.Clone(c.Members()), func(h cluster.Host) bool { return slices.Contains(off, h.Name) })
	if len(members) == 0 {
		members = c.Members()
	}
	return control.StoredKeys(etcdctlEnvironment(c, at, members))
}

// RemoveSecrets returns the command that removes all Secrets from etcd which none of these keys has encrypted.
func RemoveSecrets(c *cluster.Cluster, at clusterfile.Place, but []pki.Names) string {
	return control.RemoveSecrets(etcdctlEnvironment(c, at, c.Members()), but)
}

// etcdctlEnvironment returns the variables with which etcdctl asks members, with the files of the PKI directory.
func etcdctlEnvironment(c *cluster.Cluster, at clusterfile.Place, members []cluster.Host) string {
	access := control.EtcdAccess(c, members[0])
	file := func(name string) string {
		return clusterfile.Word(filepath.Join(at.Dir(), filepath.FromSlash(name)))
	}
	authority := file(access.Authority + ".pem")
	if _, err := os.Lstat(filepath.Join(at.Dir(), filepath.FromSlash(access.Bundle))); err == nil {
		authority = file(access.Bundle) // members may show certificates of either
	}
	return control.EtcdctlEnvironment(c, members, authority, file(access.Client+".pem"), file(store.KeyFile(access.Client)))
}

// underWay reports whether a rotation has begun and is not over.
func (r rotation) underWay() bool { return r.Phase != "" && r.Phase != pki.PhaseRetire }

// command returns the command of a phase, with further words.
func (r rotation) command(phase pki.Phase, further ...string) string {
	words := []string{r.Kind, "--to", string(phase)}
	if phase != pki.PhaseTrust {
		words = append(words, "--delivered")
	}
	if phase == pki.PhaseRetire && r.row.Rewrite {
		words = append(words, "--rewritten")
	}
	if phase == pki.PhaseRetire && r.row.ByHand {
		words = append(words, "--waited")
	}
	words = append(words, further...)
	if phase != pki.PhaseTrust {
		words = append(words, WithoutWords(r.off)...)
	}
	return r.at.Command("pki rotate", words...)
}

// needs lists what has to be done before the next phase. After the last one nothing has: a master
// that still has the former key uses the present one, as all do.
func (r rotation) needs() (needs []string) {
	if r.Phase == "" {
		return nil
	}
	if tree := TreeOf(r.at, r.Cluster); r.Rendered.IsZero() && trees.HoldsDocuments(tree) {
		needs = append(needs, fmt.Sprintf("%s: the plan lists the steps, and its script writes the documents and does them. Not %s before that: it writes this phase's documents over %s, from which the steps are planned",
			Delivery(r.at, tree, r.off...), r.at.Command("render"), tree))
	} else if r.Rendered.IsZero() {
		needs = append(needs, planOf(r.at, tree, r.off)+"; then "+r.at.Command("render")+" writes the documents")
	} else if r.underWay() {
		needs = append(needs, fmt.Sprintf("all machines need the documents of this phase, which are written. If no plan was made before that, name as OLD what machines were made from, a tree or its twins (those in git from before): %s",
			DeliveryFrom(r.at, old, r.off...)))
	}
	unpublish := "take the former authority away from aggregated APIs; API servers only add to what they tell these: " + r.unpublish
	switch {
	case !r.underWay() && !r.Rendered.IsZero() && r.unpublish != "":
		return append(needs, "when all machines have the documents of that phase, and unless it was done, "+unpublish)
	case !r.underWay() && !r.Rendered.IsZero():
		return nil
	}
	needs = append(needs, "make again what has the documents of an earlier phase: boot media, user data that a provider keeps, the directories of --replace and --join")
	if !r.underWay() {
		if r.unpublish != "" {
			needs = append(needs, "when all machines have them, "+unpublish)
		}
		return needs
	}
	if r.Phase == pki.PhaseTrust && r.row.HasAuthority() && !r.signs {
		needs = append(needs, fmt.Sprintf("give everybody else who verifies servers the next authority's certificate, %s: the present one does not sign it, since its key is elsewhere or its certificate does not allow that, so they would refuse what servers show in phase issue", r.trustFile()))
	}
	if r.Phase == pki.PhaseIssue {
		if r.row.Rewrite {
			needs = append(needs, "have what the former key protects written again, and that once more if another client changed a Secret meanwhile: "+r.rewrite,
				fmt.Sprintf("look in etcd, which must name no key but %s: %s", r.present, r.stored))
		}
		if r.row.Wait != "" {
			needs = append(needs, r.row.Wait)
		}
		if len(r.holders) > 0 {
			needs = append(needs, "these have kubeconfigs of the former authority: "+strings.Join(r.holders, ", "))
		}
	}
	return needs
}

// trustFile returns the file with both authorities.
func (r rotation) trustFile() string {
	return filepath.Join(r.Directory, filepath.FromSlash(r.Item), "trust.pem")
}

// means says what machines do in a phase.
func (r rotation) means() string {
	return map[pki.Phase]string{pki.PhaseTrust: r.row.Trust, pki.PhaseIssue: r.row.Issue, pki.PhaseRetire: r.row.Retire}[r.Phase]
}

// key names the newest key, as people count them.
func (r rotation) key() string {
	return fmt.Sprintf("key %d of %s", r.Generations[len(r.Generations)-1].Generation, r.Item)
}

// print prints where the rotation stands.
func (r rotation) print(ui *console.UI) {
	line := func(format string, args ...any) {
		fmt.Fprint(ui.Out, console.Printable(fmt.Sprintf(format+"\n", args...)))
	}
	switch {
	case r.Phase == "" && len(r.Generations) == 1 && r.Generations[0].Generation == 1:
		line("%s (%s): was never rotated", r.Kind, r.Item)
	case r.Phase == "":
		line("%s (%s): no rotation is under way", r.Kind, r.Item)
	case r.underWay():
		line("%s (%s): phase %s, since %s: %s", r.Kind, r.Item, r.Phase, day(r.Began), r.means())
	default:
		line("%s (%s): the last rotation ended on %s", r.Kind, r.Item, day(r.Began))
	}
	for _, g := range r.Generations {
		name := ""
		if g.KeyName != "" {
			name = ", " + g.KeyName + " in etcd"
		}
		with := ""
		if len(g.Hosts) > 0 {
			with = " with " + strings.Join(g.Hosts, ", ")
		}
		switch {
		case g.Compromised.IsZero():
		case r.row.HasAuthority():
			name += fmt.Sprintf(", has signed what others have had%s (%s)", with, day(g.Compromised))
		default:
			name += fmt.Sprintf(", others have had it%s (%s)", with, day(g.Compromised))
		}
		line("  key %d: %s, %s…%s", g.Generation, g.State, short(g.KeyID), name)
	}
	if !r.Rendered.IsZero() {
		line("documents of this phase were written on %s", day(r.Rendered))
	}
	for _, need := range r.Next.Needs {
		line("still to do: %s", need)
	}
	if !r.Next.NotBefore.IsZero() {
		line("next, not before %s: %s", r.Next.NotBefore.UTC().Format(time.RFC3339), r.Next.Command)
		return
	}
	line("next: %s", r.Next.Command)
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// Rotations returns a line for each rotation that is under way in a set, for a render that writes
// documents of its phase.
func (k *PKI) Rotations(set pki.Set, at clusterfile.Place) (lines []string) {
	for _, row := range control.Rotatable(k.Cluster) {
		if r := rotationOf(k.Cluster, at, row, set[row.Item], nil, true, nil, k.Now); r.underWay() {
			lines = append(lines, fmt.Sprintf("%s is being rotated, phase %s: %s. When all machines have these documents: %s says what is next", r.Item, r.Phase, r.means(), at.Command("pki rotate", r.Kind)))
		}
	}
	return lines
}

// Rendered notes in the PKI that documents of all machines were written into a tree, of the phase of
// each rotation that is under way. If the cluster has a tree already, others do not count: they may
// be there to be compared. The one that a plan asks for never counts: no machine has got anything.
func (k *PKI) Rendered(ui *console.UI, at clusterfile.Place, dir string, set pki.Set) error {
	if sameDir(dir, filepath.Join(trees.Next, k.Cluster.Name)) {
		return nil
	}
	if cluster := TreesOf(at, k.Cluster.Name); len(cluster) > 0 && !slices.ContainsFunc(cluster, func(own string) bool { return sameDir(own, dir) }) {
		return nil
	}
	noted := false
	next := k.Store.Set()
	for name := range set {
		if item, changed := next[name].Rendered(k.Now); changed {
			next[name], noted = item, true
		}
	}
	if !noted {
		return nil
	}
	return k.Save(ui, next)
}
