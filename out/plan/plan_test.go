package plan_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/diff"
	"hagen/out/plan"
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
		issued, err := pki.Issue(control.Requests(c), set, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set = issued.Set
		nodes, err := control.Nodes(c, set)
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = plan.Side{Cluster: c, Machines: nodes, Kubeconfig: control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin])}
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
		what  string
		anew  bool
		edits []string
		want  string
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
			"kubernetes:re-image kubem02:etcd-membership:etcd kubem02:switch-off kubem09:etcd-membership:etcd kubem09:boot kubem00:re-image kubem01:re-image"},
		{"upgrade, and a flag", false, []string{"1.36.3", "1.36.9", "masters:", "serviceNodePortRange: 30000-30100\n  masters:"},
			"kubem00:restart:kube-apiserver kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver " +
				"kubem00:restart:kube-controller-manager kubem01:restart:kube-controller-manager kubem02:restart:kube-controller-manager " +
				"kubem00:restart:kube-scheduler kubem01:restart:kube-scheduler kubem02:restart:kube-scheduler"},
		{"nothing", false, nil, ""},
	} {
		p := between(t, standard, plan.Options{Reimage: test.anew}, test.edits...)
		if got := say(p); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.what, got, test.want)
		}
		whole(t, test.what, p)
	}
}

