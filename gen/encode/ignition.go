package encode

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"strings"

	"github.com/clarketm/json"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"hagen/gen/node"
	"hagen/profiles"
)

// Ignition writes a node as Ignition: the same bytes that Butane makes from the node's
// Butane document (Prove), since it uses the same module for JSON. The returned node is
// what Ignition's own parser reads in the text; its warnings are errors, too.
func Ignition(n node.Node, system profiles.OS) ([]byte, node.Node, error) {
	text, err := json.Marshal(types.Config{
		Ignition: types.Ignition{Version: system.Spec},
		Passwd:   types.Passwd{Groups: groupsOf(n), Users: usersOf(n)},
		Storage: types.Storage{
			Disks: disksOf(n), Filesystems: filesystemsOf(n), Directories: directoriesOf(n), Files: filesOf(n), Links: linksOf(n),
		},
		Systemd: types.Systemd{Units: unitsOf(n)},
	})
	if err != nil {
		return nil, node.Node{}, err
	}
	text = append(text, '\n')
	back, err := ReadIgnition(text, system)
	var remarks []string
	for _, f := range back.Further {
		if f.Item == "" { // the parser's
			remarks = append(remarks, f.Says)
		}
	}
	if len(remarks) > 0 {
		err = errors.New("Ignition refuses the document: " + strings.Join(remarks, "; "))
	}
	return text, back, err
}

// orNil returns nil for a zero value, which a node does not set.
func orNil[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// words converts a list of texts to a type of Ignition's.
func words[T ~string](texts []string) []T {
	var out []T
	for _, t := range texts {
		out = append(out, T(t))
	}
	return out
}

func groupsOf(n node.Node) (out []types.PasswdGroup) {
	for _, g := range n.Groups {
		out = append(out, types.PasswdGroup{Name: g.Name, System: new(true)})
	}
	return out
}

func usersOf(n node.Node) (out []types.PasswdUser) {
	for _, u := range n.Users {
		out = append(out, types.PasswdUser{
			Name: u.Name, System: orNil(u.System), NoCreateHome: orNil(u.System),
			PrimaryGroup: orNil(u.Primary), HomeDir: orNil(u.Home), Shell: orNil(u.Shell),
			Groups: words[types.Group](u.Groups), SSHAuthorizedKeys: words[types.SSHAuthorizedKey](u.SSHKeys),
		})
	}
	return out
}

// disksOf leaves out sizes and positions that are 0 in a node: Ignition gives 0 another
// meaning.
func disksOf(n node.Node) (out []types.Disk) {
	for _, d := range n.Disks {
		disk := types.Disk{Device: d.Device, WipeTable: new(d.WipeTable)}
		for _, p := range d.Partitions {
			disk.Partitions = append(disk.Partitions, types.Partition{
				Number: p.Number, Label: orNil(p.Label), StartMiB: orNil(p.StartMiB), SizeMiB: orNil(p.SizeMiB),
				WipePartitionEntry: new(p.Wipe), Resize: orNil(p.Resize),
			})
		}
		out = append(out, disk)
	}
	return out
}

func filesystemsOf(n node.Node) (out []types.Filesystem) {
	for _, f := range n.Filesystems {
		out = append(out, types.Filesystem{
			Device: f.Device, Format: new(f.Format), Label: orNil(f.Label), Path: orNil(f.Path),
			WipeFilesystem: new(f.Wipe), MountOptions: words[types.MountOption](f.Options),
		})
	}
	return out
}

// placed returns the fields that directories and files share.
func placed(path, user, group string) types.Node {
	return types.Node{Path: path, User: types.NodeUser{Name: orNil(user)}, Group: types.NodeGroup{Name: orNil(group)}}
}

func bits(mode fs.FileMode) *int { return new(int(mode.Perm())) }

func directoriesOf(n node.Node) (out []types.Directory) {
	for _, d := range n.Directories {
		out = append(out, types.Directory{
			Node: placed(d.Path, d.User, d.Group), DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: bits(d.Mode)},
		})
	}
	return out
}

func filesOf(n node.Node) (out []types.File) {
	for _, f := range n.Files {
		file := types.File{
			Node: placed(f.Path, f.User, f.Group), FileEmbedded1: types.FileEmbedded1{Mode: bits(f.Mode), Contents: contentsOf(f)},
		}
		file.Overwrite = orNil(f.Overwrite)
		out = append(out, file)
	}
	return out
}

// contentsOf returns the contents of a file. Butane sets an empty compression for inline
// texts, and none for URLs.
func contentsOf(f node.File) types.Resource {
	switch {
	case f.Remote():
		return types.Resource{Source: new(f.Source.URL), Verification: types.Verification{Hash: orNil(f.Source.Hash)}}
	case len(f.Contents) > 0 && !blockable(f.Contents):
		return types.Resource{Source: new(inBase64(f.Contents))}
	}
	return types.Resource{Source: new(shorter(f.Contents)), Compression: new("")}
}

// inBase64 returns a data URL in base64.
func inBase64(contents []byte) string {
	return "data:;base64," + base64.StdEncoding.EncodeToString(contents)
}

// shorter returns the data URL that Butane chooses: the shorter one, or the readable one
// if both have the same length.
func shorter(contents []byte) string {
	const prefix, hex = "data:,", "0123456789ABCDEF"
	escaped := len(prefix) + len(contents)
	for _, c := range contents {
		if !unreserved(c) {
			escaped += len("%0A") - 1
		}
	}
	if len("data:;base64,")+base64.StdEncoding.EncodedLen(len(contents)) < escaped {
		return inBase64(contents)
	}
	out := append(make([]byte, 0, escaped), prefix...)
	for _, c := range contents {
		if unreserved(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

// unreserved reports whether a data URL holds a character as it is (RFC 2396, 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0
}

func linksOf(n node.Node) (out []types.Link) {
	for _, l := range n.Links {
		out = append(out, types.Link{Node: types.Node{Path: l.Path}, LinkEmbedded1: types.LinkEmbedded1{Target: new(l.Target)}})
	}
	return out
}

func unitsOf(n node.Node) (out []types.Unit) {
	for _, u := range allUnits(n) {
		unit := types.Unit{Name: u.Name, Enabled: orNil(u.Enabled), Mask: orNil(u.Masked), Contents: orNil(u.Contents)}
		if isBare(u) {
			unit.Enabled = new(false)
		}
		for _, d := range u.DropIns {
			unit.Dropins = append(unit.Dropins, types.Dropin{Name: d.Name, Contents: new(d.Contents)})
		}
		out = append(out, unit)
	}
	return out
}

// allUnits returns the units of mounts, then all others.
func allUnits(n node.Node) []node.Unit {
	all := make([]node.Unit, 0, len(n.Mounts)+len(n.Units))
	for _, m := range n.Mounts {
		all = append(all, MountUnit(m))
	}
	return append(all, n.Units...)
}

// isBare reports whether a unit is only disabled, with nothing else set.
func isBare(u node.Unit) bool {
	return !u.Enabled && !u.Masked && u.Contents == "" && len(u.DropIns) == 0
}
