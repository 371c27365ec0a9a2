package check_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/check"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/pki"
)

var checked = []string{
	"standard", "classic", "small", "virtual-ip", "colocated", "colocated-virtual-ip", "external", "disks", "static", "ipv6", "dual-stack", "two-addresses", "release-1.34", "release-1.35", "release-1.36",
}

// good is a case rendered with certificates issued just now.
type good struct {
	machines []check.Machine
	admin    []byte
	rights   []byte // nil is none
	set      pki.Set
}

// freshCases are the cases that were rendered.
var freshCases = map[string]good{}

// fresh renders a case once for all tests; clone gives what may be spoiled.
func fresh(t testing.TB, name string) good {
	t.Helper()
	if g, made := freshCases[name]; made {
		return g
	}
	path := "../../testdata/" + name + "/cluster.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lock, _ := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".lock")
	g := freshOf(t, string(text), lock...)
	freshCases[name] = g
	return g
}

func freshOf(t testing.TB, text string, lock ...byte) good {
	t.Helper()
	file, err := spec.Parse(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if len(lock) > 0 {
		file, err := spec.ParseLock(spec.Source{Text: lock})
		if err != nil {
			t.Fatal(err)
		}
		if c, faults = c.Lock(file); len(faults) > 0 {
			t.Fatal(faults)
		}
	}
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := good{set: issued.Set, admin: control.Kubeconfig(c, control.EndpointServer(c), issued.Set[control.ClusterAuthority], issued.Set[control.Admin]), rights: control.Rights(c)}
	for i, h := range c.Hosts() {
		g.machines = append(g.machines, check.Machine{Node: nodes[i], OS: h.OS})
	}
	return g
}

// clone copies what mutations write to.
func (g good) clone() good {
	g.machines = slices.Clone(g.machines)
	for i := range g.machines {
		n := &g.machines[i].Node
		n.Files, n.Units, n.Users, n.Directories = slices.Clone(n.Files), slices.Clone(n.Units), slices.Clone(n.Users), slices.Clone(n.Directories)
		n.Groups, n.Links = slices.Clone(n.Groups), slices.Clone(n.Links)
		n.Disks, n.Filesystems, n.Mounts = slices.Clone(n.Disks), slices.Clone(n.Filesystems), slices.Clone(n.Mounts)
		for j := range n.Users {
			n.Users[j].Groups = slices.Clone(n.Users[j].Groups)
		}
	}
	return g
}

func (g good) input() check.Input {
	in := check.Input{Machines: g.machines, Now: time.Now(), Kubeconfigs: []node.File{{Path: "admin.kubeconfig", Contents: g.admin, Mode: 0o600, Secret: true}}}
	if g.rights != nil {
		in.Kubeconfigs = append(in.Kubeconfigs, node.File{Path: "rbac.yaml", Contents: g.rights})
	}
	return in
}

func (g good) node(t *testing.T, host string) *node.Node {
	t.Helper()
	for i := range g.machines {
		if g.machines[i].Node.Name == host {
			return &g.machines[i].Node
		}
	}
	t.Fatalf("no machine %s", host)
	return nil
}

// file gives the file of a machine, to be changed.
func (g good) file(t *testing.T, host, path string) *node.File {
	t.Helper()
	n := g.node(t, host)
	i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("%s has no %s", host, path)
	}
	return &n.Files[i]
}

// edit replaces a word of a file, unit or of the administrator's kubeconfig.
func (g *good) edit(t *testing.T, host, item, old, new string) {
	t.Helper()
	swap := func(text string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%s: %s: nothing to break: no %q", host, item, old)
		}
		return strings.Replace(text, old, new, 1)
	}
	if item == "admin.kubeconfig" {
		g.admin = []byte(swap(string(g.admin)))
		return
	}
	if item == "rbac.yaml" {
		g.rights = []byte(swap(string(g.rights)))
		return
	}
	n := g.node(t, host)
	if i := slices.IndexFunc(n.Units, func(u node.Unit) bool { return u.Name == item }); i >= 0 {
		n.Units[i].Contents = swap(n.Units[i].Contents)
		return
	}
	f := g.file(t, host, item)
	f.Contents = []byte(swap(string(f.Contents)))
	f.Secret = node.HoldsSecret(f.Contents)
}

