package check_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"hagen/gen/check"
	"hagen/gen/node"
	"hagen/pki"
)

// TestTextMutations changes one word of a good tree at a time. Each line of
// testdata/mutations.txt is case, host (* is all that have it), item; what stands there; what is
// written instead; and the rule that has to find it, with the host and item it
// names if those are others.
func TestTextMutations(t *testing.T) {
	text, err := os.ReadFile("testdata/mutations.txt")
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]good{}
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.Split(line, " | ")
		if len(parts) != 4 {
			t.Fatalf("%q has not four parts", line)
		}
		n++
		place, old, new, rule := strings.Fields(parts[0]), unquote(parts[1]), unquote(parts[2]), strings.Fields(parts[3])
		if _, made := trees[place[0]]; !made {
			trees[place[0]] = fresh(t, place[0])
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			host, item := place[1], place[2]
			g := trees[place[0]].clone()
			hosts := []string{host}
			if host == "*" {
				hosts = g.with(item)
				host = hosts[0]
			}
			for _, h := range hosts {
				g.edit(t, h, item, old, new)
			}
			if len(rule) > 1 {
				host, item = rule[1], rule[2]
			}
			expect(t, line, g, rule[0], host, item)
		})
	}
	if n < 120 {
		t.Errorf("%d mutations", n)
	}
}

// with lists the machines that have a file or unit.
func (g good) with(item string) (hosts []string) {
	for _, m := range g.machines {
		if slices.ContainsFunc(m.Node.Files, func(f node.File) bool { return f.Path == item }) ||
			slices.ContainsFunc(m.Node.Units, func(u node.Unit) bool { return u.Name == item }) {
			hosts = append(hosts, m.Node.Name)
		}
	}
	return hosts
}

func unquote(text string) string { return strings.ReplaceAll(text, `\n`, "\n") }

// expect wants a finding of a rule about an item of a host.
func expect(t *testing.T, what string, g good, rule, host, item string) {
	t.Helper()
	if host == "-" {
		host = ""
	}
	var all []string
	report := check.Run(g.input())
	for _, f := range report.Findings {
		all = append(all, fmt.Sprintf("%s %s: %s:%d: %s", f.Severity, f.Rule, f, f.Line, f.Text))
		if f.Why == "" || f.Remedy == "" || strings.HasSuffix(f.Problem, ".") {
			t.Errorf("%s: %+v", what, f)
		}
	}
	if !slices.ContainsFunc(report.Findings, func(f check.Finding) bool { return f.Rule == rule && f.Host == host && f.Item == item }) {
		t.Errorf("%s\nwant %s about %s of %s, found:\n%s", what, rule, item, host, strings.Join(all, "\n"))
	}
	if len(report.Findings) > 24 {
		t.Errorf("%s: %d findings for one edit:\n%s", what, len(report.Findings), strings.Join(all, "\n"))
	}
}