// whole asks of any plan: the shell can read each command, no file is written
// twice, what restarts is looked at, and nothing is null for programs.
func whole(t *testing.T, what string, p plan.Plan) {
	t.Helper()
	var lines []string
	written := map[string]bool{}
	for _, c := range slices.Concat(p.Before, p.After) {
		lines = append(lines, c.Text)
	}
	for _, s := range p.Steps {
		for _, c := range slices.Concat(s.Commands, s.Checks) {
			lines = append(lines, c.Text)
			if c.Host != "" && c.Host != s.Host {
				t.Errorf("%s: a step of %s runs %q on %s", what, s.Host, c.Text, c.Host)
			}
		}
		if slices.Contains([]diff.Action{diff.Restart, diff.Start, diff.Reload, diff.Boot, diff.Reimage}, s.Action) && len(s.Checks) == 0 {
			t.Errorf("%s: nobody looks whether %s %s of %s went well", what, s.Action, s.Unit, s.Host)
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
	if text := p.Text("a", "b", diff.Style{}); p.Possible != strings.Contains(text, "\nAfter\n") && !p.Same {
		t.Errorf("%s: %s", what, text)
	}
}

// TestGoldens plans another domain of services for each of the golden clusters.
func TestGoldens(t *testing.T) {
	cases, err := os.ReadDir("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cases {
		text, err := os.ReadFile("../../testdata/" + e.Name() + "/cluster.yaml")
		if err != nil || e.Name() == "classic" || strings.HasPrefix(e.Name(), "release-") {
			continue // which is one release and no other; which are like standard
		}
		text = []byte(strings.Replace(string(text), "rsa-2048", "ecdsa-p256", 1)) // in less time
		other := []string{"\nspec:\n", "\nspec:\n  clusterDomain: plan.internal\n"}
		if strings.Contains(string(text), "edge-7.internal") {
			other = []string{"edge-7.internal", "plan.internal"}
		}
		old, new := sides(t, string(text), other...)
		for _, anew := range []bool{false, true} {
			p := plan.Of(old, new, plan.Options{Reimage: anew, File: "cluster.yaml"})
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
		{"on the image", "{mode: preinstalled}", "put etcd 3.7.3 at /usr/local/bin/etcd\n     write, as its new document has it: /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched", "{mode: urls, mirror: 'http://10.0.0.1/'}", "write, as its new document has it: /etc/hagen/binaries.sh\n       kubem00# curl -fgL -o /var/lib/hagen/etcd.tar.gz.new 'http://10.0.0.1/github.com/etcd-io/etcd/releases/download/v3.7.3/etcd-v3.7.3-linux-amd64.tar.gz'\n"},
		{"unpacked", "{mode: urls, mirror: 'http://10.0.0.1/'}", "       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched alone", "{mode: urls, mirror: 'http://10.0.0.1/'}", "restart kube-apiserver\n       kubem00# curl -fgL -o /usr/local/bin/kube-apiserver.new 'http://10.0.0.1/"},
		{"an image at hand", "{mode: sysext}", "put hagen-control-plane 1.37.2-etcd-3.7.3 at /var/lib/extensions/hagen-control-plane.raw\n     write, as its new document has it: /etc/hagen/binaries.sh\n       kubem00# systemd-sysext refresh\n       kubem00# systemctl restart etcd.service\n"},
		{"an image, later", "{mode: sysext}", "kubem00: restart kube-apiserver\n       kubem00# systemctl restart kube-apiserver.service\n"},
		{"an image, warned", "{mode: sysext}", "kubem00, kubem01, kubem02: all binaries change at once"},
		{"an image that is fetched", "{mode: sysext, sources: [{name: hagen-control-plane, url: 'http://10.0.0.1/a-1.36.3.raw'}]}", "       kubem00# curl -fgL -o /var/lib/extensions/hagen-control-plane.raw.new 'http://10.0.0.1/a-1.37.2.raw'\n"},
		{"fetched by the machine itself", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00: restart etcd\n     write, as its new document has it: /etc/hagen/binaries.sh\n       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
		{"fetched before, by the machine itself", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00: restart kube-apiserver\n       kubem00# systemctl restart kube-apiserver.service\n"},
		{"fetched together, warned", "{mode: urls, mirror: 'http://10.0.0.1/'}\n  os: debian", "kubem00, kubem01, kubem02: all binaries change at once"},
		{"an image that the machine fetches", "{mode: sysext, haproxy: preinstalled, sources: [{name: hagen-control-plane, url: 'http://10.0.0.1/a-1.36.3.raw'}]}\n  os: debian", "       kubem00# /bin/sh /etc/hagen/binaries.sh\n       kubem00# systemctl restart etcd.service\n"},
	} {
		text := strings.Replace(standard, "\nspec:\n", "\nspec:\n  binaries: "+test.binaries+"\n", 1)
		edits := slices.Repeat([]string{"1.36.3", "1.37.2"}, strings.Count(text, "1.36.3"))
		p := between(t, text, plan.Options{}, edits...)
		whole(t, test.what, p)
		if text := p.Text("old", "new", diff.Style{}); !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in\n%s", test.what, test.want, text)
		}
	}
}

// TestContainer: Podman's generator makes HAProxy's unit of a file, which nobody
// enables. Onto a machine, and off it, it comes by another image, since accounts
// go with it.
func TestContainer(t *testing.T) {
	const (
		image   = "{mode: urls, keepalived: preinstalled, haproxy: container, haproxyImage: 'registry.example.com/haproxy@sha256:3f2c1b0a9e8d7c6b5a4938271605f4e3d2c1b0a99887766554433221100ffeed'}"
		other   = "{mode: urls, keepalived: preinstalled, haproxy: container, haproxyImage: 'registry.example.com/haproxy@sha256:4f2c1b0a9e8d7c6b5a4938271605f4e3d2c1b0a99887766554433221100ffeed'}"
		fetched = "{mode: urls, keepalived: preinstalled, haproxy: urls, sources: [{name: haproxy, url: 'http://10.0.0.1/haproxy.tar.gz'}]}"
		unit    = "/etc/systemd/system/haproxy.service"
		file    = "/etc/containers/systemd/haproxy.container"
	)
	for _, test := range []struct {
		what, from  string
		edits       []string
		write, gone string
		commands    []string
	}{
		{"another image", image, []string{image, other}, file, "", []string{"systemctl daemon-reload", "systemctl restart haproxy.service"}},
		{"into a container", fetched, []string{fetched, image}, file, unit, []string{"systemctl daemon-reload", "systemctl restart haproxy.service"}},
		{"out of one", image, []string{image, fetched}, unit, file, []string{"systemctl daemon-reload", "systemctl restart haproxy.service"}},
	} {
		p := between(t, strings.Replace(standard, "\nspec:\n", "\nspec:\n  binaries: "+test.from+"\n", 1), plan.Options{}, test.edits...)
		whole(t, test.what, p)
		found := false
		for _, s := range p.Steps {
			var commands []string
			for _, c := range s.Commands {
				commands = append(commands, c.Text)
			}
			has := func(names []string, name string) bool { return name == "" || slices.Contains(names, name) }
			found = found || has(s.Write, test.write) && has(s.Remove, test.gone) && strings.HasSuffix(strings.Join(commands, "\n"), strings.Join(test.commands, "\n"))
		}
		if !found {
			t.Errorf("%s: no such step:\n%s", test.what, p.Text("old", "new", diff.Style{}))
		}
	}
	anew := between(t, strings.Replace(standard, "\nspec:\n", "\nspec:\n  binaries: "+image+"\n", 1), plan.Options{Reimage: true}, image, other)
	if text := anew.Text("old", "new", diff.Style{}); !strings.Contains(text, "kubernetes# systemctl is-active haproxy.service") {
		t.Errorf("nobody looks whether HAProxy runs:\n%s", text)
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
		{from: "1.37.2", to: "1.36.3", problems: []string{"Kubernetes goes back from 1.37.2 to 1.36.3", "etcd goes back from 3.7.3 to 3.6.16"}},
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
		for _, v := range p.Via {
			steps = append(steps, v.Kubernetes.String()+" "+v.Etcd.String())
		}
		if got := strings.Join(steps, ", "); got != test.via {
			t.Errorf("%+v: via %s", test, got)
		}
		whole(t, test.from+" to "+test.to, p)
	}
}
