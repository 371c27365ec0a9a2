package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hagen/gen/spec"
	"hagen/profiles"
)

// Keys as ssh-keygen(1) writes them; those of tokens by hand.
const (
	rsaKey     = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC92+O+D02c8/hQfZoUdFksbgOv7XyNlGsREQKUADuerQ+RRnWl16SEplFsK+FUSOwJvh9OoDNbHtCPuynEhJvLdW6JmokKuBh9WLuAWuazfEyCsTOSXlIg8taknqN0QYzyGB8Iuq6frMP0gylMGPTNliwFAbVVjgFiv7jy2utOEQ=="
	ecdsaKey   = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBK+6JpB4h5kGqYdR5a/x/JOazdyGg2cUcZPKU2DZyxTPIv5ldxxl+GZgWA6p/uWIbvbpRTUeA6oxk4/mJUfhZN4= a comment of words"
	p384Key    = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBHcCSIeOcwfI251IKn301VWGW2OdRBhFn2BdD7qs+ugqHQqoGnSVy9D355htwlvn0SfTE7AumdX9HsFZhMPCgREuW2NqBcW2GxRM/ltwrA9RxBR7ktbxQRw8YbfP7hv0DQ=="
	p521Key    = "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACkCtfhT/THyjL6NvjTgnFoITmX2Y/rMNp0ZNn8zkbVM6dejNOMFpq7RQ5S6fdBeL4q8T5qZgEv5oRLTNg8o0hhPQFzWkYvavCnLsaW5iYBfSHtdlOWMAYhI8DDLrr1efRUFwWaRiSmRLzhvfDBdwi0pVQOENL2ao9A59cJUO9ohC5Mpg=="
	skKey      = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICLYG6Dg32V34FxacfVoVymNWLxjAJ8zvfCcpuZHcmgQAAAABHNzaDo="
	skECDSAKey = "sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBK+6JpB4h5kGqYdR5a/x/JOazdyGg2cUcZPKU2DZyxTPIv5ldxxl+GZgWA6p/uWIbvbpRTUeA6oxk4/mJUfhZN4AAAAEc3NoOg=="
)

