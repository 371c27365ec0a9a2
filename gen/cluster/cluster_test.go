package cluster_test

import (
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/pki"
	"hagen/profiles"
)

// least is a cluster file with the required fields alone.
const least = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata:
  name: kubernetes
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

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHDWHHBgOpAvVyqTzUDRFR0Kx1kAXsV3BvZb2KDzRpzP ops@desk"

// read gives the cluster of a text; it must be good.
func read(t *testing.T, text string) (*cluster.Cluster, spec.Source) {
	t.Helper()
	source := spec.Source{Name: "cluster.yaml", Text: []byte(text)}
	file, err := spec.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(spec.Refuse(source, faults))
	}
	return c, source
}

// changed is the least file with some of its text replaced, pair by pair.
func changed(t *testing.T, pairs ...string) string {
	t.Helper()
	text := least
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q to replace", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// also is the least file with lines added to spec.
func also(lines ...string) string { return least + "  " + strings.Join(lines, "\n  ") + "\n" }

// TestDefaults: what counts when a field is not written.
func TestDefaults(t *testing.T) {
	c, _ := read(t, least)
	standard, _ := profiles.FindProfile(profiles.Standard)
	fcos, _ := profiles.FindOS("fcos")
	release := profiles.ReleasesOf(profiles.Standard)[0]
	host := func(name string, role cluster.Role, address, path string, line int) cluster.Host {
		return cluster.Host{Name: name, Role: role, OS: fcos, Delivery: cluster.Delivery{ControlPlane: "preinstalled", HAProxy: "preinstalled", Keepalived: "preinstalled"}, Addresses: []netip.Addr{netip.MustParseAddr(address)},
			At: spec.At{Line: line, Column: 14, Path: path}}
	}
	want := &cluster.Cluster{
		Name: "kubernetes", Profile: standard, Release: release, Kubernetes: release.Proven, Etcd: release.Etcd,
		Endpoint: cluster.Endpoint{
			Host: "kubernetes", Port: 6443, Answered: []netip.Addr{netip.MustParseAddr("10.10.10.2")},
			At: spec.At{Line: 6, Column: 13, Path: "spec.endpoint"},
		},
		Domain: "cluster.local", HostsFile: true,
		Services:  []netip.Prefix{netip.MustParsePrefix("10.32.0.0/16")},
		Pods:      []netip.Prefix{netip.MustParsePrefix("10.38.0.0/16")},
		NodePorts: cluster.PortRange{First: 30000, Last: 32767},
		APIServer: cluster.APIServer{Port: 6443},
		Issuers:   []string{"https://kubernetes.default.svc.cluster.local"},
		Machines: []cluster.Host{
			host("kubem00", cluster.Master, "10.10.10.80", "spec.masters[0].name", 10),
			host("kubem01", cluster.Master, "10.10.10.81", "spec.masters[1].name", 11),
			host("kubem02", cluster.Master, "10.10.10.82", "spec.masters[2].name", 12),
			host("kubernetes", cluster.LoadBalancer, "10.10.10.2", "spec.loadBalancers[0].name", 14),
		},
		Balancing: cluster.Balancing{Mode: cluster.Dedicated, StatsPort: 8404, Metrics: true, MaxConnections: 8000, Timeouts: cluster.Timeouts{Connect: time.Second, Client: time.Minute, Server: time.Minute,
			Tunnel: 24 * time.Hour, Check: 1500 * time.Millisecond}},
		PKI: cluster.PKI{Algorithm: pki.ECDSAP256, Subject: cluster.Subject{CommonName: "kubernetes CA"},
			CAExpiry: 3650 * 24 * time.Hour, Expiry: 365 * 24 * time.Hour, AdminLife: 90 * 24 * time.Hour},
		Binaries: cluster.Binaries{Arch: "amd64", Sources: map[string]string{}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c, want)
	}
}

// TestEverything: every field set to something else than its default.
func TestEverything(t *testing.T) {
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := read(t, string(text))
	everyFieldWritten(t, text)
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"name", c.Name, "edge-7.example"},
		{"profile", c.Profile.Name, "standard"},
		{"Kubernetes", c.Kubernetes.String(), "1.99.7"},
		{"release", c.Release, profiles.ReleasesOf(profiles.Standard)[0]},
		{"etcd", c.Etcd.String(), "4.0.1"},
		{"emulated", c.Emulated, "1.98"},
		{"endpoint", c.Endpoint.Host, "10.20.0.2"},
		{"endpoint address", c.Endpoint.Address, netip.MustParseAddr("10.20.0.2")},
		{"endpoint port", c.Endpoint.Port, uint16(443)},
		{"answered", c.Endpoint.Answered, []netip.Addr{netip.MustParseAddr("10.20.0.2")}},
		{"dialled", c.Endpoint.Dialled(), []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}},
		{"domain", c.Domain, "edge-7.internal"},
		{"hosts file", c.HostsFile, false},
		{"first service", c.FirstServices(), []netip.Addr{netip.MustParseAddr("172.20.0.1")}},
		{"service names", c.ServiceNames()[3], "kubernetes.default.svc.edge-7.internal"},
		{"pods", c.Pods, []netip.Prefix{netip.MustParsePrefix("172.21.0.0/20")}},
		{"node ports", c.NodePorts, cluster.PortRange{First: 31000, Last: 31999}},
		{"issuers", c.Issuers, []string{"https://tokens.example.com/edge-7"}},
		{"API port", c.APIServer.Port, uint16(8443)},
		{"SAN names", c.APIServer.ExtraNames, []string{"api.example.net", "*.apps.example.net"}},
		{"SAN addresses", c.APIServer.ExtraAddresses, []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("192.0.2.8")}},
		{"masters", len(c.Of(cluster.Master)), 2},
		{"default OS", c.Machines[0].OS.Name, "flatcar"},
		{"own OS", c.Machines[1].OS.Name, "fcos"},
		{"interfaces", c.Machines[1].Interfaces, []cluster.Interface{
			{Name: "ens3", MAC: "52:54:00:89:d8:10", Addresses: []netip.Prefix{netip.MustParsePrefix("10.20.0.11/16")},
				Gateways: []netip.Addr{netip.MustParseAddr("10.20.255.254")}, Nameservers: []netip.Addr{netip.MustParseAddr("10.20.0.54")},
				At: spec.At{Line: 26, Column: 7, Path: "spec.masters[1]"}},
			{Name: "ens4", MAC: "52:54:00:89:d8:11", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/28")},
				Nameservers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, At: spec.At{Line: 34, Column: 11, Path: "spec.masters[1].interfaces[0]"}},
		}},
		{"addresses", c.Machines[1].Addresses, []netip.Addr{netip.MustParseAddr("10.20.0.11"), netip.MustParseAddr("192.0.2.11")}},
		{"use", c.Use, cluster.Use{Etcd: netip.MustParsePrefix("10.20.0.0/16"), APIServer: netip.MustParsePrefix("10.20.0.0/16"), HAProxy: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}},
		{"clocks", c.Machines[0].Clocks, []string{"ntp.example.com", "192.0.2.123"}},
		{"own clocks", c.Machines[1].Clocks, []string{"ntp.example.net"}},
		{"hosts", len(c.Hosts()), 4},
		{"full name", c.Machines[0].Name, "m0.edge-7.example.com"},
		{"balancing", c.Balancing, cluster.Balancing{Mode: cluster.Dedicated, VirtualIPs: []netip.Addr{netip.MustParseAddr("10.20.0.4")}, RouterID: 77,
			AddressAt: spec.At{Line: 68, Column: 16, Path: "spec.loadBalancer.virtualIP"},
			RouterAt:  spec.At{Line: 69, Column: 22, Path: "spec.loadBalancer.virtualRouterID"},
			PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")},
			Names:     []string{"kube.example.net", "kube.example.org"}, StatsPort: 9101, MaxConnections: 50000,
			Timeouts: cluster.Timeouts{Connect: 500 * time.Millisecond, Client: 90 * time.Second, Server: 2 * time.Minute, Tunnel: time.Hour, Check: 2 * time.Second}}},
		{"pki", c.PKI, cluster.PKI{Algorithm: pki.RSA3072, CAExpiry: 5 * 365 * 24 * time.Hour, Expiry: 100 * 24 * time.Hour, AdminLife: 36 * time.Hour,
			Subject: cluster.Subject{CommonName: "Edge CA", Organization: "Exämple", OrganizationalUnit: "Edge", Country: "NO", State: "Ost", Locality: "Ås"}}},
		{"snapshots", c.Snapshots, cluster.Snapshots{Every: 30 * time.Minute, Keep: 96, Directory: "/var/backups/etcd"}},
		{"disks of a role", []string{c.Machines[0].Filesystems[0].Device, c.Of(cluster.LoadBalancer)[0].Filesystems[0].Format}, []string{"/dev/disk/by-id/virtio-m", "ext4"}},
		{"etcd's disk", bare(c.Machines[0].Filesystems[1]), cluster.Filesystem{
			Device: "/dev/disk/by-path/pci-0000:00:04.0", Format: "ext4", Label: "etcd", Path: "/var/lib/etcd", Options: []string{"nofail"}}},
		{"a host's disk", []int{len(c.Machines[1].Disks), c.Machines[1].Disks[0].Partitions[0].Number, c.Machines[1].Disks[0].Partitions[0].StartMiB, c.Machines[1].Disks[0].Partitions[1].SizeMiB}, []int{1, 7, 1024, 2048}},
		{"a host's filesystem", bare(c.Machines[1].Filesystems[0]), cluster.Filesystem{
			Device: "/dev/disk/by-partlabel/logs", Format: "btrfs", Label: "logs", Path: "/var/log", Options: []string{"noatime", "subvol=/logs"}, Wipe: true}},
		{"a host's etcd", c.Machines[1].Filesystems[2].Device, "/dev/disk/by-partlabel/etcd"},
		{"mirror", c.Binaries.Mirror, "https://mirror.example.com:8443/hagen"},
		{"arch", c.Binaries.Arch, "arm64"},
		{"sources", c.Binaries.Sources, map[string]string{"etcd": "https://example.com/etcd"}},
		{"delivery", c.Machines[0].Delivery, cluster.Delivery{ControlPlane: "urls", HAProxy: "sysext", Keepalived: "preinstalled"}},
		{"own delivery", c.Machines[1].Delivery.ControlPlane, "preinstalled"},
		{"boot", c.Boot, cluster.Boot{URL: "tftp://10.20.0.99/edge-7", Kernel: "https://example.com/vmlinuz", Initrd: []string{"a/initramfs.img", "b.img"}, Rootfs: "rootfs.img",
			Arguments: []string{"console=tty0", "console=ttyS0,115200n8"}, Platform: profiles.Platform{Name: "openstack", Drive: true}, At: spec.At{Line: 106, Column: 5, Path: "spec.boot"}}},
		{"own disk to install on", []string{c.Machines[0].InstallDisk, c.Machines[1].InstallDisk}, []string{"", "/dev/disk/by-id/nvme-A"}},
		{"boots by", []string{c.Machines[0].MAC, c.Machines[1].MAC}, []string{"", "52:54:00:89:d8:10"}},
		{"user", c.Users[0].Name, "core"},
		{"key", c.Users[0].SSHKeys, []string{key}},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
}

