package clusterpki

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// Theft is what hagen pki compromised is asked.
type Theft struct {
	clusterfile.Place
	Hosts       []string
	Write       bool
	Again       bool   // the hosts were marked before, and others have had them once more
	LeavesLater bool   // certificates get new keys with their authorities' rotation
	RunsOn      bool   // nobody was on the hosts themselves: they go on, with new documents
	From        string // the tree that machines were made from, if it is not at the usual place
	JSON        bool
}

// Compromised says what whoever had these hosts got, and what has to be done. With Write it marks what was on them,
// gives certificates new keys, and begins the rotations that this makes necessary.
func Compromised(ui *console.UI, asked Theft) error {
	if err := asked.check(); err != nil {
		return err
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	items, now, err := lookForTheft(ui, asked.Place)
	if err != nil {
		return err
	}
	machines, err := asked.machines(c, items)
	if err != nil {
		return err
	}
	r := theft{Cluster: c.Name, Directory: asked.Dir(), Written: asked.Write, Renewed: []string{}, Began: []string{}, Deliver: []string{}}
	if asked.Write && slices.ContainsFunc(machines, func(m machine) bool { return len(m.items) > 0 }) {
		if err := asked.write(ui, c, machines, &r); err != nil {
			return err
		}
		if items, now, err = lookForTheft(ui.Silent(), asked.Place); err != nil {
			return err
		}
	}
	for _, m := range machines {
		r.Hosts = append(r.Hosts, asked.hostOf(c, items, m, now))
	}
	r.Steps = asked.steps(c, items, machines, r.Hosts)
	switch tree := asked.tree(c); {
	case tree == old:
		ui.Note(fmt.Sprintf("OLD stands for the tree that machines were made from, or its twins: --from DIR names it. The first script renders into %s, from which the next plans are made", TreeOf(asked.Place, c.Name)))
	case asked.From != "" && !sameDir(tree, TreeOf(asked.Place, c.Name)):
		ui.Note(fmt.Sprintf("machines have the documents in %s until the first script renders: into %s, from which the next plans are made", tree, TreeOf(asked.Place, c.Name)))
	}
	ui.WarnEach(stolenIn(c, items))
	r.report(ui, asked)
	return nil
}

// check refuses a command line that says nothing, or contradicts itself.
func (asked Theft) check() error {
	switch {
	case len(asked.Hosts) == 0 || slices.Contains(asked.Hosts, ""):
		return exit.Usage("hagen pki compromised takes the hosts that others have had: a master that was stolen, or one whose disk, document, boot medium or user data somebody has read; %s is the PKI directory", pkiHost)
	case asked.From != "" && !trees.HoldsDocuments(asked.From):
		return exit.Usage("--from %s: holds no documents: name the tree that machines were made from", asked.From)
	case (asked.Again || asked.LeavesLater) && !asked.Write:
		return exit.Usage("--again and --leaves-later say what --write is to do: add that, or leave them out")
	}
	return nil
}

// lookForTheft reads the PKI directory without its keys.
func lookForTheft(ui *console.UI, at clusterfile.Place) (pki.Set, time.Time, error) {
	now, err := ui.Time()
	if err != nil {
		return nil, now, err
	}
	view, _, err := Look(ui, at)
	if err != nil {
		return nil, now, err
	}
	return setOf(view), now, nil
}

// machines returns the hosts, each once.
func (asked Theft) machines(c *cluster.Cluster, items pki.Set) (found []machine, err error) {
	var known []string
	for _, h := range c.Hosts() {
		known = append(known, h.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(items)) {
		if host := control.HostOf(name); host != "" && !slices.Contains(known, host) {
			known = append(known, host)
		}
	}
	for _, name := range asked.Hosts {
		m, is := machineOf(c, asked.Place, items, name, asked.From)
		switch {
		case !is:
			return nil, exit.Usage("%s", unknown("host", name, known))
		case !slices.ContainsFunc(found, func(other machine) bool { return other.name == name }):
			m.runsOn = m.isPKI() || asked.RunsOn || !asked.Again && stateOf(items, name) == pki.HostRunsOn
			found = append(found, m)
		}
	}
	return found, nil
}

// write marks what was on the machines, gives certificates new keys, and begins rotations: all at once.
// What is marked already is not marked again, so a run that was killed is finished by the next one.
func (asked Theft) write(ui *console.UI, c *cluster.Cluster, machines []machine, r *theft) error {
	if err := files.Preflight(asked.Dir(), asked.File); err != nil {
		return err
	}
	onThem := func(name string) bool {
		return slices.ContainsFunc(machines, func(m machine) bool { return slices.Contains(m.items, name) })
	}
	k, err := openToWrite(ui, asked.Place, c, Trees{Always: []string{TreeOf(asked.Place, c.Name)}}, false, onThem)
	if err != nil {
		return err
	}
	defer k.Close()
	set := k.Store.Set()
	asked.mark(k, set, machines, r)
	chosen := k.markedLeaves(set, onThem)
	if len(chosen) > 0 && !asked.LeavesLater {
		if set, err = asked.reissue(ui, k, set, chosen, r); err != nil {
			return err
		}
	}
	if err := asked.begin(k, set, machines, r); err != nil {
		return err
	}
	told := renewed{}
	if r.Changed {
		err = k.saveRenewed(ui, asked.Place, set, chosen, &told)
	} else {
		err = k.finish(ui, asked.Place, &told)
	}
	if err != nil {
		return err
	}
	if told.Kubeconfig != "" {
		ui.Note("wrote " + told.Kubeconfig)
	}
	return nil
}

// mark marks what was on the machines, of each that is not marked yet.
func (asked Theft) mark(k *PKI, set pki.Set, machines []machine, r *theft) {
	for _, m := range machines {
		at, was := k.Now.UTC().Truncate(time.Second), markedOn(set, m.name)
		if !at.After(was) {
			at = was.Add(time.Second) // another theft, which begins where the last one is over
		}
		for _, s := range m.keys(k.Cluster, set) {
			if was.IsZero() || asked.Again {
				set[s.item] = set[s.item].Marked(pki.Mark{Key: s.key, Host: m.name, At: at, Until: s.until})
				r.Changed = true
			}
		}
		for name, item := range set {
			if next := item.InState(m.name, pki.HostRunsOn); m.runsOn && len(next.Marks) > len(item.Marks) {
				set[name], r.Changed = next, true
			}
		}
	}
}

// markedLeaves returns the requests of the certificates whose present keys are marked, and that the cluster asks for.
func (k *PKI) markedLeaves(set pki.Set, on func(string) bool) (chosen []pki.Request) {
	for _, wanted := range control.Requests(k.Cluster) {
		item, there := set[wanted.Name]
		if !there || wanted.Kind != pki.Leaf || !on(wanted.Name) {
			continue
		}
		if _, marked := item.MarkOf(item.All()[0].ID); marked {
			request := item.Request // a render issues what the cluster file changes
			request.Lifetime = wanted.Lifetime
			chosen = append(chosen, request)
		}
	}
	return chosen
}

// reissue gives certificates new keys.
func (asked Theft) reissue(ui *console.UI, k *PKI, set pki.Set, chosen []pki.Request, r *theft) (pki.Set, error) {
	issued, err := pki.Renew(chosen, set, true, k.Now, pki.Generate, rand.Reader)
	if err != nil {
		return nil, exit.With(exit.CodeFailed, fmt.Errorf("%w\nif that cannot be done, %s marks keys and begins rotations, and certificates get new keys in phase issue of their authority: the next authority's key signs them",
			Unsigned(asked.Place, err), asked.again(asked.Hosts, "--write", "--leaves-later")))
	}
	Warn(ui, asked.Place, TreeOf(asked.Place, k.Cluster.Name), Off(k.Cluster, set), issued.Warnings)
	for name, item := range set {
		issued.Set[name] = issued.Set[name].Marked(item.Marks...)
	}
	r.Renewed, r.Changed = namesOf(chosen), true
	r.Deliver = console.List(without(control.Holders(k.Cluster, issued.Set, r.Renewed), Off(k.Cluster, set)))
	return issued.Set, nil
}

// begin begins the rotation of each kind of which a key that is trusted is marked with these machines, unless one is
// under way: after a recovery none is, in whichever phase it was.
func (asked Theft) begin(k *PKI, set pki.Set, machines []machine, r *theft) (err error) {
	for _, row := range control.Rotatable(k.Cluster) {
		item := set[row.Item]
		marked := slices.ContainsFunc(item.Trusted(), func(g pki.Generation) bool { return markedBy(item, g.ID, machines) })
		if !marked || item.NextPhase() != pki.PhaseTrust {
			continue
		}
		if set[row.Item], err = item.Rotate(pki.PhaseTrust, control.NextNames(item), k.Now, pki.Generate, rand.Reader); err != nil {
			return exit.Failed("%w", err)
		}
		r.Began, r.Changed = append(r.Began, row.Kind), true
	}
	return nil
}

// markedBy reports whether a key of an item is marked with one of the machines.
func markedBy(item pki.Item, key string, machines []machine) bool {
	return slices.ContainsFunc(item.Marks, func(m pki.Mark) bool {
		return m.Key == key && slices.ContainsFunc(machines, func(of machine) bool { return of.name == m.Host })
	})
}