func TestSoundMachines(t *testing.T) {
	for _, name := range checked {
		report := check.Run(fresh(t, name).input())
		for _, f := range report.Findings {
			t.Errorf("%s: %s %s: %s (%s)", name, f.Severity, f.Rule, f, f.Text)
		}
		if len(report.Notes) > 0 {
			t.Errorf("%s: %q", name, report.Notes)
		}
	}
}

// TestFindings: a finding has all that its reader needs.
func TestFindings(t *testing.T) {
	g := fresh(t, "standard").clone()
	g.edit(t, "kubernetes", "/etc/haproxy/haproxy.cfg", "10.10.10.81:6443", "10.10.10.91:6443")
	report := check.Run(g.input())
	if len(report.Findings) == 0 {
		t.Fatal("nothing was found")
	}
	f := report.Findings[0]
	text := string(g.file(t, "kubernetes", "/etc/haproxy/haproxy.cfg").Contents)
	lines := strings.Split(text, "\n")
	if f.Line == 0 || lines[f.Line-1] != f.Text || !strings.HasPrefix(f.Text[f.Column-1:], "10.10.10.91:6443") {
		t.Errorf("line %d, column %d, %q", f.Line, f.Column, f.Text)
	}
	if f.Severity != check.Error || f.Host != "kubernetes" || f.Why == "" || f.Remedy == "" || !strings.HasPrefix(f.String(), "kubernetes: /etc/haproxy/haproxy.cfg: ") {
		t.Errorf("%+v", f)
	}
}

// TestNoSecretShown: however a tree is spoiled, no byte of a key is in what is
// said about it.
func TestNoSecretShown(t *testing.T) {
	g := fresh(t, "standard").clone()
	var needles []string
	for i := range g.machines {
		n := &g.machines[i].Node
		for j := range n.Files {
			f := &n.Files[j]
			if !f.Secret {
				continue
			}
			for line := range strings.SplitSeq(string(f.Contents), "\n") {
				if secret := line[strings.LastIndexByte(line, ' ')+1:]; len(secret) > 20 && !strings.HasPrefix(line, "-----") {
					needles = append(needles, secret[:16])
				}
			}
			// Every rule about files has something to say.
			f.User, f.Group, f.Mode = "nobody-made-me", "none", 0o777
			f.Contents = bytes.Replace(f.Contents, []byte("secretbox"), []byte("aesgcm2"), 1)
		}
		for j := range n.Units {
			n.Units[j].Contents = strings.Replace(n.Units[j].Contents, "[Service]\n", "[Service]\nEnvironmen=API_TOKEN=0123456789abcdef-token\n", 1)
		}
	}
	needles = append(needles, "0123456789abcdef")
	g.admin = bytes.Replace(g.admin, []byte(`current-context: "admin@kubernetes"`), []byte("current-context: other"), 1)
	report := check.Run(g.input())
	if len(report.Findings) < 20 || len(needles) < 20 {
		t.Fatalf("%d findings, %d needles", len(report.Findings), len(needles))
	}
	all := fmt.Sprintf("%+v", report)
	for _, secret := range needles {
		if strings.Contains(all, secret) {
			t.Errorf("%s… is shown", secret[:6])
		}
	}
}

// TestForeignUnits: what somebody adds by hand is no error as such.
func TestForeignUnits(t *testing.T) {
	g := fresh(t, "standard").clone()
	for i := range g.machines {
		n := &g.machines[i].Node
		n.Units = append(n.Units, node.Unit{Name: "node-exporter.service", Enabled: true, Contents: `[Unit]
Description=Figures of this machine
After=network-online.target chronyd.service
Wants=network-online.target

[Service]
DynamicUser=yes
User=node-exporter
ExecStart=/usr/bin/node_exporter --web.listen-address=:9100 \
  --no-collector.wifi
EnvironmentFile=-/etc/sysconfig/node-exporter
Restart=on-failure

[Install]
WantedBy=multi-user.target
`}, node.Unit{Name: "docker.service", Enabled: false}, node.Unit{Name: "zincati.service", Masked: true},
			node.Unit{Name: "systemd-journald.service", DropIns: []node.DropIn{{Name: "10-size.conf", Contents: "[Service]\nNice=-1\n"}}},
			node.Unit{Name: "backup.timer", Enabled: true, Contents: "[Timer]\nOnCalendar=daily\n\n[Install]\nWantedBy=timers.target\n"},
			node.Unit{Name: "backup.service", Contents: "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'tar -c /etc/motd | gzip >/srv/backup'\n"})
		n.Files = append(n.Files, node.File{Path: "/etc/motd", Mode: 0o644, Contents: []byte("hello\n")})
	}
	for _, f := range check.Run(g.input()).Findings {
		t.Errorf("%s %s: %s", f.Severity, f.Rule, f)
	}
}

