package plan

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// example changes a field in a real cluster file. What stands at the field's
// place is written as YAML's flow style has it, without the braces around; a
// field that stands there once for each of several goes by the word FIELD.
type example struct {
	with     string // fields of spec on both sides, a line each
	from, to string
	and      string // fields of spec that the new side has with it, a line each
	also     string // what changes with it, by path
}

// examples are those of a row, by its prefix, its field, and which change.
var examples = map[string][]example{
	"{apiVersion,kind}": {{to: "FIELD: other"}},
	"metadata.name":     {{to: "name: other"}},

	"spec.profile": {{to: "profile: classic\nkubernetesVersion: 1.9.2", also: "spec.kubernetesVersion"}},
	"spec.kubernetesVersion, another patch release, or the next minor one":           {{to: "kubernetesVersion: 1.37.2"}, {to: "kubernetesVersion: 1.36.1"}},
	"spec.kubernetesVersion, back to the minor release that `emulatedVersion` names": {{from: "kubernetesVersion: 1.37.2\nemulatedVersion: 1.36", to: "kubernetesVersion: 1.36.3", also: "spec.emulatedVersion"}},
	"spec.kubernetesVersion, further, or back otherwise":                             {{from: "kubernetesVersion: 1.35.4", to: "kubernetesVersion: 1.37.2"}, {to: "kubernetesVersion: 1.35.4"}},
	"spec.emulatedVersion, added with the next minor release, or removed":            {{with: "kubernetesVersion: 1.37.2", from: "emulatedVersion: 1.36"}},
	"spec.emulatedVersion, added later":                                              {{with: "kubernetesVersion: 1.37.2", to: "emulatedVersion: 1.36"}},
	"spec.etcdVersion, another patch release, the next minor one, or the one before": {{from: "etcdVersion: 3.6.16", to: "etcdVersion: 3.6.15"}, {with: "kubernetesVersion: 1.37.2\nallowUnproven: true", from: "etcdVersion: 3.7.3", to: "etcdVersion: 3.6.16"}},
	"spec.etcdVersion, further, or further back":                                     {{with: "kubernetesVersion: 1.37.2\nallowUnproven: true", from: "etcdVersion: 3.7.3", to: "etcdVersion: 3.5.26"}},
	"spec.allowUnproven": {{to: "allowUnproven: true"}},
	"spec.os":            {{to: "os: flatcar"}, {from: "os: debian", to: "os: rhel"}},

	"spec.serviceCIDRs, a second family after the first":     {{with: pods6, to: "serviceCIDRs: [10.32.0.0/16, 'fd00:10:32::/112']"}},
	"spec.serviceCIDRs, larger, and contains the old one":    {{to: "serviceCIDRs: [10.32.0.0/15]"}, {from: "serviceCIDRs: [10.33.0.0/16]", to: "serviceCIDRs: [10.32.0.0/15]"}},
	"spec.serviceCIDRs, any other":                           {{to: "serviceCIDRs: [10.33.0.0/16]"}, {to: "serviceCIDRs: [10.32.0.0/17]"}, {with: pods6, from: "serviceCIDRs: [10.32.0.0/16, 'fd00:10:32::/112']", to: "serviceCIDRs: [10.32.0.0/16]"}},
	"spec.podCIDRs, larger, and contains the old one":        {{to: "podCIDRs: [10.38.0.0/15]"}},
	"spec.podCIDRs, a second family after the first":         {{to: pods6}},
	"spec.podCIDRs, any other":                               {{to: "podCIDRs: [10.39.0.0/16]"}, {to: "podCIDRs: [10.38.0.0/17]"}, {from: pods6, to: "podCIDRs: [10.38.0.0/16]"}},
	"spec.serviceNodePortRange":                              {{to: "serviceNodePortRange: 31000-31999"}},
	"spec.clusterDomain, with `serviceAccountIssuer`":        {{with: "serviceAccountIssuer: https://kubernetes.default.svc.cluster.local", to: "clusterDomain: a.internal"}},
	"spec.clusterDomain, if the issuer of tokens follows it": {{to: "clusterDomain: a.internal"}},
	"spec.serviceAccountIssuer, one more behind the first, another of them first, or one less behind the first": {
		{to: "serviceAccountIssuer: [https://kubernetes.default.svc.cluster.local, https://tokens.example.com]"},
		{from: "serviceAccountIssuer: [https://a.example.com, https://b.example.com]", to: "serviceAccountIssuer: [https://b.example.com, https://a.example.com]"},
		{from: "serviceAccountIssuer: [https://b.example.com, https://a.example.com]", to: "serviceAccountIssuer: https://b.example.com"}},
	"spec.serviceAccountIssuer, any other": {{to: "serviceAccountIssuer: https://tokens.example.com"},
		{from: "serviceAccountIssuer: https://a.example.com", to: "serviceAccountIssuer: [https://b.example.com, https://a.example.com]"},
		{from: "serviceAccountIssuer: [https://a.example.com, https://b.example.com]", to: "serviceAccountIssuer: https://b.example.com"}},
	"spec.endpoint, another port":            {{to: "endpoint: kubernetes:7443"}},
	"spec.endpoint, another name or address": {{with: "dns: external", to: "endpoint: api.example.com:6443"}},
	"spec.dns":                               {{to: "dns: external"}, {from: "dns: external"}},

	"spec.apiServer.port":      {{to: "port: 6444"}},
	"spec.apiServer.extraSANs": {{to: "extraSANs: [api.example.com]"}, {from: "extraSANs: [api.example.com]"}},

	"spec.masters[].name, of the only master, while its address stays": {{with: "masters: [{name: kubem00, addresses: [10.10.10.80]}]", to: "name: other, addresses: [10.10.10.80]"}},
	"spec.masters[].name, any other": {{to: "name: other, addresses: [10.10.10.80]"},
		{from: "name: kubem00, addresses: [10.10.10.80]", to: "name: kubem00, addresses: [10.10.10.80]}, {name: kubem03, addresses: [10.10.10.83]}, {name: kubem04, addresses: [10.10.10.84]", also: "spec.masters[].addresses"}},
	"spec.masters[].addresses, another first address": {{to: "name: kubem00, addresses: [10.10.10.90]"}},
	"spec.masters[].addresses, that of a machine which takes this one's": {{to: "name: kubem00, addresses: [10.10.10.2]", and: "loadBalancers: [{name: kubernetes, addresses: [10.10.10.80]}]",
		also: "spec.loadBalancers[].addresses"},
		{to: "name: kubem00, addresses: [10.10.10.2]", and: "loadBalancers: [{name: other, addresses: [10.10.10.80]}]", also: "spec.loadBalancers[].name spec.loadBalancers[].addresses"}},
	"spec.masters[].addresses, one more, or one less": {{to: "name: kubem00, addresses: [10.10.10.80, 192.0.2.80]"}, {from: "name: kubem00, addresses: [10.10.10.80, 192.0.2.80]"}},
	"spec.masters[].etcd.disk":                        {{to: "disk: /dev/disk/by-id/virtio-etcd"}},
	"spec.allowEvenMasters":                           {{to: "allowEvenMasters: true"}},

	"spec.loadBalancers[].name":      {{to: "name: other, addresses: [10.10.10.2]"}},
	"spec.loadBalancers[].addresses": {{to: "name: kubernetes, addresses: [10.10.10.9]"}},
	"spec.loadBalancers[].etcd.disk": {{to: "disk: /dev/disk/by-id/virtio-etcd"}},
	"spec.loadBalancer.mode": {{to: "mode: colocated", and: "apiServer: {port: 6444}\nloadBalancers: none",
		also: "spec.apiServer.port spec.loadBalancers[].name spec.loadBalancers[].addresses"}},
	"spec.loadBalancer.virtualIP":                                     {{with: pair, from: "virtualIP: 10.10.10.9", to: "virtualIP: 10.10.10.8"}},
	"spec.loadBalancer.virtualRouterID":                               {{with: pair, from: "virtualIP: 10.10.10.9", to: "virtualIP: 10.10.10.9, virtualRouterID: 7"}},
	"spec.loadBalancer.publicIP":                                      {{to: "publicIP: 203.0.113.7"}, {from: "publicIP: 203.0.113.7"}},
	"spec.loadBalancer.names":                                         {{to: "names: [api.example.com]"}},
	"spec.loadBalancer.{statsPort,metrics,maxConnections}":            {{to: "FIELD: 9000"}},
	"spec.loadBalancer.timeouts.{connect,client,server,tunnel,check}": {{to: "FIELD: 2s"}},

	host + "{interface,mac}":       {{from: "ADDRESS/24], interface: ens3, mac: '52:54:00:89:d8:10'", to: "ADDRESS/24], interface: ens3, mac: '52:54:00:89:d8:10', FIELD: NEW"}},
	host + "{gateway,nameservers}": {{from: "ADDRESS/24], interface: ens3", to: "ADDRESS/24], interface: ens3, FIELD: [10.10.10.1]"}},
	host + "ntp":                   {{to: "ntp: [10.10.10.1]"}},
	host + "interfaces[].{interface,mac,gateway,nameservers}": {{from: "interface: ens4, mac: '52:54:00:89:d8:20', addresses: [192.0.2.80/24]", to: "interface: ens4, mac: '52:54:00:89:d8:20', addresses: [192.0.2.80/24], FIELD: NEW"}},
	host + "interfaces[].addresses":                           {{from: "interface: ens4, addresses: [192.0.2.80/24]", to: "interface: ens4, addresses: [192.0.2.81/24]"}},
	host + "os":                                               {{to: "os: flatcar"}},
	host + "binaries":                                         {{with: "binaries: {mode: preinstalled, sources: [{name: haproxy, url: 'https://example.com/haproxy.tar.gz'}]}", to: "binaries: urls"}},

	"spec.network.{gateway,nameservers}": {{with: "masters: [{name: kubem00, interface: ens3, addresses: [10.10.10.80/24]}]", to: "FIELD: [10.10.10.1]"}},
	"spec.network.ntp":                   {{to: "ntp: [10.10.10.1]"}},
	"spec.network.use.etcd":              {{with: two, to: "etcd: 192.0.2.0/24"}},
	"spec.network.use.apiServer":         {{with: two, to: "apiServer: 192.0.2.0/24"}},
	"spec.network.use.haproxy":           {{with: two + "\ndns: external", to: "haproxy: 192.0.2.0/24"}},

	"spec.etcd.disk": {{to: "disk: /dev/disk/by-id/virtio-etcd"}},
	"spec.etcd.snapshots.every, another value":          {{from: "every: 4h", to: "every: 6h"}},
	"spec.etcd.snapshots.every, set for the first time": {{to: "every: 4h"}},
	"spec.etcd.snapshots.keep":                          {{from: "keep: 28", to: "keep: 3"}},
	"spec.etcd.snapshots.directory":                     {{from: "directory: /var/lib/a", to: "directory: /var/lib/b"}},

	disk + "device":    {{from: "device: /dev/disk/by-id/virtio-a, filesystem: {format: ext4}", to: "device: /dev/disk/by-id/virtio-b, filesystem: {format: ext4}"}},
	disk + "wipeTable": {{from: "partitions: [{label: data, filesystem: {format: ext4}}]", to: "partitions: [{label: data, filesystem: {format: ext4}}], wipeTable: true"}},
	disk + "partitions[].{label,number,startMiB,sizeMiB,resize}": {{from: "label: data, number: 1, sizeMiB: 4096", to: "label: data, number: 1, sizeMiB: 4096, FIELD: NEW"}},
	disk + "partitions[].wipePartitionEntry":                     {{from: "number: 1", to: "number: 1, wipePartitionEntry: true"}},
	disk + "{partitions[].,}filesystem.{format,label}":           {{from: "format: ext4", to: "format: ext4, FIELD: NEW"}},
	disk + "{partitions[].,}filesystem.{path,mountOptions}":      {{from: "format: ext4, path: /var/a", to: "format: ext4, path: /var/a, FIELD: NEW"}},
	disk + "{partitions[].,}filesystem.wipeFilesystem":           {{from: "format: ext4", to: "format: ext4, wipeFilesystem: true"}},

	"spec.pki.algorithm": {{to: "algorithm: ecdsa-p384"}},
	"spec.pki.subject.{commonName,organization,organizationalUnit,country,state,locality}": {{to: "FIELD: IT"}},
	"spec.pki.caExpiry":    {{to: "caExpiry: 20y"}},
	"spec.pki.expiry":      {{to: "expiry: 2y"}},
	"spec.pki.adminExpiry": {{to: "adminExpiry: 30d"}},

	"spec.binaries.mode":                 {{with: "os: generic", from: "mode: preinstalled", to: "mode: urls"}},
	"spec.binaries.{haproxy,keepalived}": {{with: "os: flatcar\n" + pair + "\nloadBalancer: {virtualIP: 10.10.10.9}", from: "mode: preinstalled", to: "mode: preinstalled, FIELD: sysext"}},
	"spec.binaries.mirror":               {{from: fetching + "mirror: 'http://10.0.0.1/'", to: fetching + "mirror: 'http://10.0.0.2/'"}},
	"spec.binaries.arch":                 {{from: fetching + "arch: amd64", to: fetching + "arch: arm64"}},
	"spec.binaries.haproxyImage":         {{from: "mode: urls, keepalived: preinstalled, haproxy: container, haproxyImage: 'a.example.com/haproxy@sha256:" + digest + "'", to: "mode: urls, keepalived: preinstalled, haproxy: container, haproxyImage: 'b.example.com/haproxy@sha256:" + digest + "'"}},
	"spec.binaries.sources[].{name,url}": {{with: "os: generic", from: "name: kube-scheduler, url: 'http://10.0.0.1/a'", to: "name: kube-scheduler, url: 'http://10.0.0.1/a', FIELD: NEW"}},

	"spec.boot.{url,kernel,initrd,rootfs,kernelArguments,installDisk,platform}": {{with: "os: fcos", from: booting, to: booting + ", FIELD: NEW"}},
	"spec.{masters,loadBalancers}[].installDisk":                                {{with: "os: fcos", to: "installDisk: /dev/disk/by-id/virtio-a"}},

	"spec.users[].{name,sshKeys}": {{from: "name: core, sshKeys: [" + key + "]", to: "name: core, sshKeys: [" + key + "], FIELD: NEW"}},
}

