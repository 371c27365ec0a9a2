package clusterpki

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

// Rotation is what hagen pki rotate is to do.
type Rotation struct {
	clusterfile.Place
	Kind      string
	To        string   // a phase; "" says where the rotation stands
	Delivered bool     // all machines have the documents of the phase before
	Live      bool     // servers are asked whether they have
	Without   []string // machines that are off, and have them not
	Rewritten bool     // all Secrets were written again
	Waited    bool     // nobody uses what the former key has signed
	JSON      bool
	// Refusing asks servers whether they accept clients of the next authority, by its subject, and
	// says of each that does not why.
	Refusing func(c *cluster.Cluster, row control.Rotated, subject []byte, without []string) []string
}

// Who says that documents were delivered: the operator with --delivered, or all servers.
const (
	operator = "operator"
	servers  = "servers"
)

// Rotate takes the rotation of a kind of key to its next phase, or says where it stands.
func Rotate(ui *console.UI, asked Rotation) error {
	if err := asked.check(); err != nil {
		return err
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	rows := control.Rotatable(c)
	i := slices.IndexFunc(rows, func(r control.Rotated) bool { return r.Kind == asked.Kind })
	if i < 0 {
		return exit.Usage("%s: profile %s has no such keys; it can rotate: %s", asked.Kind, c.Profile.Name, strings.Join(kindsOf(rows), ", "))
	}
	if asked.To == "" {
		return asked.look(ui, c, rows[i])
	}
	if asked.Without, err = Without(c, asked.Without); err != nil {
		return err
	}
	return asked.rotate(ui, c, rows[i])
}

// PhaseNames lists the phases of a rotation, in their order.
func PhaseNames() (names []string) {
	for _, p := range pki.Phases() {
		names = append(names, string(p))
	}
	return names
}

func kindsOf(rows []control.Rotated) (kinds []string) {
	for _, r := range rows {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// check refuses a command line that contradicts itself.
func (asked Rotation) check() error {
	if asked.Kind == "" {
		return exit.Usage("hagen pki rotate takes the kind of key: %s", strings.Join(control.RotatedKinds(), ", "))
	}
	if err := exit.AllKnown("kind of key", []string{asked.Kind}, control.RotatedKinds()); err != nil {
		return err
	}
	phases := PhaseNames()
	switch {
	case asked.Delivered && asked.Live:
		return exit.Usage("--delivered says what --live asks: give one of them")
	case len(asked.Without) > 0 && !asked.Delivered && !asked.Live:
		return exit.Usage("--without names machines that lack the documents of the phase before, which --delivered or --live is about: add one of these, or leave it out")
	case asked.To == "" && (asked.Delivered || asked.Live || asked.Rewritten || asked.Waited):
		return exit.Usage("--delivered, --live, --rewritten and --waited are about what was done before the next phase: name that with --to %s", strings.Join(phases, "|"))
	case asked.To == "":
		return nil
	}
	return exit.AllKnown("phase", []string{asked.To}, phases)
}

// look says where the rotation stands. It opens no key and writes nothing.
func (asked Rotation) look(ui *console.UI, c *cluster.Cluster, row control.Rotated) error {
	view, _, err := Look(ui, asked.Place)
	if err != nil {
		return err
	}
	item, signs := pki.Item{}, false
	for _, held := range view.Items {
		if held.Request.Name != row.Item {
			continue
		}
		signs = held.HasKey && held.Cert != nil && !held.Cert.MaxPathLenZero
		item = itemOf(held)
	}
	if item.Request.Name == "" {
		return exit.Failed("%s: holds no %s: %s makes it", asked.Dir(), row.Item, asked.Command("render"))
	}
	now, err := ui.Time()
	if err != nil {
		return err
	}
	r := rotationOf(c, asked.Place, row, item, Off(c, setOf(view)), signs, view.Clients, now)
	if asked.JSON {
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return nil
	}
	r.print(ui)
	return nil
}

// rotate opens the next phase.
func (asked Rotation) rotate(ui *console.UI, c *cluster.Cluster, row control.Rotated) error {
	if err := files.Preflight(asked.Dir(), asked.File); err != nil {
		return err
	}
	k, err := OpenToWrite(ui, asked.Place, c, Trees{Always: []string{filepath.Join(trees.Dir, c.Name)}})
	if err != nil {
		return err
	}
	defer k.Close()
	set := k.Store.Set()
	item, there := set[row.Item]
	if !there {
		return exit.Failed("%s: holds no %s: %s makes it", asked.Dir(), row.Item, asked.Command("render"))
	}
	stands := rotationOf(c, asked.Place, row, item, Off(c, set), item.SignsSuccessor(), k.Store.Clients(), k.Now)
	to := pki.Phase(asked.To)
	again := stands.Phase == to
	told := renewed{}
	if again {
		err = k.finish(ui, asked.Place, &told)
	} else {
		err = asked.next(ui, k, set, stands, &told)
	}
	if err != nil {
		return err
	}
	set = k.Store.Set()
	item = set[row.Item]
	ui.WarnEach(earlier(k.Cluster, row, item))
	r := rotationOf(c, asked.Place, row, item, Off(c, set), item.SignsSuccessor(), k.Store.Clients(), k.Now)
	r.Changed, r.Kubeconfig = !again, told.Kubeconfig
	r.report(ui, asked.JSON)
	return nil
}

// next begins the next phase, if it may.
func (asked Rotation) next(ui *console.UI, k *PKI, set pki.Set, stands rotation, told *renewed) error {
	item := set[stands.Item]
	err := asked.allowed(stands, k.Now)
	if err == nil && stands.underWay() {
		err = refuseEarlier(k.Cluster, stands, item)
	}
	if err == nil && asked.Live {
		err = asked.see(k, stands, item)
	}
	if err != nil {
		return err
	}
	return asked.begin(ui, k, set, stands, told)
}

// blind says why no server can say that all machines have the documents of the phase before; "" if they
// can: they list whose clients they accept. What clients trust nobody sees. While the present authority
// signs the next one that does not matter, and before the former one goes it does.
func (asked Rotation) blind(stands rotation) string {
	switch {
	case !stands.row.HasAuthority():
		return "no server shows these keys"
	case stands.Next.Phase != pki.PhaseIssue:
		return "no server shows what clients trust, who must not depend on the former authority"
	case !stands.signs:
		return "no server shows what clients trust, and the present authority does not sign the next one for them"
	}
	return ""
}

// see asks the servers.
func (asked Rotation) see(k *PKI, stands rotation, item pki.Item) error {
	block, _ := pem.Decode(item.Trusted()[1].Cert)
	next, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return exit.Failed("%s: %w", stands.Item, err) // the store has verified it: this does not happen
	}
	problems := asked.Refusing(k.Cluster, stands.row, next.RawSubject, asked.Without)
	if len(problems) == 0 {
		return nil
	}
	return exit.No("%s: not all servers accept clients of the next authority, %s:\n  %s\ngive the machines the documents of phase %s; if they have them, and hagen cannot reach them, %s",
		stands.Kind, next.Subject, strings.Join(problems, "\n  "), stands.Phase, stands.Next.Command)
}

// begin begins the next phase, and saves it.
func (asked Rotation) begin(ui *console.UI, k *PKI, set pki.Set, stands rotation, told *renewed) (err error) {
	item, to := set[stands.Item], stands.Next.Phase
	if stands.underWay() {
		by := operator
		if asked.Live {
			by = servers
		}
		off := slices.Clone(asked.Without)
		for _, host := range stands.off { // others have had it: it gets nothing, whatever was said
			if Goes(set, host) && !slices.Contains(off, host) {
				off = append(off, host)
			}
		}
		item = item.Delivered(k.Now, by, slices.Sorted(slices.Values(off))...)
	}
	if next := item.Trusted(); to == pki.PhaseIssue && stands.row.HasAuthority() && next[1].Key == nil {
		file := store.KeyFile(fmt.Sprintf("%s/%d", stands.Item, next[1].Number))
		return exit.Failed("%s: the key of the next authority has to sign all certificates, but is not in the PKI directory: bring %s back there", stands.Kind, file)
	}
	if item, err = item.Rotate(to, control.NextNames(item), k.Now, pki.Generate, rand.Reader); err != nil {
		return exit.Failed("%w", err)
	}
	if to == pki.PhaseTrust {
		item = item.LeavesOut(unissued(k.Cluster, set)...)
	}
	set[stands.Item] = item
	if to == pki.PhaseIssue && stands.row.HasAuthority() && item.Trusted()[1].Cross == nil {
		ui.Warn(fmt.Sprintf("%s: the former authority has not signed the new one: who trusts only the former one refuses what machines show from now on, until they get %s", stands.Kind, stands.trustFile()))
	}
	if !stands.row.HasAuthority() || to == pki.PhaseTrust {
		return k.Save(ui, set)
	}
	return asked.reissue(ui, k, set, item, told)
}

// reissue has the present authority sign all leaves that another one has signed. Those that nothing
// asks for are removed with the former authority.
func (asked Rotation) reissue(ui *console.UI, k *PKI, set pki.Set, authority pki.Item, told *renewed) error {
	wanted := namesOf(control.Requests(k.Cluster))
	var chosen []pki.Request
	var drop []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		leaf := set[name]
		switch {
		case leaf.Request.Authority != authority.Request.Name || authority.Signs(leaf):
		case slices.Contains(wanted, name):
			chosen = append(chosen, leaf.Request)
		case len(authority.Trusted()) == 1:
			delete(set, name)
			drop = append(drop, name)
		}
	}
	if len(drop) > 0 {
		k.Store.Drop(drop...)
		ui.Note(fmt.Sprintf("removed %s, which the former authority had signed: the cluster asks for it no more", strings.Join(Folded(drop), ", ")))
	}
	if len(chosen) == 0 {
		return k.Save(ui, set)
	}
	issued, err := pki.Renew(chosen, set, true, k.Now, pki.Generate, rand.Reader)
	if err != nil {
		return Unsigned(asked.Place, err)
	}
	Warn(ui, asked.Place, TreeOf(asked.Place, k.Cluster.Name), Off(k.Cluster, set), issued.Warnings)
	return k.saveRenewed(ui, asked.Place, issued.Set, chosen, told)
}

// allowed refuses a phase that is not the next one, and one that does not begin yet.
func (asked Rotation) allowed(stands rotation, now time.Time) error {
	to := pki.Phase(asked.To)
	switch next := stands.Next; {
	case asked.Rewritten && (to != pki.PhaseRetire || !stands.row.Rewrite):
		return exit.Usage("--rewritten says that all Secrets were written again, which only hagen pki rotate secrets --to retire depends on: leave it out")
	case asked.Waited && (to != pki.PhaseRetire || stands.row.Hold == 0 && !stands.row.ByHand):
		return exit.Usage("--waited says that nobody uses tokens of the former key, which only hagen pki rotate service-account --to retire depends on: leave it out")
	case to == next.Phase && (asked.Delivered || asked.Live) && !stands.underWay():
		return exit.Usage("--delivered and --live are about the phase before; a rotation begins with none: %s", next.Command)
	case to == next.Phase && stands.underWay() && stands.Rendered.IsZero():
		return exit.Failed("%s: the documents of phase %s were not written yet: %s, and when all machines have them, %s", stands.Kind, stands.Phase, Delivery(asked.Place, TreeOf(asked.Place, stands.Cluster), stands.off...), next.Command)
	case to == next.Phase && stands.underWay() && asked.Live && asked.blind(stands) != "":
		return exit.Failed("%s: %s: when all machines have the documents of phase %s, %s", stands.Kind, asked.blind(stands), stands.Phase, next.Command)
	case to == next.Phase && stands.underWay() && !asked.Delivered && !asked.Live:
		live := ""
		if asked.blind(stands) == "" {
			live = "; or let --live ask the servers"
		}
		return exit.Failed("%s: do all machines have the documents of phase %s? When they have, %s%s", stands.Kind, stands.Phase, next.Command, live)
	case to == next.Phase && to == pki.PhaseRetire && stands.row.Rewrite && !asked.Rewritten:
		return exit.Failed("%s: what the former key encrypted can be read by no API server in phase %s. First have all of it written again:\n  %s\nthen look in etcd:\n  %s\nIf that names no key but %s, %s",
			stands.Kind, to, stands.rewrite, stands.stored, stands.present, next.Command)
	case to == next.Phase && to == pki.PhaseRetire && !asked.Waited:
		return stands.held(now)
	case to == next.Phase:
		return nil
	case !stands.underWay():
		return exit.Usage("%s: no rotation is under way; it begins with %s", stands.Kind, next.Command)
	case to == pki.PhaseTrust:
		return exit.Usage("%s: the rotation to %s is not over, and another begins after it; a rotation does not go back. Next is %s", stands.Kind, stands.key(), next.Command)
	}
	return exit.Usage("%s: is in phase %s, and the next one is %s, which must not be skipped: %s", stands.Kind, stands.Phase, stands.Next.Phase, stands.Next.Command)
}

// held refuses the last phase while what the former key has signed is in use.
func (r rotation) held(now time.Time) error {
	switch {
	case r.row.ByHand:
		return exit.Failed("%s: what the former key has signed is refused in phase %s. First %s. Then %s", r.Kind, r.Next.Phase, r.row.Wait, r.Next.Command)
	case now.Before(r.Next.NotBefore):
		return exit.Failed("%s: what the former key has signed is refused in phase %s, and is still in use: the documents of phase %s were written at %s. When all machines have them, %s. If nobody uses it any more, or that does not matter, add --waited: %s --waited",
			r.Kind, r.Next.Phase, r.Phase, r.Rendered.UTC().Format(time.RFC3339), r.row.Wait, r.Next.Command)
	}
	return nil
}

// report prints what was done, and what is next.
func (r rotation) report(ui *console.UI, asJSON bool) {
	if asJSON {
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return
	}
	what := map[pki.Phase]string{
		pki.PhaseTrust:  "made " + r.key(),
		pki.PhaseIssue:  r.key() + " is the present one",
		pki.PhaseRetire: fmt.Sprintf("%s is the only one that machines are to have", r.key()),
	}[r.Phase]
	if !r.Changed {
		what = fmt.Sprintf("%s is in phase %s already, since %s", r.Kind, r.Phase, day(r.Began))
	}
	ui.Say("%s: %s", what, r.means())
	if r.Kubeconfig != "" {
		ui.Say("wrote %s", r.Kubeconfig)
	}
	for n, need := range r.Next.Needs {
		ui.Say("%d. %s", n+1, need)
	}
	if r.underWay() {
		ui.Say("%d. %s", len(r.Next.Needs)+1, r.Next.Command)
	}
}
