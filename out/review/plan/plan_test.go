package plan_test

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/out/review/diff"
	"hagen/out/review/plan"
	"hagen/out/review/show"
	"hagen/pki"
)

const standard = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  kubernetesVersion: 1.36.3
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

// between plans from one cluster file to what edits, pairs of old and new, make
// of it.
func between(t *testing.T, text string, options plan.Options, edits ...string) plan.Plan {
	t.Helper()
	old, new := sides(t, text, edits...)
	options.File = "cluster.yaml"
	return plan.Of(old, new, options)
}

func sides(t *testing.T, text string, edits ...string) (old, new plan.Side) {
	t.Helper()
	changed := text
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(changed, edits[i]) {
			t.Fatalf("no %q in the cluster file", edits[i])
		}
		changed = strings.Replace(changed, edits[i], edits[i+1], 1)
	}
	set := pki.Set{}
	var sides [2]plan.Side
	for i, text := range []string{text, changed} {
		c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		c = locked(t, c)
		issued, err := pki.Issue(control.Requests(c), set, time.Now(), plan.Keys, rand.Reader)
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
	return sides[0], sides[1]
}

// say is a plan's steps, one a word.
func say(p plan.Plan) string {
	var words []string
	for _, s := range p.Steps {
		unit, _, _ := strings.Cut(s.Unit, ".")
		words = append(words, strings.ReplaceAll(strings.Trim(fmt.Sprintf("%s:%s:%s", s.Host, s.Action, unit), ":"), " ", "-"))
	}
	return strings.Join(words, " ")
}

func TestSteps(t *testing.T) {
	for _, test := range []struct {
		what     string
		reimaged bool
		edits    []string
		want     string
	}{
		{"upgrade", false, []string{"1.36.3", "1.37.2"}, "kubem00:restart:etcd kubem01:restart:etcd kubem02:restart:etcd " +
			"kubem00:restart:kube-apiserver kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver " +
			"kubem00:restart:kube-controller-manager kubem01:restart:kube-controller-manager kubem02:restart:kube-controller-manager " +
			"kubem00:restart:kube-scheduler kubem01:restart:kube-scheduler kubem02:restart:kube-scheduler"},
		{"upgrade, re-imaged", true, []string{"1.36.3", "1.37.2"}, "kubem00:re-image kubem01:re-image kubem02:re-image"},
		{"a load balancer's wait", true, []string{"loadBalancers:", "loadBalancer: {timeouts: {connect: 2s}}\n  loadBalancers:"}, "kubernetes:re-image"},
		{"a master leaves", true, []string{"    - {name: kubem02, addresses: [10.10.10.82]}\n", "", "masters:", "allowEvenMasters: true\n  masters:"},
			"kubernetes:re-image kubem02:etcd-membership:etcd kubem02:switch-off kubem00:re-image kubem01:re-image"},
		{"a master is another", true, []string{"{name: kubem02", "{name: kubem09"},
			"kubernetes:re-image kubem02:etcd-membership:etcd kubem02:switch-off kubem09:etcd-membership:etcd kubem09:boot kubem09:etcd-membership:etcd kubem00:re-image kubem01:re-image"},
		{"upgrade, and a flag", false, []string{"1.36.3", "1.36.9", "masters:", "serviceNodePortRange: 30000-30100\n  masters:"},
			"kubem00:restart:kube-apiserver kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver " +
				"kubem00:restart:kube-controller-manager kubem01:restart:kube-controller-manager kubem02:restart:kube-controller-manager " +
				"kubem00:restart:kube-scheduler kubem01:restart:kube-scheduler kubem02:restart:kube-scheduler"},
		{"nothing", false, nil, ""},
	} {
		p := between(t, standard, plan.Options{Reimage: test.reimaged}, test.edits...)
		if got := say(p); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.what, got, test.want)
		}
		whole(t, test.what, p)
	}
}

