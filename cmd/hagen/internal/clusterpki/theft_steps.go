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
	off      []string       // those that the others go on without
	members  []cluster.Host // of etcd, that can be asked
	tree     string
	unmarked []string   // of the machines
	rotating []rotation // of the kinds that have to be rotated
	steps    []todo
}

// steps returns what has to be done, in its order, and notes at each key the step that ends what it gives.
func (asked Theft) steps(c *cluster.Cluster, items pki.Set, machines []machine, hosts []stolenHost) []todo {
	s := theftSteps{asked: asked, cluster: c, tree: TreeOf(asked.Place, c.Name)}
	if !trees.HoldsDocuments(s.tree) {
		s.tree = "OLD"
	}
	for _, m := range machines {
		switch {
		case len(m.items) > 0:
			s.masters = append(s.masters, m)
		default:
			s.add(fmt.Sprintf("switch %s off, and boot the machine that replaces it with the document that it had: there is nothing to issue", m.name))
		}
	}
	if len(s.masters) == 0 {
		return s.steps
	}
	for _, m := range s.masters {
		if markedOn(items, m.name).IsZero() {
			s.unmarked = append(s.unmarked, m.name)
		}
	}
	for _, row := range control.Rotatable(c) {
		if s.needs(items[row.Item]) {
			s.rotating = append(s.rotating, rotationOf(c, asked.Place, row, items[row.Item], true, nil, time.Time{}))
		}
	}
	s.split()
	if len(s.rotating) > 0 {
		s.cutOff()
	}
	s.write()
	ends := s.phases(items)
	s.replace()
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
	s.steps = append(s.steps, todo{text, append([]string{}, commands...)})
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
func (s *theftSteps) cutOff() {
	which := names(s.masters)
	s.add(fmt.Sprintf("switch %s off, or cut it from all networks, and keep ports %d, %d and %d from networks that a thief reaches: what was on it is accepted until the steps below are done",
		which, s.cluster.Endpoint.Port, cluster.EtcdClientPort, cluster.EtcdPeerPort))
	if !s.majority() {
		s.add(fmt.Sprintf("without %s there is no majority. If it runs, re-image it first, so that nobody is on it who reads the new keys, and let it run on. If it does not, nothing runs: then %s takes the place of each plan and its script below, and in the end %s restores etcd",
			which, s.asked.Command("render"), s.asked.Command("render", "--restore", "SNAPSHOT")))
		return
	}
	environment := etcdctlEnvironment(s.cluster, s.asked.Place, s.members)
	for _, m := range s.cluster.Members() {
		if slices.Contains(s.off, m.Name) {
			s.add(fmt.Sprintf("take %s out of etcd, by the ID that etcd gave it, and see that the others are healthy. If only its document, boot medium or user data was read, it runs on: skip this and its replacement, and leave --without out. If somebody was root on it, do not: it would get the new keys", m.Name),
				"export "+environment,
				fmt.Sprintf(`etcdctl member list | awk -F', ' '$3 == "%s" || $4 == "%s" { print $1 }' | xargs -r etcdctl member remove`, m.Name, control.EtcdPeerURL(s.cluster, m)),
				"etcdctl endpoint health")
		}
	}
}

// split divides the members of etcd: into those that the others go on without, and those that can be asked. Without
// a majority there are none of the first.
func (s *theftSteps) split() {
	all := s.cluster.Members()
	for _, m := range all {
		if slices.ContainsFunc(s.masters, func(of machine) bool { return of.name == m.Name }) {
			s.off = append(s.off, m.Name)
		} else {
			s.members = append(s.members, m)
		}
	}
	if len(s.members) < len(all)/2+1 {
		s.off, s.members = nil, all
	}
}

// majority reports whether the other members are one.
func (s *theftSteps) majority() bool {
	return len(s.off) > 0 || !slices.ContainsFunc(s.masters, func(m machine) bool { return !m.gone })
}

// write is the command that this is about, unless it was given.
func (s *theftSteps) write() {
	if len(s.unmarked) > 0 {
		s.add("give what was on it new keys, mark what it shared, and begin the rotations (phase trust)", s.asked.Command("pki compromised", append(slices.Clone(s.unmarked), "--write")...))
	}
}

// deliver returns the commands that bring machines the documents of a phase.
func (s *theftSteps) deliver() []string {
	words := append([]string{"--delta", "delta"}, s.without()...)
	return []string{s.asked.Command("plan", append(words, s.tree, ".")...), "sh delta/deliver.sh"}
}

// without returns the flags for the masters that the others go on without.
func (s *theftSteps) without() (words []string) {
	for _, host := range s.off {
		words = append(words, "--without", host)
	}
	return words
}

// phases are the phases of the rotations. It returns the step that ends each kind's keys.
func (s *theftSteps) phases(items pki.Set) map[string]int {
	if len(s.rotating) == 0 {
		return nil
	}
	var issue, retire, again []string
	for _, r := range s.rotating {
		if r.Phase != pki.PhaseIssue {
			issue = append(issue, r.command(pki.PhaseIssue, s.without()...))
		}
		if r.underWay() && s.had(items[r.Item], newest(items[r.Item])) {
			again = append(again, r.Kind)
		}
		retire = append(retire, r.command(pki.PhaseRetire, s.without()...))
	}
	if len(issue) > 0 {
		s.add("give the machines that go on the documents of phase trust. Plan before you render: the script renders"+s.old(), s.deliver()...)
		s.add("use the new keys, and give the machines their documents: nothing new is signed or encrypted with what was stolen from then on", append(issue, s.deliver()...)...)
	}
	s.wait()
	n := s.add("retire the former keys: what was stolen is refused when all machines have these documents", append(retire, s.deliver()...)...)
	if slices.ContainsFunc(s.rotating, func(r rotation) bool { return r.row.Published }) {
		s.add("take the former authorities away from aggregated APIs, to which API servers only add", control.Unpublish(s.kubeconfig()))
	}
	ends := map[string]int{}
	for _, r := range s.rotating {
		ends[r.Kind] = n
	}
	if len(again) > 0 {
		n = s.add(fmt.Sprintf("the rotation of %s that was under way leads to a key that was on it, too: this begins another one, and says how it goes on", strings.Join(again, ", ")),
			s.asked.Command("pki compromised", append(slices.Clone(s.asked.Hosts), "--write")...))
		for _, kind := range again {
			ends[kind] = n
		}
	}
	return ends
}

func (s *theftSteps) old() string {
	if s.tree == "OLD" {
		return " (OLD is the tree that machines were made from, or its twins)"
	}
	return ""
}

func (s *theftSteps) kubeconfig() string {
	tree := s.tree
	if tree == "OLD" {
		tree = "TREE"
	}
	return clusterfile.Word(filepath.Join(tree, document.AdminPath))
}

// wait is what has to happen before the former keys can go.
func (s *theftSteps) wait() {
	for _, r := range s.rotating {
		if r.row.Rewrite {
			s.add(fmt.Sprintf("have all Secrets written again, see that etcd names no key but the new one, and change the passwords and tokens that are in them: who has a snapshot of etcd and the key of %s has read them", r.Kind),
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
		s.add("give users, kubelets, pods and others what the new keys have signed; these say to whom. The stolen key of service accounts signs tokens that are accepted until the next step: if that is worse than pods without a valid token, take it at once, with --waited, and restart all pods", look...)
	}
}

func (r rotation) asks() string { return r.at.Command("pki rotate", r.Kind) }

// replace is what comes when nothing that was stolen is accepted any more.
func (s *theftSteps) replace() {
	for _, name := range s.off {
		s.add(fmt.Sprintf("unless it was done, put a machine in the place of %s, with keys that nobody else has had: this writes its document and the runbook", name), s.asked.Command("render", "--replace", name))
	}
	for _, m := range s.masters {
		if m.gone {
			s.add(fmt.Sprintf("%s is no machine of %s any more: remove its certificates", m.name, s.asked.File), s.asked.Command("pki prune"))
		}
	}
	s.add("look for what somebody left with these keys, in the audit logs of the API servers and in the cluster: bindings, tokens, webhooks, static pods, objects that nobody made",
		"kubectl --kubeconfig "+s.kubeconfig()+" get clusterrolebindings,rolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations --all-namespaces -o custom-columns=MADE:.metadata.creationTimestamp,KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name | sort")
}
