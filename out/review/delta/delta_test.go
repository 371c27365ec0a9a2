package delta_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/review/delta"
	"hagen/out/review/plan"
	"hagen/pki"
)

const standard = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  kubernetesVersion: 1.37.2
  endpoint: kubernetes:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters:
    - {name: kubem00, addresses: [10.10.10.80]}
    - {name: kubem01, addresses: [10.10.10.81]}
    - {name: kubem02, addresses: [10.10.10.82]}
  loadBalancers:
    - {name: kubernetes, addresses: [10.10.10.2]}
`

const pair = `    - {name: lb0, addresses: [10.10.10.3]}
    - {name: lb1, addresses: [10.10.10.4]}
  loadBalancer: {virtualIP: 10.10.10.2}
`

// given plans from one cluster file to another, without machines that are off.
func given(t *testing.T, from, to string, known bool, without ...string) delta.Given {
	t.Helper()
	var sides [2]plan.Side
	set := pki.Set{}
	for i, text := range []string{from, to} {
		c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		issued, err := pki.Issue(control.Requests(c), set, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set = issued.Set
		nodes, err := control.Nodes(c, set, control.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if sides[i], err = plan.OfFile(c, nodes, control.Kubeconfig(c, control.EndpointServer(c), set[control.ClusterAuthority], set[control.Admin])); err != nil {
			t.Fatal(err)
		}
	}
	p := plan.Of(sides[0], sides[1], plan.Options{File: "cluster.yaml", Without: without})
	if !p.Possible || p.Same {
		t.Fatalf("%+v", p.Refused)
	}
	return delta.Given{Plan: p, Before: sides[0], After: sides[1], Known: known, Directory: "..", Fresh: "hagen plan --verify"}
}

func files(t *testing.T, g delta.Given) map[string]string {
	t.Helper()
	made, err := g.Files()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range made {
		if _, twice := all[f.Path]; twice {
			t.Errorf("%s is there twice", f.Path)
		}
		all[f.Path] = string(f.Data)
	}
	return all
}

// TestScripts: each kind of step becomes lines of the scripts.
func TestScripts(t *testing.T) {
	edit := func(old, new string) string { return strings.Replace(standard, old, new, 1) }
	balancers := strings.Replace(standard, "    - {name: kubernetes, addresses: [10.10.10.2]}\n", pair, 1)
	for _, test := range []struct {
		what, from, to string
		known          bool
		has            map[string][]string // by file
		lacks          map[string][]string
		absent         []string
	}{
		{"a flag", standard, edit("masters:", "serviceNodePortRange: 30000-30100\n  masters:"), true,
			map[string][]string{
				"kubem00/install.sh": {"run 600 0 'systemctl daemon-reload'\n\trun 600 0 'systemctl restart kube-apiserver.service'\n", "'/etc/systemd/system/kube-apiserver.service' 0644 'root' 'root' ", "echo '1. kubem00: restart kube-apiserver'"},
				"kubem00/files/etc/systemd/system/kube-apiserver.service": {"--service-node-port-range=30000-30100"},
				"deliver.sh": {"send 1500 'kubem01' '10.10.10.81' install.sh \\\n\t\t'files/etc/systemd/system/kube-apiserver.service'\n", `cd "$here"/'..'`,
					"check 60 0 '' '' 'etcdctl endpoint health' 'ETCDCTL_ENDPOINTS=https://10.10.10.80:2379,https://10.10.10.82:2379'\n\tsend 1500 'kubem01'", "export KUBECONFIG='rendered/kubernetes/admin.kubeconfig'", "command_ 600 0 '' '' 'hagen render -f cluster.yaml'"},
			}, map[string][]string{"kubem00/install.sh": {"unknown\n"}}, []string{"kubernetes/install.sh"}},
		{"a flag, of machines that are not known", standard, edit("masters:", "serviceNodePortRange: 30000-30100\n  masters:"), false,
			map[string][]string{"kubem00/install.sh": {" unknown\n"}}, nil, nil},
		{"a virtual router's number", balancers, strings.Replace(balancers, "virtualIP: 10.10.10.2", "virtualIP: 10.10.10.2, virtualRouterID: 7", 1), true,
			map[string][]string{
				"lb0/files/etc/keepalived/keepalived.conf": {"virtual_router_id 7"},
				"deliver.sh": {"if [ \"$from\" -le 4 ]; then\n\tstep_3\n\tstep_4\n\tchecks_3\n\tchecks_4\nfi\n", "if [ \"$from\" -le 1 ]; then\n\tstep_1\n\tchecks_1\nfi"},
			}, nil, nil},
		{"another master", standard, edit("{name: kubem02, addresses: [10.10.10.82]}", "{name: kubem09, addresses: [10.10.10.89]}"), true,
			map[string][]string{"deliver.sh": {"etcdctl member add kubem09", `grep -F '\'', https://10.10.10.89:2380,'\'' || `, `{ test -z "$id" || etcdctl member remove "$id"; }`, "printf '  note: %s\\n' ", "if ! marked 'ran 4'; then\n\t\tcheck 600", "if ! marked 'ran join'", "yours \\\n\t\t'boot kubem09 with the document in join/kubernetes/kubem09'", "yours \\\n\t\t'switch kubem02 off'", "'kubem09' '10.10.10.89'"}},
			map[string][]string{"deliver.sh": {"poweroff"}}, []string{"kubem02/install.sh", "kubem09/install.sh"}},
		{"an upgrade", edit("1.37.2", "1.36.3"), standard, true,
			map[string][]string{"deliver.sh": {"yours \\\n\t\t'on kubem00, install etcd 3.7.3 at /usr/local/bin/etcd'\n\tsend 900 'kubem00'"}, "kubem00/install.sh": {"/etc/hagen/binaries.sh"}}, nil, nil},
		{"a file that goes", edit("masters:", "os: flatcar\n  network: {ntp: [10.10.10.1]}\n  masters:"), edit("masters:", "os: flatcar\n  masters:"), true,
			map[string][]string{"kubem00/install.sh": {"removed_1() {\n\t:\n\t\"$@\" '/etc/systemd/timesyncd.conf.d/"}, "delta.json": {`": "none"`}}, nil, nil},
	} {
		made := files(t, given(t, test.from, test.to, test.known))
		for name, texts := range test.has {
			for _, text := range texts {
				if !strings.Contains(made[name], text) {
					t.Errorf("%s: %s lacks %s\n%s", test.what, name, text, made[name])
				}
			}
		}
		for name, texts := range test.lacks {
			for _, text := range texts {
				if strings.Contains(made[name], text) {
					t.Errorf("%s: %s has %s", test.what, name, text)
				}
			}
		}
		for _, name := range test.absent {
			if _, there := made[name]; there {
				t.Errorf("%s: there is %s", test.what, name)
			}
		}
		for name, text := range made {
			if strings.HasSuffix(name, ".sh") && !strings.Contains(name, "/files/") && strings.Contains(text, "PRIVATE KEY") {
				t.Errorf("%s: %s holds a key", test.what, name)
			}
		}
		readable(t, test.what, made)
	}
}

