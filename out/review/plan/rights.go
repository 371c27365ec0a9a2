package plan

import (
	"bytes"
	"fmt"
	"path"
	"slices"

	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/pki"
)

// kubeletFlag names the certificate that API servers show kubelets.
const kubeletFlag = "--kubelet-client-certificate"

// adminSubject finds the subject in the twin of the administrator's kubeconfig.
var adminSubject = lazy.Regexp(`client-certificate-data: .*; subject ([^;\n]*)`)

// kubeletGroups returns the groups of a machine's API server at kubelets; false if it has none
// there, or is no such machine.
func kubeletGroups(n *node.Node) ([]string, bool) {
	c, is := issuedAt(n, facts.APIUnit, kubeletFlag)
	return read.Groups(c.Subject), is
}

// adminGroups returns the groups of the administrator's kubeconfig.
func adminGroups(s diff.Side) ([]string, bool) {
	m := adminSubject().FindSubmatch(redact.Identified(s.Kubeconfig))
	if m == nil {
		return nil, false
	}
	return read.Groups(string(m[1])), true
}

// IssuedClients returns the groups of the certificates with which API servers and the
// administrator were issued, as far as a tree shows them, as requests by their names in a PKI.
func IssuedClients(s diff.Side) map[string]pki.Request {
	found := map[string]pki.Request{}
	for i := range s.Machines {
		if names, is := kubeletGroups(&s.Machines[i]); is {
			found[path.Join(control.HostFolder(s.Machines[i].Name), "kubelet-client")] = pki.Request{Subject: pki.Subject{Organization: names}}
		}
	}
	if names, is := adminGroups(s); is {
		found[control.Admin] = pki.Request{Subject: pki.Subject{Organization: names}}
	}
	return found
}

// bound are clients that RBAC binds from now on: those that leave the group which is obeyed
// without it.
type bound struct {
	hosts []string // whose API servers do, at kubelets
	admin bool
}

func (p planner) bound() (b bound) {
	was, is := IssuedClients(p.before.Side), IssuedClients(p.after.Side)
	for name, before := range was {
		after, stays := is[name]
		if !stays || !control.Bypasses(before.Subject.Organization) || control.Bypasses(after.Subject.Organization) {
			continue
		}
		if b.admin = b.admin || name == control.Admin; name != control.Admin {
			b.hosts = append(b.hosts, path.Base(path.Dir(name)))
		}
	}
	slices.Sort(b.hosts)
	return b
}

// binds gives certificates the rights that they have by the manifest, and asks for them. Before
// the administrator has any, break-glass does it.
func (p planner) binds() []Check {
	b := p.bound()
	if p.after.Rights == nil || p.before.Rights != nil && bytes.Equal(p.before.Rights, p.after.Rights) && len(b.hosts) == 0 && !b.admin {
		return nil
	}
	var checks []Check
	kubectl, why := "kubectl", "gives the cluster's certificates their rights, and takes none: it may be applied at any time, and again"
	if groups, _ := adminGroups(p.after.Side); !control.Bypasses(groups) && (b.admin || p.before.Rights == nil) {
		breakGlass := shellWord(path.Join(p.documents(), "kubeconfigs", control.BreakGlass+".kubeconfig"))
		kubectl += " --kubeconfig " + breakGlass
		checks = append(checks, Check{onWorkstation("test -e " + breakGlass + " || hagen kubeconfig --break-glass " + p.place()),
			"the new admin.kubeconfig has no rights before: this kubeconfig has them without the manifest, for a day. Remove it when all is done"})
	}
	if groups, known := adminGroups(p.before.Side); known && !control.Bypasses(groups) {
		why += ". If nobody has ever applied it, the administrator is refused: hagen kubeconfig --break-glass makes a kubeconfig that is not"
	}
	checks = append(checks, Check{onWorkstation(kubectl + " apply -f " + shellWord(path.Join(p.documents(), document.RightsPath))), why})
	for _, row := range control.Bindings(p.after.Cluster.Profile) {
		if row.Kind == "User" {
			checks = append(checks, Check{onWorkstation(fmt.Sprintf("%s auth can-i get nodes --subresource=proxy --as %s", kubectl, row.Subject)).asked(RightsBound, "yes"),
				"without it, kubelets refuse API servers " + row.Why})
		}
	}
	return checks
}

// bindsCautions warns of those that lose the rights which they had by the group.
func (p planner) bindsCautions() (out []order.Caution) {
	b := p.bound()
	manifest := path.Join(p.documents(), document.RightsPath)
	if len(b.hosts) > 0 {
		out = append(out, order.Caution{Hosts: b.hosts, Text: fmt.Sprintf("API servers leave %s at kubelets, and are bound by RBAC: until %s is applied, kubelets refuse them logs, exec, attach, port-forward and metrics. The preparation applies it", control.SystemMasters, manifest)})
	}
	if b.admin {
		out = append(out, order.Caution{Hosts: []string{}, Text: fmt.Sprintf("admin.kubeconfig leaves %s, and is bound by RBAC: until %s is applied, it may do nothing. hagen kubeconfig --break-glass is always the way back", control.SystemMasters, manifest)})
	}
	return out
}
