package control

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/pki"
)

// corrections are where the classic profile departs from the 2018 guide's text, and
// nothing else: see docs/profiles.md.
var corrections = map[string][][2]string{
	"etcd.service": {{"--listen-client-urls https://10.10.10.80:2379\\\n", "--listen-client-urls https://10.10.10.80:2379 \\\n"}},
}

// TestGuide holds the first master and the load balancer of the guide's cluster
// against the text that the 2018 guide prints.
func TestGuide(t *testing.T) {
	nodes := nodesOf(t, "classic")
	master, balancer := nodes[0], nodes[len(nodes)-1]
	for file, path := range map[string]string{
		"controller-manager.kubeconfig": managerConfig,
		"scheduler.kubeconfig":          schedulerConfig,
	} {
		if got, want := contents(t, master, path), guideText(t, file); got != want {
			t.Errorf("%s:\n%s\nthe 2018 guide:\n%s", path, got, want)
		}
	}
	for _, d := range classicDaemons {
		unit := d.name + ".service"
		want := guideText(t, unit)
		for _, c := range corrections[unit] {
			if !strings.Contains(want, c[0]) {
				t.Errorf("%s: the 2018 guide does not say %q", unit, c[0])
			}
			want = strings.Replace(want, c[0], c[1], 1)
		}
		for _, u := range master.Units {
			if u.Name == unit && u.Contents != want {
				t.Errorf("%s:\n%s\nthe 2018 guide:\n%s", unit, u.Contents, want)
			}
		}
	}
	if cfg := contents(t, balancer, haproxyConfig); !strings.HasSuffix(cfg, guideText(t, "haproxy.cfg")) {
		t.Errorf("haproxy.cfg does not end with the 2018 guide's listen section:\n%s", cfg)
	}
}

func guideText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/guide", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contents(t *testing.T, n node.Node, path string) string {
	t.Helper()
	for _, f := range n.Files {
		if f.Path == path {
			return string(f.Contents)
		}
	}
	t.Fatalf("%s has no %s", n.Name, path)
	return ""
}

// readCluster reads a case of testdata.
func readCluster(t testing.TB, name string) *cluster.Cluster {
	t.Helper()
	path := filepath.Join("../../testdata", name, "cluster.yaml")
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
	return c
}

// nodesOf decides the machines of a case, with a fresh PKI.
func nodesOf(t testing.TB, name string) []node.Node {
	t.Helper()
	c := readCluster(t, name)
	issued, err := pki.Issue(Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := Nodes(c, issued.Set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}