const (
	host     = "spec.{masters,loadBalancers}[]."
	pods6    = "podCIDRs: [10.38.0.0/16, 'fd00:10:38::/48']"
	pair     = "loadBalancers: [{name: lb0, addresses: [10.10.10.2]}, {name: lb1, addresses: [10.10.10.3]}]"
	two      = "masters: [{name: kubem00, addresses: [10.10.10.80, 192.0.2.80]}]\nloadBalancers: [{name: kubernetes, addresses: [10.10.10.2, 192.0.2.2]}]"
	booting  = "url: 'http://10.0.0.1/boot', kernel: a, initrd: a, rootfs: a, kernelArguments: [quiet], platform: metal, installDisk: /dev/disk/by-id/virtio-b"
	fetching = "mode: urls, haproxy: preinstalled, "
	digest   = "3f2c1b0a9e8d7c6b5a4938271605f4e3d2c1b0a99887766554433221100ffeed"
	key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHDWHHBgOpAvVyqTzUDRFR0Kx1kAXsV3BvZb2KDzRpzP ops@desk"
)

// values are what NEW stands for.
var values = map[string]string{
	"boot.url": "'http://10.0.0.2/boot'", "installDisk": "/dev/disk/by-id/virtio-c", "kernelArguments": "[console=tty0]", "platform": "qemu",
	"interface": "ens5", "mac": "'52:54:00:89:d8:30'", "gateway": "[192.0.2.1]", "nameservers": "[192.0.2.53]",
	"label": "other", "number": "2", "startMiB": "8", "sizeMiB": "8192", "resize": "true", "format": "xfs", "path": "/var/b", "mountOptions": "[noatime]",
	"name": "other", "sources[].name": "kube-apiserver", "url": "'http://10.0.0.2/a'", "sshKeys": "[" + key + ", " + strings.Replace(key, "HDWH", "HDWG", 1) + "]", "metrics": "false",
}

