package plan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/plan"
)

const (
	fiveMasters = "    - {name: kubem02, addresses: [10.10.10.82]}\n    - {name: kubem03, addresses: [10.10.10.83]}\n    - {name: kubem04, addresses: [10.10.10.84]}\n"
	oneBalancer = "    - {name: kubernetes, addresses: [10.10.10.2]}\n"
	balancers   = "    - {name: lb0, addresses: [10.10.10.3]}\n    - {name: lb1, addresses: [10.10.10.4]}\n"
	loginsOfAll = "users: [{name: ada, sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhyBTJ9ybj8Qv3gQFFNpMDZCB7e6xuMQ2NqjOSKGOQZ]}]\n  masters:"
)

// TestWithout: what is refused while machines are off, and what the plan says otherwise.
func TestWithout(t *testing.T) {
	ports := []string{"masters:", "serviceNodePortRange: 30000-30100\n  masters:"}
	five := strings.Replace(standard, "    - {name: kubem02, addresses: [10.10.10.82]}\n", fiveMasters, 1)
	pair := strings.Replace(standard, oneBalancer, balancers+"  loadBalancer: {virtualIP: 10.10.10.2}\n", 1)
	for _, test := range []struct {
		what, text string
		without    string
		edits      []string
		want       string // what is refused, or the steps
	}{
		{"one of three", standard, "kubem01", ports, "kubem00:restart:kube-apiserver kubem02:restart:kube-apiserver"},
		{"two of three", standard, "kubem01 kubem02", ports, "refused: masters: without kubem01, kubem02, 1 of 3 masters stay: no majority"},
		{"two of five", five, "kubem00 kubem03", ports, "kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver kubem04:restart:kube-apiserver"},
		{"three of five", five, "kubem00 kubem03 kubem04", ports, "refused: masters: without kubem00, kubem03, kubem04, 2 of 5 masters stay"},
		{"the only master", strings.NewReplacer("    - {name: kubem01, addresses: [10.10.10.81]}\n", "", "    - {name: kubem02, addresses: [10.10.10.82]}\n", "").Replace(standard), "kubem00", ports, "refused: masters: without kubem00, 0 of 1 masters stay"},
		{"the only load balancer", standard, "kubernetes", ports, "refused: loadBalancers: without kubernetes, no load balancer stays"},
		{"one of a pair", pair, "lb0", ports, "kubem00:restart:kube-apiserver kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver"},
		{"a pair", pair, "lb0 lb1", ports, "refused: loadBalancers: without lb0, lb1, no load balancer stays"},
		{"one of each", pair, "kubem00 lb1", ports, "kubem01:restart:kube-apiserver kubem02:restart:kube-apiserver"},
		{"it joins", pair, "lb2", []string{balancers, balancers + "    - {name: lb2, addresses: [10.10.10.5]}\n"}, "refused: loadBalancers[2].name: lb2 joins with this change, and is left out of it"},
		{"it has another address", standard, "kubem01", []string{"10.10.10.81", "10.10.10.91"}, "refused: masters[1].addresses: kubem01 gets another address with this change, and is left out of it"},
		{"it is renamed", standard, "kubem01", []string{"name: kubem01", "name: kubem09"}, "refused: masters[1].name: etcd's members change (kubem09) while kubem01 is off, and out of etcd"},
		{"others join", standard, "kubem01", []string{"    - {name: kubem02, addresses: [10.10.10.82]}\n", fiveMasters}, "refused: masters[3].name: etcd's members change (kubem03) while kubem01 is off"},
		{"another one moves", standard, "kubem01", []string{"10.10.10.80", "10.10.10.90"}, "refused: masters[0].name: etcd's members change (kubem00)"},
		{"a load balancer takes its place", pair, "lb0", []string{"name: lb0, addresses: [10.10.10.3]", "name: lb9, addresses: [10.10.10.9]"},
			"kubem00:nothing kubem01:nothing kubem02:nothing lb1:nothing lb1:reload:keepalived lb9:boot"},
		{"it leaves", five, "kubem03", []string{"    - {name: kubem03, addresses: [10.10.10.83]}\n", "", "masters:", "allowEvenMasters: true\n  masters:"},
			"kubem00:nothing kubem01:nothing kubem02:nothing kubem04:nothing kubernetes:nothing kubernetes:reload:haproxy"},
		{"all are re-imaged", standard, "kubem01", []string{"masters:", loginsOfAll}, "kubem00:re-image kubem02:re-image kubernetes:re-image"},
		{"it alone is re-imaged", standard, "kubem01", []string{"kubem01, addresses: [10.10.10.81]", "kubem01, addresses: [10.10.10.81], os: flatcar"}, "refused: masters[1].name: only kubem01 changes, which would be re-imaged, and is left out"},
		{"nothing changes", standard, "kubem01", nil, ""},
	} {
		p := between(t, test.text, plan.Options{Without: strings.Fields(test.without)}, test.edits...)
		got := say(p)
		if len(p.Refused) > 0 {
			got = "refused: " + p.Refused[0].Field + ": " + p.Refused[0].Problem
		}
		if got != test.want && (len(p.Refused) == 0 || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s:\n got %s\nwant %s", test.what, got, test.want)
		}
		whole(t, test.what, p)
		if p.Possible && !p.Same {
			cautioned(t, test.what, p, `^\[`+strings.Fields(test.without)[0]+`\] is off: no step is for it`)
		}
	}
}

