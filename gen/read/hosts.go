package read

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
)

// HostsPath is the file that maps names to addresses.
const HostsPath = "/etc/hosts"

// Hosts is the content of the file (hosts(5)).
type Hosts struct {
	Lines  []HostsLine
	Names  map[string][]netip.Addr
	Faults []Fault
}

// HostsLine is one address with its names.
type HostsLine struct {
	Address netip.Addr
	Names   []Word
}

// HostsOf reads the file of a machine, if the document brings it.
func HostsOf(n node.Node) (h Hosts, found bool) {
	f, found := fileOf(n, HostsPath)
	h.Names = map[string][]netip.Addr{}
	at := 0
	for line := range strings.Lines(string(f.Contents)) {
		before, _, _ := strings.Cut(line, "#")
		if words := Split(before, at); len(words) > 0 {
			h.add(f, words[0], words[1:])
		}
		at += len(line)
	}
	return h, found
}

func (h *Hosts) add(f node.File, first Word, names []Word) {
	address, err := netip.ParseAddr(first.Text)
	switch {
	case err != nil:
		h.Faults = append(h.Faults, Fault{At: At(f, first.At), Problem: first.Text + " is not an address"})
		return
	case len(names) == 0:
		h.Faults = append(h.Faults, Fault{At: At(f, first.At), Problem: first.Text + " has no name"})
		return
	}
	h.Lines = append(h.Lines, HostsLine{address, names})
	for _, w := range names {
		if !slices.Contains(h.Names[w.Text], address) {
			h.Names[w.Text] = append(h.Names[w.Text], address)
		}
	}
}