// TestNothing: sets that are none.
func TestNothing(t *testing.T) {
	check.Run(check.Input{})
	check.Run(check.Input{Machines: []check.Machine{{}}})
	check.Run(check.Input{Machines: []check.Machine{{Node: node.Node{Name: "a", Units: []node.Unit{{Name: "x.service"}, {Name: "y"}}}}}})
}

// TestReplaced: one member that joins what is there is a note, no finding.
func TestReplaced(t *testing.T) {
	g := fresh(t, "standard").clone()
	g.edit(t, "kubem01", "etcd.service", "--initial-cluster-state=new", "--initial-cluster-state=existing")
	report := check.Run(g.input())
	if len(report.Findings) > 0 || len(report.Notes) != 1 || !strings.HasPrefix(report.Notes[0], "kubem01 joins an existing etcd cluster") {
		t.Errorf("%v, %q", report.Findings, report.Notes)
	}
}

// TestDrift: the machine that differs is named, with what it says; of two that
// differ both are.
func TestDrift(t *testing.T) {
	for _, test := range []struct{ tree, host, item, old, new, want string }{
		{"standard", "kubem00", "kube-apiserver.service", "--profiling=false", "--profiling=true",
			"kubem00: kube-apiserver.service: has --profiling=true, 2 others have --profiling=false"},
		{"standard", "kubem00", "etcd.service", "ProtectHome=yes\nPrivateTmp=yes\n", "",
			"kubem00: etcd.service: lacks ProtectHome=yes, PrivateTmp=yes, which 2 others have"},
		{"standard", "kubem02", "etcd.service", "ProtectHome=yes\n", "ProtectHome=yes\nNice=5\n",
			"kubem02: etcd.service: has Nice=REDACTED, which 2 others do not"},
		{"standard", "kubem01", "/etc/kubernetes/audit-policy.yaml", "- level: None\n  verbs: [get, list, watch, update]", "- level: None\n  userGroups: [x]\n  verbs: [get, list, watch, update]",
			`kubem01: /etc/kubernetes/audit-policy.yaml: has "REDACTED", which 2 others do not`},
		{"virtual-ip", "lb01", "/etc/haproxy/haproxy.cfg", "timeout client 1m", "timeout client 1h",
			`lb00: /etc/haproxy/haproxy.cfg: has "timeout client 1m", lb01 has "timeout client 1h"` + "\n" +
				`lb01: /etc/haproxy/haproxy.cfg: has "timeout client 1h", lb00 has "timeout client 1m"`},
		{"virtual-ip", "lb01", "/etc/haproxy/haproxy.cfg", "timeout client 1m", "timeout clinet 1m",
			"lb01: /etc/haproxy/haproxy.cfg: listen secure_kube_control_plane has no timeout client"},
	} {
		g := fresh(t, test.tree).clone()
		g.edit(t, test.host, test.item, test.old, test.new)
		var got []string
		for _, f := range check.Run(g.input()).Findings {
			got = append(got, f.String())
		}
		if !strings.HasPrefix(strings.Join(got, "\n"), test.want) || len(got) > strings.Count(test.want, "\n")+2 {
			t.Errorf("%s: got\n%s\nwant\n%s", test.new, strings.Join(got, "\n"), test.want)
		}
	}
}