// TestAtOnce: machines of one virtual router have the file with its other number
// before the first is told, also where they are re-imaged for something else.
func TestAtOnce(t *testing.T) {
	pair := strings.Replace(standard, "    - {name: kubernetes, addresses: [10.10.10.2]}", "    - {name: lb0, addresses: [10.10.10.3]}\n    - {name: lb1, addresses: [10.10.10.4]}\n  loadBalancer: {virtualIP: 10.10.10.2}", 1)
	other := []string{"virtualIP: 10.10.10.2", "virtualIP: 10.10.10.2, virtualRouterID: 7"}
	const told = "lb0:nothing:keepalived lb1:nothing:keepalived lb0:reload:keepalived lb1:reload:keepalived"
	for _, test := range []struct {
		what     string
		reimaged bool
		edits    []string
		want     string
	}{
		{"another number", false, other, told},
		{"re-imaged", true, other, told + " lb0:re-image lb1:re-image"},
		{"and logins", false, append([]string{"masters:", "users: [{name: ada, sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhyBTJ9ybj8Qv3gQFFNpMDZCB7e6xuMQ2NqjOSKGOQZ]}]\n  masters:"}, other...),
			told + " kubem00:re-image kubem01:re-image kubem02:re-image lb0:re-image lb1:re-image"},
	} {
		p := between(t, pair, plan.Options{Reimage: test.reimaged}, test.edits...)
		if got := say(p); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.what, got, test.want)
			continue
		}
		whole(t, test.what, p)
		for i, s := range p.Steps[:4] {
			writes := slices.Equal(s.Write, []string{"/etc/keepalived/keepalived.conf"})
			if writes != (i < 2) || s.AllAtOnce != (i >= 2) || !writes && !strings.HasPrefix(s.Note, "on all of them at once") {
				t.Errorf("%s: %+v", test.what, s)
			}
		}
	}
	// What may differ for a while is taken one after the other.
	if got := say(between(t, pair, plan.Options{}, "virtualIP: 10.10.10.2", "virtualIP: 10.10.10.9")); strings.Contains(got, "nothing:keepalived") {
		t.Error(got)
	}
}

// whole asks of any plan: the shell can read each command, no file is written
// twice, what restarts is looked at, and nothing is null for programs.
func whole(t *testing.T, what string, p plan.Plan) {
	t.Helper()
	var lines []string
	written, reimaged := map[string]bool{}, map[string]bool{}
	for _, s := range p.Steps {
		reimaged[s.Host] = reimaged[s.Host] || s.Action == diff.Boot || s.Action == diff.Reimage
	}
	for _, c := range slices.Concat(p.Prepare, p.Verify) {
		lines = append(lines, c.Text)
	}
	for _, s := range p.Steps {
		for _, c := range slices.Concat(s.Commands, s.Checks) {
			lines = append(lines, c.Text)
			if c.Host != "" && c.Host != s.Host && c.Asks != plan.VirtualIPAlone { // that asks all who share it
				t.Errorf("%s: a step of %s runs %q on %s", what, s.Host, c.Text, c.Host)
			}
		}
		if slices.Contains([]diff.Action{diff.Restart, diff.Start, diff.Reload, diff.Boot, diff.Reimage}, s.Action) && len(s.Checks) == 0 {
			t.Errorf("%s: nobody looks whether %s %s of %s went well", what, s.Action, s.Unit, s.Host)
		}
		if s.Unit != "" && s.Action != diff.Membership && reimaged[s.Host] && !s.AllAtOnce && s.Action != diff.Nothing {
			t.Errorf("%s: %s is re-imaged, and %s of %s is a step of its own", what, s.Host, s.Action, s.Unit)
		}
		for _, name := range s.Write {
			if written[s.Host+name] {
				t.Errorf("%s: %s is written twice on %s", what, name, s.Host)
			}
			written[s.Host+name] = true
		}
	}
	for _, line := range lines {
		if out, err := exec.Command("sh", "-n", "-c", line).CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %s", what, line, out)
		}
	}
	if text, err := json.Marshal(p); err != nil || strings.Contains(string(text), ":null") {
		t.Errorf("%s: %v %s", what, err, text)
	}
	if text := p.Text("a", "b", show.Style{}); p.Possible != strings.Contains(text, "\nAfter\n") && !p.Same {
		t.Errorf("%s: %s", what, text)
	}
}