// TestAll: whatever a plan does, it becomes scripts that shells can read, and each path that it
// writes is a file.
func TestAll(t *testing.T) {
	with := func(lines string) string { return strings.Replace(standard, "masters:", lines+"\n  masters:", 1) }
	for _, sides := range [][2]string{
		{standard, with("dns: external")},
		{with("dns: external"), standard},
		{standard, strings.Replace(standard, "kubernetes:6443", "kubernetes:7443", 1)},
		{standard, with("loadBalancer: {statsPort: 8405}")},
		{standard, with("apiServer: {extraSANs: [api.example.com]}")},
		{standard, with("apiServer: {port: 6444}")},
		{with("etcd: {snapshots: {every: 1h}}"), with("etcd: {snapshots: {every: 1h, keep: 2}}")},
		{with("etcd: {snapshots: {every: 1h}}"), with("etcd: {snapshots: {every: 2h}}")},
		{standard, strings.Replace(standard, "10.10.10.80", "10.10.10.90", 1)},
		{standard, with("pki: {expiry: 4000h}")},
		{with("os: debian"), with("os: debian\n  serviceNodePortRange: 30000-30100")},
		{with("os: flatcar"), with("os: flatcar\n  network: {ntp: [10.10.10.1]}")},
		{standard, strings.Replace(standard, "    - {name: kubernetes, addresses: [10.10.10.2]}\n", pair, 1)},
		{with("serviceAccountIssuer: 'https://a.example.com'"), with("serviceAccountIssuer: ['https://a.example.com', 'https://b.example.com']")},
	} {
		g := given(t, sides[0], sides[1], true)
		made := files(t, g)
		for _, s := range g.Plan.Steps {
			for _, name := range s.Write {
				if _, there := made[s.Host+"/files"+name]; !there {
					t.Errorf("%s of %s is not there", name, s.Host)
				}
			}
		}
		readable(t, sides[1], made)
	}
}

