package clusterpki

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
)

// theftSteps makes the steps after a theft.
type theftSteps struct {
	asked    Theft
	cluster  *cluster.Cluster
	masters  []machine      // of the machines
	earlier  []string       // hosts that were off before: of another theft, or left out of a rotation
	off      []string       // those that the others go on without: these, too
	members  []cluster.Host // of etcd, that can be asked
	short    bool           // without the machines there is no majority
	tree     string         // that machines were made from
	unmarked []string       // of the machines
	says     []string       // of the machines that run on, and for which that is not recorded
	rotating []rotation     // of the kinds that have to be rotated
	again    []string       // kinds of which the rotation that is under way leads to a key that was on one, too
	steps    []theftStep
}

// steps returns what has to be done, in its order, and notes at each key the step that ends what it gives.
func (asked Theft) steps(c *cluster.Cluster, items pki.Set, machines []machine, hosts []stolenHost) []theftStep {
	s := theftSteps{asked: asked, cluster: c, tree: asked.tree(c)}
	for _, m := range machines {
		switch {
		case len(m.items) > 0:
			s.masters = append(s.masters, m)
		case asked.RunsOn:
			s.add(fmt.Sprintf("%s runs on: there is nothing to issue, and nothing to deliver", m.name))
		default:
			s.add(fmt.Sprintf("switch %s off, and boot the machine that replaces it with the document that it had: there is nothing to issue", m.name))
		}
	}
	if len(s.masters) == 0 {
		return s.steps
	}
	s.split(items)
	for _, m := range s.masters {
		if markedOn(items, m.name).IsZero() {
			s.unmarked = append(s.unmarked, m.name)
		} else if (m.runsOn || s.short && m.goes(items)) && stateOf(items, m.name) == pki.HostGoes && !m.isPKI() {
			s.says = append(s.says, m.name)
		}
	}
	for _, row := range control.Rotatable(c) {
		if s.needs(items[row.Item]) {
			s.rotating = append(s.rotating, rotationOf(c, asked.Place, row, items[row.Item], s.off, true, nil, time.Time{}))
		}
	}
	if len(s.rotating) > 0 {
		s.cutOff(items)
	}
	s.write()
	ends := s.phases(items)
	if len(s.again) == 0 {
		s.replace()
	}
	for _, h := range hosts {
		for i := range h.Keys {
			if k := &h.Keys[i]; k.Open && k.Rotate != control.KindOf(control.SecretsKey) {
				k.Step = ends[k.Rotate]
			}
		}
	}
	return s.steps
}

func (s *theftSteps) add(text string, commands ...string) int {
	s.steps = append(s.steps, theftStep{text, append([]string{}, commands...)})
	return len(s.steps)
}

// needs reports whether a rotation of an item ends what the machines' keys give.
func (s *theftSteps) needs(item pki.Item) bool {
	return slices.ContainsFunc(item.Trusted(), func(g pki.Generation) bool { return s.had(item, g) })
}

// had reports whether a generation is marked with the machines or, before that is written, was on one.
func (s *theftSteps) had(item pki.Item, g pki.Generation) bool {
	return markedBy(item, g.ID, s.masters) || slices.ContainsFunc(s.masters, func(m machine) bool {
		return slices.Contains(s.unmarked, m.name) && m.had(s.cluster, item, g)
	})
}

// cutOff is what comes before anything is issued.
func (s *theftSteps) cutOff(items pki.Set) {
	ports := fmt.Sprintf("keep ports %d, %d and %d from networks that a thief reaches: what was on it is accepted until the steps below are done", s.cluster.Endpoint.Port, cluster.EtcdClientPort, cluster.EtcdPeerPort)
	var going, running []string
	for _, m := range s.masters {
		switch {
		case m.isPKI():
			s.add(fmt.Sprintf("before anything else, move %s, %s and %s to a workstation that nobody else has had, and do all of this there: the new keys are made there. Machines run on", s.asked.Dir(), s.asked.File, clusterfile.LockPath(s.asked.File)))
		case m.runsOn:
			running = append(running, m.name)
		case m.goes(items):
			going = append(going, m.name)
		}
	}
	switch which := strings.Join(going, ", "); {
	case len(going) == 0 && len(running) == 0:
		s.add(ports)
	case len(going) == 0:
		s.add(fmt.Sprintf("%s: nobody was on the machine, and it runs on. Erase what was read, or take it away: media, user data, directories with documents; make them again when all is done. And %s", strings.Join(running, ", "), ports))
	case s.short:
		s.noMajority(items, which, ports)
	default:
		s.add(fmt.Sprintf("switch %[1]s off, or cut it from all networks, and %[2]s. Not so if somebody has only read its document, boot medium or user data, and was not on it: then it runs on, and %[3]s has other steps",
			which, ports, s.asked.again(going, "--runs-on")))
	}
	for _, m := range s.cluster.Members() {
		if !slices.Contains(s.off, m.Name) {
			continue
		}
		done := ""
		if slices.Contains(s.earlier, m.Name) {
			done = "unless it was done, "
		}
		s.add(fmt.Sprintf("%stake %s out of etcd, by the ID that etcd gave it, and see that the others are healthy", done, m.Name),
			"export "+etcdctlEnvironment(s.cluster, s.asked.Place, s.members),
			fmt.Sprintf(`etcdctl member list | awk -F', ' '$3 == "%s" || $4 == "%s" { print $1 }' | xargs -r etcdctl member remove`, m.Name, control.EtcdPeerURL(s.cluster, m)),
			"etcdctl endpoint health")
	}
}