// needed is what an item must have besides its field.
var needed = map[string]string{
	"disks[]": "device: /dev/disk/by-id/virtio-a", "masters[]": "device: /dev/disk/by-id/virtio-a", "loadBalancers[]": "device: /dev/disk/by-id/virtio-a",
	"partitions[]": "label: data",
}

// nested are maps within a text.
var nested = regexp.MustCompile(`\{.*\}`)

// file is a cluster file: the values of its keys, and those of spec's.
type file struct{ head, spec map[string]string }

func newFile() file {
	return file{
		head: map[string]string{"apiVersion": "hagen/v1alpha1", "kind": "Cluster", "metadata": "{name: kubernetes}"},
		spec: map[string]string{
			"kubernetesVersion": "1.36.3", "endpoint": "kubernetes:6443", "serviceCIDRs": "[10.32.0.0/16]", "podCIDRs": "[10.38.0.0/16]",
			"loadBalancers": "[{name: kubernetes, addresses: [10.10.10.2]}]",
			"masters":       "[{name: kubem00, addresses: [10.10.10.80]}, {name: kubem01, addresses: [10.10.10.81]}, {name: kubem02, addresses: [10.10.10.82]}]",
		},
	}
}

// put writes a text where a field stands: a map is written around it, up to
// spec.
func (f file) put(parent, text string) {
	key := strings.TrimSuffix(parent, ".")
	i := strings.LastIndex(key, ".")
	outer, key := key[:i+1], key[i+1:]
	name, isItem := strings.CutSuffix(key, "[]")
	switch {
	case text == "":
	case parent == "":
		assign(f.head, text)
	case parent == "spec.":
		assign(f.spec, text)
	case outer == "spec." && (key == "masters[]" || key == "loadBalancers[]"):
		first, rest, _ := strings.Cut(f.spec[name], "}")
		if strings.HasPrefix(text, "name: ") {
			first = "[{" + text
		} else {
			first += ", " + text
		}
		f.spec[name] = first + "}" + rest
	case isItem:
		if more := needed[key]; more != "" {
			missing, _, _ := strings.Cut(more, ":")
			if !strings.Contains(", "+nested.ReplaceAllString(text, ""), ", "+missing+":") {
				text = more + ", " + text
			}
		}
		f.put(outer, name+": [{"+text+"}]")
	default:
		f.put(outer, key+": {"+text+"}")
	}
}

