package control

import (
	"crypto/rand"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/check"
	"hagen/gen/cluster"
	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/pki"
	"hagen/profiles"
)

// TestRoles: each role has a row in each profile, whose daemons are those that
// gen/cluster gets binaries for.
func TestRoles(t *testing.T) {
	for name, p := range tablesOf {
		for _, want := range []cluster.Role{cluster.Master, cluster.LoadBalancer} {
			if !slices.ContainsFunc(p.roles, func(r role) bool { return r.name == want }) {
				t.Errorf("%s: %s has no row", name, want)
			}
			runs := map[string]bool{}
			for _, d := range p.role(want).daemons {
				if runs[d.name] = true; !want.Runs(d.name) {
					t.Errorf("%s: %s has %s, and gen/cluster says that it does not run", name, want, d.name)
				}
			}
			for _, a := range profiles.Artefacts() {
				for _, binary := range a.Binaries {
					if want.Runs(binary) && !runs[binary] {
						t.Errorf("%s: gen/cluster says that %s runs %s, and it has no such daemon", name, want, binary)
					}
				}
			}
		}
	}
}

// proxy is a role that hagen does not have: its machines run one daemon, which
// fixed a client of the API servers.
const proxy cluster.Role = "proxy"

const (
	proxyDir  = "/var/lib/kube-proxy"
	proxyUser = "kube-proxy"
)

var proxyRole = role{
	name: proxy,
	certificates: []certificate{
		{
			stem: "kubernetes", kind: pki.Authority, life: authorityLife, section: sectionMachine,
			placed: public(proxyDir + "/ca.pem"), why: "whom the daemon believes",
		},
		{
			stem: "kube-proxy", kind: pki.Leaf, perHost: true, authority: "kubernetes", profile: pki.ClientAuthentication,
			cn: "system:kube-proxy", life: leafLife, section: sectionMachine,
			placed: pair(proxyDir, "kube-proxy", proxyUser, 0o400),
		},
	},
	accounts:    []account{{name: proxyUser, home: "/nonexistent"}},
	directories: []node.Directory{directory(sectionMachine, proxyDir, "", 0o755)},
	files: func(s hostContext, _ pki.Set) []node.File {
		return []node.File{publicFile(sectionMachine, "kubeconfig kube-proxy", "", proxyDir+"/kubeconfig",
			strings.ReplaceAll(fileKubeconfig(s.Name, endpointURL(s), "system:kube-proxy", proxyDir+"/kube-proxy"), kubernetesPKI, proxyDir))}
	},
	daemons: []daemon{{
		name: "kube-proxy", section: sectionMachine, product: productKubernetes,
		description: "Kubernetes proxy", documentation: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/",
		before: lines([]string{"Type=exec"}, runAs(proxyUser)),
		flags:  []flag{{name: "kubeconfig", value: fixed(proxyDir + "/kubeconfig"), why: "a test's"}},
		after:  func(hostContext) []string { return lines(always) },
	}},
}

// TestThirdRole: a role is a row, and nothing else. Its machine gets what the
// row says and what every machine has, and the others stay as they are.
func TestThirdRole(t *testing.T) {
	c := readCluster(t, "standard")
	host := c.Machines[0]
	host.Name, host.Role, host.Addresses = "proxy0", proxy, []netip.Addr{netip.MustParseAddr("10.10.10.99")}
	c.Machines = append(c.Machines, host)
	p := tablesOf[profiles.Standard]
	before := p.requests(readCluster(t, "standard"))
	if unused := (profileTables{roles: append(slices.Clone(p.roles), proxyRole), certificates: p.certificates}); len(unused.requests(readCluster(t, "standard"))) != len(before) {
		t.Error("a role of which there is no machine gets certificates")
	}
	p.roles = append(slices.Clone(p.roles), proxyRole)
	issued, err := pki.Issue(p.requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(issued.Set); got != len(before)+1 {
		t.Errorf("%d certificates and keys, want one more than %d", got, len(before))
	}
	nodes, err := p.nodes(c, issued.Set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	without, err := Nodes(c, issued.Set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	last := len(nodes) - 1
	if !reflect.DeepEqual(nodes[:last], without[:last]) {
		t.Error("machines of other roles are others")
	}
	in := check.Input{ErrorsOnly: true}
	for i, h := range c.Hosts() {
		in.Machines = append(in.Machines, check.Machine{Node: nodes[i], OS: h.OS})
	}
	for _, f := range check.Run(in).Findings {
		t.Error(f.String())
	}
	if _, err := encode.All(c.Name, nodes[last], host.OS, host.OS.Formats); err != nil {
		t.Error(err)
	}
	var has []string
	for _, f := range nodes[last].Files {
		has = append(has, f.Path)
	}
	for _, u := range nodes[last].Units {
		has = append(has, u.Name)
	}
	want := []string{
		"/etc/hostname", "/etc/hosts", proxyDir + "/kubeconfig", proxyDir + "/ca.pem", proxyDir + "/kube-proxy.pem", proxyDir + "/kube-proxy-key.pem",
		binariesPath, BinariesUnit, watchPath, watchName + ".service", watchName + ".timer", "kube-proxy.service",
	}
	if slices.Sort(has); !slices.Equal(has, slices.Sorted(slices.Values(want))) {
		t.Errorf("the machine has %q, want %q", has, want)
	}
	if key := nodes[last].Files[slices.IndexFunc(nodes[last].Files, func(f node.File) bool { return f.Path == proxyDir+"/kube-proxy-key.pem" })]; !key.Secret || key.User != proxyUser {
		t.Errorf("the key is %s's, secret: %t", key.User, key.Secret)
	}
}
