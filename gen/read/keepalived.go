package read

import (
	"net/netip"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/network"
	"hagen/gen/node"
)

// KeepalivedConf is the file that keepalived reads.
const KeepalivedConf = "/etc/keepalived/keepalived.conf"

// VirtualRouter is a machine that shares a virtual address with others, as its
// keepalived.conf says (VRRP, RFC 5798).
type VirtualRouter struct {
	Host    string
	ID      string // the number of the virtual router on its network
	Address string // the virtual address
	Source  string // the machine's own
}

// VirtualRouters reads them from the nodes that have keepalived.conf.
func VirtualRouters(nodes []node.Node) []VirtualRouter {
	var out []VirtualRouter
	for _, n := range nodes {
		for _, r := range Routers(n.Files) {
			out = append(out, VirtualRouter{n.Name, r.routerID, r.Address, r.Source})
		}
	}
	return out
}

// Router is what a keepalived.conf says about one virtual address.
type Router struct {
	Text                                string          // of the whole file
	begin, end                          int             // the part about this address
	Words                               map[string]Word // the word after each keyword, in that part or before the first; the last counts
	routerID, Priority, Source, Address string
	Peers                               []string
}

var (
	vrrpBegin = lazy.Regexp(`(?m)^vrrp_instance `)
	vrrpPeers = lazy.Regexp(`unicast_peer \{([^}]*)\}`)
	vrrpHeld  = lazy.Regexp(`virtual_ipaddress \{\s*(\S+)`)
)

// Routers reads the keepalived.conf among the files, if there is one: one
// router for each virtual address.
func Routers(files []node.File) (out []*Router) {
	text, found := "", false
	for _, f := range files {
		if f.Path == KeepalivedConf {
			text, found = string(f.Contents), true
		}
	}
	if !found {
		return nil
	}
	begins := vrrpBegin().FindAllStringIndex(text, -1)
	if begins == nil {
		begins = [][]int{{0}}
	}
	for i, begin := range begins {
		r := &Router{Text: text, begin: begin[0], end: len(text), Words: map[string]Word{}}
		if i+1 < len(begins) {
			r.end = begins[i+1][0]
		}
		r.read(0, begins[0][0])
		r.read(r.begin, r.end)
		r.routerID, r.Priority, r.Source = r.Words["virtual_router_id"].Text, r.Words["priority"].Text, r.Words["unicast_src_ip"].Text
		if found := vrrpPeers().FindStringSubmatch(r.Section()); found != nil {
			r.Peers = strings.Fields(found[1])
		}
		if found := vrrpHeld().FindStringSubmatch(r.Section()); found != nil {
			r.Address, _, _ = strings.Cut(found[1], "/")
		}
		out = append(out, r)
	}
	return out
}

// Section returns the part of the file about this address.
func (r *Router) Section() string { return r.Text[r.begin:r.end] }

// read records the words of a part of the file.
func (r *Router) read(begin, end int) {
	at := begin
	for line := range strings.Lines(r.Text[begin:end]) {
		if words := Split(line, at); len(words) > 1 && words[0].Text != "" && !strings.ContainsAny(words[0].Text[:1], "#!") {
			r.Words[words[0].Text] = words[1]
		}
		at += len(line)
	}
}

// At returns the place at an offset of the file.
func (r *Router) At(at int) Place { return Place{KeepalivedConf, r.Text, at} }

// Where returns the place of a word in the part about this address, or else in
// the whole file.
func (r *Router) Where(word string) Place {
	if i := strings.Index(r.Section(), word); i >= 0 {
		return Place{KeepalivedConf, r.Text, r.begin + i}
	}
	return Place{KeepalivedConf, r.Text, strings.Index(r.Text, word)}
}

// Family returns the family of the address: 4 or 6.
func (r *Router) Family() int {
	a, _ := netip.ParseAddr(r.Address) // an invalid one is reported elsewhere
	return network.Family(a)
}
