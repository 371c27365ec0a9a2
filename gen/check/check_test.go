package check_test

import (
	"bytes"
	"crypto/rand"
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

// machines decides the machines of a golden case, and gives the PKI, too.
func machines(t *testing.T, name string) ([]node.Node, pki.Set) {
	t.Helper()
	path := "../../testdata/" + name + "/cluster.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := spec.Parse(spec.Source{Name: path, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set)
	if err != nil {
		t.Fatal(err)
	}
	return nodes, issued.Set
}

func TestSoundMachines(t *testing.T) {
	for _, name := range []string{"standard", "classic", "small", "virtual-ip", "colocated", "colocated-virtual-ip", "external"} {
		nodes, _ := machines(t, name)
		if findings := check.Machines(nodes); len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

// file gives the file of a node, to be changed.
func file(t *testing.T, n *node.Node, path string) *node.File {
	t.Helper()
	i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("%s has no %s", n.Name, path)
	}
	return &n.Files[i]
}

func unit(t *testing.T, n *node.Node, name string) *node.Unit {
	t.Helper()
	i := slices.IndexFunc(n.Units, func(u node.Unit) bool { return u.Name == name })
	if i < 0 {
		t.Fatalf("%s has no %s", n.Name, name)
	}
	return &n.Units[i]
}

func replace(t *testing.T, text *string, old, new string) {
	t.Helper()
	if !strings.Contains(*text, old) {
		t.Fatalf("nothing to break: no %q", old)
	}
	*text = strings.ReplaceAll(*text, old, new)
}

// conf breaks the keepalived.conf of the second load balancer of the case
// virtual-ip.
func conf(old, new string) func(*testing.T, []node.Node, pki.Set) {
	return func(t *testing.T, n []node.Node, _ pki.Set) {
		f := file(t, &n[4], "/etc/keepalived/keepalived.conf")
		if !bytes.Contains(f.Contents, []byte(old)) {
			t.Fatalf("nothing to break: no %q", old)
		}
		f.Contents = bytes.Replace(f.Contents, []byte(old), []byte(new), 1)
	}
}

// TestBrokenMachines breaks one thing at a time and expects to be told.
func TestBrokenMachines(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, nodes []node.Node, set pki.Set)
		want  string
	}{
		{"file of a user who does not exist", func(t *testing.T, n []node.Node, _ pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/apiserver.pem").User = "nobody-made-me"
		}, "kubem00: /etc/kubernetes/pki/apiserver.pem: belongs to user nobody-made-me, whom the document does not make"},
		{"file of a group that does not exist", func(t *testing.T, n []node.Node, _ pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/apiserver.pem").Group = "none"
		}, "belongs to group none"},
		{"unit of a user who does not exist", func(t *testing.T, n []node.Node, _ pki.Set) {
			replace(t, &unit(t, &n[1], "etcd.service").Contents, "User=kube-etcd", "User=etcd2")
		}, "kubem01: etcd.service: belongs to user etcd2"},
		{"unit names a file that is not there", func(t *testing.T, n []node.Node, _ pki.Set) {
			replace(t, &unit(t, &n[0], "etcd.service").Contents, "=/etc/etcd/pki/ca.pem", "=/etc/etcd/pki/root.pem")
		}, "etcd.service: names /etc/etcd/pki/root.pem, which is not in the document"},
		{"kubeconfig names a file that is not there", func(t *testing.T, n []node.Node, _ pki.Set) {
			n[0].Files = slices.DeleteFunc(n[0].Files, func(f node.File) bool {
				return f.Path == "/var/lib/kube-scheduler/pki/scheduler.pem"
			})
		}, "/var/lib/kube-scheduler/kubeconfig: names /var/lib/kube-scheduler/pki/scheduler.pem"},
		{"secret that is not declared", func(t *testing.T, n []node.Node, _ pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/sa.key").Secret = false
		}, "sa.key: is declared secret: false, its contents say: true"},
		{"secret for everybody", func(t *testing.T, n []node.Node, _ pki.Set) {
			file(t, &n[0], "/etc/kubernetes/encryption.yaml").Mode = 0o644
		}, "encryption.yaml: holds a secret, but has mode 0644"},
		{"secret for root's group", func(t *testing.T, n []node.Node, _ pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/sa.key").Group = ""
		}, "sa.key: holds a secret, but has mode 0640"},
		{"key that nobody reads", func(t *testing.T, n []node.Node, _ pki.Set) {
			extra := *file(t, &n[0], "/etc/kubernetes/pki/sa.key")
			extra.Path = "/etc/kubernetes/pki/spare.key"
			n[0].Files = append(n[0].Files, extra)
		}, "spare.key: holds a secret that no unit of this machine reads"},
		{"key on the load balancer", func(t *testing.T, n []node.Node, _ pki.Set) {
			extra := *file(t, &n[0], "/etc/kubernetes/pki/sa.key")
			extra.User, extra.Group = "", ""
			extra.Mode = 0o600
			n[3].Files = append(n[3].Files, extra)
		}, "kubernetes: /etc/kubernetes/pki/sa.key: holds a secret that no unit of this machine reads"},
		{"key that its reader cannot read", func(t *testing.T, n []node.Node, _ pki.Set) {
			f := file(t, &n[0], "/etc/kubernetes/pki/apiserver-key.pem")
			f.User, f.Group = "kube-etcd", "kube-etcd"
		}, "apiserver-key.pem: cannot be read by user kube-apiserver of kube-apiserver.service"},
		{"group key whose reader is not in the group", func(t *testing.T, n []node.Node, _ pki.Set) {
			for i := range n[0].Users {
				n[0].Users[i].Groups = nil
			}
		}, "sa.key: cannot be read by user kube-controller-manager"},
		{"authority's key", func(t *testing.T, n []node.Node, set pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/sa.key").Contents = set["authorities/kubernetes/ca"].Key
		}, "sa.key: is the key of the authority in /etc/kubernetes/pki/ca.pem: no machine may hold it"},
		{"key of another certificate", func(t *testing.T, n []node.Node, set pki.Set) {
			file(t, &n[0], "/etc/etcd/pki/etcd-server-key.pem").Contents = set["hosts/kubem01/etcd-server"].Key
		}, "etcd-server-key.pem: is not the key of /etc/etcd/pki/etcd-server.pem"},
		{"leaf of an authority that is not there", func(t *testing.T, n []node.Node, set pki.Set) {
			file(t, &n[0], "/etc/kubernetes/pki/front-proxy-ca.pem").Contents = set["authorities/etcd/ca"].Cert
		}, "front-proxy-client.pem: was signed by no authority of this machine"},
		{"another authority than the others", func(t *testing.T, n []node.Node, set pki.Set) {
			file(t, &n[3], "/etc/haproxy/ca.pem").Path = "/etc/kubernetes/pki/ca.pem"
			file(t, &n[3], "/etc/kubernetes/pki/ca.pem").Contents = set["authorities/etcd/ca"].Cert
		}, "kubernetes: /etc/kubernetes/pki/ca.pem: holds another authority than the same file on other machines"},
		{"two machines of one name", func(t *testing.T, n []node.Node, _ pki.Set) {
			n[1].Name = n[0].Name
		}, "two machines have this name"},
		{"other member list", func(t *testing.T, n []node.Node, _ pki.Set) {
			replace(t, &unit(t, &n[2], "etcd.service").Contents, "kubem00=https://10.10.10.80", "kubem00=https://10.10.10.99")
		}, "kubem02: etcd.service: --initial-cluster differs from the other members'"},
		{"other token", func(t *testing.T, n []node.Node, _ pki.Set) {
			replace(t, &unit(t, &n[2], "etcd.service").Contents, "--initial-cluster-token=etcd-kubernetes", "--initial-cluster-token=etcd-2")
		}, "--initial-cluster-token differs"},
		{"member that is not in its own list", func(t *testing.T, n []node.Node, _ pki.Set) {
			replace(t, &unit(t, &n[1], "etcd.service").Contents, "--name=kubem01", "--name=kubem07")
		}, "does not hold this member's own kubem07=https://10.10.10.81:2380"},
		{"certificate without the address that others dial", func(t *testing.T, n []node.Node, set pki.Set) {
			file(t, &n[0], "/etc/etcd/pki/etcd-server.pem").Contents = set["hosts/kubem02/etcd-server"].Cert
			file(t, &n[0], "/etc/etcd/pki/etcd-server-key.pem").Contents = set["hosts/kubem02/etcd-server"].Key
		}, "kubem00: /etc/etcd/pki/etcd-server.pem: is not valid for 10.10.10.80, which others dial"},
		{"check for a name that the certificate lacks", func(t *testing.T, n []node.Node, _ pki.Set) {
			f := file(t, &n[3], "/etc/haproxy/haproxy.cfg")
			f.Contents = bytes.Replace(f.Contents, []byte("verifyhost kubem01"), []byte("verifyhost kubem09"), 1)
		}, "kubem01: /etc/kubernetes/pki/apiserver.pem: is not valid for kubem09"},
		{"server that no machine is", func(t *testing.T, n []node.Node, _ pki.Set) {
			f := file(t, &n[3], "/etc/haproxy/haproxy.cfg")
			f.Contents = bytes.Replace(f.Contents, []byte("10.10.10.81:6443"), []byte("10.10.10.91:6443"), 1)
		}, "haproxy.cfg: sends requests to 10.10.10.91:6443, where no API server listens"},
		{"server that is missing", func(t *testing.T, n []node.Node, _ pki.Set) {
			f := file(t, &n[3], "/etc/haproxy/haproxy.cfg")
			f.Contents = f.Contents[:bytes.Index(f.Contents, []byte("    server kubem02"))]
		}, "haproxy.cfg: has 2 servers for 3 API servers"},
		{"virtual address of another number", conf("virtual_router_id 60", "virtual_router_id 61"), "lb01: /etc/keepalived/keepalived.conf: is about 10.10.10.2, number 61; lb00's is about 10.10.10.2, number 60"},
		{"other virtual address", conf("10.10.10.2 dev", "10.10.10.9 dev"), "lb01: /etc/keepalived/keepalived.conf: is about 10.10.10.9"},
		{"peer that is nobody", conf("10.10.10.3\n", "10.10.10.33\n"), "keepalived.conf: does not name 10.10.10.3 of lb00 as a peer"},
		{"itself as a peer", conf("10.10.10.3\n", "10.10.10.3\n        10.10.10.4\n"), "keepalived.conf: has 2 peers, there are 1 other machines"},
		{"equals", conf("priority 199", "priority 200"), "lb00: /etc/keepalived/keepalived.conf: has the priority of lb01"},
		{"virtual address without HAProxy", func(t *testing.T, n []node.Node, _ pki.Set) {
			n[4].Files = slices.DeleteFunc(n[4].Files, func(f node.File) bool { return f.Path == "/etc/haproxy/haproxy.cfg" })
		}, "lb01: /etc/keepalived/keepalived.conf: would take the address to a machine without HAProxy"},
		{"virtual address in no certificate", func(t *testing.T, n []node.Node, set pki.Set) {
			for _, i := range []int{3, 4} {
				f := file(t, &n[i], "/etc/keepalived/keepalived.conf")
				f.Contents = bytes.Replace(f.Contents, []byte("10.10.10.2 dev"), []byte("10.10.10.9 dev"), 1)
			}
		}, "kubem02: /etc/kubernetes/pki/apiserver.pem: is not valid for 10.10.10.9, which others dial"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "standard"
			if strings.Contains(test.want, "keepalived") || strings.Contains(test.name, "virtual") {
				name = "virtual-ip"
			}
			nodes, set := machines(t, name)
			test.spoil(t, nodes, set)
			var texts []string
			for _, f := range check.Machines(nodes) {
				texts = append(texts, f.String())
			}
			if all := strings.Join(texts, "\n"); !strings.Contains(all, test.want) {
				t.Errorf("found:\n%s\nwant: %s", all, test.want)
			}
		})
	}
}