// noMajority says how it goes on where the others are none.
func (s *theftSteps) noMajority(items pki.Set, which, ports string) {
	before := ""
	var members []string
	for _, m := range s.cluster.Members() {
		if slices.Contains(s.earlier, m.Name) {
			members = append(members, m.Name)
		}
	}
	if len(members) > 0 {
		before = "off already: " + strings.Join(members, ", ") + "; "
	}
	s.add(fmt.Sprintf("%swithout %s there is no majority, and etcd and API servers stop. Cut it from all networks but that of the masters, and %s", before, which, ports))
	for _, name := range members {
		if len(markedHalves(s.cluster, items, cluster.LockContents{}, name)) == 0 {
			s.add(fmt.Sprintf("replace %s first, while %s runs, and ask this again", name, which), s.asked.Command("render", "--replace", name))
		}
	}
	s.add(fmt.Sprintf("if %[1]s runs, re-image it, with its etcd disk and its usual document, so that nobody is on it who reads the new keys, and let it run on: it is no machine that goes (--runs-on below). "+
		"If it does not, nothing runs: take a snapshot of a master that is left (etcdctl snapshot save, or its disk); then %[2]s takes the place of each plan and its script below, and in the end %[3]s restores etcd",
		which, s.asked.Command("render"), s.asked.Command("render", "--restore", "SNAPSHOT")))
}

// split divides the members of etcd: into those that the others go on without, and those that can be asked. If
// these were no majority of those that run, the machines are not left out.
func (s *theftSteps) split(items pki.Set) {
	going := func(host string) bool {
		return slices.ContainsFunc(s.masters, func(m machine) bool { return m.name == host && m.goes(items) })
	}
	all := Off(s.cluster, items)
	for _, h := range s.cluster.Hosts() {
		off := slices.Contains(all, h.Name) && !slices.ContainsFunc(s.masters, func(m machine) bool { return m.name == h.Name })
		if off {
			s.earlier = append(s.earlier, h.Name)
		}
		if off || going(h.Name) {
			s.off = append(s.off, h.Name)
		}
	}
	var ran []cluster.Host
	for _, m := range s.cluster.Members() {
		if slices.Contains(s.earlier, m.Name) {
			continue
		}
		if ran = append(ran, m); !going(m.Name) {
			s.members = append(s.members, m)
		}
	}
	if len(ran) == 0 { // nothing can be asked, whatever is left out
		ran = s.cluster.Members()
	}
	if len(s.members) < len(ran)/2+1 {
		s.short, s.off, s.members = true, s.earlier, ran
	}
}

// write is the command that this is about, unless it was given. After a recovery it begins rotations once more.
func (s *theftSteps) write() {
	hosts, flags := append(slices.Clone(s.unmarked), s.says...), []string{"--write"}
	if s.asked.RunsOn || s.short {
		flags = append(flags, "--runs-on")
	}
	switch {
	case len(s.unmarked) > 0:
		s.add("give what was on it new keys, mark what it shared, and begin the rotations (phase trust)", s.asked.again(hosts, flags...))
	case len(s.says) > 0:
		s.add("record that it runs on", s.asked.again(hosts, flags...))
	case slices.ContainsFunc(s.rotating, func(r rotation) bool { return !r.underWay() }):
		s.add("begin the rotations (phase trust) that are under way no more", s.asked.again(s.asked.Hosts, "--write"))
	}
}

// again returns this command, of hosts, with further flags.
func (asked Theft) again(hosts []string, flags ...string) string {
	words := append(slices.Clone(hosts), flags...)
	if asked.From != "" {
		words = append(words, "--from", asked.From)
	}
	return asked.Command("pki compromised", words...)
}

// tree returns the tree that machines were made from.
func (asked Theft) tree(c *cluster.Cluster) string {
	if asked.From != "" {
		return asked.From
	}
	if tree := TreeOf(asked.Place, c.Name); trees.HoldsDocuments(tree) {
		return tree
	}
	return old
}

// deliver returns the commands that bring machines the documents of a phase. The script renders, so the next plan
// is made from what that wrote.
func (s *theftSteps) deliver() []string {
	words := planWords(s.tree, s.off)
	s.tree = TreeOf(s.asked.Place, s.cluster.Name)
	return []string{s.asked.Command("plan", words...), "sh delta/deliver.sh"}
}

