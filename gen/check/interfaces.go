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
			"give it to root with mode 0600"},
		{ruleGateway, Error, "a router that is in no network of the interface is not found, and nothing outside is reached",
			"write the router's address in the machine's network"},
	}},
	{across: (*set).interfaces, rules: []rule{
		{ruleDuplicateAddress, Error, "one of the two is not reached, and which one changes",
			"give each machine its own address and MAC address"},
		{ruleWrongAddress, Error, "the machine is not there where others look for it",
			"write the same address into /etc/hosts and into the interface's file"},
	}},
}

// interfaceFiles: a network stack takes the files of its interfaces, and finds
// the gateways.
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

// interfaces: no two machines have the same address, and each has the one at
// which others look for it.
func (s *set) interfaces() {
	owners := map[string]*machine{}
	for _, m := range s.machines {
		claim := func(what string, f node.File) {
			if first, twice := owners[what]; twice && first != m {
				m.find(ruleDuplicateAddress, read.In(f, what), "%s is %s's, too", what, first.Name)
				return
			}
			owners[what] = m
		}
		var own []netip.Prefix
		for _, i := range m.interfaces {
			if i.MAC != "" {
				claim(i.MAC, i.file)
			}
			for _, p := range i.Addresses {
				claim(p.Addr().String(), i.file)
				own = append(own, p)
			}
		}
		told, _ := s.majority(m.Name)
		for _, a := range told {
			same := func(p netip.Prefix) bool { return p.Addr() == a }
			near := func(p netip.Prefix) bool { return p.Contains(a) }
			if slices.ContainsFunc(own, near) && !slices.ContainsFunc(own, same) {
				m.find(ruleWrongAddress, read.Whole(read.HostsPath), "knows %s at %s, which its interface's file does not give it", m.Name, a)
			}
		}
	}
}
