package diff

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/rendered"
)

var update = flag.Bool("update", false, "rewrite testdata")

// goldens are those that were read.
var goldens = map[string]rendered.Tree{}

// side gives a golden tree, to be changed.
func side(tb testing.TB, name string) Side {
	tb.Helper()
	read, known := goldens[name]
	if !known {
		var err error
		if read, err = rendered.ReadMachines(os.DirFS("../../testdata/" + name + "/golden")); err != nil {
			tb.Fatal(err)
		}
		goldens[name] = read
	}
	s := Side{Kubeconfig: read.Others[0].Text}
	for _, h := range read.Hosts {
		n := h.Node
		n.Groups, n.Users, n.Directories = slices.Clone(n.Groups), slices.Clone(n.Users), slices.Clone(n.Directories)
		n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
		s.Machines = append(s.Machines, n)
	}
	return s
}

// replace changes a text in all files and units of the hosts whose name begins
// so, of files at one path or units of one name if where is not empty.
func replace(hosts, where, old, new string) func(*Side) {
	return func(s *Side) {
		found := 0
		change := func(name, text string) string {
			if where != "" && name != where {
				return text
			}
			found += strings.Count(text, old)
			return strings.ReplaceAll(text, old, new)
		}
		for i := range s.Machines {
			n := &s.Machines[i]
			if !strings.HasPrefix(n.Name, hosts) {
				continue
			}
			for k, f := range n.Files {
				n.Files[k].Contents = []byte(change(f.Path, string(f.Contents)))
			}
			for k, u := range n.Units {
				n.Units[k].Contents = change(u.Name, u.Contents)
			}
		}
		if found == 0 {
			panic(fmt.Sprintf("%q is not in %s of %s", old, where, hosts))
		}
	}
}

// on changes hosts whose name begins so.
func on(hosts string, do func(*node.Node)) func(*Side) {
	return func(s *Side) {
		for i := range s.Machines {
			if strings.HasPrefix(s.Machines[i].Name, hosts) {
				do(&s.Machines[i])
			}
		}
	}
}

func fileAt(n *node.Node, path string) *node.File {
	for i := range n.Files {
		if n.Files[i].Path == path {
			return &n.Files[i]
		}
	}
	panic(path)
}

// join adds a master or load balancer like one that is there.
func join(like, name string) func(*Side) {
	return func(s *Side) {
		for _, n := range s.Machines {
			if n.Name == like {
				n.Name = name
				n.Units = slices.Clone(n.Units)
				for i := range n.Units {
					n.Units[i].Contents = strings.ReplaceAll(strings.ReplaceAll(n.Units[i].Contents, "--name="+like, "--name="+name), "10.10.10.80", "10.10.10.83")
				}
				s.Machines = append(s.Machines, n)
				return
			}
		}
	}
}

func leave(name string) func(*Side) {
	return func(s *Side) {
		s.Machines = slices.DeleteFunc(s.Machines, func(n node.Node) bool { return n.Name == name })
	}
}

const masters = "kubem00, kubem01, kubem02\n"