// bare is a filesystem wherever it was written.
func bare(f cluster.Filesystem) cluster.Filesystem {
	f.At = spec.At{}
	return f
}

// everyFieldWritten walks a decoded file for a field that it does not write.
func everyFieldWritten(t *testing.T, text []byte) {
	t.Helper()
	file, err := spec.Parse(spec.Source{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	whole := file.Spec.Masters.Items[1]
	disks := whole.Disks.Items
	disks[0].Filesystem, disks[0].Partitions.Items[0].Filesystem = disks[1].Filesystem, disks[1].Filesystem
	disks[1] = disks[0]
	file.Spec.Masters.Items[0] = whole
	for i := range file.Spec.LoadBalancers.Items {
		file.Spec.LoadBalancers.Items[i] = whole
	}
	file.Spec.Disks.Masters, file.Spec.Disks.LoadBalancers = whole.Disks, whole.Disks
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				walk(v.Index(i), path)
			}
		}
		if v.Kind() != reflect.Struct {
			return
		}
		if at, ok := v.Interface().(spec.At); ok {
			if !at.Written() {
				t.Errorf("%s is not in the file", path)
			}
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	}
	walk(reflect.ValueOf(*file), "")
}

// newest is the release that counts when the file names none.
var newest = profiles.ReleasesOf(profiles.Standard)[0]