// TestWithoutDocument: a master does not join because a tree lacks its document.
func TestWithoutDocument(t *testing.T) {
	old, next := sides(t, standard, "masters:", "serviceNodePortRange: 30000-30100\n  masters:")
	old.Machines = slices.DeleteFunc(old.Machines, func(n node.Node) bool { return n.Name == "kubem02" })
	tree, err := plan.OfTree(old.Side, "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Of(tree, next, plan.Options{})
	if len(p.Refused) != 1 || !strings.HasPrefix(p.Refused[0].Problem, "OLD has no document of kubem02, although those of other masters name it") {
		t.Errorf("%+v", p.Refused)
	}
	p = plan.Of(tree, next, plan.Options{Without: []string{"kubem02"}})
	if got := say(p); got != "kubem00:restart:kube-apiserver kubem01:restart:kube-apiserver" {
		t.Errorf("%s %+v", got, p.Refused)
	}
	cautioned(t, "no document", p, `^\[kubem02\] is off: no step is for it`)
}

// TestWithoutGaps: the plan says how long nobody can write when etcd has two members left, and only
// then.
func TestWithoutGaps(t *testing.T) {
	for _, test := range []struct {
		what, text string
		options    plan.Options
		edits      []string
		gap        bool
	}{
		{"etcd restarts", standard, plan.Options{}, []string{"1.36.3", "1.37.2"}, true},
		{"masters are re-imaged", standard, plan.Options{Reimage: true}, []string{"1.36.3", "1.36.9"}, true},
		{"API servers restart", standard, plan.Options{}, []string{"masters:", "serviceNodePortRange: 30000-30100\n  masters:"}, false},
		{"four of five", strings.Replace(standard, "    - {name: kubem02, addresses: [10.10.10.82]}\n", fiveMasters, 1), plan.Options{}, []string{"1.36.3", "1.37.2"}, false},
	} {
		test.options.Without = []string{"kubem01"}
		p := between(t, test.text, test.options, test.edits...)
		says := slices.ContainsFunc(p.Cautions, func(c order.Caution) bool {
			return strings.HasPrefix(c.Text, "etcd has only two members without kubem01, and needs both: nobody can write from when one restarts until it answers again")
		})
		if says != test.gap {
			t.Errorf("%s: %v %+v", test.what, says, p.Cautions)
		}
		for _, s := range p.Steps {
			if alone := s.Unit == "etcd.service" || s.Document != ""; test.gap && alone && len(s.Ask) > 0 {
				t.Errorf("%s: %s: without one of two members the other answers nothing: %v", test.what, s.Title(), s.Ask)
			}
			if s.Unit == "kube-apiserver.service" && s.Action == diff.Restart && len(s.Ask) != 1 {
				t.Errorf("%s: %s: etcd is not asked: %v", test.what, s.Title(), s.Ask)
			}
		}
	}
}

// TestMembersLeft runs the first check of a plan with what etcdctl prints.
func TestMembersLeft(t *testing.T) {
	p := between(t, standard, plan.Options{Without: []string{"kubem01"}}, "masters:", "serviceNodePortRange: 30000-30100\n  masters:")
	check := p.Prepare[0]
	if check.Asks != plan.MembersLeft || check.Environment[0].Value != "https://10.10.10.80:2379,https://10.10.10.82:2379" {
		t.Fatalf("%+v", check)
	}
	others := "1d05687ee8df7b61, started, kubem00, https://10.10.10.80:2380, https://10.10.10.80:2379, false\nd2d6ce4d2ba01d70, started, kubem02, https://10.10.10.82:2380, https://10.10.10.82:2379, false\n"
	for _, test := range []struct{ what, list, says string }{
		{"it has left", others, ""},
		{"it is listed", others + "8e9e05c52164694d, started, kubem01, https://10.10.10.81:2380, https://10.10.10.81:2379, false\n", "kubem01 is still a member: etcdctl member remove 8e9e05c52164694d\n"},
		{"it was added again", others + "8e9e05c52164694d, unstarted, , https://10.10.10.81:2380, , false\n", "https://10.10.10.81:2380 is still a member: etcdctl member remove 8e9e05c52164694d\n"},
		{"etcd does not answer", "", "exit status 1"},
	} {
		dir := t.TempDir()
		script := "#!/bin/sh\ncat <<'END'\n" + test.list + "END\n"
		if test.list == "" {
			script = "#!/bin/sh\nexit 1\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "etcdctl"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		run := exec.Command("sh", "-c", check.Text)
		run.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := run.Output()
		if got := string(out); (err == nil) != (test.says == "") || got != test.says && err.Error() != test.says {
			t.Errorf("%s: %q %v", test.what, got, err)
		}
	}
}

// TestWithoutNames: nothing but the first check names a machine that is off.
func TestWithoutNames(t *testing.T) {
	pair := strings.Replace(standard, oneBalancer, balancers, 1) // clients find either by DNS
	p := between(t, pair, plan.Options{Without: []string{"lb0", "kubem00"}}, "1.36.3", "1.37.2")
	named := regexp.MustCompile(`kubem00|lb0|10\.10\.10\.(80|3)\b`)
	var all []plan.Command
	for _, c := range slices.Concat(p.Prepare[1:], p.Verify) {
		all = append(all, c.Command)
	}
	for _, s := range p.Steps {
		all = append(all, slices.Concat(s.Commands, s.Checks, s.Ask)...)
	}
	ready := 0
	for _, c := range all {
		if named.MatchString(c.Host + c.Text) {
			t.Errorf("%s# %s", c.Host, c.Text)
		}
		if c.Text == "kubectl --server=https://10.10.10.4:6443 --tls-server-name=kubernetes get --raw=/readyz" {
			ready++
		}
		for _, v := range c.Environment {
			if named.MatchString(v.Value) {
				t.Errorf("%s: %s", c.Text, v.Value)
			}
		}
	}
	for _, v := range p.Environment {
		if named.MatchString(v.Value) {
			t.Errorf("%+v", v)
		}
	}
	if ready < 2 {
		t.Errorf("the load balancer that stays is asked %d times", ready)
	}
	if i := slices.IndexFunc(p.Changes, func(c diff.Change) bool {
		return slices.Contains(c.Hosts, "kubem00") || slices.Contains(c.Hosts, "lb0")
	}); i >= 0 {
		t.Errorf("%+v", p.Changes[i])
	}
}
