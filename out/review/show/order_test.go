package show

import (
	"slices"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

func TestOrder(t *testing.T) {
	try(t, []trial{
		// Releases.
		{what: "upgrade", edit: []func(*diff.Side){replace("kubem", "/etc/hagen/binaries.sh", "1.37.2", "1.37.3")},
			want: []string{"  ~ /etc/hagen/binaries.sh\n      binary kube-apiserver changed from 1.37.2 to 1.37.3\n", "→ kube-apiserver restarts: to run the new binary", "1. restart kube-apiserver", "2. restart kube-controller-manager", "3. restart kube-scheduler"}, not: []string{"Beware", "restart etcd"}},
		{what: "leap", edit: []func(*diff.Side){replace("kubem", "/etc/hagen/binaries.sh", "kube-apiserver 1.37.2", "kube-apiserver 1.39.0"), replace("kubem", "/etc/hagen/binaries.sh", "etcd 3.7.3", "etcd 3.6.0")},
			want: []string{"kube-apiserver leaps from 1.37.2 to 1.39.0", "etcd goes back from 3.7.3 to 3.6.0"}},
		{what: "other lines of the script", edit: []func(*diff.Side){replace("kubem", "/etc/hagen/binaries.sh", "exit $missing", "exit 0")}, want: []string{"-exit $missing", "→ nothing happens: runs at every boot"}},

		// Members of etcd.
		{what: "a master joins", edit: []func(*diff.Side){join("kubem00", "kubem03"), replace("kubem", facts.EtcdUnit, "kubem02=https://10.10.10.82:2380", "kubem02=https://10.10.10.82:2380,kubem03=https://10.10.10.83:2380")},
			want: []string{"--initial-cluster changed: + kubem03=https://10.10.10.83:2380\n      → etcd membership has to change: a member that has data ignores it", "kubem03\n  + a new master\n      files: 29\n",
				"  1. change etcd membership\n     etcdctl member add kubem03 --peer-urls=https://10.10.10.83:2380 --learner\n", "  2. boot kubem03; go on when its etcd has started, as a learner\n     start its etcd with these flags instead of those in its document:\n     --initial-cluster-state=existing\n",
				"  3. change etcd membership; go on when every member of etcd is healthy and its /readyz answers\n     etcdctl member promote ID-OF-kubem03\n"},
			not: []string{"restart"}},
		{what: "a master joins with a document for that", edit: []func(*diff.Side){join("kubem00", "kubem03"), replace("kubem", facts.EtcdUnit, "kubem02=https://10.10.10.82:2380", "kubem02=https://10.10.10.82:2380,kubem03=https://10.10.10.83:2380"),
			replace("kubem03", facts.EtcdUnit, "cluster-state=new", "cluster-state=existing"), replace("kubem03", facts.EtcdUnit, "kubem00=https://10.10.10.83", "kubem00=https://10.10.10.80")},
			want: []string{"2. boot kubem03"}, not: []string{"does not say", "documents say new"}},
		{what: "a master leaves", edit: []func(*diff.Side){leave("kubem01"), replace("kubem", facts.EtcdUnit, "kubem01=https://10.10.10.81:2380,", "")},
			want: []string{"--initial-cluster changed: - kubem01=https://10.10.10.81:2380", "- a removed master", "etcdctl member remove ID-OF-kubem01", "2. switch off kubem01", "kubem01: is switched off"}},
		{what: "a master moves", edit: []func(*diff.Side){replace("kubem00", facts.EtcdUnit, "10.10.10.80:2380", "10.10.10.90:2380")},
			want: []string{"etcdctl member update ID-OF-kubem00 --peer-urls=https://10.10.10.90:2380", "members do not reach a member that has moved", "restart etcd on kubem00"}},
		{what: "data moves", edit: []func(*diff.Side){replace("kubem00", facts.EtcdUnit, "--data-dir=/var/lib/etcd", "--data-dir=/data")}, want: []string{"it would start without data",
			"  1. change etcd membership\n     etcdctl member remove ID-OF-kubem00\n     etcdctl member add kubem00 --peer-urls=https://10.10.10.80:2380\n  2. restart etcd on kubem00; go on when every member is healthy (etcdctl endpoint health --cluster)\n     start its etcd with these flags instead of those in its document:\n     --initial-cluster-state=existing\n"}},
		{what: "two exchange their addresses", edit: []func(*diff.Side){replace("kubem0", "", "10.10.10.80", "§"), replace("kubem0", "", "10.10.10.81", "10.10.10.80"), replace("kubem0", "", "§", "10.10.10.81")},
			want: []string{"10.10.10.80 moves in a circle: no machine can take it before another gives it up", "update ID-OF-kubem00 --peer-urls=https://10.10.10.81:2380", "its address changes"}},
		{what: "the only master is replaced", golden: "small", edit: []func(*diff.Side){join("m0.edge-7.example.com", "m1"), replace("m1", "", "m0.edge-7.example.com", "m1"), leave("m0.edge-7.example.com")},
			want: []string{"the only member of etcd leaves before another has its data: take a snapshot first", "2. switch off m0.edge-7.example.com\n  3. change etcd membership\n"}},
		{what: "the only master is replaced at another address", golden: "small", edit: []func(*diff.Side){join("m0.edge-7.example.com", "m1"), replace("m1", "", "m0.edge-7.example.com", "m1"), replace("m1", "", "192.0.2.10:2380", "192.0.2.11:2380"), replace("m1", "/etc/hosts", "192.0.2.10", "192.0.2.11"), leave("m0.edge-7.example.com")},
			want: []string{"1. change etcd membership\n     etcdctl member add m1", "2. boot m1", "3. change etcd membership; go on when every member of etcd is healthy and its /readyz answers\n     etcdctl member promote ID-OF-m1", "member remove ID-OF-m0", "5. switch off m0.edge"}, not: []string{"before another has its data"}},
		{what: "token", edit: []func(*diff.Side){replace("kubem", facts.EtcdUnit, "token=etcd-kubernetes", "token=other")}, want: []string{"→ nothing happens: a member that has data ignores it"}, not: []string{"Order"}},
		{what: "a load balancer joins", edit: []func(*diff.Side){join("kubernetes", "lb01")}, want: []string{"1 of 5 machines changes", "+ a new load balancer\n      files: 6\n      units: hagen-binaries.service, hagen-certificates.service, hagen-certificates.timer, haproxy.service\n", "1. boot lb01; go on when it serves"}, not: []string{"Re-imaged"}},

		// Values that others live with.
		{what: "overwrite", edit: []func(*diff.Side){func(s *diff.Side) {
			for i := range s.Machines {
				s.Machines[i].Files = slices.Clone(s.Machines[i].Files)
				for j := range s.Machines[i].Files {
					s.Machines[i].Files[j].Overwrite = false
				}
			}
		}}, want: []string{"an existing file changed from replaced to an error"}},
		{what: "ranges and issuer", edit: []func(*diff.Side){replace("kubem", "", "range=10.32.0.0/16", "range=10.33.0.0/16"), replace("kubem", "", "cluster-cidr=10.38", "cluster-cidr=10.39"), replace("kubem", facts.APIUnit, "issuer=https://kubernetes", "issuer=https://other"), replace("kubem", facts.APIUnit, "secure-port=6443", "secure-port=6444")},
			want: []string{"kubem00, kubem01, kubem02: the pod range 10.39.0.0/16 does not contain the old one, 10.38.0.0/16", "kubem02: the service range 10.33.0.0/16 does not contain the old one, 10.32.0.0/16", "API servers no longer accept tokens of the issuer https://kubernetes.default.svc.cluster.local", "have the API servers' new port"}},
		{what: "names by DNS", edit: []func(*diff.Side){on("k", func(n *node.Node) {
			n.Files = slices.DeleteFunc(n.Files, func(f node.File) bool { return f.Path == "/etc/hosts" })
		})}, want: []string{"- /etc/hosts removed\n      → nothing happens: read at every look-up", "DNS has to resolve kubernetes, which is no longer in /etc/hosts of machines: 10.10.10.2"}, not: []string{"has to be re-imaged", "its address changes"}},
		{what: "another mirror", golden: "urls", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) {
			fileAt(n, "/usr/local/bin/kube-apiserver").Source.URL = "http://10.10.10.9/kube-apiserver"
		})},
			want: []string{"→ nothing happens: fetched only at a first boot, with the same digest"}, not: []string{"Order"}},
		{what: "another mirror, without digests", golden: "urls", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) {
			f := fileAt(n, "/usr/local/bin/kube-apiserver")
			f.Source.URL, f.Source.Hash = "http://10.10.10.9/kube-apiserver", ""
		})}, want: []string{"→ kube-apiserver restarts: to run the new binary"}},
		{what: "another router", golden: "virtual-ip", edit: []func(*diff.Side){replace("lb", "/etc/keepalived/keepalived.conf", "virtual_router_id 60", "virtual_router_id 61")},
			want: []string{"lb00, lb01: the virtual router of 10.10.10.2 gets the ID 61 instead of 60: until all"}},
		{what: "a larger pod range", edit: []func(*diff.Side){replace("kubem", "", "cluster-cidr=10.38.0.0/16", "cluster-cidr=10.38.0.0/15")}, not: []string{"Beware"}},
		{what: "ranges of other masters", edit: []func(*diff.Side){on("kubem", func(n *node.Node) { n.Name = "other" + n.Name }), replace("otherkubem", "", "cluster-cidr=10.38", "cluster-cidr=10.39")}, want: []string{"\n  the pod range 10.39.0.0/16 does not contain"}},
		{what: "the only master", golden: "small", edit: []func(*diff.Side){replace("m0", facts.EtcdUnit, "election-timeout=1000", "election-timeout=2000"), replace("m0", facts.APIUnit, "--v=2", "--v=3")},
			want: []string{"m0.edge-7.example.com: the only member of etcd", "the only API server"}},
	})
}
