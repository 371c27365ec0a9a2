package check

import (
	"net/netip"
	"slices"

	"hagen/gen/node"
	"hagen/gen/read"
)

// interfaceRules are about interfaces.
var interfaceRules = []check{
	{within: (*machine).interfaceFiles, rules: []rule{
		{ruleKeyfileMode, Error, "NetworkManager ignores such a file, and the machine has no address",
			"set owner root and mode 0600"},
		{ruleGateway, Error, "a router outside the interface's networks is unreachable, and so is everything behind it",
			"write the router's address in the machine's network"},
	}},
	{across: (*set).interfaces, rules: []rule{
		{ruleDuplicateAddress, Error, "only one of the two is reachable, and which one changes",
			"give each machine its own address and MAC address"},
		{ruleWrongAddress, Error, "other machines look for it at another address",
			"write the same address into /etc/hosts and into the interface's file"},
	}},
}

// interfaceFiles checks that the network stack reads the files of interfaces,
// and that gateways are reachable.
func (m *machine) interfaceFiles() {
	for _, i := range m.interfaces {
		if !i.taken {
			m.find(ruleKeyfileMode, read.Whole(i.file.Path), "has mode %04o", i.file.Mode)
		}
		for _, g := range i.Gateways {
			near := func(p netip.Prefix) bool { return p.Contains(g) }
			if !g.IsLinkLocalUnicast() && len(i.Addresses) > 0 && !slices.ContainsFunc(i.Addresses, near) {
				m.find(ruleGateway, read.In(i.file, g.String()), "%s is in no network of the interface", g)
			}
		}
	}
}

// interfaces checks that no two machines have the same address, and that each
// has the one that others look for.
func (s *set) interfaces() {
	owners := map[string]*machine{}
	for _, m := range s.machines {
		claim := func(what string, f node.File) {
			if first, twice := owners[what]; twice && first != m {
				m.find(ruleDuplicateAddress, read.In(f, what), "%s is also %s's", what, own(first.Name))
				return
			}
			owners[what] = m
		}
		var prefixes []netip.Prefix
		for _, i := range m.interfaces {
			if i.MAC != "" {
				claim(i.MAC, i.file)
			}
			for _, p := range i.Addresses {
				claim(p.Addr().String(), i.file)
				prefixes = append(prefixes, p)
			}
		}
		agreed, _ := s.majority(m.Name)
		for _, a := range agreed {
			same := func(p netip.Prefix) bool { return p.Addr() == a }
			near := func(p netip.Prefix) bool { return p.Contains(a) }
			if slices.ContainsFunc(prefixes, near) && !slices.ContainsFunc(prefixes, same) {
				m.find(ruleWrongAddress, read.Whole(read.HostsPath), "lists %s at %s, which its interface's file does not have", own(m.Name), a)
			}
		}
	}
}
