package plan

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"hagen/out/review/facts"
)

// mayHold reports whether a virtual IP may be on a machine.
func (w *world) mayHold(host string, address netip.Addr) bool {
	return w.up(host, facts.KeepalivedUnit) && slices.ContainsFunc(w.routers(host), func(r router) bool { return r.address == address.String() })
}

// router is a virtual router of a machine, as keepalived was started or last reloaded.
type router struct {
	host, id, address, source string
	peers                     []string
}

var routerParts = regexp.MustCompile(`(?s)virtual_router_id (\S+).*?unicast_src_ip (\S+)\s+unicast_peer \{([^}]*)\}\s+virtual_ipaddress \{\s*([^\s/]+)`)

func (w *world) routers(host string) (out []router) {
	text := string(facts.FileAt(w.machines[host].runs[facts.KeepalivedUnit].at, "/etc/keepalived/keepalived.conf").Contents)
	for _, found := range routerParts.FindAllStringSubmatch(text, -1) {
		out = append(out, router{host, found[1], found[4], found[2], strings.Fields(found[3])})
	}
	return out
}

// sharing are the machines that may hold a virtual IP: keepalived asks their HAProxy
// whether it serves.
func (w *world) sharing() []string {
	return slices.DeleteFunc(w.hosts(facts.KeepalivedUnit), func(host string) bool { return !w.up(host, facts.HAProxyUnit) })
}

// both returns pairs of routers on two machines that hold the same address: one that does
// not hear the other takes it, whatever the other does.
func (w *world) both() (pairs [][2]router) {
	hosts := w.hosts(facts.KeepalivedUnit)
	for i, one := range hosts {
		for _, other := range hosts[i+1:] {
			for _, a := range w.routers(one) {
				for _, b := range w.routers(other) {
					if a.address == b.address && !(w.sends(a, b) && w.sends(b, a)) {
						pairs = append(pairs, [2]router{a, b})
					}
				}
			}
		}
	}
	return pairs
}

// sends reports whether a router's adverts reach another one, which then goes by them.
func (w *world) sends(a, b router) bool {
	at, err := netip.ParseAddr(b.source)
	return err == nil && a.id == b.id && slices.Contains(a.peers, b.source) && w.has(b.host, at)
}

// heldOnce asks that no two machines hold a virtual IP, and that a check of the steps finds
// it if they do.
func (w *world) heldOnce(when string, steps []Step) {
	for _, pair := range w.both() {
		w.problem("%s: %s and %s hold %s", when, pair[0].host, pair[1].host, pair[0].address)
		if !slices.ContainsFunc(steps, func(s Step) bool {
			return slices.ContainsFunc(s.Checks, func(c Command) bool { return c.Asks == VirtualIPAlone && w.run(c) != nil })
		}) {
			w.problem("%s: no check finds that two hold it", when)
		}
	}
}

// alone is a machine that reaches others from the virtual IP if it holds it: they accept or
// refuse the connection. One without power does neither, but holds nothing.
func (w *world) alone(c Command, address string, urls []string) error {
	if err := w.on(c); err != nil {
		return err
	}
	for _, u := range urls {
		at, err := netip.ParseAddrPort(strings.TrimPrefix(u, "https://"))
		if err != nil {
			return err
		}
		host := ""
		for name, m := range w.machines {
			if m.on && w.has(name, at.Addr()) {
				host = name
			}
		}
		if host == "" {
			return fmt.Errorf("no machine has %s", at.Addr())
		}
		for _, pair := range w.both() {
			if pair[0].address == address && (pair[0].host == c.Host && pair[1].host == host || pair[1].host == c.Host && pair[0].host == host) {
				return fmt.Errorf("%s has %s, too", host, address)
			}
		}
	}
	return nil
}