// phases are the phases of the rotations. It returns the step that ends each kind's keys.
func (s *theftSteps) phases(items pki.Set) map[string]int {
	if len(s.rotating) == 0 {
		return nil
	}
	var issue, retire []string
	for _, r := range s.rotating {
		if r.Phase != pki.PhaseIssue {
			issue = append(issue, r.command(pki.PhaseIssue))
		}
		if r.underWay() && s.had(items[r.Item], newest(items[r.Item])) {
			s.again = append(s.again, r.Kind)
		}
		if r.row.Hold > 0 {
			retire = append(retire, r.command(pki.PhaseRetire, "--waited"))
			continue
		}
		retire = append(retire, r.command(pki.PhaseRetire))
	}
	if len(issue) > 0 {
		s.add("give the machines that go on the documents of phase trust. Plan before you render: the script renders", s.deliver()...)
		but := ""
		if len(s.again) > 0 {
			but = fmt.Sprintf(", but with the new key of %s, which was on it, too", strings.Join(s.again, ", "))
		}
		s.add("use the new keys, and give the machines their documents: nothing new is signed or encrypted with what was stolen from then on"+but, append(issue, s.deliver()...)...)
	}
	s.wait()
	n := s.add("retire the former keys: what was stolen is refused when all machines have these documents"+s.waited(), append(retire, s.deliver()...)...)
	if slices.ContainsFunc(s.rotating, func(r rotation) bool { return r.row.Published }) {
		s.add("take the former authorities away from aggregated APIs, to which API servers only add", control.Unpublish(s.kubeconfig()))
	}
	ends := map[string]int{}
	for _, r := range s.rotating {
		ends[r.Kind] = n
	}
	if len(s.again) > 0 {
		n = s.add(fmt.Sprintf("the rotation of %s that was under way leads to a key that was on it, too: this begins another one, and says how it goes on", strings.Join(s.again, ", ")),
			s.asked.again(s.asked.Hosts, "--write"))
		for _, kind := range s.again {
			ends[kind] = n
		}
	}
	return ends
}

func (s *theftSteps) kubeconfig() string {
	tree := s.tree
	if tree == old {
		tree = TreeOf(s.asked.Place, s.cluster.Name)
	}
	return clusterfile.Word(filepath.Join(tree, document.AdminPath))
}

// waited says what becomes of those who use what a stolen key has signed, and is accepted for some time by itself.
func (s *theftSteps) waited() string {
	for _, r := range s.rotating {
		if r.row.Hold == 0 {
			continue
		}
		from := "a day after its documents of phase issue were written"
		if !r.Next.NotBefore.IsZero() {
			from = r.Next.NotBefore.UTC().Format(time.RFC3339)
		}
		return fmt.Sprintf(". %s has --waited, since who has its key signs tokens until then: restart all pods afterwards, whose tokens are refused. If pods without a valid token are worse, do this step not before %s, and without --waited", r.Kind, from)
	}
	return ""
}

// wait is what has to happen before the former keys can go.
func (s *theftSteps) wait() {
	for _, r := range s.rotating {
		if r.row.Rewrite {
			change := fmt.Sprintf("; change the passwords and tokens that are in them: who has a snapshot of etcd and the key of %s has read them", r.Kind)
			if slices.Contains(s.again, r.Kind) {
				change = "; change what is in them after the rotation that follows"
			}
			s.add("have all Secrets written again, and see that etcd names no key but the new one"+change,
				control.RewriteSecrets(s.kubeconfig()), control.StoredKeys(etcdctlEnvironment(s.cluster, s.asked.Place, s.members)))
		}
	}
	var look []string
	for _, r := range s.rotating {
		if r.row.Wait != "" {
			look = append(look, r.asks())
		}
	}
	if len(look) > 0 {
		s.add("give users, kubelets, pods and others what the new keys have signed; these say to whom", look...)
	}
}

func (r rotation) asks() string { return r.at.Command("pki rotate", r.Kind) }

// replace is what comes when nothing that was stolen is accepted any more.
func (s *theftSteps) replace() {
	for _, m := range s.cluster.Members() {
		if slices.Contains(s.off, m.Name) {
			s.add(fmt.Sprintf("put a machine in the place of %s, with keys that nobody else has had: this writes its document and the runbook", m.Name), s.asked.Command("render", "--replace", m.Name))
		}
	}
	for _, m := range s.masters {
		if m.gone {
			s.add(fmt.Sprintf("%s is no machine of %s any more: remove its certificates", m.name, s.asked.File), s.asked.Command("pki prune"))
		}
	}
	s.add("look for what somebody left with these keys, in the audit logs of the API servers and in the cluster: bindings, tokens, webhooks, static pods, objects that nobody made",
		"kubectl --kubeconfig "+s.kubeconfig()+" get clusterrolebindings,rolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations --all-namespaces -o custom-columns=MADE:.metadata.creationTimestamp,KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name | sort")
}
