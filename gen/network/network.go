// Package network writes a machine's interfaces as network stacks and kernels
// read them, and reads them back: files of NetworkManager and
// systemd-networkd, and the kernel argument ip=.
package network

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// stack is a row: where a network stack looks for its files, and how they are
// written and read. read returns what write was given, or nothing.
type stack struct {
	name          string // of profiles
	dir           string
	before, after string // around an interface's name, in its file's name
	others        string // the name of the file for all other cards
	sign          string // is there where the stack is running
	reload        string // the command with which it reads them again
	up            string // that with which it uses the file of an interface, after its ID; "" if reload does that
	mode          fs.FileMode
	write         func(node.Interface) []byte
	read          func([]byte) node.Interface
}

var stacks = []stack{
	{
		// NetworkManager ignores a keyfile that others may read
		// (NetworkManager.conf(5), keyfile).
		name: profiles.NetworkManager, dir: "/etc/NetworkManager/system-connections", after: ".nmconnection", others: "other-interfaces.nmconnection",
		sign: "/run/NetworkManager", reload: "nmcli connection reload", up: "nmcli --wait 30 connection up id", mode: 0o600,
		write: keyfile, read: readKeyfile,
	},
	{
		// The first file that matches counts, in the order of names: before those
		// that systems bring (80-container-host0, zz-default) and that others make
		// (10-netplan-, 10-cloud-init-). The one for all other cards comes after those.
		name: profiles.Networkd, dir: "/etc/systemd/network", before: "05-", after: ".network", others: "99-other-interfaces.network",
		sign: "/run/systemd/netif/state", reload: "networkctl reload", mode: 0o644,
		write: networkdFile, read: readNetworkdFile,
	},
}

// File returns the file with which a stack configures an interface. The caller
// sets its Origin. The stack must be one of profiles'.
func File(i node.Interface, name string) node.File {
	s := stacks[slices.IndexFunc(stacks, func(s stack) bool { return s.name == name })]
	return node.File{Path: s.path(i), Mode: s.mode, Contents: s.write(i)}
}

func (s stack) path(i node.Interface) string {
	if isOthers(i) {
		return path.Join(s.dir, s.others)
	}
	return path.Join(s.dir, s.before+ID(i)+s.after)
}

// Activate returns a shell command with which a running system uses the files of
// interfaces; "" if there are none. Each command in it is run by a word before
// it. Where the stack does not run it does nothing.
func Activate(n node.Node, runs string) string {
	for _, s := range stacks {
		commands := []string{runs + " " + s.reload}
		found := false
		for _, f := range n.Files {
			i, is := Read(f)
			if !is || path.Dir(f.Path) != s.dir {
				continue
			}
			found = true
			if s.up != "" && !isOthers(i) {
				commands = append(commands, runs+" "+s.up+" "+ID(i))
			}
		}
		if found {
			return fmt.Sprintf("if [ -e %s ]; then %s; fi", s.sign, strings.Join(commands, "; "))
		}
	}
	return ""
}

// Others is an interface that stands for all Ethernet cards that no other file
// configures: DHCP does.
func Others() node.Interface { return node.Interface{DHCP: []int{4, 6}} }

func isOthers(i node.Interface) bool { return i.Name == "" && i.MAC == "" }

// dynamic reports whether DHCP configures an interface.
func dynamic(i node.Interface) bool { return len(i.DHCP) > 0 }

// ID returns a name for an interface that fits into a file's name: its own, or
// its MAC address with dashes. That of all others is longer than a name can be.
func ID(i node.Interface) string {
	if isOthers(i) {
		return "other-interfaces"
	}
	if i.Name != "" {
		return i.Name
	}
	return dashed(i.MAC)
}

func dashed(mac string) string { return strings.ReplaceAll(mac, ":", "-") }

// Read returns the interface that a file configures; found is false if the
// file is not exactly as File returns it.
func Read(f node.File) (i node.Interface, found bool) {
	i, s := parse(f)
	if s == nil || f.Path != s.path(i) || f.Mode != s.mode || f.User != "" || f.Group != "" || !bytes.Equal(f.Contents, s.write(i)) {
		return node.Interface{}, false
	}
	return i, true
}

// Parse returns what a file says about an interface, whoever wrote it, and
// whether the stack reads a file with that owner and mode; found is false if
// no stack reads a file of that path.
func Parse(f node.File) (i node.Interface, taken, found bool) {
	i, s := parse(f)
	if s == nil {
		return i, false, false
	}
	return i, s.mode != 0o600 || f.Mode == 0o600 && (f.User == "" || f.User == "root"), true
}

func parse(f node.File) (node.Interface, *stack) {
	for at := range stacks {
		s := &stacks[at]
		if path.Dir(f.Path) != s.dir || !strings.HasSuffix(f.Path, s.after) {
			continue
		}
		i := s.read(f.Contents)
		if id := strings.TrimSuffix(strings.TrimPrefix(path.Base(f.Path), s.before), s.after); i.MAC != "" && id != dashed(i.MAC) {
			i.Name = id // the MAC address identifies it
		}
		return i, s
	}
	return node.Interface{}, nil
}

// Interfaces lists those that a machine's document configures, in the order of
// its files.
func Interfaces(n node.Node) []node.Interface {
	var out []node.Interface
	for _, f := range n.Files {
		if i, found := Read(f); found {
			out = append(out, i)
		}
	}
	return out
}

// Family returns the IP version of an address: 4 or 6.
func Family(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

// Gateway returns the interface's default router of a family; found is false
// if there is none.
func Gateway(i node.Interface, family int) (gateway netip.Addr, found bool) {
	at := slices.IndexFunc(i.Gateways, func(a netip.Addr) bool { return Family(a) == family })
	if at < 0 {
		return netip.Addr{}, false
	}
	return i.Gateways[at], true
}

// addresses returns the interface's addresses of a family.
func addresses(i node.Interface, family int) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(i.Addresses), func(p netip.Prefix) bool { return Family(p.Addr()) != family })
}

// entry is a line of an ini file: its section, key and value.
type entry struct{ section, key, value string }

// entries reads an ini file as both stacks write it: without continued lines.
func entries(text []byte) []entry {
	var out []entry
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if inner, found := strings.CutPrefix(line, "["); found {
			section = strings.TrimSuffix(inner, "]")
		} else if key, value, found := strings.Cut(line, "="); found {
			out = append(out, entry{section, key, value})
		}
	}
	return out
}

// add adds a value to a list; an invalid one is left out, and shows when the
// file is compared with the one for its interface.
func add[T any](list *[]T, value string, parse func(string) (T, error)) {
	if v, err := parse(value); err == nil {
		*list = append(*list, v)
	}
}