// TestGood: what must not be refused, and what it comes to.
func TestGood(t *testing.T) {
	for _, test := range []struct {
		what, text string
		holds      func(*cluster.Cluster) bool
	}{
		{"v-prefix", also("kubernetesVersion: v"+newest.Proven.String(), "etcdVersion: v"+newest.Etcd.String()),
			func(c *cluster.Cluster) bool { return c.Kubernetes == newest.Proven && c.Etcd == newest.Etcd }},
		{"classic", changed(t, "spec:\n", "spec:\n  profile: classic\n"), func(c *cluster.Cluster) bool {
			return c.Kubernetes.String() == "1.9.2" && c.Etcd.String() == "3.2.8" && c.Machines[0].OS.Name == "generic" && c.PKI.Algorithm == pki.RSA2048
		}},
		{"mixed OS", changed(t, "{name: kubem01,", "{name: kubem01, os: flatcar,"), func(c *cluster.Cluster) bool {
			return c.Machines[0].OS.Name == "fcos" && c.Machines[1].OS.Name == "flatcar"
		}},
		{"FQDNs", changed(t, "name: kubem00", "name: kubem00.example.com", "name: kubem01", "name: kubem00.example.net"),
			func(c *cluster.Cluster) bool { return c.Machines[1].Name == "kubem00.example.net" }},
		{"longest names", changed(t, "name: kubem00", "name: "+strings.Repeat("a", 62)+".b", "  name: kubernetes\n", "  name: "+strings.Repeat("c", 49)+"\n"), nil},
		{"digits in names", changed(t, "name: kubem00", "name: 0m"), nil},
		{"domain of one label", also("clusterDomain: cluster"), func(c *cluster.Cluster) bool { return c.ServiceNames()[3] == "kubernetes.default.svc.cluster" }},
		{"port 443 in front", changed(t, "kubernetes:6443", "kubernetes:443"), func(c *cluster.Cluster) bool { return c.Endpoint.Port == 443 }},
		{"smallest ranges", changed(t, "10.32.0.0/16", "10.32.0.0/28", "10.38.0.0/16", "10.38.0.0/23"),
			func(c *cluster.Cluster) bool { return c.FirstServices()[0].String() == "10.32.0.1" }},
		{"largest ranges", changed(t, "10.32.0.0/16", "172.16.0.0/12", "[10.38.0.0/16]", "[10.0.0.0/8]",
			"10.10.10.80", "192.168.0.80", "10.10.10.81", "192.168.0.81", "10.10.10.82", "192.168.0.82", "10.10.10.2", "192.168.0.2"), nil},
		{"odd number with leave", also("allowEvenMasters: false"), nil},
		{"no load balancers and users", also("users: []", "apiServer: {extraSANs: []}"), nil},
		{"keys of every type", also("users:", "  - name: core", "    sshKeys:", "      - "+key, "      - "+rsaKey, "      - "+ecdsaKey, "      - "+p384Key, "      - "+p521Key, "      - "+skKey, "      - "+skECDSAKey),
			func(c *cluster.Cluster) bool { return len(c.Users[0].SSHKeys) == 7 }},
		{"a key without comment", also("users: [{name: root, sshKeys: [" + strings.TrimSuffix(key, " ops@desk") + "]}]"), nil},
		{"one key, two users", also("users: [{name: a, sshKeys: [" + key + "]}, {name: b, sshKeys: [" + key + "]}]"), nil},
		{"references", changed(t, "  serviceCIDRs", "  loadBalancer: {timeouts: {client: &t 2m, server: *t}}\n  serviceCIDRs"),
			func(c *cluster.Cluster) bool { return c.Balancing.Timeouts.Server == 2*time.Minute }},
		{"Windows line ends", strings.ReplaceAll(least, "\n", "\r\n"), nil},
		{"byte order mark", "\uFEFF" + least, nil},
		{"no last line end", strings.TrimSuffix(least, "\n"), nil},
		{"document marks", "---\n" + least + "...\n", nil},
		{"comments in any script", "# 集群 \u00a0 ключ\n" + least + "# end", nil},
		{"JSON", `{"apiVersion":"hagen/v1alpha1","kind":"Cluster","metadata":{"name":"k"},"spec":{"endpoint":"lb:6443","serviceCIDRs":["10.32.0.0/16"],"podCIDRs":["10.38.0.0/16"],"masters":[{"name":"a","addresses":["10.0.0.1"]},{"name":"b","addresses":["10.0.0.2"]},{"name":"c","addresses":["10.0.0.3"]}],"loadBalancers":[{"name":"lb","addresses":["10.0.0.4"]}]}}`, nil},
		{"names for a tunnel", also("apiServer: {extraSANs: [localhost, api.localhost]}"), nil},
		{"issuer with capitals", also("serviceAccountIssuer: https://Tokens.Example.com:8443/A"), nil},
		{"issuer with an IPv6 address", also("serviceAccountIssuer: 'https://[2001:db8::1]'"), nil},
		{"issuer with an address", also("serviceAccountIssuer: https://192.0.2.1:65535"), nil},
		{"longest issuer", also("serviceAccountIssuer: https://a/" + strings.Repeat("b", 1014)), nil},
		{"static addresses", changed(t, "[10.10.10.80]", "[10.10.10.80/24], interface: ens3", "[10.10.10.81]", "[10.10.10.81/24], gateway: 10.10.10.2, nameservers: [192.0.2.53], mac: 5254.0089.D810",
			"  masters:", "  network: {gateway: 10.10.10.1, nameservers: [10.10.10.53, 10.10.11.53]}\n  masters:"), func(c *cluster.Cluster) bool {
			first, second := c.Machines[0].Interfaces[0], c.Machines[1].Interfaces[0]
			return first.Gateways[0].String() == "10.10.10.1" && len(first.Nameservers) == 2 && second.MAC == "52:54:00:89:d8:10" &&
				second.Gateways[0].String() == "10.10.10.2" && len(second.Nameservers) == 1 && len(c.Machines[2].Interfaces) == 0 && len(c.Machines[2].Clocks) == 0
		}},
		{"IPv6 alone", strings.NewReplacer("10.32.0.0/16", "'fd00:32::/108'", "10.38.0.0/16", "'2001:db8:38::/64'", "[10.10.10.80]", "['fd00::80']", "[10.10.10.81]", "['fd00::81']", "[10.10.10.82]", "['fd00::82']",
			"[10.10.10.2]", "['fd00::2/64'], interface: ens3, gateway: 'fe80::1'").Replace(strings.Replace(least, "10.38.0.0/16", "'2001:db8:38::/56'", 1)), func(c *cluster.Cluster) bool {
			return c.Loopbacks()[0].String() == "::1" && len(c.Loopbacks()) == 1 && c.FirstServices()[0].String() == "fd00:32::1" && c.Of(cluster.LoadBalancer)[0].Interfaces[0].Gateways[0].String() == "fe80::1"
		}},
		{"both families, IPv6 first", changed(t, "10.32.0.0/16", "'fd00:32::/112', 10.32.0.0/16", "10.38.0.0/16", "'fd00:38::/48', 10.38.0.0/16", "[10.10.10.80]", "[10.10.10.80, 'fd00::80']", "[10.10.10.81]", "['fd00::81']",
			"[10.10.10.82]", "['fd00::82']", "[10.10.10.2]", "[10.10.10.2, 'fd00::2']"), func(c *cluster.Cluster) bool {
			return c.Machines[0].Address().String() == "fd00::80" && len(c.Loopbacks()) == 2 && len(c.FirstServices()) == 2 && c.Endpoint.Alone() && len(c.Endpoint.Answered) == 2
		}},
		{"services of one family, pods of both", changed(t, "10.38.0.0/16", "10.38.0.0/16, 'fd00:38::/48'"), nil},
		{"endpoint in brackets", changed(t, "kubernetes:6443", "'[fd00:0::2]:6443'", "[10.10.10.2]", "[10.10.10.2, 'fd00::2']"), func(c *cluster.Cluster) bool {
			return c.Endpoint.Host == "fd00::2" && c.Endpoint.Port == 6443
		}},
		{"two addresses", changed(t, "[10.10.10.80]", "[192.0.2.80, 10.10.10.80]", "[10.10.10.81]", "[192.0.2.81, 10.10.10.81]", "[10.10.10.2]", "[192.0.2.2, 10.10.10.2]",
			"  masters:", "  network: {use: {etcd: 10.10.10.0/24, apiServer: 10.0.0.0/8, haproxy: [10.10.0.0/16]}}\n  masters:"), func(c *cluster.Cluster) bool {
			m := c.Machines[0]
			return c.EtcdAddress(m).String() == "10.10.10.80" && c.APIAddress(m).String() == "10.10.10.80" && m.Address().String() == "192.0.2.80" && c.FrontAddresses(c.Of(cluster.LoadBalancer)[0])[0].String() == "10.10.10.2"
		}},
		{"two addresses, and the first one counts", changed(t, "[10.10.10.80]", "[192.0.2.80, 10.10.10.80]"), func(c *cluster.Cluster) bool {
			return c.EtcdAddress(c.Machines[0]).String() == "192.0.2.80" && c.APIAddress(c.Machines[0]).String() == "192.0.2.80"
		}},
		{"a virtual IP of each family", changed(t, "[10.10.10.2]}", "[10.10.10.2, 'fd00::2']}\n    - {name: lb1, addresses: [10.10.10.3, 'fd00::3']}\n  loadBalancer: {virtualIP: [10.10.10.9, 'fd00::9']}", "kubernetes:6443", "'[fd00::9]:6443'"), func(c *cluster.Cluster) bool {
			return len(c.Balancing.VirtualIPs) == 2 && len(c.Endpoint.Answered) == 2
		}},
		{"no gateway, and none meant", changed(t, "[10.10.10.80]", "[10.10.10.80/31], interface: ens3, gateway: []"), func(c *cluster.Cluster) bool {
			return len(c.Machines[0].Interfaces[0].Gateways) == 0
		}},
		{"gateway on the second interface", changed(t, "[10.10.10.80]", "[10.10.10.80], interfaces: [{interface: ens4, addresses: [192.0.2.80/24], gateway: 192.0.2.1}]"), func(c *cluster.Cluster) bool {
			return len(c.Machines[0].Interfaces) == 1 && c.Machines[0].Address().String() == "10.10.10.80"
		}},
		{"MAC address of a machine with DHCP", changed(t, "[10.10.10.80]", "[10.10.10.80], mac: 52:54:00:89:d8:10"), nil},
		{"lifetimes equal", also("pki: {caExpiry: 30d, expiry: 720h, adminExpiry: 30d}"), func(c *cluster.Cluster) bool { return c.PKI.Expiry == c.PKI.CAExpiry }},
		{"common name with umlauts", also("pki: {subject: {commonName: " + strings.Repeat("ü", 52) + "}}"), nil},
		{"a mirror alone", also("binaries: {mirror: 'http://10.10.10.1/', haproxy: preinstalled}"), func(c *cluster.Cluster) bool {
			return c.Machines[0].Delivery.ControlPlane == "urls" && c.Fetched()[0].URL == "http://10.10.10.1/github.com/etcd-io/etcd/releases/download/v"+newest.Etcd.String()+"/etcd-v"+newest.Etcd.String()+"-linux-amd64.tar.gz"
		}},
		{"upstream's places", also("binaries: {mode: urls, haproxy: preinstalled}"), func(c *cluster.Cluster) bool {
			return len(c.Fetched()) == 4 && c.Fetched()[1].URL == "https://dl.k8s.io/release/v"+newest.Proven.String()+"/bin/linux/amd64/kube-apiserver"
		}},
		{"a distribution's HAProxy", changed(t, "spec:\n", "spec:\n  os: generic\n  binaries: {mode: urls}\n"), func(c *cluster.Cluster) bool {
			return c.Of(cluster.LoadBalancer)[0].Delivery == cluster.Delivery{ControlPlane: "urls", HAProxy: "preinstalled", Keepalived: "preinstalled"}
		}},
		{"images that somebody else places", also("binaries: {mode: sysext}"), func(c *cluster.Cluster) bool {
			a := c.Artefacts(c.Of(cluster.LoadBalancer)[0])
			return len(c.Fetched()) == 0 && len(a) == 1 && a[0].Name == "hagen-load-balancer" && a[0].URL == ""
		}},
		{"images from a mirror", also("binaries: {mode: sysext, mirror: 'http://[2001:db8::1]:8080/a'}"), func(c *cluster.Cluster) bool {
			f := c.Fetched()
			return len(f) == 2 && f[0].Version == newest.Proven.String()+"-etcd-"+newest.Etcd.String() && f[0].URL == "http://[2001:db8::1]:8080/a/hagen-control-plane-"+f[0].Version+"-amd64.raw"
		}},
		{"a container where there is an image", also("binaries: {mode: urls, haproxyImage: docker.io/library/haproxy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}"), func(c *cluster.Cluster) bool {
			return c.Of(cluster.LoadBalancer)[0].Delivery.HAProxy == "container" && c.Binaries.Image != "" && len(c.Fetched()) == 4
		}},
		{"one host of its own", changed(t, "{name: kubem01,", "{name: kubem01, binaries: urls,"), func(c *cluster.Cluster) bool {
			return len(c.Artefacts(c.Machines[0])) == 0 && len(c.Artefacts(c.Machines[1])) == 4 && len(c.Fetched()) == 4
		}},
		{"port of another profile's daemon", also("apiServer: {port: 8080}"), func(c *cluster.Cluster) bool { return c.APIServer.Port == 8080 }},
	} {
		t.Run(test.what, func(t *testing.T) {
			c, source := read(t, test.text)
			for _, w := range c.Warnings {
				t.Errorf("a warning: %s", source.Explain(w))
			}
			if test.holds != nil && !test.holds(c) {
				t.Errorf("not so: %+v", c)
			}
		})
	}
}
