// Package gen joins the steps from a cluster file to documents:
//
//	cluster file ─▶ spec ─▶ cluster ─▶ control ─▶ node ─▶ check, encode ─▶ documents
//
// It is pure: the certificates come in as an argument, and nothing is written.
package gen

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hagen/gen/check"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/pki"
	"hagen/profiles"
)

// Read decodes and validates a cluster file. The error is a *spec.Error with
// every fault of the file.
func Read(source spec.Source) (*cluster.Cluster, error) {
	file, err := spec.Parse(source)
	var refused *spec.Error
	if err != nil && (!errors.As(err, &refused) || file == nil) {
		return nil, err
	}
	c, faults := cluster.New(file)
	if refused != nil {
		faults = append(refused.Faults, faults...)
	}
	if err := spec.Refuse(source, faults); err != nil {
		return nil, err
	}
	return c, nil
}

// ReadLock returns the cluster with the digests of a lock file. The error is a
// *spec.Error with every fault of the lock file.
func ReadLock(c *cluster.Cluster, source spec.Source) (*cluster.Cluster, error) {
	file, err := spec.ParseLock(source)
	if err != nil {
		return nil, err
	}
	locked, faults := c.Lock(file)
	return locked, spec.Refuse(source, faults)
}

// ReadLockKnown is ReadLock for a comparison: digests that the lock file does not have yet
// are no faults, but returned (cluster.LockKnown). A source without text is no lock file.
func ReadLockKnown(c *cluster.Cluster, source spec.Source) (*cluster.Cluster, []cluster.Artefact, error) {
	if source.Text == nil {
		known, unknown, _ := c.LockKnown(nil)
		return known, unknown, nil
	}
	file, err := spec.ParseLock(source)
	if err != nil {
		return nil, nil, err
	}
	known, unknown, faults := c.LockKnown(file)
	return known, unknown, spec.Refuse(source, faults)
}

// Machine is one host with its documents.
type Machine struct {
	Host      cluster.Host
	Node      node.Node
	Documents []document.Document
}

// Formats lists the formats of the machine's documents.
func (m *Machine) Formats() []string {
	var out []string
	for _, d := range m.Documents {
		out = append(out, d.Format)
	}
	return out
}

// Render makes the documents of all hosts, or only of those named in only.
// Options are what the render asks for besides the cluster file. Formats are added
// to those of a host's operating system.
func Render(c *cluster.Cluster, set pki.Set, o control.Options, only, formats []string) ([]Machine, error) {
	d, err := Decide(c, set, o.Restore)
	if err != nil {
		return nil, err
	}
	return d.Documents(o.Joining, only, formats)
}

// Decided holds all machines of a cluster. Each is checked by itself and against the
// others before a document leaves Documents.
type Decided struct {
	Nodes   []node.Node // in the order of the cluster's hosts
	checked chan error
	cluster *cluster.Cluster
	set     pki.Set
	restore control.Restore
}

// Decide decides all machines once, and begins to check them. The set must hold what
// control.Requests lists. No master joins others yet: which ones join may depend on
// this result.
func Decide(c *cluster.Cluster, set pki.Set, r control.Restore) (*Decided, error) {
	nodes, err := control.Nodes(c, set, control.Options{Restore: r})
	if err != nil {
		return nil, err
	}
	d := &Decided{nodes, make(chan error, 1), c, set, r}
	go func() { d.checked <- checkTogether(c, set, nodes) }()
	return d, nil
}

// Documents makes the documents of all hosts, or only of those named in only. A
// master that joins others is decided again for that. The checks see it as it is after
// joining. They go on meanwhile: their errors come first.
func (d *Decided) Documents(j control.Joining, only, formats []string) ([]Machine, error) {
	machines, err := d.documents(j, only, formats)
	faults := <-d.checked
	d.checked <- faults // for the next call
	if faults != nil {
		return nil, faults
	}
	return machines, err
}

