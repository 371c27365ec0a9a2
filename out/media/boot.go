package media

import (
	"encoding/json"
	"slices"

	"hagen/profiles"
)

// inputs are what the cluster file says that is in a medium, or that names it, beside its
// document. What a kind does not use, is empty.
type inputs struct {
	MAC         string   `json:",omitempty"`
	Drive       bool     `json:",omitempty"` // the volume is a config drive
	InstallDisk string   `json:",omitempty"`
	Keep        []string `json:",omitempty"`
	Arguments   []string `json:",omitempty"`
	Platform    string   `json:",omitempty"`
	URL         string   `json:",omitempty"`
	Kernel      string   `json:",omitempty"`
	Initrd      []string `json:",omitempty"`
	Rootfs      string   `json:",omitempty"`
}

// bootSum returns the hash of what the cluster file gives a medium of a kind for a host;
// "" if that is nothing.
func (h *Host) bootSum(s Source, kind string) string {
	var in inputs
	switch kind {
	case profiles.Seed, profiles.Disk:
		in.Drive = s.Boot.Platform.Drive
	case profiles.QEMU:
		in.MAC = h.MAC
	case profiles.Netboot, profiles.Matchbox:
		in = inputs{MAC: h.MAC, URL: s.Boot.URL, Kernel: s.Boot.Kernel, Initrd: s.Boot.Initrd, Rootfs: s.Boot.Rootfs, Arguments: s.Boot.Arguments, Platform: s.Boot.Platform.Name}
		in.InstallDisk, in.Keep = h.InstallDisk, h.KeepLabels
	case profiles.ISO:
		if h.InstallDisk != "" {
			in = inputs{InstallDisk: h.InstallDisk, Keep: h.KeepLabels, Arguments: h.Arguments, Platform: h.Platform}
		}
	}
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // texts and lists of them
	}
	if string(text) == "{}" {
		return ""
	}
	return hash(text)
}

// Outdated returns the list in which each medium says whether the cluster file has changed
// since in what it gives that medium.
func (l List) Outdated(s Source) List {
	l.Media = slices.Clone(l.Media)
	for i := range l.Media {
		m := &l.Media[i]
		at := slices.IndexFunc(s.Hosts, func(h Host) bool { return h.Name == m.Host })
		m.Outdated = at >= 0 && s.Hosts[at].bootSum(s, m.Kind) != m.BootSHA256
	}
	return l
}