// TestGoldens plans other ports of services for each of the golden clusters.
func TestGoldens(t *testing.T) {
	cases, err := os.ReadDir("../../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cases {
		text, err := os.ReadFile("../../../testdata/" + e.Name() + "/cluster.yaml")
		if err != nil || e.Name() == "classic" || strings.HasPrefix(e.Name(), "release-") {
			continue // which is one release and no other; which are like standard
		}
		text = []byte(strings.Replace(string(text), "rsa-2048", "ecdsa-p256", 1)) // in less time
		other := []string{"\nspec:\n", "\nspec:\n  serviceNodePortRange: 30000-31000\n"}
		if strings.Contains(string(text), "31000-31999") {
			other = []string{"31000-31999", "31000-31998"}
		}
		old, new := sides(t, string(text), other...)
		for _, reimaged := range []bool{false, true} {
			p := plan.Of(old, new, plan.Options{Reimage: reimaged, File: "cluster.yaml"})
			whole(t, e.Name(), p)
			if len(p.Steps) == 0 {
				t.Errorf("%s: no steps", e.Name())
			}
		}
	}
}

// TestDeliveries: where another binary comes from depends on how binaries come
// onto a host.
func TestDeliveries(t *testing.T) {
	for _, test := range []struct{ what, binaries, want string }{
		{"on the image", "{mode: preinstalled}", "install etcd 3.7.3 at /usr/local/bin/etcd\n     write, from its new document: /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched", "{mode: urls, mirror: 'http://10.0.0.1/'}", "write, from its new document: /etc/hagen/binaries.sh\n       kubem00# curl -fgL -o /var/lib/hagen/etcd.tar.gz.new 'http://10.0.0.1/github.com/etcd-io/etcd/releases/download/v3.7.3/etcd-v3.7.3-linux-amd64.tar.gz'\n"},
		{"unpacked", "{mode: urls, mirror: 'http://10.0.0.1/'}", "       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched alone", "{mode: urls, mirror: 'http://10.0.0.1/'}", "restart kube-apiserver\n       kubem00# curl -fgL -o /usr/local/bin/kube-apiserver.new 'http://10.0.0.1/"},
		{"an image at hand", "{mode: sysext}", "install hagen-control-plane 1.37.2-etcd-3.7.3 at /var/lib/extensions/hagen-control-plane.raw\n     write, from its new document: /etc/hagen/binaries.sh\n       kubem00# systemd-sysext refresh\n       kubem00# systemctl restart etcd.service\n"},
		{"an image, later", "{mode: sysext}", "kubem00: restart kube-apiserver\n       kubem00# systemctl restart kube-apiserver.service\n"},
		{"an image, warned", "{mode: sysext}", "kubem00, kubem01, kubem02: all binaries change at once"},
		{"an image that is fetched", "{mode: sysext, sources: [{name: hagen-control-plane, url: 'http://10.0.0.1/a-1.36.3.raw'}]}", "       kubem00# curl -fgL -o /var/lib/extensions/hagen-control-plane.raw.new 'http://10.0.0.1/a-1.37.2.raw'\n"},
		{"fetched by the machine itself", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00: restart etcd\n     write, from its new document: /etc/hagen/binaries.sh\n       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched before, by the machine itself", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00: restart kube-apiserver\n       kubem00# systemctl restart kube-apiserver.service\n"},
		{"fetched together, warned", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00, kubem01, kubem02: all binaries change at once"},
		{"an image that the machine fetches", "{mode: sysext, haproxy: preinstalled, sources: [{name: hagen-control-plane, url: 'http://10.0.0.1/a-1.36.3.raw'}]}\n  os: debian", "       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
	} {
		text := strings.Replace(standard, "\nspec:\n", "\nspec:\n  binaries: "+test.binaries+"\n", 1)
		edits := slices.Repeat([]string{"1.36.3", "1.37.2"}, strings.Count(text, "1.36.3"))
		p := between(t, text, plan.Options{}, edits...)
		whole(t, test.what, p)
		if text := p.Text("old", "new", show.Style{}); !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in\n%s", test.what, test.want, text)
		}
	}
}

// TestOtherDelivery: a machine whose binaries come on another way is re-imaged,
// also where others take their changes in place, and nothing else is done to it.
func TestOtherDelivery(t *testing.T) {
	const (
		masters  = "kubem00:re-image kubem01:re-image kubem02:re-image"
		balancer = "kubernetes:re-image"
		fetched  = "{mode: urls, keepalived: preinstalled, haproxy: urls, sources: [{name: haproxy, url: 'http://10.0.0.1/haproxy.tar.gz'}]}"
	)
	for _, test := range []struct{ from, to, os, want string }{
		{"{}", "{mode: sysext, haproxy: preinstalled}", "fcos", masters},
		{"{mode: preinstalled}", "{mode: sysext, haproxy: preinstalled}", "generic", masters}, // in the very place
		{"{mode: sysext, haproxy: preinstalled}", "{mode: preinstalled}", "generic", masters},
		{"{mode: preinstalled}", "{mode: urls, haproxy: preinstalled}", "fcos", masters},
		{"{mode: urls, haproxy: preinstalled}", "{mode: preinstalled}", "fcos", masters},
		{"{mode: urls, haproxy: preinstalled}", "{mode: sysext, haproxy: preinstalled}", "debian", masters},
		{"{mode: preinstalled}", "{mode: urls, haproxy: preinstalled}", "debian", masters},
		{"{mode: preinstalled}", "{mode: preinstalled, haproxy: sysext}", "flatcar", balancer},
		{"{mode: preinstalled}", "{mode: preinstalled, haproxy: urls, sources: [{name: haproxy, url: 'http://10.0.0.1/haproxy'}]}", "fcos", balancer},
		{fetched, inContainer, "fcos", balancer},
		{inContainer, fetched, "fcos", balancer},
		{"{mode: preinstalled}", "{mode: sysext}", "debian", masters},
		{"{mode: preinstalled}", "{mode: sysext}", "fcos", masters + " " + balancer},
	} {
		what := test.os + ": " + test.from + " to " + test.to
		from, to := "binaries: "+test.from, "binaries: "+test.to
		if test.from == "{}" {
			from = "# nothing of binaries"
		}
		text := strings.Replace(standard, "\nspec:\n", "\nspec:\n  os: "+test.os+"\n  "+from+"\n", 1)
		p := between(t, text, plan.Options{}, from, to)
		whole(t, what, p)
		if got := say(p); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, test.want)
		}
		// Beside it a newer release, which the others would take in place.
		p = between(t, text, plan.Options{}, from, to, "1.36.3", "1.37.2")
		whole(t, what, p)
		if got := say(p); !strings.HasSuffix(got, test.want) {
			t.Errorf("%s, newer:\n got %s\nwant %s at the end", what, got, test.want)
		}
	}
}