func (d *Decided) documents(j control.Joining, only, formats []string) ([]Machine, error) {
	var machines []Machine
	for i, host := range d.cluster.Hosts() {
		if len(only) > 0 && !slices.Contains(only, host.Name) {
			continue
		}
		n := d.Nodes[i]
		if _, joins := j[host.Name]; joins {
			var err error
			if n, err = control.Node(d.cluster, host, d.set, control.Options{Restore: d.restore, Joining: j}); err != nil {
				return nil, err
			}
		}
		machines = append(machines, Machine{Host: host, Node: n})
	}
	return machines, documents(d.cluster, machines, formats)
}

// checkTogether checks machines that have just been decided, for errors only: the cluster
// file may ask for what is a warning, and the PKI warns of expiry.
// What pki.Verify has verified is not verified again.
func checkTogether(c *cluster.Cluster, set pki.Set, nodes []node.Node) error {
	in := check.Input{ErrorsOnly: true, Signed: map[check.Signature]bool{}}
	for _, item := range set {
		if cert, err := item.X509(); err == nil {
			in.Signed[check.Signature{Of: pki.Fingerprint(cert.Raw), By: item.SignedBy()}] = true
		}
	}
	for i, host := range c.Hosts() {
		in.Machines = append(in.Machines, check.Machine{Node: nodes[i], OS: host.OS})
	}
	var texts []string
	for _, f := range check.Run(in).Findings {
		texts = append(texts, f.String())
	}
	if len(texts) > 0 {
		return fmt.Errorf("the machines do not fit together:\n%s", strings.Join(texts, "\n"))
	}
	return nil
}

// documents encodes machines.
func documents(c *cluster.Cluster, machines []Machine, formats []string) error {
	return each(machines, func(m *Machine) (err error) {
		own := m.Host.OS.Formats
		wanted := append(slices.Clone(own), formats...)
		if !slices.Contains(own, profiles.Ignition) {
			m.Node = m.Node.Overwriting() // cloud-init always overwrites
		}
		m.Documents, err = encodeMachine(c.Name, m.Node, m.Host.OS, wanted)
		return err
	})
}

// each calls do for all machines in parallel, because encoding takes time.
func each(machines []Machine, do func(*Machine) error) error {
	faults := make([]error, len(machines))
	var all sync.WaitGroup
	for i := range machines {
		all.Go(func() { faults[i] = do(&machines[i]) })
	}
	all.Wait()
	return errors.Join(faults...)
}

// Prove has Butane translate each machine's Butane document and compares the result
// with the Ignition document, byte for byte, as it is before it is wrapped. It
// returns the number of documents that are equal.
func Prove(c *cluster.Cluster, machines []Machine) (int, error) {
	var proven atomic.Int32
	err := each(machines, func(m *Machine) error {
		for _, d := range m.Documents {
			if d.Format != profiles.Ignition {
				continue
			}
			if err := encode.Prove(encode.Butane(c.Name, m.Node, m.Host.OS), d.Text, m.Host.OS); err != nil {
				return fmt.Errorf("%s: %w", d.Path, err)
			}
			proven.Add(1)
		}
		return nil
	})
	return int(proven.Load()), err
}

// encodeMachine writes one machine in each format, reads it back, and compares
// the result with the node.
func encodeMachine(cluster string, n node.Node, system profiles.OS, formats []string) ([]document.Document, error) {
	encodings, err := encode.All(cluster, n, system, formats)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	var out []document.Document
	for _, e := range encodings {
		want := n
		if e.Format == profiles.UserData {
			want = n.Overwriting()
		}
		if e.Back != nil && !reflect.DeepEqual(e.Back.Bare(), want.Bare()) {
			return nil, fmt.Errorf("%s: %s differs from what was decided for the machine", n.Name, document.Path("", e.Format))
		}
		out = append(out, document.Document{Format: e.Format, Path: document.Path(n.Name, e.Format), Text: e.Text})
	}
	if kargs := network.Kargs(n, system); kargs != nil {
		out = append(out, document.Document{Format: document.Kargs, Path: document.Path(n.Name, document.Kargs), Text: kargs})
	}
	return out, nil
}
