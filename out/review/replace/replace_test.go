package replace

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/pki"
)

// three is a cluster of three masters, which tests change by a word.
const three = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
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

func read(t *testing.T, edits ...string) *cluster.Cluster {
	t.Helper()
	text := three
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("no %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	file, err := spec.Parse(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return c
}

// machines are those of a cluster, with certificates of the day.
func machines(t *testing.T, c *cluster.Cluster, before pki.Set) ([]node.Node, pki.Set) {
	t.Helper()
	issued, err := pki.Issue(control.Requests(c), before, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return nodes, issued.Set
}

const second = "{name: kubem01, addresses: [10.10.10.81]}"

// TestOf: who takes whose place, or why nobody can.
func TestOf(t *testing.T) {
	before, _ := machines(t, read(t), nil)
	for _, test := range []struct {
		what, lost string
		edits      []string
		unknown    bool
		host, url  string // of the lost one
		moved      bool
		problem    string
	}{
		{what: "the same", lost: "kubem01", host: "kubem01", url: "https://10.10.10.81:2380"},
		{what: "the first", lost: "kubem00", host: "kubem00", url: "https://10.10.10.80:2380"},
		{what: "nothing known", lost: "kubem02", unknown: true, host: "kubem02", url: "https://10.10.10.82:2380"},
		{what: "another address", lost: "kubem01", edits: []string{"10.10.10.81", "10.10.10.91"}, host: "kubem01", url: "https://10.10.10.81:2380", moved: true},
		{what: "another name", lost: "kubem01", edits: []string{"kubem01", "kubem03"}, host: "kubem03", url: "https://10.10.10.81:2380", moved: true},
		{what: "both", lost: "kubem01", edits: []string{second, "{name: kubem03, addresses: [10.10.10.83]}"}, host: "kubem03", url: "https://10.10.10.81:2380", moved: true},
		{what: "another name, nothing known", lost: "kubem01", edits: []string{"kubem01", "kubem03"}, unknown: true, problem: `there is no member "kubem01"; known: kubem00, kubem03, kubem02`},
		{what: "the new name", lost: "kubem03", edits: []string{"kubem01", "kubem03"}, problem: "kubem03 is new in the cluster file: name the lost member; known: kubem00, kubem01, kubem02"},
		{what: "unknown", lost: "kubem07", problem: `there is no member "kubem07"; known: kubem00, kubem01, kubem02`},
		{what: "load balancer", lost: "kubernetes", problem: "kubernetes is a load balancer and keeps no data: boot it with the document that hagen render wrote"},
		{what: "another one moves, too", lost: "kubem01", edits: []string{"10.10.10.82", "10.10.10.92"}, problem: "the cluster file moves other masters, too: kubem02 from https://10.10.10.82:2380 to https://10.10.10.92:2380; change one master at a time"},
		{what: "all others move, too", lost: "kubem01", edits: []string{"10.10.10.80", "10.10.10.90", "10.10.10.82", "10.10.10.92"}, problem: "the cluster file moves other masters, too: kubem00 from https://10.10.10.80:2380 to https://10.10.10.90:2380, kubem02 from https://10.10.10.82:2380 to https://10.10.10.92:2380; change one master at a time"},
		{what: "two more", lost: "kubem01", edits: []string{"  loadB", "  - {name: kubem03, addresses: [10.10.10.83]}\n  - {name: kubem04, addresses: [10.10.10.84]}\n  loadB"},
			problem: "the cluster file has other new masters: kubem03, kubem04: change one master at a time"},
		{what: "one for two", lost: "kubem01", edits: []string{"kubem01", "kubem03", "kubem02", "kubem04"}, problem: "the cluster file has other new masters: kubem03, kubem04: change one master at a time"},
		{what: "left out", lost: "kubem01", edits: []string{"  - " + second + "\n", "", "spec:\n", "spec:\n  allowEvenMasters: true\n"}, problem: "the cluster file has no master in the place of kubem01: write one, or keep its line"},
		{what: "another left out", lost: "kubem01", edits: []string{"  - {name: kubem00, addresses: [10.10.10.80]}\n", "", "spec:\n", "spec:\n  allowEvenMasters: true\n"}, problem: "the cluster file removes other members than kubem01, too: change one master at a time"},
		{what: "of two", lost: "kubem00", unknown: true, edits: []string{"  - " + second + "\n", "", "spec:\n", "spec:\n  allowEvenMasters: true\n"},
			problem: "a majority of two members is both: without kubem00 etcd takes no change of its members; restore the cluster from a snapshot"},
		{what: "of one", lost: "kubem00", unknown: true, edits: []string{"  - " + second + "\n  - {name: kubem02, addresses: [10.10.10.82]}\n", ""},
			problem: "kubem00 is the only master: without its data there is no cluster to join; restore the cluster from a snapshot"},
	} {
		known := before
		if test.unknown {
			known = nil
		}
		p, err := Of(read(t, test.edits...), test.lost, known)
		if got := fmt.Sprint(err); err != nil || test.problem != "" {
			if got != test.problem {
				t.Errorf("%s: got %q, want %q", test.what, got, test.problem)
			}
			continue
		}
		if p.Host.Name != test.host || p.LostURL != test.url || p.Moved() != test.moved || len(p.Survivors) != 2 || p.Known == test.unknown {
			t.Errorf("%s: %+v", test.what, p)
		}
	}
}

// TestOthers: the documents of others change with a name or address, and with
// nothing else.
func TestOthers(t *testing.T) {
	before, set := machines(t, read(t), nil)
	same, _ := machines(t, read(t), set)
	p, err := Of(read(t), "kubem01", before)
	if err != nil || len(p.Others(before, same)) > 0 {
		t.Errorf("%v, %v", p.Others(before, same), err)
	}
	moved := read(t, "10.10.10.81", "10.10.10.91")
	after, _ := machines(t, moved, set)
	if p, err = Of(moved, "kubem01", before); err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"kubem00", []string{"/etc/hosts", "etcd.service"}}, {"kubem02", []string{"/etc/hosts", "etcd.service"}},
		{"kubernetes", []string{"/etc/haproxy/haproxy.cfg", "/etc/hosts"}},
	}
	got := p.Others(before, after)
	for i := range got {
		slices.Sort(got[i].Items)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// gone is the state of a member that was removed before.
const gone = "gone"

var shellBlock = regexp.MustCompile("(?ms)^   ```sh\n(.*?)^   ```$")

// fakeEtcdctl is a script that knows the members, keeps them in a file, refuses
// the first change of each kind, as after another one, and notes what it is told.
const fakeEtcdctl = `#!/bin/sh
echo "$* $ETCDCTL_ENDPOINTS $ETCDCTL_CACERT" >>log
once() { [ -e "refused-$1" ] || { : >"refused-$1"; exit 1; }; }
case "$1 $2" in
"member remove")
  once remove
  grep -q "^$3," members || exit 1
  sed -i "/^$3,/d" members ;;
"member add")
  once add
  grep -qF "${4#--peer-urls=}" members && exit 1
  echo "aaaaaaaaaaaaaaaa, unstarted, , ${4#--peer-urls=}, , false" >>members ;;
"member list")
  cat members ;;
esac
`

// TestRunbook: its commands tell etcd of exactly one member, whatever stands in
// the way, and however often they are typed.
func TestRunbook(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"etcdctl": fakeEtcdctl, "sleep": "#!/bin/sh\n", "hagen": "#!/bin/sh\necho \"$0 $*\" >>log\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := read(t)
	p, err := Of(c, "kubem01", nil)
	if err != nil {
		t.Fatal(err)
	}
	workstation := Workstation{PKI: "my pki's", Dir: "re place", Documents: []string{"re place/kubem01/config.ign"}, Render: "hagen render", Diff: "hagen diff"}
	text := p.Runbook(c, workstation, nil)
	for _, want := range []string{"# Replace kubem01", "re place/kubem01/config.ign", "is not known", "--initial-cluster-state=existing", "/etc/etcd/pki/etcd-client-key.pem"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, " \n") || strings.Contains(text, "\n\n\n") || strings.Contains(text, "%!") {
		t.Errorf("careless:\n%s", text)
	}
	blocks := func(text string) string {
		var commands strings.Builder
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
			commands.WriteString(block[1])
		}
		return commands.String()
	}
	before, after, _ := strings.Cut(text, "**Boot kubem01.**")
	// One that never came up has no name yet.
	for _, state := range []string{"started, kubem01", "unstarted, ", gone} {
		dir := t.TempDir()
		members := "8e9e05c52164694d, started, kubem00, https://10.10.10.80:2380, https://10.10.10.80:2379, false\n" +
			"7ef67ae77b1c3a51, started, kubem02, https://10.10.10.82:2380, https://10.10.10.82:2379, false\n"
		if state != gone {
			members += "9934cede0980380d, " + state + ", https://10.10.10.81:2380, https://10.10.10.81:2379, false\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "members"), []byte(members), 0o644); err != nil {
			t.Fatal(err)
		}
		run := func(commands string) {
			t.Helper()
			shell := exec.Command("timeout", "60", "bash", "-euo", "pipefail", "-c", commands)
			shell.Dir = dir
			shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			if out, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, commands)
			}
		}
		run("mkdir 're place'\n" + blocks(before))
		run(blocks(before)) // by somebody who was interrupted
		run("sed -i 's|unstarted, , https://10.10.10.81:2380, |started, kubem01, https://10.10.10.81:2380, https://10.10.10.81:2379|' members")
		run(blocks(before))
		run(blocks(before + after))
		done, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"endpoint health https://10.10.10.80:2379,https://10.10.10.82:2379 my pki's/authorities/etcd/ca.pem\n",
			"\nmember add kubem01 --peer-urls=https://10.10.10.81:2380 https",
			"\nendpoint health https://10.10.10.80:2379,https://10.10.10.81:2379,https://10.10.10.82:2379", "hagen render\n",
		} {
			if !strings.Contains(string(done), want) {
				t.Errorf("%s: no %q in\n%s", state, want, done)
			}
		}
		removals := 2 // the first is refused
		if state == gone {
			removals = 0
		}
		if n := strings.Count(string(done), "member remove "); n != strings.Count(string(done), "member remove 9934cede0980380d https") || n != removals {
			t.Errorf("%s: members are removed that should stay:\n%s", state, done)
		}
		left, err := os.ReadFile(filepath.Join(dir, "members"))
		if want := "aaaaaaaaaaaaaaaa, started, kubem01, https://10.10.10.81:2380"; err != nil || strings.Count(string(left), "\n") != 3 || !strings.Contains(string(left), want) {
			t.Errorf("%s: the members are, %v\n%s", state, err, left)
		}
		if _, err := os.Stat(filepath.Join(dir, "re place")); err == nil {
			t.Error("the directory with keys is left")
		}
	}
}

