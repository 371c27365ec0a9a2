// Package media makes boot media from the documents of a rendered tree, as they are there:
// files from which something else boots machines. What a medium needs besides, such as
// names and MAC addresses, comes from the cluster file. The same documents give the same
// bytes.
package media

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/profiles"
)

// Source is what media are made from.
type Source struct {
	Cluster string
	Twins   bool   // the documents are twins: they hold no key
	Hosts   []Host // all of the cluster
	Boot    cluster.Boot
	Arch    string // of their processors, as Go calls it; "" is not said

	Bases    []*Base  // that media are made from
	PutFiles PutFiles // for those of them with a boot partition
}

// Host is a machine with its documents.
type Host struct {
	Name      string
	OS        profiles.OS
	MAC       string // of the interface that it boots from; "" if unknown
	Documents []document.Document
	Node      node.Node // what the documents say
	Kargs     string    // with which it has its network before it has its document

	InstallDisk string   // on which a live system installs itself; "" is none
	KeepLabels  []string // of partitions there that an installation leaves alone
	Arguments   []string // further ones of the kernel
	Platform    string   // where it runs, as Ignition calls it; "" is what the image knows
}

// reader returns what sets the machine up: profiles.Ignition or profiles.CloudInit.
func (h *Host) reader() string {
	if _, found := h.text(profiles.Ignition); found && slices.Contains(h.OS.Formats, profiles.Ignition) {
		return profiles.Ignition
	}
	return profiles.CloudInit
}

// given returns the document that the machine boots with.
func (h *Host) given() document.Document {
	format := profiles.UserData
	if h.reader() == profiles.Ignition {
		format = profiles.Ignition
	}
	text, _ := h.text(format)
	return document.Document{Format: format, Path: document.Path(h.Name, format), Text: text}
}

// text returns the host's document in a format.
func (h *Host) text(format string) ([]byte, bool) {
	for _, d := range h.Documents {
		if d.Format == format {
			return d.Text, true
		}
	}
	return nil, false
}

// holdsKeys reports whether the host's documents hold a private key or another secret.
// A twin has sentences in their places.
func (h *Host) holdsKeys() bool {
	return slices.ContainsFunc(h.Node.Files, func(f node.File) bool { return redact.HoldsSecret(f.Contents) })
}

// Medium is a file, as media.json describes it.
type Medium struct {
	Host string `json:"host,omitempty"` // none: for all machines
	OS   string `json:"os,omitempty"`
	MAC  string `json:"mac,omitempty"`
	Kind string `json:"kind"`
	File string `json:"file"` // its path beside media.json
	// Bytes and SHA256 are those of the file.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Label  string `json:"label,omitempty"` // of a volume
	// KernelArguments are those that the machine needs besides its own, to read it.
	KernelArguments string `json:"kernelArguments,omitempty"`
	// Base is the name of the image that it is made from, and BaseSHA256 that image's hash.
	Base       string `json:"base,omitempty"`
	BaseSHA256 string `json:"baseSHA256,omitempty"`
	// InstallDisk is the disk on which it installs itself without asking.
	InstallDisk string `json:"installDisk,omitempty"`
	// Document is the path in the rendered tree of the document that it delivers, and
	// DocumentSHA256 that document's hash: it says which render the medium is made from.
	Document       string `json:"document,omitempty"`
	DocumentSHA256 string `json:"documentSHA256,omitempty"`
	// BootSHA256 is the hash of what else the cluster file gives it, such as the disk to
	// install on; none is nothing. Outdated says that the file gave it something else when
	// media were last made, and it was not made again.
	BootSHA256  string   `json:"bootSHA256,omitempty"`
	Outdated    bool     `json:"outdated,omitempty"`
	HoldsKeysOf []string `json:"holdsKeysOf"` // hosts
}

// File is a medium with its contents.
type File struct {
	Medium
	Data []byte

	// BaseOf and Edits are instead of Data: the image that it is, but for its edits, which
	// are in the order of their offsets. Base.Measure sets its hash.
	BaseOf *Base
	Edits  []Edit
}

// kind is a row: how media of a kind are made. each makes those of a machine, whose
// documents it serves; all those that are for all machines together. The errors are for
// users, who read all of them at once. needs says why a kind cannot be made of this
// cluster file; nil is any.
type kind struct {
	name  string
	needs func(Source) error
	each  func(Source, *Host) ([]File, error)
	all   func(Source) ([]File, error)
}

