package media

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/document"
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

// read reads a tree. It must be as hagen wrote it, of the cluster in the file. A directory
// with the marks of both is one of documents: nobody may turn off what protects keys by
// adding a file.
func read(ui *console.UI, c *cluster.Cluster, file, dir string) (source, error) {
	if err := files.IsDirectory(dir, "hagen render writes one"); err != nil {
		return source{}, err
	}
	held := tree.Files(dir)
	documents, twins := out.Holds(held)
	twins = twins && !documents
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
	if twins {
		if err := refuseSecrets(dir, found); err != nil {
			return source{}, err
		}
	}
	s := source{Source: media.Source{Cluster: c.Name, Twins: twins, Boot: c.Boot}, dir: dir, sums: map[string]string{}}
	for _, h := range c.Hosts() {
		at := found.Hosts[slices.IndexFunc(found.Hosts, func(f rendered.Host) bool { return f.Node.Name == h.Name })]
		s.Hosts = append(s.Hosts, media.Host{
			Name: h.Name, OS: h.OS, MAC: h.MAC, Documents: at.Documents, Node: at.Node, Kargs: strings.TrimSpace(string(at.Kargs)),
			InstallDisk: h.InstallDisk, KeepLabels: keep(h, at.Node), Arguments: c.Boot.Arguments, Platform: c.Boot.Platform.Name,
		})
		ui.WarnEach(doubts(h, at.Node))
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
	if unreadable, is := errors.AsType[out.Unreadable](err); is {
		return exit.Failed("%s: %w", dir, unreadable)
	}
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
