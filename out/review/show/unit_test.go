package show

import (
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

func TestUnits(t *testing.T) {
	try(t, []trial{
		{what: "nothing", want: []string{"cluster c: nothing changes (old → new)"}, not: []string{"Applied", "\n\n"}},

		// Flags by name.
		{what: "flag changed", edit: []func(*diff.Side){replace("kubem", facts.APIUnit, "goaway-chance=0.001", "goaway-chance=0.01")},
			want: []string{"3 of 4 machines change", masters + "  ~ kube-apiserver.service\n      --goaway-chance changed from 0.001 to 0.01\n      → kube-apiserver restarts: its unit has changed\n",
				"\nOrder\n  1. restart kube-apiserver on kubem00, kubem01, kubem02, one at a time: the next when its /readyz answers\n"}},
		{what: "flag added on one host", edit: []func(*diff.Side){replace("kubem01", "kube-scheduler.service", "--v=2", "--v=2 \\\n  --leader-elect-renew-deadline=5s")},
			want: []string{"1 of 4 machines changes", "\nkubem01\n", "--leader-elect-renew-deadline added: 5s", "1. restart kube-scheduler on kubem01; go on when its /healthz answers, and a leader stays; meanwhile another one leads"}},
		{what: "flag removed", edit: []func(*diff.Side){replace("kubem", "kube-controller-manager.service", " \\\n  --profiling=false", "")},
			want: []string{"--profiling removed: false", "restart kube-controller-manager on"}},
		{what: "flag with a space, long list", golden: "classic", edit: []func(*diff.Side){replace("kubem00", facts.APIUnit, "LimitRanger,", "LimitRanger,NodeRestriction,")},
			want: []string{"--admission-control changed: + NodeRestriction\n"}},
		{what: "two etcd flags", edit: []func(*diff.Side){replace("kubem", facts.EtcdUnit, "election-timeout=1000", "election-timeout=2000")},
			want: []string{"restart etcd on kubem00, kubem01, kubem02, one at a time: the next when every member is healthy again"}},
		{what: "order of units", edit: []func(*diff.Side){replace("kubem", "", "RestartSec=2", "RestartSec=3"), replace("kubem", "", "LimitNOFILE=65536", "LimitNOFILE=70000"), replace("kubernetes", "haproxy.service", "PrivateTmp=yes", "PrivateTmp=no")},
			want: []string{"RestartSec changed from 2 to 3", "1. restart etcd on", "2. restart kube-apiserver on", "3. restart kube-controller-manager on", "4. restart kube-scheduler on", "5. restart haproxy on kubernetes; go on",
				"kubernetes: the only load balancer"}},
		{what: "settings of the manager", edit: []func(*diff.Side){replace("kubem", facts.EtcdUnit, "RestartSec=2", "RestartSec=3")},
			want: []string{"→ nothing happens: systemctl daemon-reload is enough"}, not: []string{"Order"}},
		{what: "description and comment", open: []string{facts.EtcdUnit, facts.APIUnit}, edit: []func(*diff.Side){replace("kubem", facts.EtcdUnit, "Description=etcd", "Description=the store"), replace("kubem", facts.APIUnit, "[Service]", "# here\n[Service]")},
			want: []string{"Description changed from etcd to the store", "the text changed from its comments or order"}, not: []string{"Order"}},
		{what: "lines that are not hagen's", edit: []func(*diff.Side){replace("kubem", facts.EtcdUnit, "Description=etcd", "Description=the store"), replace("kubem00", facts.APIUnit, "--v=2", "--token=MAGIC")},
			want: []string{"etcd.service\n      Description removed: etcd\n      not shown added: 1 line that is not hagen's, SHA-256 ", "kube-apiserver.service\n      --v removed: 2\n      not shown added: 1 line"}, not: []string{"store", "token", "MAGIC"}},
		{what: "another place of binaries", edit: []func(*diff.Side){replace("kubem", "kube-scheduler.service", "/usr/local/bin", "/opt/bin")},
			want: []string{"ExecStart changed from /usr/local/bin/kube-scheduler to /opt/bin/kube-scheduler"}},
		{what: "unit added, removed, disabled", open: []string{"extra.service"}, edit: []func(*diff.Side){
			on("kubem00", func(n *node.Node) {
				n.Units = append(n.Units, node.Unit{Name: "extra.service", Contents: "[Service]\nExecStart=/bin/extra\n", Enabled: true})
			}),
			on("kubem01", func(n *node.Node) { n.Units[5].Enabled = false }),
			on("kubem02", func(n *node.Node) { n.Units = n.Units[:6] })},
			want: []string{"+ extra.service added\n", "+ExecStart=/bin/extra", "→ extra starts: a new unit", "enabled changed from true to false", "→ kube-controller-manager stops: the unit is no longer enabled",
				"- kube-scheduler.service removed\n", "→ kube-scheduler stops: the unit is removed", "stop kube-controller-manager on kubem01", "start extra on kubem00"}},
	})
}