// TestWarnings: what works but is said.
func TestWarnings(t *testing.T) {
	masters := least[strings.Index(least, "    - {name: kubem00"):strings.Index(least, "  loadBalancers")]
	balancers := least[strings.Index(least, "  loadBalancers"):]
	one := strings.SplitAfter(masters, "\n")[0]
	newerPatch := func(v profiles.Version) string {
		v.Patch++
		return v.String()
	}
	releases := profiles.ReleasesOf(profiles.Standard)
	patched := releases[slices.IndexFunc(releases, func(r profiles.Release) bool { return r.Proven.Patch > 0 })]
	known := ""
	for _, r := range releases {
		known += ", " + r.Minor
	}
	known = strings.TrimPrefix(known, ", ")
	nine := ""
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		nine += "    - {name: m" + n + ", addresses: [10.10.10.8" + n + "]}\n"
	}
	for _, test := range []struct {
		what, text string
		warnings   []string
	}{
		{"classic", changed(t, "spec:\n", "spec:\n  profile: classic\n"), []string{
			"note: 6:12: spec.profile: one authority signs everything: every client certificate of this cluster is also valid for etcd"}},
		{"issuers", also("serviceAccountIssuer: [https://tokens.example.com, https://kubernetes.default.svc.cluster.local/.well-known/openid-configuration]"), nil},
		{"an issuer's document", also("serviceAccountIssuer: https://tokens.example.com/a/.well-known/openid-configuration"), []string{
			`15:25: spec.serviceAccountIssuer: "https://tokens.example.com/a/.well-known/openid-configuration" is a document that clients look up below the issuer's URL: they compare that URL with the issuer of a token, and refuse this one; write https://tokens.example.com/a`}},
		{"an issuer's keys", also("serviceAccountIssuer: [https://tokens.example.com/openid/v1/jwks/]"), []string{
			`15:26: spec.serviceAccountIssuer[0]: "https://tokens.example.com/openid/v1/jwks/" is a document that clients look up below the issuer's URL: they compare that URL with the issuer of a token, and refuse this one; write https://tokens.example.com`}},
		{"newer patch", also("kubernetesVersion: " + newerPatch(newest.Proven)), []string{
			fmt.Sprintf("note: 15:22: spec.kubernetesVersion: Kubernetes %s is newer than %s, with which hagen was tested", newerPatch(newest.Proven), newest.Proven)}},
		{"older patch", also("kubernetesVersion: " + patched.Minor + ".0"), []string{
			fmt.Sprintf("15:22: spec.kubernetesVersion: Kubernetes %s.0 is older than %s, with which hagen was tested; use the newer one for its fixes", patched.Minor, patched.Proven)}},
		{"etcd patch", also("etcdVersion: " + newerPatch(newest.Etcd)), []string{
			fmt.Sprintf("note: 15:16: spec.etcdVersion: etcd %s is newer than %s, with which hagen was tested", newerPatch(newest.Etcd), newest.Etcd)}},
		{"unproven", also("kubernetesVersion: 1.99.0", "etcdVersion: 4.0.0", "allowUnproven: true"), []string{
			fmt.Sprintf("note: 15:22: spec.kubernetesVersion: profile standard has not been tested with Kubernetes 1.99, only with %s; the flags of %s are used, unproven", known, newest.Minor),
			fmt.Sprintf("note: 16:16: spec.etcdVersion: etcd 4.0 does not belong with Kubernetes %s, which uses etcd %s; the flags of %[2]s are used, unproven", newest.Minor, newest.Etcd.Line())}},
		{"nothing to fetch", also("binaries: {mode: preinstalled, mirror: 'http://10.10.10.1/'}"), []string{
			"15:42: spec.binaries.mirror: no machine fetches anything; remove it, or write mode: urls"}},
		{"an image that nobody runs", also("binaries: {mode: sysext, haproxyImage: docker.io/library/haproxy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}"), []string{
			"15:42: spec.binaries.haproxyImage: no machine runs HAProxy in a container; remove it, or write haproxy: container"}},
		{"a mirror on a machine of the cluster", also("binaries: {mirror: 'http://kubem01/', haproxy: preinstalled}"), []string{
			"15:22: spec.binaries.mirror: kubem01 is kubem01, which has no binaries until it has fetched them from there; serve them from a machine outside of the cluster"}},
		{"one master", changed(t, masters, one), []string{
			"10:5: spec.masters: one master: when it is down there is no control plane; three survive the loss of one"}},
		{"one master alone", changed(t, masters, one, balancers, "", "kubernetes:6443", "kubem00:6443"), []string{
			"10:5: spec.masters: one master: when it is down there is no control plane; three survive the loss of one"}},
		{"two masters", changed(t, masters, masters[:2*len(one)], "  masters", "  allowEvenMasters: true\n  masters"), []string{
			"note: 11:5: spec.masters: 2 masters survive no loss, the same as 1"}},
		{"four masters", changed(t, masters, nine[:4*43], "  masters", "  allowEvenMasters: true\n  masters"), []string{
			"note: 11:5: spec.masters: 4 masters survive the loss of 1, the same as 3"}},
		{"three masters with leave for even", also("allowEvenMasters: true"), []string{
			"15:21: spec.allowEvenMasters: there are 3 masters, an odd number; remove the line"}},
		{"nine masters", changed(t, masters, nine), []string{
			"10:5: spec.masters: 9 masters: every write waits for 5 of them; etcd recommends at most 7"}},
		{"external endpoint", changed(t, "kubernetes:6443", "api.example.com:443", balancers, ""), []string{
			"note: 6:13: spec.endpoint: api.example.com is not a machine of the cluster: your DNS must know the name, and something must answer there on port 443"}},
		{"a translated endpoint", changed(t, "kubernetes:6443", "203.0.113.7:6443") + "  loadBalancer: {publicIP: 203.0.113.7}\n", []string{
			"note: 6:13: spec.endpoint: no machine has the address 203.0.113.7: clients in the machines' own network, such as kubelets, reach it only if your network translates their connections, too"}},
		{"a name for a translated address", changed(t, "kubernetes:6443", "api.example.com:6443") + "  loadBalancer: {publicIP: 203.0.113.7}\n", []string{
			"note: 6:13: spec.endpoint: api.example.com is not a machine of the cluster: your DNS must give it the address 203.0.113.7"}},
		{"external endpoint that DNS knows", changed(t, "kubernetes:6443", "api.example.com:443", balancers, "") + "  dns: external\n", nil},
		{"short name of a machine", changed(t, "name: kubernetes, ", "name: kubernetes.example.com, "), []string{
			"note: 6:13: spec.endpoint: kubernetes is not a machine of the cluster: your DNS must give it the address 10.10.10.2; if you mean the machine, write its full name: kubernetes.example.com:6443"}},
		{"endpoint is a master", changed(t, "kubernetes:6443", "kubem01:6443", balancers, ""), []string{
			"6:13: spec.endpoint: the endpoint is one master: when kubem01 is down clients do not reach the others; add a load balancer, or write loadBalancer.mode: colocated"}},
		{"endpoint beside the load balancer", changed(t, "kubernetes:6443", "10.10.10.81:6443"), []string{
			"6:13: spec.endpoint: the endpoint is one master: when kubem01 is down clients do not reach the others; write kubernetes:6443, the load balancer"}},
		{"one of two load balancers", least + "    - {name: lb1, addresses: [10.10.10.3]}\n", []string{
			"6:13: spec.endpoint: the endpoint is one of 2 load balancers: when kubernetes is down clients do not find the others; write a DNS name of all of them, or add loadBalancer.virtualIP"}},
		{"names in the cluster's domain", changed(t, "kubem01,", "kubem01.cluster.local,", "kubernetes:6443", "api.cluster.local:6443"), []string{
			"11:14: spec.masters[1].name: kubem01.cluster.local is in the cluster's domain cluster.local, so pods cannot look it up; write another clusterDomain, or another name",
			"6:13: spec.endpoint: api.cluster.local is in the cluster's domain cluster.local, so pods cannot look it up; write another clusterDomain, or another name",
			"note: 6:13: spec.endpoint: api.cluster.local is not a machine of the cluster: your DNS must give it the address 10.10.10.2"}},
		{"public range", changed(t, "10.32.0.0/16", "172.32.0.0/16"), []string{
			"note: 7:18: spec.serviceCIDRs[0]: 172.32.0.0/16 is public: pods cannot reach the Internet hosts with these addresses; unless they are yours, write a private range, for example 10.32.0.0/16"}},
		{"range that is private in part", changed(t, "10.38.0.0/16", "172.0.0.0/8"), []string{
			"note: 8:14: spec.podCIDRs[0]: 172.0.0.0/8 is public: pods cannot reach the Internet hosts with these addresses; unless they are yours, write a private range, for example 10.38.0.0/16"}},
		{"pods of one node", changed(t, "10.38.0.0/16", "10.38.0.0/24"), []string{
			"8:14: spec.podCIDRs[0]: 10.38.0.0/24 has room for the pods of one node: every node takes a /24; write a /23 or larger"}},
		{"node ports among outgoing ones", also("serviceNodePortRange: 30000-40000"), []string{
			"15:25: spec.serviceNodePortRange: 30000-40000 overlaps the ports 32768-60999 that Linux uses for outgoing connections; set net.ipv4.ip_local_port_range on workers, or write for example 30000-32767"}},
		{"high ports", changed(t, "kubernetes:6443", "kubernetes:50443", "  masters", "  apiServer: {port: 40443}\n  masters"), []string{
			"9:21: spec.apiServer.port: Linux may give port 40443 to an outgoing connection before the daemon starts; write one below 32768",
			"6:13: spec.endpoint: Linux may give port 50443 to an outgoing connection before the daemon starts; write one below 32768"}},
		{"timeouts of nobody", changed(t, balancers, "  loadBalancer: {timeouts: {check: 1s}}\n", "kubernetes:6443", "api.example.com:6443"), []string{
			"13:28: spec.loadBalancer.timeouts: hagen makes no load balancer for this cluster, so it has no effect; remove it",
			"note: 6:13: spec.endpoint: api.example.com is not a machine of the cluster: your DNS must know the name, and something must answer there on port 6443"}},
		{"statistics of nobody", changed(t, balancers, "  loadBalancer: {mode: external, statsPort: 9000, metrics: true, maxConnections: 500}\n", "kubernetes:6443", "192.0.2.1:443"), []string{
			"13:45: spec.loadBalancer.statsPort: hagen makes no load balancer for this cluster, so it has no effect; remove it",
			"13:60: spec.loadBalancer.metrics: hagen makes no load balancer for this cluster, so it has no effect; remove it",
			"13:82: spec.loadBalancer.maxConnections: hagen makes no load balancer for this cluster, so it has no effect; remove it"}},
		{"one load balancer beside a virtual IP", changed(t, balancers, balancers+"    - {name: lb1, addresses: [10.10.10.3]}\n  loadBalancer: {virtualIP: 10.10.10.9}\n"), []string{
			"6:13: spec.endpoint: the endpoint is one of 2 load balancers, so clients do not use the virtual IP: when kubernetes is down they do not find the others; write 10.10.10.9:6443, or a name for it"}},
		{"name of a virtual IP", changed(t, balancers, "  loadBalancer: {mode: colocated, virtualIP: 10.10.10.9}\n", "kubernetes:6443", "api.example.com:6443"), []string{
			"note: 6:13: spec.endpoint: api.example.com is not a machine of the cluster: your DNS must give it the address 10.10.10.9"}},
		{"one colocated master", changed(t, balancers, "  loadBalancer: {mode: colocated}\n", "kubernetes:6443", "kubem01:6443"), []string{
			"6:13: spec.endpoint: the endpoint is one of 3 masters: when kubem01 is down clients do not find the others; write a DNS name of all of them, or add loadBalancer.virtualIP"}},
		{"name of all colocated masters", changed(t, balancers, "  loadBalancer: {mode: colocated}\n", "kubernetes:6443", "api.example.com:6443"), []string{
			"note: 6:13: spec.endpoint: api.example.com is not a machine of the cluster: your DNS must give it the addresses 10.10.10.80, 10.10.10.81 and 10.10.10.82"}},
		{"a virtual IP of another network", changed(t, balancers, "  loadBalancer: {mode: colocated, virtualIP: 10.10.99.9}\n", "kubernetes:6443", "10.10.99.9:6443"), []string{
			"13:46: spec.loadBalancer.virtualIP: 10.10.99.9 seems to be on another network than kubem00, kubem01, kubem02: a virtual IP moves only within one network; unless the network is larger than a /24, write an address of the machines' network"}},
		{"times that find nothing out", changed(t, balancers, balancers+"  loadBalancer: {timeouts: {check: 1h, connect: 10ms}}\n"), []string{
			"15:36: spec.loadBalancer.timeouts.check: a timeout of 1h for checks: a check needs a TLS handshake and an answer from etcd, and a hung API server gets clients until two checks fail; write 200ms to 10s, for example 1500ms",
			"15:49: spec.loadBalancer.timeouts.connect: a timeout of 10ms for connections: clients wait that long for a dead machine before HAProxy tries another, and a busy machine needs some time; write 100ms to 10s, for example 1s"}},
		{"no gateway", changed(t, "[10.10.10.80]", "[10.10.10.80/24], interface: ens3", "[10.10.10.81]", "[10.10.10.81/24], interface: ens3"), []string{
			"10:14: spec.masters[0].name: no gateway for kubem00, kubem01: without one, a machine reaches nothing outside of its own networks; add gateway, or write gateway: [] where that is intended"}},
		{"a network that holds pods", changed(t, "[10.10.10.80]", "[10.10.10.80/8], interface: ens3, gateway: []", "[10.10.10.81]", "[10.10.10.81/8], interface: ens3, gateway: []"), []string{
			"10:7: spec.masters[0]: 10.0.0.0/8, the network of kubem00, kubem01, overlaps 10.32.0.0/16, 10.38.0.0/16, a range of services or pods; write the network's own prefix length, or another range"}},
		{"cards that nothing identifies", changed(t, "[10.10.10.80]", "[10.10.10.80], mac: '52:54:00:89:d8:10', os: debian, interfaces: [{interface: ens4, addresses: [192.0.2.80/24]}]",
			"[10.10.10.81]", "[10.10.10.81], os: ubuntu, interfaces: [{interface: ens4, addresses: [192.0.2.81/24]}]", "[10.10.10.82]", "[10.10.10.82], os: rhel, interfaces: [{interface: ens4, addresses: [192.0.2.82/24]}]"), []string{
			"note: 11:35: spec.masters[1].addresses[0]: nothing identifies this card of kubem01, kubem02, and network-config has to list all cards or none: there is none, the image sets up the network, and static addresses come in cloud-init's last stage; if you know its MAC address, write mac beside this address"}},
		{"no kernel argument", changed(t, "[10.10.10.80]", "[10.10.10.80/24], mac: '52:54:00:89:d8:10', os: flatcar, gateway: []",
			"[10.10.10.82]", "[10.10.10.82/24], mac: '52:54:00:89:d8:12', os: flatcar, gateway: []"), []string{
			"10:7: spec.masters[0]: Flatcar Container Linux has no kernel argument that names an interface by its MAC address: kubem00, kubem02 cannot fetch a document over this interface; write interface beside mac, or give the machine its document without a network"}},
		{"networks of two sizes", changed(t, "[10.10.10.80]", "[10.10.10.80/24], interface: ens3, gateway: []", "[10.10.10.81]", "[10.10.10.81/25], interface: ens3, gateway: []",
			"[10.10.10.82]", "[10.10.10.82/26], interface: ens3, gateway: []"), []string{
			"11:7: spec.masters[1]: 10.10.10.81/25 and 10.10.10.80/24 (line 10) have different prefix lengths in one network; write the same prefix length for all machines of a network",
			"12:7: spec.masters[2]: 10.10.10.82/26 and 10.10.10.80/24 (line 10) have different prefix lengths in one network; write the same prefix length for all machines of a network"}},
		{"a network of nobody", also("network: {gateway: 10.10.10.1, nameservers: [10.10.10.53], ntp: [10.10.10.1]}"), []string{
			"15:22: spec.network.gateway: no machine has a static address, so it has no effect; write addresses with their prefix lengths, or remove it",
			"15:47: spec.network.nameservers: no machine has a static address, so it has no effect; write addresses with their prefix lengths, or remove it"}},
		{"a disk erased that may be etcd's", also("etcd: {disk: /dev/disk/by-id/virtio-etcd}", "disks: {masters: [{device: /dev/disk/by-id/wwn-0x5000c500a0b1c2d3, wipeTable: true, partitions: [{label: scratch}]}]}"), []string{
			"16:21: spec.disks.masters[0]: /dev/disk/by-id/wwn-0x5000c500a0b1c2d3 is erased, and may be the same disk as etcd's, /dev/disk/by-id/virtio-etcd; make sure that they differ; names of one kind show it, such as two below /dev/disk/by-id that begin with wwn-"}},
		{"a partition erased that may be etcd's", also("etcd: {disk: /dev/disk/by-partlabel/etcd}", "disks: {masters: [{device: /dev/disk/by-id/virtio-a, partitions: [{label: scratch, wipePartitionEntry: true}]}]}"), []string{
			"16:21: spec.disks.masters[0]: /dev/disk/by-id/virtio-a is erased, and may be the same disk as etcd's, /dev/disk/by-partlabel/etcd; make sure that they differ; names of one kind show it, such as two below /dev/disk/by-id that begin with wwn-"}},
		{"a filesystem erased that may be etcd's", also("etcd: {disk: etcd}", "disks: {masters: [{device: /dev/disk/by-id/virtio-a, partitions: [{label: etcd}]}, {device: /dev/disk/by-partuuid/0d6b6d3c-02, filesystem: {format: xfs, wipeFilesystem: true}}]}"), []string{
			"16:142: spec.disks.masters[1].filesystem: /dev/disk/by-partuuid/0d6b6d3c-02 is erased, and may be the same disk as etcd's, /dev/disk/by-partlabel/etcd; make sure that they differ; names of one kind show it, such as two below /dev/disk/by-id that begin with wwn-"}},
		{"disks erased that are not etcd's", also("etcd: {disk: etcd}", `disks:
    masters:
      - device: /dev/disk/by-id/virtio-a
        partitions: [{label: etcd, sizeMiB: 100}, {label: rest, wipePartitionEntry: true, filesystem: {format: xfs, wipeFilesystem: true}}]
      - {device: /dev/disk/by-id/virtio-b, wipeTable: true, partitions: [{label: b, filesystem: {format: xfs, wipeFilesystem: true}}]}
      - {device: /dev/disk/by-id/virtio-c, filesystem: {format: xfs, wipeFilesystem: true}}
      - {device: /dev/disk/by-partlabel/scratch, filesystem: {format: xfs, wipeFilesystem: true}}`), nil},
		{"high port of statistics", changed(t, balancers, balancers+"  loadBalancer: {statsPort: 40001}\n"), []string{
			"15:29: spec.loadBalancer.statsPort: Linux may give port 40001 to an outgoing connection before the daemon starts; write one below 32768"}},
	} {
		t.Run(test.what, func(t *testing.T) {
			c, source := read(t, test.text)
			var got []string
			add := func(kind string, f spec.Fault) {
				text := source.Explain(f)
				line, _, _ := strings.Cut(strings.TrimPrefix(text, "cluster.yaml:"), "\n")
				if f.Remedy != "" {
					line += "; " + f.Remedy
				}
				got = append(got, kind+line)
			}
			for _, w := range c.Warnings {
				add("", w)
				if w.Remedy == "" {
					t.Errorf("nothing ends the warning %s: it is a note", w.Problem)
				}
			}
			for _, n := range c.Notes {
				add("note: ", n)
			}
			if !slices.Equal(got, test.warnings) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.warnings, "\n"))
			}
		})
	}
}