var kinds = []kind{
	{name: profiles.Seed, each: seed},
	{name: profiles.Initrd, each: initrd},
	{name: profiles.QEMU, each: qemu},
	{name: profiles.Netboot, needs: Source.netboots, each: netboot, all: netbootForAll},
	{name: profiles.Matchbox, needs: Source.matches, each: matchbox},
	{name: profiles.ISO, each: live},
	{name: profiles.Disk, each: disk},
}

// Make makes media of the kinds for the hosts, sorted by their files. What is for all
// machines is made whenever its kind is. The error joins everything that is in the way.
func Make(s Source, names, hosts []string) ([]File, error) {
	var made []File
	var faults []error
	for _, k := range kinds {
		row, _ := profiles.FindKind(k.name)
		if !slices.Contains(names, k.name) {
			continue
		}
		for i := range s.Hosts {
			h := &s.Hosts[i]
			if !slices.Contains(hosts, h.Name) || !row.Serves(h.reader()) {
				continue
			}
			files, err := k.each(s, h)
			if err != nil && !slices.ContainsFunc(faults, func(f error) bool { return f != nil && f.Error() == err.Error() }) {
				faults = append(faults, err) // of a base, each host has the same
			}
			for _, f := range files {
				made = append(made, h.describe(s, k.name, f))
			}
		}
		if k.all == nil {
			continue
		}
		files, err := k.all(s)
		faults = append(faults, err)
		for _, f := range files {
			made = append(made, f.measured(k.name))
		}
	}
	slices.SortStableFunc(made, func(a, b File) int { return cmp.Compare(a.File, b.File) })
	made = slices.CompactFunc(made, func(a, b File) bool { return a.File == b.File }) // one that two kinds need
	return made, errors.Join(faults...)
}

// Needs says why a kind cannot be made of this cluster file; nil if it can.
func Needs(s Source, name string) error {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 || kinds[i].needs == nil {
		return nil
	}
	return kinds[i].needs(s)
}

// Makes lists the kinds that deliver the documents of at least one of the hosts, and that
// can be made of this cluster file.
func Makes(s Source, hosts []string) (names []string) {
	for _, k := range kinds {
		row, _ := profiles.FindKind(k.name)
		if slices.ContainsFunc(s.Hosts, func(h Host) bool {
			return slices.Contains(hosts, h.Name) && row.Serves(h.reader()) && (row.Base == "" || s.base(k.name, &h) != nil)
		}) && (k.needs == nil || k.needs(s) == nil) {
			names = append(names, k.name)
		}
	}
	return names
}

// describe says of a host's file what media.json says.
func (h *Host) describe(s Source, kind string, f File) File {
	f.Host, f.OS, f.MAC = h.Name, h.OS.Name, h.MAC
	if f.Document != "" && h.holdsKeys() {
		f.HoldsKeysOf = []string{h.Name}
	}
	f = f.measured(kind)
	f.BootSHA256 = h.bootSum(s, f.Kind)
	return f
}

// measured says what a file's contents are.
func (f File) measured(kind string) File {
	f.Kind = cmp.Or(f.Kind, kind)
	if f.BaseOf == nil {
		f.Bytes, f.SHA256 = int64(len(f.Data)), hash(f.Data)
	}
	if f.HoldsKeysOf == nil {
		f.HoldsKeysOf = []string{}
	}
	return f
}

// carries returns a file that delivers the host's document, for describe to complete.
func (h *Host) carries(name string, data []byte) File {
	d := h.given()
	return File{Medium: Medium{File: path.Join(h.Name, name), Document: d.Path, DocumentSHA256: hash(d.Text)}, Data: data}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// fits refuses a document that is too large for a channel.
func (h *Host) fits(channel string) error {
	c, _ := profiles.FindChannel(channel)
	d := h.given()
	if c.Limit > 0 && len(d.Text) > c.Limit {
		return TooLarge{fmt.Errorf("%s has %d bytes, and %s takes %d: render it with --channel %s", d.Path, len(d.Text), c.Summary, c.Limit, channel)}
	}
	return nil
}

// TooLarge is the error of a document for which a medium has no room.
type TooLarge struct{ error }

// OnlyTooLarge reports whether documents that have no room are all that is in the way.
func OnlyTooLarge(err error) bool {
	if all, joined := err.(interface{ Unwrap() []error }); joined {
		return !slices.ContainsFunc(all.Unwrap(), func(one error) bool { return !OnlyTooLarge(one) })
	}
	return errors.As(err, &TooLarge{})
}
