package clusterfile

import (
	"strings"
	"sync"
	"text/template"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/files"
	"hagen/profiles"
)

// ProfileNames lists the profiles that a cluster file may name.
func ProfileNames() []string {
	var names []string
	for _, p := range profiles.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// WriteNew writes a cluster file that does not exist yet.
func WriteNew(ui *console.UI, path, text string) error {
	file, err := files.Create(path, 0o644, "-f")
	if err != nil {
		return err
	}
	if err := files.Fill(file, []byte(text)); err != nil {
		return err
	}
	ui.Say("wrote %s; edit it, then run: %s", path, Of(path).Command("render"))
	return nil
}

// New returns the example cluster in a profile.
func New(p profiles.Profile) string {
	var b strings.Builder
	err := clusterTemplate().Execute(&b, struct {
		profiles.Profile
		Release profiles.Release
		Others  string // operating systems
	}{p, profiles.ReleasesOf(p.Name)[0], otherSystems(p.OS)})
	if err != nil {
		panic(err) // the template and its data are fixed: a test runs every profile
	}
	return b.String()
}

// otherSystems lists all operating systems except one.
func otherSystems(but string) string {
	var names []string
	for _, o := range profiles.Systems() {
		if o.Name != but {
			names = append(names, o.Name)
		}
	}
	return strings.Join(names, ", ")
}

var clusterTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("cluster.yaml").Parse(`# A cluster for hagen. Commented lines show further fields, each with its default
# or an example.
# docs/cluster-file.md explains every field.
apiVersion: hagen/v1alpha1
kind: Cluster
metadata:
  name: kubernetes
spec:
  profile: {{.Name}}               # hagen releases lists profiles and versions
  kubernetesVersion: {{.Release.Proven}}
  # etcdVersion: {{.Release.Etcd}}
  os: {{.OS}}{{if .OnlyOS}}                   # {{.Why}}{{else}}                         # {{.Others}}; a host may have another{{end}}
  endpoint: kubernetes:6443        # what clients connect to: the load balancer
  serviceCIDRs: [10.32.0.0/16]     {{if .OnlyIPv4}}# IPv4 only{{else}}# or IPv6, or both: [10.32.0.0/16, "fd00:10:32::/112"]{{end}}
  podCIDRs: [10.38.0.0/16]
  # serviceNodePortRange: 30000-32767
  # clusterDomain: cluster.local
{{if ne .Name "classic"}}  # serviceAccountIssuer: https://kubernetes.default.svc.cluster.local
{{end}}  # dns: hosts                     # external: machines get no /etc/hosts lines
  masters:                         # an odd number: three survive the loss of one
    - {name: kubem00, addresses: [10.10.10.80]}
    - {name: kubem01, addresses: [10.10.10.81]}
    - {name: kubem02, addresses: [10.10.10.82]}
  loadBalancers:
    - {name: kubernetes, addresses: [10.10.10.2]}
  # etcd:
  #   disk: /dev/disk/by-id/virtio-etcd    # kept when a master is re-imaged
{{- if ne .Name "classic"}}
  #   snapshots: {every: 6h, keep: 28}     # of etcd, on every master
{{- end}}
  # network:                       # for machines with static addresses, such as
  #   gateway: 10.10.10.1          # {name: kubem00, mac: "52:54:00:89:d8:10", addresses: [10.10.10.80/24]}
  #   nameservers: [10.10.10.53]
  #   ntp: [ntp.example.com]       # for all machines
  # apiServer:
  #   port: 6443
  #   extraSANs: [api.example.com, 192.0.2.1]
  # loadBalancer:
  #   mode: dedicated              # or colocated: HAProxy on every master; or external
  #   maxConnections: 8000
  #   statsPort: 8404              # HAProxy's own, on the loopback
  #   metrics: true
  #   timeouts: {connect: 1s, client: 1m, server: 1m, tunnel: 1d, check: 1500ms}
{{if eq .Name "classic"}}  pki:
    subject: {commonName: NoverIT CA, country: IT, state: Italy, locality: Milan}
    # algorithm: {{.Algorithm}}
    # caExpiry: 10y
    # expiry: 1y
    # adminExpiry: 90d
{{else}}  # pki:
  #   algorithm: {{.Algorithm}}          # or ecdsa-p384, rsa-2048, rsa-3072, rsa-4096
  #   caExpiry: 10y
  #   expiry: 1y
  #   adminExpiry: 90d
  #   subject: {commonName: kubernetes CA, organization: Example, country: IT}
{{end}}  # binaries: {mode: preinstalled} # or urls, or sysext: a stock image has none of them
  # users:                         # without a login you cannot inspect a failed first boot
  #   - name: core
  #     sshKeys: ["ssh-ed25519 AAAA… you@desk"]
`))
})