func TestOf(t *testing.T) {
	const (
		etcdServer = "/etc/etcd/pki/etcd-server.pem"
		apiserver  = "/etc/kubernetes/pki/apiserver.pem"
	)
	for _, test := range []struct {
		what   string
		golden string // "" is standard
		edit   []func(*Side)
		want   []string // pieces of the text
		not    []string
	}{
		{what: "nothing", want: []string{"cluster c: nothing changes (old → new)"}, not: []string{"Applied", "\n\n"}},

		// Flags by name.
		{what: "flag changed", edit: []func(*Side){replace("kubem", apiUnit, "goaway-chance=0.001", "goaway-chance=0.01")},
			want: []string{"3 of 4 machines change", masters + "  ~ kube-apiserver.service\n      --goaway-chance changed from 0.001 to 0.01\n      → kube-apiserver restarts: its unit has changed\n",
				"\nOrder\n  1. restart kube-apiserver on kubem00, kubem01, kubem02, one at a time: the next when its /readyz answers\n"}},
		{what: "flag added on one host", edit: []func(*Side){replace("kubem01", "kube-scheduler.service", "--v=2", "--v=2 \\\n  --leader-elect-renew-deadline=5s")},
			want: []string{"1 of 4 machines changes", "\nkubem01\n", "--leader-elect-renew-deadline added: 5s", "1. restart kube-scheduler on kubem01; go on when it is active"}},
		{what: "flag removed", edit: []func(*Side){replace("kubem", "kube-controller-manager.service", " \\\n  --profiling=false", "")},
			want: []string{"--profiling removed: false", "restart kube-controller-manager on"}},
		{what: "flag with a blank, long list", golden: "classic", edit: []func(*Side){replace("kubem00", apiUnit, "LimitRanger,", "LimitRanger,NodeRestriction,")},
			want: []string{"--admission-control changed: + NodeRestriction\n"}},
		{what: "two etcd flags", edit: []func(*Side){replace("kubem", etcdUnit, "election-timeout=1000", "election-timeout=2000")},
			want: []string{"restart etcd on kubem00, kubem01, kubem02, one at a time: the next when every member is healthy again"}},
		{what: "order of units", edit: []func(*Side){replace("kubem", "", "RestartSec=2", "RestartSec=3"), replace("kubem", "", "LimitNOFILE=65536", "LimitNOFILE=70000"), replace("kubernetes", "haproxy.service", "PrivateTmp=yes", "PrivateTmp=no")},
			want: []string{"RestartSec changed from 2 to 3", "1. restart etcd on", "2. restart kube-apiserver on", "3. restart kube-controller-manager on", "4. restart kube-scheduler on", "5. restart haproxy on kubernetes; go on",
				"kubernetes: the only load balancer"}},
		{what: "settings of the manager", edit: []func(*Side){replace("kubem", etcdUnit, "RestartSec=2", "RestartSec=3")},
			want: []string{"→ nothing happens: systemctl daemon-reload is enough"}, not: []string{"Order"}},
		{what: "description and comment", edit: []func(*Side){replace("kubem", etcdUnit, "Description=etcd", "Description=the store"), replace("kubem", apiUnit, "[Service]", "# here\n[Service]")},
			want: []string{"Description changed from etcd to the store", "the text changed from its comments or its order"}, not: []string{"Order"}},
		{what: "another place of binaries", edit: []func(*Side){replace("kubem", "kube-scheduler.service", "/usr/local/bin", "/opt/bin")},
			want: []string{"ExecStart changed from /usr/local/bin/kube-scheduler to /opt/bin/kube-scheduler"}},
		{what: "unit added, removed, disabled", edit: []func(*Side){
			on("kubem00", func(n *node.Node) {
				n.Units = append(n.Units, node.Unit{Name: "extra.service", Contents: "[Service]\nExecStart=/bin/extra\n", Enabled: true})
			}),
			on("kubem01", func(n *node.Node) { n.Units[3].Enabled = false }),
			on("kubem02", func(n *node.Node) { n.Units = n.Units[:4] })},
			want: []string{"+ extra.service added\n", "+ExecStart=/bin/extra", "→ extra starts: a new unit", "enabled changed from true to false", "→ kube-controller-manager stops: the unit is not enabled",
				"- kube-scheduler.service removed\n", "→ kube-scheduler stops: the unit is gone", "stop kube-controller-manager on kubem01", "start extra on kubem00"}},

		// Certificates by meaning.
		{what: "SAN and key", edit: []func(*Side){replace("kubem", apiserver, "localhost,", "localhost, api.example.com,"), replace("kubem", apiserver, "certificate, SHA-256 ", "certificate, SHA-256 f"),
			replace("kubem", apiserver, "public key ECDSA, SHA-256 ", "public key ECDSA, SHA-256 f"), replace("kubem", "/etc/kubernetes/pki/apiserver-key.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{masters + "  ~ /etc/kubernetes/pki/apiserver.pem and /etc/kubernetes/pki/apiserver-key.pem\n      name added: api.example.com\n      key replaced\n      → kube-apiserver takes it up by itself: the file is watched\n"},
			not:  []string{"SHA", "Order"}},
		{what: "expiry, address and usage of etcd", edit: []func(*Side){replace("kubem00", etcdServer, "SHA-256 9", "SHA-256 8"), replace("kubem00", etcdServer, "2119-12-08", "2119-12-09"), replace("kubem00", etcdServer, "10.10.10.80", "10.10.10.90"), replace("kubem00", etcdServer, ", client", "")},
			want: []string{"address added: 10.10.10.90", "address removed: 10.10.10.80", "usage removed: client", "expiry changed from 2119-12-08 to 2119-12-09", "→ etcd takes it up by itself: read at every TLS handshake"}},
		{what: "issued again", edit: []func(*Side){replace("kubem00", etcdServer, "certificate, SHA-256 9", "certificate, SHA-256 8")}, want: []string{"certificate replaced: it says the same"}},
		{what: "authority", edit: []func(*Side){replace("kubem", "/etc/kubernetes/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"the authority's key replaced", "Beware\n  kubem00, kubem01, kubem02: an authority is another", "→ kube-controller-manager restarts: read when it starts", "→ kube-apiserver takes it up by itself", "→ kube-scheduler takes it up by itself"}},
		{what: "etcd's authority", edit: []func(*Side){replace("kubem", "/etc/etcd/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ etcd restarts: read when it starts", "→ kube-apiserver restarts: read when it starts"}},
		{what: "client of the API server", edit: []func(*Side){replace("kubem", "/var/lib/kube-scheduler/pki/scheduler.pem", "2119-", "2118-"), replace("kubem", "/var/lib/kube-scheduler/pki/scheduler.pem", "certificate, SHA-256 ", "certificate, SHA-256 f")},
			want: []string{"→ kube-scheduler takes it up by itself: client-go reads it again"}},
		{what: "an old release reads once", golden: "classic", edit: []func(*Side){replace("kubem00", apiserver, "SHA-256 ", "SHA-256 f"), replace("kubem00", etcdServer, "SHA-256 ", "SHA-256 f"), replace("kubem00", "/var/lib/kube-scheduler/pki/scheduler.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ kube-apiserver restarts: read when it starts", "→ etcd takes it up by itself", "→ kube-scheduler restarts: read when it starts"}},
		{what: "release without rotation of authorities", golden: "release-1.35", edit: []func(*Side){replace("kubem00", "/etc/kubernetes/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ kube-scheduler restarts: read when it starts"}},

		// Keys and secrets.
		{what: "service-account key", edit: []func(*Side){replace("kubem", "/etc/kubernetes/pki/sa.key", "SHA-256 ", "SHA-256 f"), replace("kubem", "/etc/kubernetes/pki/sa.pub", "SHA-256 ", "SHA-256 f")},
			want: []string{"private key replaced", "public key replaced", "tokens that pods have are refused", "→ kube-controller-manager restarts", "→ kube-apiserver restarts"}},
		{what: "encryption key", edit: []func(*Side){replace("kubem", "/etc/kubernetes/encryption.yaml", "SHA-256 c", "SHA-256 d")},
			want: []string{"  ~ /etc/kubernetes/encryption.yaml\n      secret replaced\n", "--encryption-provider-config-automatic-reload is not set", "cannot be read with it"}},

		// Files by who reads them.
		{what: "hosts", edit: []func(*Side){replace("", "/etc/hosts", "10.10.10.2 kubernetes", "10.10.10.2 kubernetes api")},
			want: []string{"kubem00, kubem01, kubem02, kubernetes\n  ~ /etc/hosts\n      @@ -3,4 +3,4 @@\n", "      -10.10.10.2 kubernetes\n      +10.10.10.2 kubernetes api\n      → nothing happens: read at every look-up"}, not: []string{"Order"}},
		{what: "hostname", edit: []func(*Side){replace("kubem01", "/etc/hostname", "kubem01", "other")}, want: []string{"kubem01: has to be re-imaged", "1. re-image kubem01; go on when every member"}},
		{what: "haproxy.cfg", edit: []func(*Side){replace("kubernetes", "/etc/haproxy/haproxy.cfg", "timeout connect 1s", "timeout connect 2s")},
			want: []string{"→ haproxy reloads: connections stay", "1. reload haproxy on kubernetes\n"}, not: []string{"restart"}},
		{what: "haproxy's authority", edit: []func(*Side){replace("kubernetes", "/etc/haproxy/ca.pem", "SHA-256 ", "SHA-256 f")}, want: []string{"→ haproxy reloads: connections stay"}},
		{what: "keepalived", golden: "virtual-ip", edit: []func(*Side){replace("lb", "/etc/keepalived/keepalived.conf", "advert_int 0.5", "advert_int 1"), replace("lb", "/etc/keepalived/haproxy-serves.sh", "0.9", "0.8")},
			want: []string{"lb00, lb01\n", "as on lb00; elsewhere other lines stand around it", "→ keepalived reloads: SIGHUP", "→ nothing happens: keepalived runs it anew each time"}},
		{what: "interface", golden: "virtual-ip", edit: []func(*Side){replace("lb00", "/etc/hagen/interface.sh", "hagen: no", "hagen: No")}, want: []string{"→ keepalived restarts: run when the unit starts"}},
		{what: "anonymous requests", edit: []func(*Side){replace("kubem", "/etc/kubernetes/authentication.yaml", "/healthz", "/version")}, want: []string{"refuses another rule for anonymous requests"}},
		{what: "audit policy", edit: []func(*Side){replace("kubem", "/etc/kubernetes/audit-policy.yaml", "Metadata", "Request")}, want: []string{"→ kube-apiserver restarts: read when it starts"}},
		{what: "kubeconfig", edit: []func(*Side){replace("kubem", "/var/lib/kube-scheduler/kubeconfig", "127.0.0.1", "localhost")}, want: []string{"→ kube-scheduler restarts: read when it starts"}},
		{what: "file of nobody", edit: []func(*Side){on("kubem00", func(n *node.Node) {
			n.Files = append(n.Files, node.File{Path: "/etc/motd", Mode: 0o644, Contents: []byte("welcome")})
		})}, want: []string{"+ /etc/motd added\n", "owner added: root", "+welcome (no line end)", "→ nothing happens: no unit reads it"}},
		{what: "file gone that is read", edit: []func(*Side){on("kubem00", func(n *node.Node) {
			n.Files = slices.DeleteFunc(n.Files, func(f node.File) bool { return f.Path == "/etc/kubernetes/audit-policy.yaml" })
		})}, want: []string{"- /etc/kubernetes/audit-policy.yaml removed\n      → kube-apiserver restarts"}},
		{what: "owner and mode", edit: []func(*Side){on("kubem00", func(n *node.Node) {
			f := fileAt(n, "/etc/kubernetes/pki/sa.key")
			f.Mode, f.User = 0o600, "kube-apiserver"
		})},
			want: []string{"owner changed from root to kube-apiserver", "mode changed from 0640 to 0600"}},

		// What the first boot makes.
		{what: "accounts", edit: []func(*Side){on("kubem", func(n *node.Node) {
			n.Groups = append(n.Groups, node.Group{Name: "ops"})
			n.Users = append(n.Users, node.User{Name: "core", Groups: []string{"sudo"}, SSHKeys: []string{"ssh-ed25519 AAAA a"}})
			n.Directories[0].Mode = 0o700
			n.Links = append(n.Links, node.Link{Path: "/etc/localtime", Target: "/usr/share/zoneinfo/UTC"})
		})}, want: []string{"+ group ops added", "+ user core added\n      groups added: sudo\n      SSH keys added: ssh-ed25519 AAAA a\n", "mode changed from 0755 to 0700", "+ link /etc/localtime added",
			"→ has to be re-imaged: made once, at the first boot", "1. re-image kubem00, kubem01, kubem02, one at a time: the next when every member of etcd is healthy and its /readyz answers\n"}},
		{what: "keys of a login", edit: []func(*Side){on("kubem00", func(n *node.Node) { n.Users[0].Shell = "/bin/bash"; n.Users[1].Home = "" })},
			want: []string{"shell changed from /usr/sbin/nologin to /bin/bash", "home removed: /nonexistent"}},

		// Releases.
		{what: "upgrade", edit: []func(*Side){replace("kubem", "/etc/hagen/binaries.sh", "1.37.2", "1.37.3")},
			want: []string{"  ~ /etc/hagen/binaries.sh\n      binary kube-apiserver changed from 1.37.2 to 1.37.3\n", "→ kube-apiserver restarts: with the other binary", "1. restart kube-apiserver", "2. restart kube-controller-manager", "3. restart kube-scheduler"}, not: []string{"Beware", "restart etcd"}},
		{what: "leap", edit: []func(*Side){replace("kubem", "/etc/hagen/binaries.sh", "kube-apiserver 1.37.2", "kube-apiserver 1.39.0"), replace("kubem", "/etc/hagen/binaries.sh", "etcd 3.7.3", "etcd 3.6.0")},
			want: []string{"kube-apiserver leaps from 1.37.2 to 1.39.0", "etcd goes back from 3.7.3 to 3.6.0"}},
		{what: "other lines of the script", edit: []func(*Side){replace("kubem", "/etc/hagen/binaries.sh", "exit $missing", "exit 0")}, want: []string{"-exit $missing", "→ nothing happens: run at every boot"}},

		// Members of etcd.
		{what: "a master joins", edit: []func(*Side){join("kubem00", "kubem03"), replace("kubem", etcdUnit, "kubem02=https://10.10.10.82:2380", "kubem02=https://10.10.10.82:2380,kubem03=https://10.10.10.83:2380")},
			want: []string{"--initial-cluster changed: + kubem03=https://10.10.10.83:2380\n      → etcd has to be told: a member that has data ignores it", "kubem03\n  + a new master\n      files: 28\n",
				"1. tell etcd; go on when every member is healthy again, one that joins after its boot (etcdctl endpoint health --cluster)\n     etcdctl member add kubem03 --peer-urls=https://10.10.10.83:2380\n     a member that joins has to be started with --initial-cluster-state=existing; documents say new\n", "2. boot kubem03; go on when every member of etcd"},
			not: []string{"restart"}},
		{what: "a master leaves", edit: []func(*Side){leave("kubem01"), replace("kubem", etcdUnit, "kubem01=https://10.10.10.81:2380,", "")},
			want: []string{"--initial-cluster changed: - kubem01=https://10.10.10.81:2380", "- a master that is gone", "etcdctl member remove ID-OF-kubem01", "2. switch off kubem01", "kubem01: is switched off"}},
		{what: "a master moves", edit: []func(*Side){replace("kubem00", etcdUnit, "10.10.10.80:2380", "10.10.10.90:2380")},
			want: []string{"etcdctl member update ID-OF-kubem00 --peer-urls=https://10.10.10.90:2380", "members do not reach one that has moved", "restart etcd on kubem00"}},
		{what: "data moves", edit: []func(*Side){replace("kubem00", etcdUnit, "--data-dir=/var/lib/etcd", "--data-dir=/data")}, want: []string{"it would begin without data", "member remove ID-OF-kubem00", "member add kubem00"}},
		{what: "token", edit: []func(*Side){replace("kubem", etcdUnit, "token=etcd-kubernetes", "token=other")}, want: []string{"→ nothing happens: a member that has data ignores it"}, not: []string{"Order"}},
		{what: "a load balancer joins", edit: []func(*Side){join("kubernetes", "lb01")}, want: []string{"1 of 5 machines changes", "+ a new load balancer\n      files: 5\n      units: hagen-binaries.service, haproxy.service\n", "1. boot lb01; go on when it serves"}, not: []string{"Re-imaged"}},

		// Values that others live with.
		{what: "overwrite", edit: []func(*Side){func(s *Side) {
			for i := range s.Machines {
				s.Machines[i].Files = slices.Clone(s.Machines[i].Files)
				for j := range s.Machines[i].Files {
					s.Machines[i].Files[j].Overwrite = false
				}
			}
		}}, want: []string{"a file that is there changed from replaced to kept, and a fault"}},
		{what: "ranges and issuer", edit: []func(*Side){replace("kubem", "", "range=10.32.0.0/16", "range=10.33.0.0/16"), replace("kubem", "", "cluster-cidr=10.38", "cluster-cidr=10.39"), replace("kubem", apiUnit, "issuer=https://kubernetes", "issuer=https://other"), replace("kubem", apiUnit, "secure-port=6443", "secure-port=6444")},
			want: []string{"services that exist keep their old addresses", "nodes that exist keep their old pod ranges", "issuer of service-account tokens is another", "agree on the API servers' port"}},
		{what: "the only master", golden: "small", edit: []func(*Side){replace("m0", etcdUnit, "election-timeout=1000", "election-timeout=2000"), replace("m0", apiUnit, "--v=2", "--v=3")},
			want: []string{"m0.edge-7.example.com: the only member of etcd", "the only API server"}},

		// What must not be shown.
		{what: "a broken key", edit: []func(*Side){replace("kubem00", "/etc/kubernetes/pki/sa.key", "private key of", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIMAGIC")},
			want: []string{"~ /etc/kubernetes/pki/sa.key"}, not: []string{"MAGIC"}},
		{what: "a broken key in a unit", edit: []func(*Side){replace("kubem00", etcdUnit, "[Install]", "# -----BEGIN PRIVATE KEY-----MAGIC\n[Install]")}, want: []string{"~ etcd.service"}, not: []string{"MAGIC"}},
		{what: "a token", edit: []func(*Side){replace("kubem00", "/var/lib/kube-scheduler/kubeconfig", "  user:\n", "  user:\n    token: MAGIC\n")}, want: []string{"token: REDACTED"}, not: []string{"MAGIC"}},
		{what: "no text", edit: []func(*Side){replace("kubem00", "/etc/kubernetes/audit-policy.yaml", "kind", "\x00\xff")}, want: []string{"content that cannot be shown replaced"}},
		{what: "what a terminal acts on", edit: []func(*Side){replace("kubem00", "/etc/hosts", "localhost", "\x1b[31mlocal"), replace("kubem00", apiUnit, "--v=2", "--\x1b[2J=2"), leave("kubem01"), join("kubem02", "kubem\x1b[31m")},
			want: []string{"?[31mlocal", "--?[2J added: 2", "kubem?[31m"}, not: []string{"\x1b"}},
	} {
		golden := test.golden
		if golden == "" {
			golden = "standard"
		}
		before, after := side(t, golden), side(t, golden)
		for _, edit := range test.edit {
			edit(&after)
		}
		d := Of(before, after)
		got := d.Text(Heading{"c", "old", "new"}, Style{})
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: lacks %q:\n%s", test.what, want, got)
			}
		}
		for _, not := range test.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: holds %q:\n%s", test.what, not, got)
			}
		}
		if back := Of(after, before); back.Same != d.Same || len(back.Changes) == 0 != d.Same {
			t.Errorf("%s: the way back differs: %+v", test.what, back)
		}
		if markdown := d.Markdown(Heading{"c", "old", "new"}); strings.Contains(markdown, "MAGIC") || strings.Contains(markdown, "\x1b") {
			t.Errorf("%s: %s", test.what, markdown)
		}
		if text, err := json.Marshal(d); err != nil || bytes.Contains(text, []byte("MAGIC")) || bytes.Contains(text, []byte("null")) {
			t.Errorf("%s: %v %s", test.what, err, text)
		}
	}
}

// TestGolden holds the three forms of a diff that a reviewer might meet against
// testdata: one name more for the API servers, another flag, and a second load
// balancer.
func TestGolden(t *testing.T) {
	before, after := side(t, "standard"), side(t, "standard")
	for _, edit := range []func(*Side){
		replace("kubem", "/etc/kubernetes/pki/apiserver.pem", "localhost,", "localhost, lb01, api.example.com,"),
		replace("kubem", "/etc/kubernetes/pki/apiserver.pem", "SHA-256 ", "SHA-256 f"),
		replace("kubem", "/etc/kubernetes/pki/apiserver-key.pem", "SHA-256 ", "SHA-256 f"),
		replace("kubem", apiUnit, "goaway-chance=0.001", "goaway-chance=0.01"),
		replace("", "/etc/hosts", "10.10.10.2 kubernetes\n", "10.10.10.2 kubernetes\n10.10.10.3 lb01\n"),
		join("kubernetes", "lb01"),
		replace("kubernetes", "/etc/haproxy/haproxy.cfg", "timeout check 1500ms", "timeout check 2s"),
	} {
		edit(&after)
	}
	d := Of(before, after)
	heading := Heading{"kubernetes", "HEAD:golden/kubernetes", "golden/kubernetes"}
	encoded, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"review.txt": d.Text(heading, Style{}), "review.md": d.Markdown(heading), "review.json": string(encoded) + "\n",
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || string(want) != text {
			t.Errorf("%s differs (%v); read the change, then make golden:\n%s", path, err, text)
		}
	}
}

// TestHunks holds the hunks against the texts that they are made of.
func TestHunks(t *testing.T) {
	lines := func(text string) string { return strings.Join(strings.Split(text, ""), "\n") + "\n" }
	for _, test := range []struct{ before, after, want string }{
		{"", lines("ab"), "@@ -0,0 +1,2 @@ +a +b"},
		{lines("ab"), "", "@@ -1,2 +0,0 @@ -a -b"},
		{lines("abcdefgh"), lines("abcdXefgh"), "@@ -2,6 +2,7 @@  b  c  d +X  e  f  g"},
		{lines("a"), lines("b"), "@@ -1,1 +1,1 @@ -a +b"},
		{"a", "a\n", "@@ -1,1 +1,1 @@ -a (no line end) +a"},
		{lines("Xabcdefgh"), lines("YabcdefghZ"), "@@ -1,4 +1,4 @@ -X +Y  a  b  c @@ -7,3 +7,4 @@  f  g  h +Z"},
		{lines("XabcdefY"), lines("abcdef"), "@@ -1,8 +1,6 @@ -X  a  b  c  d  e  f -Y"},
	} {
		var got []string
		for _, h := range hunks(test.before, test.after) {
			got = append(got, h.Head())
			got = append(got, h.Lines...)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%q to %q:\n got %s\nwant %s", test.before, test.after, text, test.want)
		}
	}
	// What is too large for the table is still right.
	big := strings.Repeat("x\n", 3000)
	if h := hunks("a\n"+big+"b\n", "c\n"+strings.Repeat("y\n", 3000)+"d\n"); len(h) != 1 || len(h[0].Lines) != 6004 {
		t.Errorf("%d hunks", len(h))
	}
}

// FuzzHunks: the hunks, applied to the old text, give the new one.
func FuzzHunks(f *testing.F) {
	f.Add("a\nb\n", "a\nc\n")
	f.Add("", "a")
	f.Add("x\n\n\n", "\n\n\nx\n\n\n\n\n\n\n\n\n\ny")
	f.Fuzz(func(t *testing.T, before, after string) {
		var got []string
		old := split(before)
		next := 0 // line of old
		for _, h := range hunks(before, after) {
			start := max(h.Before-1, 0)
			if start < next || start > len(old) {
				t.Fatalf("a hunk at %d after line %d of %d", h.Before, next, len(old))
			}
			got = append(got, old[next:start]...)
			next = start
			for _, l := range h.Lines {
				if l[0] != '+' {
					if old[next] != l[1:] {
						t.Fatalf("%q is not line %d", l, next+1)
					}
					next++
				}
				if l[0] != '-' {
					got = append(got, l[1:])
				}
			}
		}
		got = append(got, old[next:]...)
		if want := split(after); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// TestNewCluster: all of it may boot at the same time, and nobody has to tell
// etcd.
func TestNewCluster(t *testing.T) {
	d := Of(Side{}, side(t, "standard"))
	got := d.Text(Heading{}, Style{})
	if !strings.Contains(got, "1. boot kubem00, kubem01, kubem02\n     a new cluster: in any order, at any time\n  2. boot kubernetes\n") || strings.Contains(got, "etcd has") {
		t.Error(got)
	}
	if d := Of(Side{}, Side{}); !d.Same {
		t.Error(d)
	}
}

// TestKubeconfig: the administrator's is told by meaning, and is no machine's.
func TestKubeconfig(t *testing.T) {
	before, after := side(t, "standard"), side(t, "standard")
	text := strings.Replace(string(after.Kubeconfig), "certificate, SHA-256 7", "certificate, SHA-256 8", 1)
	text = strings.ReplaceAll(text, "4e4621d8", "00000000")
	after.Kubeconfig = []byte(strings.Replace(text, "subject CN=admin,O=system:masters", "subject CN=admin,O=admins", 1))
	got := Of(before, after).Text(Heading{}, Style{})
	for _, want := range []string{"\nno machine\n  ~ admin.kubeconfig\n", "client-certificate-data subject changed from CN=admin,O=system:masters to CN=admin,O=admins",
		"client-certificate-data key replaced", "client-key-data replaced", "hand it to those who use it", "0 of 4 machines change"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

// TestMarkdownQuotes: nothing that is quoted ends the quotation.
func TestMarkdownQuotes(t *testing.T) {
	for text, want := range map[string]string{"a": "`a`", "`": "`` ` ``", "a``b": "```a``b```", "x\ny": "`x?y`"} {
		if got := code(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	before, after := side(t, "standard"), side(t, "standard")
	replace("kubem00", "/etc/hosts", "localhost", "````\n@somebody")(&after)
	replace("kubem00", apiUnit, "--v=2", "--v=2 \\\n  --[x](http://y)=1")(&after)
	got := Of(before, after).Markdown(Heading{"c", "`old`", "new"})
	for _, want := range []string{"\n`````diff\n", "- `--[x](http://y)` added: `1`", "`` `old` `` → `new`"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	// A comment has a bound.
	on("kubem", func(n *node.Node) {
		fileAt(n, "/etc/kubernetes/audit-policy.yaml").Contents = []byte(strings.Repeat(n.Name+" is long\n", 5000))
	})(&after)
	if got := Of(before, after).Markdown(Heading{}); len(got) > 65536 || !strings.Contains(got, "lines of 3 files and units were left out") {
		t.Errorf("%d bytes", len(got))
	}
}

// TestRows: every row is about something that hagen writes.
func TestRows(t *testing.T) {
	var all strings.Builder
	for _, golden := range []string{"standard", "virtual-ip"} {
		for _, n := range side(t, golden).Machines {
			for _, u := range n.Units {
				all.WriteString(u.Name + "\n" + u.Contents)
			}
			for _, f := range n.Files {
				all.WriteString(f.Path + "\n")
				all.Write(f.Contents)
			}
		}
	}
	for _, r := range readings {
		if !strings.Contains(all.String(), r.by) || !strings.Contains(all.String(), r.unit) || r.why == "" {
			t.Errorf("nothing has %s %s", r.unit, r.by)
		}
	}
	for _, w := range warnings {
		if !strings.Contains(all.String(), w.flag) || !strings.Contains(all.String(), w.unit) {
			t.Errorf("nothing has %s %s", w.unit, w.flag)
		}
	}
	for _, p := range pace {
		if !strings.Contains(all.String(), p.unit) {
			t.Errorf("there is no %s", p.unit)
		}
	}
}