// readable lets shells and shellcheck read the scripts.
func readable(t *testing.T, what string, made map[string]string) {
	t.Helper()
	dir := t.TempDir()
	var scripts []string
	for name, text := range made {
		if !strings.HasSuffix(name, ".sh") || strings.Contains(name, "/files/") {
			continue
		}
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, "kubem02/") { // as kubem01's
			scripts = append(scripts, file)
		}
	}
	slices.Sort(scripts)
	readers := [][]string{{"sh", "-n"}, {"bash", "-n"}, {"busybox", "sh", "-n"}, {"shellcheck"}}
	if os.Getenv("HAGEN_TESTS") != "all" && t.Name() != "TestScripts" {
		readers = readers[:1]
	}
	for _, command := range readers {
		program, err := exec.LookPath(command[0])
		if err != nil {
			if command[0] == "shellcheck" && os.Getenv("HAGEN_READERS") == "required" {
				t.Fatal("shellcheck is not installed")
			}
			continue
		}
		for _, script := range scripts {
			if text, err := exec.Command(program, append(command[1:], script)...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", what, command, text)
			}
		}
	}
}

// TestRecord: the record of a delta says whether machines have all that it brings.
func TestRecord(t *testing.T) {
	g := given(t, standard, strings.Replace(standard, "masters:", "serviceNodePortRange: 30000-30100\n  masters:", 1), true)
	r, err := delta.ReadRecord([]byte(files(t, g)["delta.json"]))
	if err != nil || r.Cluster != "kubernetes" || len(r.Hosts) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if stale := r.Stale(g.After.Machines); len(stale) > 0 {
		t.Errorf("%v are stale", stale)
	}
	if stale := r.Stale(g.Before.Machines[1:]); !slices.Equal(stale, []string{"kubem00", "kubem01", "kubem02"}) {
		t.Errorf("%v are stale", stale)
	}
	for text, want := range map[string]delta.Progress{
		"": {}, "begun\nstep 1\n": {}, "other\nbegun\n": {},
		r.ID + "\n":        {Next: 1},
		r.ID + "\nbegun\n": {Begun: true, Next: 1},
		r.ID + "\nbegun\nstep 1\nstep 2\nstep 4\n": {Begun: true, Next: 3},
		r.ID + "\nbegun\nstep 3\nall done\n":       {Begun: true, Done: true, Next: 1},
	} {
		if got := r.Progress([]byte(text)); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if !r.Brings(g.After.Machines) || r.Brings(g.Before.Machines) || r.Brings(nil) {
		t.Errorf("%+v", r)
	}
	for _, text := range []string{"", "{}", "[]", `{"version": 2}`, `{"version": 1, "hosts": 3}`} {
		if _, err := delta.ReadRecord([]byte(text)); err == nil {
			t.Errorf("%q is a record", text)
		}
	}
}

// TestWithout: the scripts have nothing of a machine that is off, and the record says so.
func TestWithout(t *testing.T) {
	changed := strings.Replace(standard, "masters:", "serviceNodePortRange: 30000-30100\n  masters:", 1)
	g := given(t, standard, changed, true, "kubem01")
	made := files(t, g)
	readable(t, "without kubem01", made)
	for name, text := range made {
		if strings.HasPrefix(name, "kubem01/") || strings.HasSuffix(name, "install.sh") && strings.Contains(text, "kubem01") {
			t.Errorf("%s is there, or names kubem01", name)
		}
	}
	for _, text := range []string{"'kubem01' '10.10.10.81'", "10.10.10.81:6443", "10.10.10.81:2379"} {
		if strings.Contains(made["deliver.sh"], text) {
			t.Errorf("deliver.sh has %s", text)
		}
	}
	if text := "echo 'but for kubem01, which was off, and lacks all of this"; !strings.Contains(made["deliver.sh"], text) {
		t.Errorf("deliver.sh lacks %s", text)
	}
	r, err := delta.ReadRecord([]byte(made["delta.json"]))
	if err != nil || !slices.Equal(r.Without, []string{"kubem01"}) || r.Machines["kubem01"] != "" || len(r.Hosts) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if stale := r.Stale(g.After.Machines); len(stale) > 0 || !r.Brings(g.After.Machines) {
		t.Errorf("%v are stale", stale)
	}
	other := given(t, standard, strings.Replace(changed, "30100", "30200", 1), true)
	if stale := r.Stale(other.After.Machines); !slices.Contains(stale, "kubem00") || slices.Contains(stale, "kubem01") {
		t.Errorf("%v are stale", stale)
	}
}