// TestFindingPlace: a finding is at the place of the fault, on the machine that has it.
func TestFindingPlace(t *testing.T) {
	for _, test := range []struct {
		what  string
		spoil func(*good)
		want  []string
	}{
		{"another machine's name to verify", func(g *good) {
			g.edit(t, "kubernetes", "/etc/haproxy/haproxy.cfg", "verifyhost kubem01", "verifyhost kubem02")
		}, []string{"kubernetes: /etc/haproxy/haproxy.cfg: server kubem01 expects a certificate for kubem02, but kubem01's kube-apiserver has one for kubem01, "}},
		{"name that no certificate has", func(g *good) {
			g.edit(t, "", "admin.kubeconfig", "tls-server-name: kubernetes", "tls-server-name: kubernetes.example.com")
		}, []string{"admin.kubeconfig: server: expects a certificate for kubernetes.example.com, but kubem00's"}},
		{"port of the load balancer", func(g *good) {
			g.edit(t, "kubernetes", "/etc/haproxy/haproxy.cfg", "bind :6443", "bind :6444")
		}, []string{
			"kubernetes: /etc/haproxy/haproxy.cfg: haproxy listens at 0.0.0.0:6444, which no client dials; admin.kubeconfig dials 10.10.10.2:6443",
			"admin.kubeconfig: server: names 10.10.10.2:6443, where nothing on kubernetes listens",
		}},
		{"another machine's certificate", func(g *good) {
			const path = "/etc/kubernetes/pki/apiserver"
			g.file(t, "kubem01", path+".pem").Contents = g.set["hosts/kubem00/apiserver"].Cert
			g.file(t, "kubem01", path+"-key.pem").Contents = g.set["hosts/kubem00/apiserver"].Key
		}, []string{"kubem01: /etc/kubernetes/pki/apiserver.pem: is not valid for kubem01, which clients dial: it is kubem00's, CN=apiserver"}},
		{"certificate of another daemon", func(g *good) {
			g.file(t, "kubem01", "/etc/etcd/pki/etcd-server.pem").Contents = g.set["hosts/kubem01/etcd-client"].Cert
			g.file(t, "kubem01", "/etc/etcd/pki/etcd-server-key.pem").Contents = g.set["hosts/kubem01/etcd-client"].Key
		}, []string{"kubem01: /etc/etcd/pki/etcd-server.pem: is not valid for 10.10.10.81, which clients dial: it is that of CN=etcd-client"}},
		{"another machine's key", func(g *good) {
			g.file(t, "kubem01", "/etc/etcd/pki/etcd-server-key.pem").Contents = g.set["hosts/kubem02/etcd-server"].Key
		}, []string{"kubem01: /etc/etcd/pki/etcd-server-key.pem: is not the key of /etc/etcd/pki/etcd-server.pem, but of kubem02's /etc/etcd/pki/etcd-server.pem"}},
		{"another authority", func(g *good) {
			g.file(t, "kubem01", "/etc/etcd/pki/ca.pem").Contents = g.set["authorities/kubernetes/ca"].Cert
		}, []string{"kubem01: /etc/etcd/pki/ca.pem: holds another authority than the same file on other machines: CN=kubernetes CA"}},
	} {
		g := fresh(t, "standard").clone()
		test.spoil(&g)
		var all []string
		for _, f := range check.Run(g.input()).Findings {
			all = append(all, f.String())
		}
		for _, want := range test.want {
			if !slices.ContainsFunc(all, func(got string) bool { return strings.HasPrefix(got, want) }) {
				t.Errorf("%s: no %q in\n%s", test.what, want, strings.Join(all, "\n"))
			}
		}
	}
}

// TestDocumented: docs/check.md names every rule, with its severity.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := check.Severities()
	for name, severity := range rules {
		if row := fmt.Sprintf("\n| `%s` | %s | ", name, severity); !strings.Contains(string(text), row) {
			t.Errorf("docs/check.md has no row%s", row)
		}
	}
	if rows := strings.Count(string(text), "\n| `"); rows != len(rules) {
		t.Errorf("docs/check.md has %d rules, there are %d", rows, len(rules))
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, name := range []string{"standard", "classic"} {
		b.Run(name, func(b *testing.B) {
			in := fresh(b, name).input()
			b.ReportAllocs()
			for b.Loop() {
				if found := check.Run(in).Findings; len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
	}
}
