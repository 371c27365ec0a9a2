package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/out"
	"hagen/out/media"
	"hagen/out/review/rendered"
	"hagen/out/tree"
)

// source is what media are made from, as read.
type source struct {
	media.Source
	dir  string
	sums map[string]string // of the tree's documents, by path
}

// read reads a tree. It must be as hagen wrote it, of the cluster in the file.
func read(c *cluster.Cluster, file, dir string) (source, error) {
	if err := files.IsDirectory(dir, "hagen render writes one"); err != nil {
		return source{}, err
	}
	held := tree.Files(dir)
	_, twins := out.Holds(held)
	if !twins {
		if err := verify(held, dir); err != nil {
			return source{}, err
		}
	}
	if text, _ := fs.ReadFile(held, document.MediaPath); text != nil {
		return source{}, exit.Usage("%s: holds boot media; name the rendered tree that they are made from", dir)
	}
	found, err := rendered.ReadMachines(held)
	if err != nil {
		return source{}, exit.Failed("%s", trees.FaultsIn(dir, err))
	}
	if err := compare(c, file, dir, found); err != nil {
		return source{}, err
	}
	s := source{Source: media.Source{Cluster: c.Name, Twins: twins, Boot: c.Boot}, dir: dir, sums: map[string]string{}}
	for _, h := range c.Hosts() {
		at := found.Hosts[slices.IndexFunc(found.Hosts, func(f rendered.Host) bool { return f.Node.Name == h.Name })]
		s.Hosts = append(s.Hosts, media.Host{
			Name: h.Name, OS: h.OS, MAC: h.MAC, Documents: at.Documents, Node: at.Node, Kargs: strings.TrimSpace(string(at.Kargs)),
			InstallDisk: h.InstallDisk, KeepLabels: h.KeepLabels(h.OS.BootDisk), Arguments: c.Boot.Arguments, Platform: c.Boot.Platform.Name,
		})
		for _, d := range at.Documents {
			sum := sha256.Sum256(d.Text)
			s.sums[d.Path] = hex.EncodeToString(sum[:])
		}
	}
	if !twins { // somebody may have changed a file since
		return s, verify(held, dir, s.sums)
	}
	return s, nil
}

// verify holds a tree against its manifest, and documents that were read.
func verify(held fs.FS, dir string, read ...map[string]string) error {
	const again = "\nWhat was reviewed is what machines boot with: render again, and review that"
	sums, differing, err := out.Verify(held)
	if err != nil {
		return exit.Usage("%s: %w; name a directory that hagen render or hagen redact wrote", dir, err)
	}
	if len(differing) > 0 {
		return exit.No("%s: %s%s", dir, strings.Join(differing, "\n"+dir+": "), again)
	}
	for _, documents := range read {
		for path, sum := range documents {
			if sums[path] != sum {
				return exit.No("%s: %s is not as hagen render wrote it%s", dir, path, again)
			}
		}
	}
	return nil
}

// compare refuses a tree that was rendered from another cluster file, as far as boot
// media depend on it.
func compare(c *cluster.Cluster, file, dir string, found rendered.Tree) error {
	var faults []string
	if found.Cluster != "" && found.Cluster != c.Name {
		faults = append(faults, fmt.Sprintf("it is of the cluster %s, and %s of %s", found.Cluster, file, c.Name))
	}
	for _, h := range c.Hosts() {
		i := slices.IndexFunc(found.Hosts, func(f rendered.Host) bool { return f.Node.Name == h.Name })
		if i < 0 {
			faults = append(faults, fmt.Sprintf("it has no document of %s", h.Name))
			continue
		}
		at := found.Hosts[i]
		if family := at.Family(); family != "" && family != h.OS.Family() {
			faults = append(faults, fmt.Sprintf("%s has a document for another operating system than %s", h.Name, h.OS.Summary))
		} else if !sameNetwork(h, at.Node) {
			faults = append(faults, fmt.Sprintf("%s has other static addresses there", h.Name))
		}
	}
	for _, f := range found.Hosts {
		if !slices.Contains(names(c), f.Node.Name) {
			faults = append(faults, fmt.Sprintf("it has %s, which %s does not list", f.Node.Name, file))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return exit.No("%s was rendered from another cluster file than %s:\n  %s\nRender again, and review that", dir, file, strings.Join(faults, "\n  "))
}

// sameNetwork reports whether a machine's documents have the static interfaces that the
// cluster file says.
func sameNetwork(h cluster.Host, n node.Node) bool {
	have := network.Interfaces(n)
	if len(have) != len(h.Interfaces) {
		return false
	}
	for _, i := range h.Interfaces {
		want := network.File(node.Interface{Name: i.Name, MAC: i.MAC, Addresses: i.Addresses, Gateways: i.Gateways, Nameservers: i.Nameservers}, h.OS.Network)
		if !slices.ContainsFunc(n.Files, func(f node.File) bool { return f.Path == want.Path && bytes.Equal(f.Contents, want.Contents) }) {
			return false
		}
	}
	return true
}