// TestMutations changes what no text shows: owners, modes, keys, items.
func TestMutations(t *testing.T) {
	const watch = "/etc/hagen/certificates.sh"
	const apiserver, server, key = "/etc/kubernetes/pki/apiserver.pem", "/etc/etcd/pki/etcd-server.pem", "/etc/etcd/pki/etcd-server-key.pem"
	without := func(host, path string) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			n := g.node(t, host)
			g.file(t, host, path)
			n.Files = slices.DeleteFunc(n.Files, func(f node.File) bool { return f.Path == path })
		}
	}
	change := func(host, path string, do func(*node.File)) func(*testing.T, *good) {
		return func(t *testing.T, g *good) { do(g.file(t, host, path)) }
	}
	contents := func(host, path string, of func(pki.Set) []byte) func(*testing.T, *good) {
		return func(t *testing.T, g *good) { g.file(t, host, path).Contents = of(g.set) }
	}
	cert := func(name string) func(pki.Set) []byte { return func(s pki.Set) []byte { return s[name].Cert } }
	keyOf := func(name string) func(pki.Set) []byte { return func(s pki.Set) []byte { return s[name].Key } }
	mode := func(host, path string, mode fs.FileMode) func(*testing.T, *good) {
		return change(host, path, func(f *node.File) { f.Mode = mode })
	}
	directory := func(host, path string, do func(*node.Directory)) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			for i := range g.node(t, host).Directories {
				if d := &g.node(t, host).Directories[i]; d.Path == path {
					do(d)
				}
			}
		}
	}
	add := func(host string, f node.File) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			if f.Contents == nil {
				f.Contents = []byte("x\n")
			}
			f.Mode, f.Secret = 0o644, node.HoldsSecret(f.Contents)
			g.node(t, host).Files = append(g.node(t, host).Files, f)
		}
	}
	unit := func(host, name string, enabled bool, contents string) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			g.node(t, host).Units = append(g.node(t, host).Units, node.Unit{Name: name, Enabled: enabled, Contents: contents})
		}
	}
	further := func(host string, f node.Further) func(*testing.T, *good) {
		return func(t *testing.T, g *good) { g.node(t, host).Further = append(g.node(t, host).Further, f) }
	}
	dropIn := func(host, unit, text string) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			n := g.node(t, host)
			for i := range n.Units {
				if n.Units[i].Name == unit {
					n.Units[i].DropIns = append(n.Units[i].DropIns, node.DropIn{Name: "10-more.conf", Contents: text})
					return
				}
			}
			n.Units = append(n.Units, node.Unit{Name: unit, DropIns: []node.DropIn{{Name: "10-more.conf", Contents: text}}})
		}
	}
	link := func(host, path, target string) func(*testing.T, *good) {
		return func(t *testing.T, g *good) {
			g.node(t, host).Links = append(g.node(t, host).Links, node.Link{Path: path, Target: target})
		}
	}
	const more = "/etc/systemd/system/etcd.service.d/10-more.conf"
	for _, test := range []struct {
		name             string
		spoil            func(*testing.T, *good)
		rule, host, item string
	}{
		{"owner who does not exist", change("kubem00", apiserver, func(f *node.File) { f.User = "nobody-made-me" }), "unknown-account", "kubem00", apiserver},
		{"group that does not exist", change("kubem00", apiserver, func(f *node.File) { f.Group = "none" }), "unknown-account", "kubem00", apiserver},
		{"directory's owner", directory("kubem00", "/var/lib/etcd", func(d *node.Directory) { d.User = "etcd" }), "unknown-account", "kubem00", "/var/lib/etcd"},
		{"group removed", func(t *testing.T, g *good) { g.node(t, "kubem00").Groups = g.node(t, "kubem00").Groups[:4] }, "unknown-account", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"user removed", func(t *testing.T, g *good) { g.node(t, "kubem00").Users = g.node(t, "kubem00").Users[1:] }, "unknown-account", "kubem00", "etcd.service"},
		{"user twice", func(t *testing.T, g *good) {
			n := g.node(t, "kubem00")
			n.Users = append(n.Users, n.Users[0])
		}, "clash", "kubem00", "kube-etcd"},
		{"certificate's file removed", without("kubem00", server), "missing-file", "kubem00", "etcd.service"},
		{"key's file removed", without("kubem00", key), "missing-file", "kubem00", "etcd.service"},
		{"authority's file removed", without("kubem01", "/etc/kubernetes/pki/ca.pem"), "missing-file", "kubem01", "kube-apiserver.service"},
		{"kubeconfig removed", without("kubem00", "/var/lib/kube-scheduler/kubeconfig"), "missing-file", "kubem00", "/etc/kubernetes/scheduler.yaml"},
		{"scheduler's certificate removed", without("kubem00", "/var/lib/kube-scheduler/pki/scheduler.pem"), "missing-file", "kubem00", "/var/lib/kube-scheduler/kubeconfig"},
		{"balancer's authority removed", without("kubernetes", "/etc/haproxy/ca.pem"), "missing-file", "kubernetes", "/etc/haproxy/haproxy.cfg"},
		{"haproxy.cfg removed", without("kubernetes", "/etc/haproxy/haproxy.cfg"), "missing-file", "kubernetes", "haproxy.service"},
		{"binaries.sh removed", without("kubem02", "/etc/hagen/binaries.sh"), "missing-file", "kubem02", "hagen-binaries.service"},
		{"audit directory removed", func(t *testing.T, g *good) {
			n := g.node(t, "kubem00")
			n.Directories = slices.DeleteFunc(n.Directories, func(d node.Directory) bool { return d.Path == "/var/log/kube-apiserver" })
		}, "missing-file", "kubem00", "kube-apiserver.service"},
		{"secret not declared", change("kubem00", "/etc/kubernetes/pki/sa.key", func(f *node.File) { f.Secret = false }), "undeclared-secret", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"secret for everybody", mode("kubem00", "/etc/kubernetes/encryption.yaml", 0o644), "file-mode", "kubem00", "/etc/kubernetes/encryption.yaml"},
		{"secret for root's group", change("kubem00", "/etc/kubernetes/pki/sa.key", func(f *node.File) { f.Group = "" }), "file-mode", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"key that its reader cannot read", change("kubem00", "/etc/kubernetes/pki/apiserver-key.pem", func(f *node.File) { f.User, f.Group = "kube-etcd", "kube-etcd" }), "unreadable", "kubem00", "/etc/kubernetes/pki/apiserver-key.pem"},
		{"authority that nobody can read", mode("kubem00", "/etc/kubernetes/pki/ca.pem", 0o600), "unreadable", "kubem00", "/etc/kubernetes/pki/ca.pem"},
		{"kubeconfig of root", mode("kubem01", "/var/lib/kube-scheduler/kubeconfig", 0o600), "unreadable", "kubem01", "/var/lib/kube-scheduler/kubeconfig"},
		{"haproxy.cfg of root", mode("kubernetes", "/etc/haproxy/haproxy.cfg", 0o600), "unreadable", "kubernetes", "/etc/haproxy/haproxy.cfg"},
		{"directory that nobody may enter", directory("kubem00", "/etc/kubernetes/pki", func(d *node.Directory) { d.Mode = 0o700 }), "unreadable", "kubem00", "/etc/kubernetes/pki"},
		{"data of another", directory("kubem00", "/var/lib/etcd", func(d *node.Directory) { d.User, d.Group = "kube-apiserver", "kube-apiserver" }), "unwritable", "kubem00", "/var/lib/etcd"},
		{"audit log of root", directory("kubem00", "/var/log/kube-apiserver", func(d *node.Directory) { d.User, d.Group = "", "" }), "unwritable", "kubem00", "/var/log/kube-apiserver"},
		{"data that is not written to", directory("kubem00", "/var/lib/etcd", func(d *node.Directory) { d.Mode = 0o500 }), "unwritable", "kubem00", "/var/lib/etcd"},
		{"mode of one machine", directory("kubem00", "/etc/etcd/pki", func(d *node.Directory) { d.Mode = 0o711 }), "machines-differ", "kubem00", "/etc/etcd/pki"},
		{"reader not in the group", func(t *testing.T, g *good) {
			for i := range g.node(t, "kubem00").Users {
				g.node(t, "kubem00").Users[i].Groups = nil
			}
		}, "unreadable", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"authority's key", contents("kubem00", "/etc/kubernetes/pki/sa.key", keyOf("authorities/kubernetes/ca")), "authority-key", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"other service account key", contents("kubem00", "/etc/kubernetes/pki/sa.key", keyOf("hosts/kubem00/apiserver")), "settings-differ", "kubem00", "/etc/kubernetes/pki/sa.key"},
		{"public key to sign with", contents("kubem00", "/etc/kubernetes/pki/sa.key", func(s pki.Set) []byte { return s["cluster/sa"].Public }), "no-certificate", "kubem00", "kube-apiserver.service"},
		{"key of another certificate", contents("kubem00", key, keyOf("hosts/kubem01/etcd-server")), "key-mismatch", "kubem00", key},
		{"key of another daemon", contents("kubem02", "/var/lib/kube-scheduler/pki/scheduler-key.pem", keyOf("hosts/kubem02/controller-manager")), "key-mismatch", "kubem02", "/var/lib/kube-scheduler/pki/scheduler-key.pem"},
		{"certificate in the key's file", contents("kubem00", "/etc/etcd/pki/etcd-client-key.pem", cert("hosts/kubem00/etcd-client")), "no-certificate", "kubem00", "kube-apiserver.service"},
		{"key in the certificate's file", contents("kubem00", server, keyOf("hosts/kubem00/etcd-server")), "no-certificate", "kubem00", "etcd.service"},
		{"leaf for an authority", contents("kubem00", "/etc/etcd/pki/ca.pem", cert("hosts/kubem00/etcd-server")), "not-an-authority", "kubem00", "etcd.service"},
		{"other authority for front proxies", contents("kubem00", "/etc/kubernetes/pki/front-proxy-ca.pem", cert("authorities/etcd/ca")), "authority-missing", "kubem00", "/etc/kubernetes/pki/front-proxy-client.pem"},
		{"authority of others", contents("kubem01", "/etc/etcd/pki/ca.pem", cert("authorities/kubernetes/ca")), "same-authority", "kubem01", "/etc/etcd/pki/ca.pem"},
		{"balancer that believes another", contents("kubernetes", "/etc/haproxy/ca.pem", cert("authorities/etcd/ca")), "server-not-trusted", "kubernetes", "/etc/haproxy/haproxy.cfg"},
		{"balancer without authority", contents("kubernetes", "/etc/haproxy/ca.pem", cert("hosts/kubem00/apiserver")), "authority-missing", "kubernetes", "/etc/haproxy/ca.pem"},
		{"etcd of another machine", func(t *testing.T, g *good) {
			g.file(t, "kubem00", server).Contents, g.file(t, "kubem00", key).Contents = g.set["hosts/kubem02/etcd-server"].Cert, g.set["hosts/kubem02/etcd-server"].Key
		}, "name-not-in-certificate", "kubem00", server},
		{"API server of another machine", func(t *testing.T, g *good) {
			g.file(t, "kubem01", apiserver).Contents, g.file(t, "kubem01", "/etc/kubernetes/pki/apiserver-key.pem").Contents = g.set["hosts/kubem00/apiserver"].Cert, g.set["hosts/kubem00/apiserver"].Key
		}, "name-not-in-certificate", "kubem01", apiserver},
		{"client certificate for a server", func(t *testing.T, g *good) {
			g.file(t, "kubem01", apiserver).Contents, g.file(t, "kubem01", "/etc/kubernetes/pki/apiserver-key.pem").Contents = g.set["hosts/kubem01/kubelet-client"].Cert, g.set["hosts/kubem01/kubelet-client"].Key
		}, "certificate-usage", "kubem01", "kube-apiserver.service"},
		{"server certificate for a client", func(t *testing.T, g *good) {
			g.file(t, "kubem01", "/etc/kubernetes/pki/kubelet-client.pem").Contents, g.file(t, "kubem01", "/etc/kubernetes/pki/kubelet-client-key.pem").Contents = g.set["hosts/kubem01/apiserver"].Cert, g.set["hosts/kubem01/apiserver"].Key
		}, "certificate-usage", "kubem01", "kube-apiserver.service"},
		{"client of another authority", func(t *testing.T, g *good) {
			g.file(t, "kubem01", "/etc/etcd/pki/etcd-client.pem").Contents, g.file(t, "kubem01", "/etc/etcd/pki/etcd-client-key.pem").Contents = g.set["hosts/kubem01/kubelet-client"].Cert, g.set["hosts/kubem01/kubelet-client"].Key
		}, "client-not-trusted", "kubem01", "kube-apiserver.service"},
		{"front proxy of another authority", func(t *testing.T, g *good) {
			g.file(t, "kubem01", "/etc/kubernetes/pki/front-proxy-client.pem").Contents, g.file(t, "kubem01", "/etc/kubernetes/pki/front-proxy-client-key.pem").Contents = g.set["hosts/kubem01/kubelet-client"].Cert, g.set["hosts/kubem01/kubelet-client"].Key
		}, "client-not-trusted", "kubem01", "kube-apiserver.service"},
		{"scheduler as controller manager", func(t *testing.T, g *good) {
			dir := "/var/lib/kube-scheduler/pki/scheduler"
			g.file(t, "kubem01", dir+".pem").Contents, g.file(t, "kubem01", dir+"-key.pem").Contents = g.set["hosts/kubem01/controller-manager"].Cert, g.set["hosts/kubem01/controller-manager"].Key
		}, "client-name", "kubem01", "/var/lib/kube-scheduler/kubeconfig"},
		{"key that nobody reads", func(t *testing.T, g *good) {
			extra := *g.file(t, "kubem00", "/etc/kubernetes/pki/sa.key")
			extra.Path = "/etc/kubernetes/pki/spare.key"
			g.node(t, "kubem00").Files = append(g.node(t, "kubem00").Files, extra)
		}, "unread-secret", "kubem00", "/etc/kubernetes/pki/spare.key"},
		{"key on the load balancer", func(t *testing.T, g *good) {
			extra := *g.file(t, "kubem00", "/etc/kubernetes/pki/sa.key")
			extra.User, extra.Group, extra.Mode = "", "", 0o600
			g.node(t, "kubernetes").Files = append(g.node(t, "kubernetes").Files, extra)
		}, "unread-secret", "kubernetes", "/etc/kubernetes/pki/sa.key"},
		{"certificate that is watched, and nobody reads", func(t *testing.T, g *good) {
			extra := *g.file(t, "kubem00", apiserver)
			extra.Path = "/etc/kubernetes/pki/spare.pem"
			g.node(t, "kubem00").Files = append(g.node(t, "kubem00").Files, extra)
			g.edit(t, "kubem00", watch, "check "+apiserver, "check "+extra.Path+"\ncheck "+apiserver)
		}, "unread-file", "kubem00", "/etc/kubernetes/pki/spare.pem"},
		{"certificates.sh removed", without("kubem02", watch), "missing-file", "kubem02", "hagen-certificates.service"},
		{"certificates.sh that nothing starts", func(t *testing.T, g *good) {
			for i, u := range g.node(t, "kubem02").Units {
				if u.Name == "hagen-certificates.timer" {
					g.node(t, "kubem02").Units[i].Enabled = false
				}
			}
		}, "unit-not-started", "kubem02", "hagen-certificates.timer"},
		{"file that nobody reads", add("kubem00", node.File{Path: "/etc/kubernetes/old.yaml"}), "unread-file", "kubem00", "/etc/kubernetes/old.yaml"},
		{"file twice", add("kubem00", node.File{Path: apiserver}), "clash", "kubem00", apiserver},
		{"file twice, through a link of the system", func(t *testing.T, g *good) {
			add("kubem00", node.File{Path: "/usr/local/bin/x"})(t, g)
			add("kubem00", node.File{Path: "/var/usrlocal/bin/x"})(t, g)
		}, "clash", "kubem00", "/var/usrlocal/bin/x"},
		{"file twice, through a link of the document", func(t *testing.T, g *good) {
			g.node(t, "kubem00").Links = append(g.node(t, "kubem00").Links, node.Link{Path: "/etc/k8s", Target: "kubernetes"})
			add("kubem00", node.File{Path: "/etc/k8s/authentication.yaml"})(t, g)
		}, "clash", "kubem00", "/etc/k8s/authentication.yaml"},
		{"file below a file", add("kubem00", node.File{Path: "/etc/hostname/x"}), "clash", "kubem00", "/etc/hostname/x"},
		{"file over a unit", add("kubem00", node.File{Path: "/etc/systemd/system/etcd.service"}), "clash", "kubem00", "/etc/systemd/system/etcd.service"},
		{"file on what is read-only", add("kubem00", node.File{Path: "/usr/bin/x"}), "read-only", "kubem00", "/usr/bin/x"},
		{"link on what is read-only", link("kubem00", "/usr/share/x", "/etc/x"), "read-only", "kubem00", "/usr/share/x"},
		{"link on what is read-only, through a link of the system", link("kubem00", "/lib/x", "/etc/x"), "read-only", "kubem00", "/lib/x"},
		{"file through a link to what is read-only", func(t *testing.T, g *good) {
			link("kubem00", "/etc/share", "../lib/share")(t, g)
			add("kubem00", node.File{Path: "/etc/share/x"})(t, g)
		}, "read-only", "kubem00", "/etc/share/x"},
		{"directory through a link to what is read-only", func(t *testing.T, g *good) {
			link("kubem00", "/etc/share", "/usr/share")(t, g)
			g.node(t, "kubem00").Directories = append(g.node(t, "kubem00").Directories, node.Directory{Path: "/etc/share/x", Mode: 0o755})
		}, "read-only", "kubem00", "/etc/share/x"},
		{"link below a file", link("kubem00", "/etc/hostname/x", "/etc/x"), "clash", "kubem00", "/etc/hostname/x"},
		{"unit twice", unit("kubem00", "etcd.service", true, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"), "clash", "kubem00", "/etc/systemd/system/etcd.service"},
		{"unit that is not enabled", func(t *testing.T, g *good) { g.node(t, "kubem00").Units[3].Enabled = false }, "machines-differ", "kubem00", "etcd.service"},
		{"unit that nothing starts", func(t *testing.T, g *good) { g.node(t, "kubem00").Units[5].Enabled = false }, "unit-not-started", "kubem00", "kube-controller-manager.service"},
		{"unit that is no unit", unit("kubem00", "etcd.conf", true, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"), "unit-syntax", "kubem00", "etcd.conf"},
		{"foreign unit on a taken port's machine", unit("kubem00", "probe.service", true, "[Service]\nExecStart=/usr/bin/probe --of=https://10.10.10.81:7443/x\n[Install]\nWantedBy=multi-user.target\n"), "no-listener", "kubem00", "probe.service"},
		{"foreign unit without its file", unit("kubem00", "probe.service", true, "[Service]\nExecStart=/usr/bin/probe --config=/etc/probe/config\n[Install]\nWantedBy=multi-user.target\n"), "foreign-file", "kubem00", "probe.service"},
		{"foreign unit without its program", unit("kubem00", "probe.service", true, "[Service]\nExecStart=/opt/probe/probe\n[Install]\nWantedBy=multi-user.target\n"), "foreign-file", "kubem00", "probe.service"},
		{"unit without [Install]", unit("kubem00", "probe.service", true, "[Service]\nExecStart=/usr/bin/probe\n"), "no-install", "kubem00", "probe.service"},
		{"no member begins", func(t *testing.T, g *good) {
			for _, host := range []string{"kubem00", "kubem01", "kubem02"} {
				g.edit(t, host, "etcd.service", "--initial-cluster-state=new", "--initial-cluster-state=existing")
			}
		}, "etcd-members", "kubem01", "etcd.service"},
		{"no leader anywhere", func(t *testing.T, g *good) {
			for _, host := range []string{"kubem00", "kubem01", "kubem02"} {
				g.edit(t, host, "/etc/kubernetes/scheduler.yaml", "leaderElect: true", "leaderElect: false")
			}
		}, "leader-election", "kubem02", "/etc/kubernetes/scheduler.yaml"},
		{"hosts removed", without("kubem01", "/etc/hosts"), "hosts-file", "kubem01", "/etc/hosts"},
		{"hostname removed", without("kubem01", "/etc/hostname"), "hostname", "kubem01", "/etc/hostname"},
		{"file of the others removed", func(t *testing.T, g *good) {
			for _, host := range []string{"kubem00", "kubem01"} {
				add(host, node.File{Path: "/etc/sysctl.d/90-more.conf"})(t, g)
			}
		}, "machines-differ", "kubem02", "/etc/sysctl.d/90-more.conf"},
		{"file for everybody to write", mode("kubem00", "/etc/kubernetes/pki/ca.pem", 0o666), "file-mode", "kubem00", "/etc/kubernetes/pki/ca.pem"},
		{"directory for everybody to write", directory("kubem00", "/etc/etcd/pki", func(d *node.Directory) { d.Mode = 0o777 }), "file-mode", "kubem00", "/etc/etcd/pki"},
		{"hosts not to be replaced", change("kubem00", "/etc/hosts", func(f *node.File) { f.Overwrite = false }), "overwrite", "kubem00", "/etc/hosts"},
		{"daemon's shell", func(t *testing.T, g *good) { g.node(t, "kubem00").Users[0].Shell = "/bin/bash" }, "login", "kubem00", "kube-etcd"},
		{"daemon's key", func(t *testing.T, g *good) { g.node(t, "kubem00").Users[0].SSHKeys = []string{"ssh-ed25519 AAAA x"} }, "login", "kubem00", "kube-etcd"},
		{"daemon an administrator", func(t *testing.T, g *good) { g.node(t, "kubem00").Users[0].Groups = []string{"sudo"} }, "login", "kubem00", "kube-etcd"},
		{"another shell", func(t *testing.T, g *good) { g.node(t, "kubem00").Users[0].Shell = "/bin/false" }, "machines-differ", "kubem00", "kube-etcd"},
		{"drop-in that systemd cannot read", dropIn("kubem00", "etcd.service", "[Service]\nlimit\n"), "unit-syntax", "kubem00", more},
		{"drop-in with a misspelt key", dropIn("kubem00", "etcd.service", "[Service]\nUsr=etcd\n"), "misspelled-key", "kubem00", more},
		{"drop-in with another user", dropIn("kubem00", "etcd.service", "[Service]\nUser=nobody-made-me\n"), "unknown-account", "kubem00", more},
		{"drop-in with root's user", dropIn("kubem00", "etcd.service", "[Service]\nUser=kube-apiserver\n"), "unreadable", "kubem00", "/etc/etcd/pki/etcd-server-key.pem"},
		{"drop-in with a second command", dropIn("kubem00", "etcd.service", "[Service]\nExecStart=/usr/local/bin/etcd\n"), "no-exec-start", "kubem00", more},
		{"drop-in with another command", dropIn("kubem00", "etcd.service", "[Service]\nExecStart=\nExecStart=/usr/local/bin/etcd --nmae=kubem00\n"), "unknown-flag", "kubem00", more},
		{"drop-in that turns a cycle", dropIn("kubem00", "etcd.service", "[Unit]\nAfter=kube-apiserver.service\n"), "ordering-cycle", "kubem00", more},
		{"drop-in that names no file", dropIn("kubem00", "etcd.service", "[Service]\nExecStartPre=/bin/cat /etc/etcd/members\n"), "missing-file", "kubem00", more},
		{"drop-in for a unit of the system", dropIn("kubem00", "sshd.service", "[Service]\nRestart=allways\n"), "unit-value", "kubem00", "/etc/systemd/system/sshd.service.d/10-more.conf"},
		{"drop-in as a file", add("kubem00", node.File{Path: more, Contents: []byte("[Service]\nUsr=etcd\n")}), "misspelled-key", "kubem00", more},
		{"drop-in twice", func(t *testing.T, g *good) {
			dropIn("kubem00", "etcd.service", "[Service]\nNice=1\n")(t, g)
			add("kubem00", node.File{Path: more, Contents: []byte("[Service]\nNice=1\n")})(t, g)
		}, "clash", "kubem00", more},
		{"unit as a file", add("kubem00", node.File{Path: "/etc/systemd/system/probe.service", Contents: []byte("[Service]\nExecStart=probe\n")}), "no-exec-start", "kubem00", "probe.service"},
		{"unit masked", func(t *testing.T, g *good) { g.node(t, "kubem00").Units[3].Masked = true }, "masked", "kubem00", "etcd.service"},
		{"unit masked by a link", link("kubem00", "/etc/systemd/system/network-online.target", "/dev/null"), "masked", "kubem00", "etcd.service"},
		{"needed unit masked", func(t *testing.T, g *good) {
			g.node(t, "kubem00").Units = append(g.node(t, "kubem00").Units, node.Unit{Name: "network-online.target", Masked: true})
		}, "masked", "kubem00", "kube-apiserver.service"},
		{"password", further("kubem00", node.Further{Item: "user ops", Says: "passwordHash"}), "unchecked-content", "kubem00", "user ops"},
		{"kernel argument", further("kubem00", node.Further{Says: "kernelArguments.shouldExist"}), "unchecked-content", "kubem00", "the document"},
		{"documents that differ", func(t *testing.T, g *good) { g.machines[0].Differing = []string{"config.ign"} }, "documents-differ", "kubem00", "config.ign"},
		{"documents in other bytes", func(t *testing.T, g *good) { g.machines[0].OtherBytes = []string{"config.ign"} }, "translation", "kubem00", "config.ign"},
		{"two machines of one name", func(t *testing.T, g *good) { g.machines[1].Node.Name = "kubem00" }, "duplicate-name", "kubem00", "/etc/hostname"},
		{"one machine missing", func(t *testing.T, g *good) { g.machines = slices.Delete(g.machines, 1, 2) }, "etcd-members", "kubem00", "etcd.service"},
		{"etcd removed from a master", func(t *testing.T, g *good) {
			n := g.node(t, "kubem00")
			n.Units = slices.DeleteFunc(n.Units, func(u node.Unit) bool { return u.Name == "etcd.service" })
		}, "no-listener", "kubem00", "kube-apiserver.service"},
		{"API server removed from a master", func(t *testing.T, g *good) {
			n := g.node(t, "kubem00")
			n.Units = slices.DeleteFunc(n.Units, func(u node.Unit) bool { return u.Name == "kube-apiserver.service" })
		}, "no-listener", "kubem00", "/var/lib/kube-scheduler/kubeconfig"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := standard(t).clone()
			test.spoil(t, &g)
			expect(t, test.name, g, test.rule, test.host, test.item)
		})
	}
}

// TestLinks: where a link leads to is nothing that it writes.
func TestLinks(t *testing.T) {
	g := standard(t).clone()
	for i := range g.machines {
		n := &g.machines[i].Node
		for path, target := range map[string]string{
			"/etc/localtime":                     "../usr/share/zoneinfo/Europe/Berlin",
			"/etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
			"/etc/alternatives/editor":           "/lib/editor",
			"/etc/below":                         "/etc/hostname/x",
			"/usr/local/bin/tool":                "/usr/bin/true",
			node.UnitDir + "/timers.target.wants/logrotate.timer": "/usr/lib/systemd/system/logrotate.timer",
		} {
			n.Links = append(n.Links, node.Link{Path: path, Target: target})
		}
	}
	for _, f := range check.Run(g.input()).Findings {
		t.Errorf("%s %s: %s", f.Severity, f.Rule, f)
	}
}

var standardTree *good

func standard(t *testing.T) good {
	if standardTree == nil {
		g := fresh(t, "standard")
		standardTree = &g
	}
	return *standardTree
}