// TestSystemUnit: a unit of the system's own is enabled and disabled. A file of
// its name would take its place.
func TestSystemUnit(t *testing.T) {
	for _, test := range []struct {
		way, action string
		change      func(old, new *node.Node)
	}{
		{way: "start systemd-timesyncd", action: "systemctl enable --now systemd-timesyncd.service", change: func(_, new *node.Node) {
			new.Units = append(new.Units, node.Unit{Name: "systemd-timesyncd.service", Enabled: true})
		}},
		{way: "stop systemd-timesyncd", action: "systemctl disable --now systemd-timesyncd.service", change: func(old, _ *node.Node) {
			old.Units = append(old.Units, node.Unit{Name: "systemd-timesyncd.service", Enabled: true})
		}},
	} {
		old, new := sides(t, standard)
		test.change(&old.Machines[0], &new.Machines[0])
		p := plan.Of(old, new, plan.Options{File: "cluster.yaml"})
		whole(t, test.way, p)
		if len(p.Steps) != 1 || len(p.Steps[0].Write)+len(p.Steps[0].Remove) > 0 || len(p.Steps[0].Commands) != 1 || p.Steps[0].Commands[0].Text != test.action {
			t.Errorf("%s: %+v", test.way, p.Steps)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		from, to, etcd string // etcd is an etcdVersion of the old file
		problems       []string
		via            string
	}{
		{from: "1.36.3", to: "1.37.2"},
		{from: "1.34.0", to: "1.35.4"},
		{from: "1.34.4", to: "1.36.3", problems: []string{"Kubernetes leaps from 1.34.4 to 1.36.3"}, via: "1.35.4 3.6.16, 1.36.3 3.6.16"},
		{from: "1.34.4", to: "1.37.9", problems: []string{"Kubernetes leaps"}, via: "1.35.4 3.6.16, 1.36.3 3.6.16, 1.37.9 3.7.3"},
		{from: "1.36.3", to: "1.37.2", etcd: "3.6.9", problems: []string{"etcd 3.6.9 does not get along with 3.7.3"}, via: "1.36.3 3.6.16, 1.37.2 3.7.3"},
		{from: "1.35.4", to: "1.37.2", etcd: "3.6.9", problems: []string{"Kubernetes leaps", "etcd 3.6.9"}, via: "1.36.3 3.6.16, 1.37.2 3.7.3"},
		{from: "1.37.2", to: "1.36.3", problems: []string{"Kubernetes goes back from 1.37.2 to 1.36.3"}},
		{from: "1.36.3", to: "1.37.2\n  emulatedVersion: 1.36"},
		{from: "1.37.2\n  emulatedVersion: 1.36", to: "1.36.9"},
		{from: "1.37.2\n  emulatedVersion: 1.36", to: "1.37.9\n  emulatedVersion: 1.36"},
		{from: "1.37.2\n  emulatedVersion: 1.36", to: "1.35.4", problems: []string{"Kubernetes goes back from 1.37.2 to 1.35.4"}},
		{from: "1.37.2\n  emulatedVersion: 1.36", to: "1.38.0\n  allowUnproven: true", problems: []string{"Kubernetes leaps from 1.36, which 1.37.2 behaves like, to 1.38.0"}},
		{from: "1.37.2\n  emulatedVersion: 1.36", to: "1.36.3\n  emulatedVersion: 1.35", problems: []string{"Kubernetes behaves like 1.36 so far, and cannot like 1.35 again"}},
		{from: "1.37.2", to: "1.37.9\n  emulatedVersion: 1.36", problems: []string{"Kubernetes behaves like 1.37 so far, and cannot like 1.36 again"}},
		{from: "1.35.4", to: "1.37.2\n  emulatedVersion: 1.36", problems: []string{"Kubernetes leaps from 1.35.4 to 1.37.2"}, via: "1.36.3 3.6.16, 1.37.2 3.7.3"},
	} {
		text := strings.Replace(standard, "1.36.3", test.from, 1)
		p := between(t, text, plan.Options{}, test.from, test.to)
		if test.etcd != "" {
			etcd := "\n  etcdVersion: " + test.etcd
			p = between(t, strings.Replace(text, test.from, test.from+etcd, 1), plan.Options{}, test.from+etcd, test.to)
		}
		if p.Possible != (len(test.problems) == 0) || len(p.Refused) != len(test.problems) {
			t.Errorf("%+v: refused: %v", test, p.Refused)
			continue
		}
		for i, r := range p.Refused {
			if !strings.HasPrefix(r.Problem, test.problems[i]) || p.Remedies()[i] == "" {
				t.Errorf("%+v: %v, %q", test, r, p.Remedies()[i])
			}
		}
		var steps []string
		for _, v := range p.UpgradePath {
			steps = append(steps, v.Kubernetes.String()+" "+v.Etcd.String())
		}
		if got := strings.Join(steps, ", "); got != test.via {
			t.Errorf("%+v: via %s", test, got)
		}
		whole(t, test.from+" to "+test.to, p)
	}
}

// locked gives the cluster with a digest for each file that machines fetch.
func locked(t *testing.T, c *cluster.Cluster) *cluster.Cluster {
	t.Helper()
	if len(c.Fetched()) == 0 {
		return c
	}
	var artefacts []cluster.Locked
	for _, a := range c.Fetched() {
		file := a.Path
		if c.Binaries.Sources[a.Name] != "" {
			file = path.Base(a.URL)
		}
		digest := fmt.Sprintf("%x", sha512.Sum512([]byte(a.Name+a.Version+a.Arch)))
		artefacts = append(artefacts, cluster.Locked{Name: a.Name, Version: a.Version, Arch: a.Arch, URL: c.Binaries.Sources[a.Name], File: file, SHA512: digest})
	}
	with, err := gen.ReadLock(c, spec.Source{Name: "cluster.lock", Text: cluster.LockText(c.Name, cluster.LockContents{Artefacts: artefacts})})
	if err != nil {
		t.Fatal(err)
	}
	return with
}
