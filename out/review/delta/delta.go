// Package delta turns a plan into scripts: one for the workstation that follows it, and
// one for each machine, beside the few files that the machine gets. It decides nothing:
// what is written, run and checked, and in which order, is the plan's.
package delta

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/out/review/plan"
)

// Given is what scripts are made of.
type Given struct {
	Plan          plan.Plan
	Before, After plan.Side // as they were read; After has its secrets
	Known         bool      // Before has the contents that the machines have
	Directory     string    // where commands of the workstation run, as the scripts name it
	Old, New      string    // the sides as they were named
	Fresh         string    // the command that fails if NEW has changed since
	Tree          bool      // NEW is a tree
}

// File is one of a delta. All are for their owner alone.
type File struct {
	Path string // slash-separated
	Data []byte
}

// Files returns the files of a delta.
func (g Given) Files() ([]File, error) {
	steps, err := g.steps()
	if err != nil {
		return nil, err
	}
	deliver, record := g.delivery(steps), Record{Version: version, Cluster: g.Plan.Cluster, Hosts: map[string]map[string]string{},
		Old: g.Old, New: g.New, Steps: len(steps), Machines: map[string]string{}, Without: g.Plan.Without}
	for _, n := range g.After.Machines {
		if slices.Contains(g.Plan.Without, n.Name) {
			continue
		}
		record.Machines[n.Name] = digest(n)
	}
	var files []File
	for _, n := range g.After.Machines {
		parts := slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.Host != n.Name || !s.Sent() })
		if len(parts) == 0 {
			continue
		}
		files = append(files, File{path.Join(n.Name, "install.sh"), fill("install.sh.tmpl", machine{
			Cluster: g.Plan.Cluster, Host: n.Name, Hostname: hostname(n), Steps: parts})})
		sums := map[string]string{}
		record.Hosts[n.Name] = sums
		for _, s := range parts {
			for _, f := range s.Files {
				sums[f.Path] = f.SHA256
				files = append(files, File{path.Join(n.Name, f.Payload()), f.contents})
			}
			for _, f := range s.Removed {
				sums[f.Path] = none
			}
		}
	}
	all := sha256.New()
	for _, f := range append(slices.Clone(files), File{"deliver.sh", fill("deliver.sh.tmpl", deliver)}, File{document.DeltaPath, record.text()}) {
		fmt.Fprintf(all, "%s %s\n", f.Path, sum(f.Data))
	}
	record.ID = hex.EncodeToString(all.Sum(nil))
	deliver.ID = record.ID
	return append(files, File{"deliver.sh", fill("deliver.sh.tmpl", deliver)}, File{document.DeltaPath, record.text()}), nil
}

// hostname is what a machine calls itself.
func hostname(n node.Node) string {
	for _, f := range n.Files {
		if f.Path == "/etc/hostname" && len(f.Contents) > 0 {
			return strings.TrimSpace(string(f.Contents))
		}
	}
	return n.Name
}

// fileAt returns what a machine has at a path: a file, or that of a unit or its drop-in,
// which have the owner and mode that Ignition and cloud-init give them.
func fileAt(n node.Node, place string) (node.File, bool) {
	if i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == place }); i >= 0 {
		return n.Files[i], true
	}
	for _, u := range n.Units {
		if u.Contents != "" && path.Join(node.UnitDir, u.Name) == place {
			return node.File{Path: place, Mode: 0o644, Contents: []byte(u.Contents)}, true
		}
		for _, d := range u.DropIns {
			if d.Path(u.Name) == place {
				return node.File{Path: place, Mode: 0o644, Contents: []byte(d.Contents)}, true
			}
		}
	}
	return node.File{}, false
}

func sum(contents []byte) string {
	all := sha256.Sum256(contents)
	return hex.EncodeToString(all[:])
}

// Redacted lists files of machines that are a twin's: keys and certificates are not in
// them.
func Redacted(machines []node.Node) (places []string) {
	for _, n := range machines {
		for _, f := range n.Files {
			for _, mark := range []string{node.PrivateKeyMark, node.PublicKeyMark, node.CertificateMark, node.SecretMark} {
				if strings.Contains(string(f.Contents), mark) {
					places = append(places, n.Name+":"+f.Path)
					break
				}
			}
		}
	}
	return places
}
