package site

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Cluster is a layout's machines and what hagen has rendered for them.
type Cluster struct {
	Layout    Layout
	Parts     Parts
	Dir       string // cluster file, certificates, rendered documents, hosts
	Masters   []*Host
	Balancers []*Host // machines for HAProxy alone

	network *Network
	stop    func() error // ends the server of boot media; nil if there is none
}

// NewCluster makes a layout's machines, which are empty and off.
func NewCluster(p Parts, network *Network, l Layout) (*Cluster, error) {
	c := &Cluster{Layout: l, Parts: p, Dir: filepath.Join(p.Work, strings.ReplaceAll(l.Name, " ", "-")), network: network}
	if l.Previous {
		c.Parts.Masters = filepath.Join(p.Binaries, "previous")
	}
	for i, row := range slices.Concat(l.masters(), l.Balancers) {
		h, err := c.host(row, i < len(l.masters()))
		if err != nil {
			return nil, err
		}
		if h.Master {
			c.Masters = append(c.Masters, h)
		} else {
			c.Balancers = append(c.Balancers, h)
		}
	}
	return c, l.workstation(p)
}

// host makes a machine.
func (c *Cluster) host(row Machine, master bool) (*Host, error) {
	h := &Host{Name: row.Name, Address: netip.MustParseAddr(row.Address), Master: master, Bare: c.Layout.Binaries != "", Static: c.Layout.Static, network: c.network}
	h.control = filepath.Join(c.Dir, h.Name)
	h.Root = filepath.Join(h.control, "root")
	if c.Layout.Kept && master {
		h.Kept = filepath.Join(h.control, "etcd")
	}
	return h, os.MkdirAll(h.control, 0o755)
}

// Exchange puts a new machine, empty and off, in the place of a master, which
// must be off and is gone for ever.
func (c *Cluster) Exchange(old *Host, by Machine) (*Host, error) {
	if err := errors.Join(old.remove(), os.RemoveAll(old.control)); err != nil {
		return nil, err
	}
	h, err := c.host(by, true)
	c.Masters[slices.Index(c.Masters, old)] = h
	return h, err
}

// Become takes the layout that a plan leads to for the cluster's. Machines that are new
// are there, empty and off. One whose address is another gets it with its next system.
func (c *Cluster) Become(l Layout) error {
	c.Layout = l
	for i, row := range slices.Concat(l.masters(), l.Balancers) {
		if _, err := c.Host(row.Name); err == nil {
			continue
		}
		h, err := c.host(row, i < len(l.masters()))
		if err != nil {
			return err
		}
		if h.Master {
			c.Masters = append(c.Masters, h)
		} else {
			c.Balancers = append(c.Balancers, h)
		}
	}
	return nil
}

// Leave takes away a machine that switches itself off and is gone for ever.
func (c *Cluster) Leave(h *Host) error {
	if err := h.wait(); err != nil {
		return err
	}
	same := func(other *Host) bool { return other == h }
	c.Masters, c.Balancers = slices.DeleteFunc(c.Masters, same), slices.DeleteFunc(c.Balancers, same)
	return errors.Join(h.remove(), os.RemoveAll(h.control))
}

// Hosts are all machines, masters first.
func (c *Cluster) Hosts() []*Host { return slices.Concat(c.Masters, c.Balancers) }

// HAProxyHosts are the machines that hagen puts HAProxy on.
func (c *Cluster) HAProxyHosts() []*Host {
	if c.Layout.Mode == colocated {
		return c.Masters
	}
	return c.Balancers
}

// Render writes the cluster file, with further lines at its end, and lets
// hagen render it. Keys and certificates are those of the first time.
func (c *Cluster) Render(profile string, further ...string) error {
	return c.Layout.Render(c.Parts, c.Dir, profile, further...)
}

// RenderWith renders the same cluster file again, with further arguments.
func (c *Cluster) RenderWith(args ...string) error {
	_, err := Run("env", append([]string{"-C", c.Dir, c.Parts.Hagen, "render", "--prove"}, args...)...)
	return err
}

// Change puts another cluster file in the place of the one that is rendered: with further lines
// of spec at its end.
func (c *Cluster) Change(further ...string) error {
	return os.WriteFile(filepath.Join(c.Dir, "cluster.yaml"), []byte(c.Layout.file("standard", further)), 0o644)
}

// Documents is the directory of a host's rendered documents.
func (c *Cluster) Documents(h *Host) string {
	return filepath.Join(c.Dir, "rendered/kubernetes", h.Name)
}

// Document is the path of a host's rendered document for Ignition.
func (c *Cluster) Document(h *Host) string {
	return filepath.Join(c.Documents(h), "config.ign")
}

// Install installs hosts again from their documents; they must be off.
func (c *Cluster) Install(hosts ...*Host) error {
	if c.Layout.Boot != "" {
		return c.installBooted(hosts)
	}
	if c.Layout.OS == debian {
		return together(hosts, func(h *Host) error { return h.InstallCloudInit(c.Parts, c.Documents(h)) })
	}
	return together(hosts, func(h *Host) error { return h.Install(c.Parts, c.Document(h)) })
}

// Boot switches hosts on, all at once.
func (c *Cluster) Boot(hosts ...*Host) error { return together(hosts, (*Host).Boot) }

// PowerOff takes hosts' power, all at once.
func (c *Cluster) PowerOff(hosts ...*Host) error { return together(hosts, (*Host).PowerOff) }

// Remove takes the machines' power and disks away, and the cluster's
// directory.
func (c *Cluster) Remove() error {
	if err := c.PowerOff(c.Hosts()...); err != nil {
		return err
	}
	if c.stop != nil {
		if err := c.stop(); err != nil {
			return err
		}
	}
	return errors.Join(together(c.Hosts(), (*Host).remove), os.RemoveAll(c.Dir))
}

// AdminConfig is the path of the operator's kubeconfig, as rendered.
func (c *Cluster) AdminConfig() string {
	return filepath.Join(c.Dir, "rendered/kubernetes/admin.kubeconfig")
}

// Kubectl runs kubectl at the operator's workstation.
func (c *Cluster) Kubectl(args ...string) (string, error) {
	args = append([]string{"--kubeconfig=" + c.AdminConfig(), "--request-timeout=20s"}, args...)
	out, err := Run(filepath.Join(c.Parts.Binaries, "kubectl"), args...)
	return strings.TrimSpace(out), err
}

// AddNode registers a Node, as a kubelet would.
func (c *Cluster) AddNode(name string) error {
	file := filepath.Join(c.Dir, "node.yaml")
	text := "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	_, err := c.Kubectl("create", "-f", file)
	return err
}

// Etcdctl runs etcdctl at the operator's desk, with the certificate that the
// first master's API server has for its etcd, towards all members.
func (c *Cluster) Etcdctl(args ...string) (string, error) {
	pki := filepath.Join(c.Masters[0].Root, "etc/etcd/pki")
	var endpoints []string
	for _, m := range c.Masters {
		if m.On() {
			endpoints = append(endpoints, "https://"+netip.AddrPortFrom(m.Address, 2379).String())
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
