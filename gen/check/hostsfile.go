package check

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

const hostsPath = "/etc/hosts"

// readHosts reads the machine's /etc/hosts, if the document brings it.
func (m *facts) readHosts() {
	f, found := m.files[hostsPath]
	m.hasHosts, m.names = found, map[string][]netip.Addr{}
	at := 0
	for line := range strings.Lines(string(f.Contents)) {
		before, _, _ := strings.Cut(line, "#")
		words := read.Split(before, at)
		if len(words) > 0 {
			address, err := netip.ParseAddr(words[0].Text)
			switch {
			case err != nil:
				m.hostsFaults = append(m.hostsFaults, read.Fault{At: read.At(f, words[0].At), Problem: words[0].Text + " is no address"})
			case len(words) == 1:
				m.hostsFaults = append(m.hostsFaults, read.Fault{At: read.At(f, words[0].At), Problem: words[0].Text + " has no name"})
			default:
				m.hosts = append(m.hosts, hostsLine{address, words[1:]})
				for _, w := range words[1:] {
					if !slices.Contains(m.names[w.Text], address) {
						m.names[w.Text] = append(m.names[w.Text], address)
					}
				}
			}
		}
		at += len(line)
	}
}

// lookup gives the addresses of a name by the machine's /etc/hosts.
func (m *facts) lookup(name string) []netip.Addr { return m.names[name] }

// loopbacks are what localhost means where nothing else is said.
var loopbacks = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// claimed are the addresses that a machine's daemons call their own.
func (m *facts) claimed() (out []netip.Addr) {
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() && !a.IsUnspecified() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if p := m.process(etcd); p != nil {
		for _, w := range read.List(p.Value("initial-advertise-peer-urls"), -1) {
			add(read.ParseURL(w.Text).Host)
		}
	}
	if p := m.process(apiServer); p != nil {
		add(p.Value("advertise-address"))
	}
	for _, r := range m.routers {
		add(r.Source)
	}
	return out
}

// hostsLine is a line of /etc/hosts (hosts(5)).
type hostsLine struct {
	address netip.Addr
	names   []read.Word
}