// TestRunbookStops: it adds no member beside one that it does not find, by its name or its URL.
func TestRunbookStops(t *testing.T) {
	c := read(t)
	p, err := Of(c, "kubem01", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(p.Runbook(c, Workstation{PKI: "pki", Dir: ".", Render: "hagen render", Diff: "hagen diff"}, nil), "**Boot kubem01.**")
	_, text, _ = strings.Cut(text, "**Remove the member.**")
	for what, list := range map[string]string{"three others": "printf 'a, started, one, x\\nb, started, two, y\\nc, started, three, z\\n'", "no answer": "false"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "etcdctl"), []byte("#!/bin/sh\n[ \"$2\" = list ] || echo $* >>changed\n"+list+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1)[:1] {
			shell := exec.Command("timeout", "10", "bash", "-c", block[1])
			shell.Dir, shell.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := shell.CombinedOutput()
			if _, changed := os.Stat(filepath.Join(dir, "changed")); err == nil || changed == nil || !strings.Contains(string(out), "etcdctl listed neither kubem01 nor only kubem00, kubem02") {
				t.Errorf("%s: %v, changed: %v\n%s", what, err, changed == nil, out)
			}
		}
	}
}

// TestRunbookOf: what only some clusters are told.
func TestRunbookOf(t *testing.T) {
	workstation := Workstation{PKI: "pki", Dir: "replace/kubernetes", Render: "hagen render", Diff: "hagen diff rendered/kubernetes ."}
	for _, test := range []struct {
		what  string
		edits []string
		want  []string
	}{
		{"own disk", []string{second, "{name: kubem01, addresses: [10.10.10.81], etcd: {disk: /dev/disk/by-id/e}}"}, []string{"/dev/disk/by-id/e, must be empty", "wipefs"}},
		{"old etcd", []string{"spec:\n", "spec:\n  profile: classic\n"}, []string{"export ETCDCTL_API=3", "ETCDCTL_CERT=pki/cluster/etcd-client.pem", "ETCDCTL_CACERT=pki/authorities/kubernetes/ca.pem"}},
		{"another load balancer", []string{"  loadBalancers:\n  - {name: kubernetes, addresses: [10.10.10.2]}\n", "  loadBalancer: {mode: external}\n", "10.10.10.81", "10.10.10.91"},
			[]string{"Your load balancer is not hagen's: add kubem01 at 10.10.10.91", "`hagen diff rendered/kubernetes .`"}},
	} {
		c := read(t, test.edits...)
		before, _ := machines(t, read(t), nil)
		if test.what == "old etcd" {
			before = nil
		}
		p, err := Of(c, "kubem01", before)
		if err != nil {
			t.Fatalf("%s: %v", test.what, err)
		}
		text := p.Runbook(c, workstation, []Change{{"kubem00", []string{"/etc/hosts"}}})
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", test.what, want, text)
			}
		}
	}
}