// assign sets keys to values, a line each.
func assign(into map[string]string, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		into[key] = value
	}
}

func (f file) text() string {
	var b strings.Builder
	write := func(indent string, values map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if values[key] != "none" {
				fmt.Fprintf(&b, "%s%s: %s\n", indent, key, values[key])
			}
		}
	}
	write("", f.head)
	b.WriteString("spec:\n")
	write("  ", f.spec)
	return b.String()
}

// texts are the two cluster files of an example, for one of the fields of its
// row.
func (e example) texts(field string) (from, to string) {
	var out [2]string
	for side, text := range e.values(field) {
		f := newFile()
		f.put("spec.", e.with)
		f.put(parentOf(field), text)
		if side == 1 && e.and != "" {
			f.put("spec.", e.and)
		}
		out[side] = f.text()
	}
	return out[0], out[1]
}

// parentOf is the place of a field: a path with a full stop at its end, "" at the top.
func parentOf(field string) string { return field[:strings.LastIndex(field, ".")+1] }

// values are what stands at the field's place on each side.
func (e example) values(field string) (out [2]string) {
	name := strings.TrimPrefix(field, parentOf(field))
	address := "addresses: [10.10.10.80"
	if strings.HasPrefix(field, "spec.loadBalancers") {
		address = "addresses: [10.10.10.2"
	}
	for side, text := range []string{e.from, e.to} {
		value := cmp.Or(values[strings.TrimPrefix(field, "spec.binaries.")], values[strings.TrimPrefix(field, "spec.")], values[name], "other")
		if strings.Contains(text, "FIELD: NEW") {
			text = regexp.MustCompile(`(^|, )`+name+`: ('[^']*'|\[[^]]*\]|[^,]*)`).ReplaceAllString(text, "")
		}
		text = strings.NewReplacer("FIELD: NEW", name+": "+value, "FIELD: 9000", name+": "+cmp.Or(values[name], "9000"), "FIELD", name).Replace(strings.TrimPrefix(text, ", "))
		if _, after, found := strings.Cut(text, "ADDRESS"); found {
			text = "name: " + map[bool]string{true: "kubernetes", false: "kubem00"}[strings.HasPrefix(field, "spec.loadBalancers")] + ", " + address + after
		}
		out[side] = text
	}
	return out
}
