package site

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Cluster is the seed's: three masters and a load balancer in front of them.
type Cluster struct {
	Parts    Parts
	Dir      string // cluster file, certificates, rendered documents, hosts
	Masters  []*Host
	Balancer *Host
}

// layout is the seed's plan of names and addresses.
var layout = []struct{ name, address string }{
	{"kubem00", "10.10.10.80"},
	{"kubem01", "10.10.10.81"},
	{"kubem02", "10.10.10.82"},
	{"kubernetes", "10.10.10.2"},
}

// NewCluster makes the network and the machines, which are empty and off.
func NewCluster(p Parts) (*Cluster, error) {
	c := &Cluster{Parts: p, Dir: filepath.Join(p.Work, "cluster")}
	for _, row := range layout {
		h := &Host{Name: row.name, Address: netip.MustParseAddr(row.address)}
		h.control = filepath.Join(c.Dir, h.Name)
		h.Root = filepath.Join(h.control, "root")
		if err := os.MkdirAll(h.control, 0o755); err != nil {
			return nil, err
		}
		c.Masters = append(c.Masters, h)
	}
	last := len(c.Masters) - 1
	c.Balancer, c.Masters = c.Masters[last], c.Masters[:last]
	network, err := NewNetwork(p.Work, c.Hosts())
	if err != nil {
		return nil, err
	}
	for _, h := range c.Hosts() {
		h.network = network
	}
	return c, nil
}

// Hosts are all machines, masters first.
func (c *Cluster) Hosts() []*Host { return append(append([]*Host{}, c.Masters...), c.Balancer) }

// Render writes the cluster file, with further lines at its end, and lets
// hagen render it. Keys and certificates are those of the first time.
func (c *Cluster) Render(profile string, further ...string) error {
	return Render(c.Parts, c.Dir, profile, further...)
}

// Render renders the seed's cluster into a directory.
func Render(p Parts, dir, profile string, further ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\nspec:\n  profile: %s\n", profile)
	if profile == "standard" {
		fmt.Fprintf(&b, "  kubernetesVersion: %s\n", os.Getenv("E2E_KUBERNETES"))
	}
	b.WriteString("  os: generic\n  endpoint: kubernetes:6443\n  serviceCIDRs: [10.32.0.0/16]\n  podCIDRs: [10.38.0.0/16]\n  masters:\n")
	for _, row := range layout[:3] {
		fmt.Fprintf(&b, "  - {name: %s, addresses: [%s]}\n", row.name, row.address)
	}
	fmt.Fprintf(&b, "  loadBalancers:\n  - {name: %s, addresses: [%s]}\n", layout[3].name, layout[3].address)
	for _, line := range further {
		b.WriteString("  " + line + "\n")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.yaml"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	_, err := Run("env", "-C", dir, p.Hagen, "render")
	return err
}

// Document is the path of a host's rendered document.
func (c *Cluster) Document(h *Host) string {
	return filepath.Join(c.Dir, "rendered/kubernetes", h.Name, "config.ign")
}

// Install makes hosts anew from their documents; they must be off.
func (c *Cluster) Install(hosts ...*Host) error {
	return together(hosts, func(h *Host) error { return h.Install(c.Parts, c.Document(h), h != c.Balancer) })
}

// Boot switches hosts on, all at once.
func (c *Cluster) Boot(hosts ...*Host) error { return together(hosts, (*Host).Boot) }

// PowerOff takes hosts' power, all at once.
func (c *Cluster) PowerOff(hosts ...*Host) error { return together(hosts, (*Host).PowerOff) }

// AdminConfig is the path of the operator's kubeconfig, as rendered.
func (c *Cluster) AdminConfig() string {
	return filepath.Join(c.Dir, "rendered/kubernetes/admin.kubeconfig")
}

// Kubectl runs kubectl at the operator's desk.
func (c *Cluster) Kubectl(args ...string) (string, error) {
	args = append([]string{"--kubeconfig=" + c.AdminConfig(), "--request-timeout=20s"}, args...)
	out, err := Run(filepath.Join(c.Parts.Binaries, "kubectl"), args...)
	return strings.TrimSpace(out), err
}

// Etcdctl runs etcdctl at the operator's desk, with the certificate that the
// first master's API server has for its etcd, towards all members.
func (c *Cluster) Etcdctl(args ...string) (string, error) {
	pki := filepath.Join(c.Masters[0].Root, "etc/etcd/pki")
	var endpoints []string
	for _, m := range c.Masters {
		if m.On() {
			endpoints = append(endpoints, fmt.Sprintf("https://%s:2379", m.Address))
		}
	}
	args = append([]string{
		"--endpoints=" + strings.Join(endpoints, ","), "--cacert=" + pki + "/ca.pem",
		"--cert=" + pki + "/etcd-client.pem", "--key=" + pki + "/etcd-client-key.pem",
	}, args...)
	return Run(filepath.Join(c.Parts.Binaries, "etcdctl"), args...)
}

// Save writes every host's journal to a directory.
func (c *Cluster) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var problems []error
	for _, h := range c.Hosts() {
		text, err := h.Journal("--output=short-precise")
		problems = append(problems, err, os.WriteFile(filepath.Join(dir, h.Name+".journal"), []byte(text), 0o644))
	}
	return errors.Join(problems...)
}
