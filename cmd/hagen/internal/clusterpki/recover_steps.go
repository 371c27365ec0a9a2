package clusterpki

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
	"hagen/pki/store"
)

// recoverySteps says what is to be done after a recovery.
type recoverySteps struct {
	asked    Recovery
	cluster  *cluster.Cluster
	found    control.Recovered
	made     madeFrom
	retired  []string // items of which machines have a key that was retired
	noIssuer []string // authorities without a key
	off      []string // hosts that others have had, and that no other machine has replaced
}

func (s recoverySteps) all() (steps []string) {
	steps = append(s.more(), s.same()...)
	if len(s.noIssuer) == 0 {
		return steps
	}
	var keys []string
	for _, name := range s.noIssuer {
		keys = append(keys, filepath.Join(s.asked.Dir(), filepath.FromSlash(store.KeyFile(name))))
	}
	steps = append(steps, "nothing can be issued or renewed without the authorities' keys, which are on no machine. If they are kept elsewhere, bring them back, as "+strings.Join(keys, ", "))
	if len(s.found.Missing) == 0 {
		return append(steps, "if they are lost, let others take their place: "+s.rotate(s.noIssuer...))
	}
	return append(steps, s.missing()...)
}

// more says where there may be more.
func (s recoverySteps) more() (steps []string) {
	if hosts := without(hostsOf(s.found.Missing), s.off); len(hosts) > 0 {
		var copies []string
		for _, host := range hosts {
			copies = append(copies, copyCommand(s.cluster, host))
		}
		steps = append(steps, fmt.Sprintf("%s: where it runs, a machine has its own certificates and keys. Copy them, and recover once more with all that is named now and that: %s && mv %s %[3]s.part && %s",
			strings.Join(hosts, ", "), strings.Join(copies, " && "), clusterfile.Word(filepath.Clean(s.asked.Dir())), s.asked.Command("pki recover", append(slices.Clone(s.asked.From), hosts...)...)))
	}
	if slices.Contains(s.found.Missing, control.Admin) {
		steps = append(steps, fmt.Sprintf("%s: if somebody has %s, name it, too", control.Admin, document.AdminPath))
	}
	if undocumented := without(s.made.lacking, s.without()); len(undocumented) > 0 && len(s.found.Missing) > 0 {
		steps = append(steps, fmt.Sprintf("%s: no document of it was named. Name it, too: a plan has to know what a machine was made from", strings.Join(undocumented, ", ")))
	}
	return steps
}

// same says how machines get what the directory has now.
func (s recoverySteps) same() []string {
	switch {
	case len(s.found.Missing)+len(s.found.Changed) > 0:
		return nil
	case len(s.retired) == 0:
		return []string{s.asked.Command("render") + ": writes what machines have, and changes nothing"}
	}
	old := ""
	if s.made.dir == "" {
		old = ", where OLD is a tree of what they were made from, or its twins"
	}
	return []string{fmt.Sprintf("machines have the former keys of %s, which were retired: %s. Not %s before that: it writes over what the steps are planned from%s",
		strings.Join(s.retired, ", "), DeliveryFrom(s.asked.Place, s.made.old(), s.off...), s.asked.Command("render"), old)}
}

// rotate returns the commands that begin rotations.
func (s recoverySteps) rotate(authorities ...string) string {
	var commands []string
	for _, name := range authorities {
		commands = append(commands, s.asked.Command("pki rotate", control.KindOf(name), "--to", string(pki.PhaseTrust)))
	}
	return strings.Join(commands, " && ")
}

// without lists the hosts that get nothing for now: those of which something is missing, and those that are off.
func (s recoverySteps) without() []string {
	hosts := hostsOf(s.found.Missing)
	return append(hosts, without(s.off, hosts)...)
}

// missing says how what nothing has is made anew: the next authorities sign it, and only machines that trust these
// accept it.
func (s recoverySteps) missing() []string {
	hosts := s.without()
	others := slices.DeleteFunc(slices.Clone(s.noIssuer), func(name string) bool { return name == control.ClusterAuthority })
	switch noAdmin := slices.Contains(s.found.Missing, control.Admin) && len(others) < len(s.noIssuer); {
	case len(hostsOf(s.found.Missing)) == 0 && noAdmin:
		steps := []string{fmt.Sprintf("if they are lost, begin with %s: its next authority signs %s, which API servers accept when they trust that. The script begins behind the preparation, which asks them as administrator: %s",
			control.KindOf(control.ClusterAuthority), control.Admin, s.first(s.rotate(control.ClusterAuthority)))}
		if len(others) > 0 {
			steps = append(steps, fmt.Sprintf("then the others, which %s deliver: %s", s.deliver(), s.rotate(others...)))
		}
		return steps
	case !s.majority(hosts):
		return []string{fmt.Sprintf("if they are lost, others take their place when documents or files of a majority of masters are here: without %s nothing can be delivered", strings.Join(hosts, ", "))}
	default:
		steps := []string{fmt.Sprintf("if they are lost, let others take their place, and give them to the machines without %s, which must be off and out of etcd: %s",
			strings.Join(hosts, ", "), s.first(s.rotate(s.noIssuer...)))}
		if noAdmin {
			steps[0] += fmt.Sprintf(". The script begins behind the preparation, which asks API servers as administrator. They accept %s when they trust the next authority: where a check fails that asks one before, see on the machine that it answers (curl -k https://localhost:%d/readyz), and go on with --from", control.Admin, s.cluster.Endpoint.Port)
		}
		return append(steps, s.replace()...)
	}
}

// replace says how other machines come in the place of those that get nothing. Those that others have had have more to
// wait for.
func (s recoverySteps) replace() (steps []string) {
	if hosts := without(hostsOf(s.found.Missing), s.off); len(hosts) > 0 {
		steps = append(steps, fmt.Sprintf("when the rotations are in phase %s, put machines in their places: %s", pki.PhaseIssue, s.asked.Command("render", "--replace", hosts[0])))
	}
	if len(s.off) > 0 {
		steps = append(steps, fmt.Sprintf("other machines come in the place of %s when all is replaced that others have had: %s says how", strings.Join(s.off, ", "), s.asked.Command("pki compromised", s.off...)))
	}
	return steps
}

// first returns the commands of the first delivery: what is missing is made before that, in a tree that no machine is
// made from.
func (s recoverySteps) first(rotate string) string {
	commands := []string{rotate,
		s.asked.Command("render", "-o", filepath.Join(trees.Next, s.cluster.Name)),
		s.asked.Command("plan", planWords(s.made.old(), s.without())...)}
	if slices.Contains(s.found.Missing, control.Admin) {
		return strings.Join(append(commands, s.asked.Command("render"), "sh delta/deliver.sh --from 1"), " && ")
	}
	return strings.Join(append(commands, "sh delta/deliver.sh"), " && ")
}

// deliver returns the commands of a delivery after the first one.
func (s recoverySteps) deliver() string {
	return DeliveryFrom(s.asked.Place, filepath.Join(trees.Dir, s.cluster.Name), s.off...)
}

// majority reports whether a majority of masters stays without some.
func (s recoverySteps) majority(missing []string) bool {
	stay := 0
	for _, h := range s.cluster.Members() {
		if !slices.Contains(missing, h.Name) {
			stay++
		}
	}
	return stay > len(s.cluster.Members())/2
}
