package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/out/review/facts"
)

// mustFind asks that machines find an API server under the names that clients dial, as far as
// /etc/hosts has them. Where no load balancer stays, machines that come have the new file from
// their first boot, those that go keep the former one, and mustLead asks whom they reach.
func (w *world) mustFind(when string) {
	if w.warned(append([]string{"nobody holds it"}, cuts...)...) {
		return
	}
	ends := []cluster.Endpoint{w.before.file.Endpoint, w.after.file.Endpoint}
	for host, m := range w.machines {
		for _, end := range ends {
			if !m.on || !w.stays(host) && !w.frontStays() || len(facts.LookUp(&m.disk, end.Host)) == 0 {
				continue
			}
			if !slices.ContainsFunc(ends, func(e cluster.Endpoint) bool { return w.reaches(host, fmt.Sprintf("https://%s:%d", end.Host, e.Port)) }) {
				w.problem("%s: the /etc/hosts of %s leads %s to %v, where no API server answers", when, host, end.Host, facts.LookUp(&m.disk, end.Host))
			}
		}
	}
}

// stays reports whether a machine is on both sides.
func (w *world) stays(host string) bool {
	return w.before.hostOf(host).Name != "" && w.after.hostOf(host).Name != ""
}

// frontStays reports whether a machine runs HAProxy on both sides.
func (w *world) frontStays() bool {
	for host := range w.machines {
		was, is := w.before.machine(host), w.after.machine(host)
		if w.stays(host) && facts.Runs(&was, facts.HAProxyUnit) && facts.Runs(&is, facts.HAProxyUnit) {
			return true
		}
	}
	return false
}

// mustKeep asks that a machine has a file that replaced its image's at the first boot, and
// knows its own name if it did.
func (w *world) mustKeep(when string) {
	for host, m := range w.machines {
		before := w.before.machine(host)
		for _, f := range before.Files {
			if m.on && !m.anew && facts.Replaces(f) && facts.FileAt(m.disk, f.Path).Path == "" {
				w.problem("%s: %s has no %s", when, host, f.Path)
			}
		}
		if m.on && !m.anew && len(facts.LookUp(&before, host)) > 0 && (len(facts.LookUp(&m.disk, host)) == 0 || len(facts.LookUp(&m.disk, "localhost")) == 0) {
			w.problem("%s: %s does not find itself in /etc/hosts", when, host)
		}
	}
}

var scriptPort = regexp.MustCompile(`/dev/tcp/\S+/(\d+)`)

// mustServe asks that keepalived finds a HAProxy that works: without one, no machine holds
// the virtual IP.
func (w *world) mustServe(when string) {
	hosts := w.hosts(facts.KeepalivedUnit)
	for _, host := range hosts {
		script := scriptPort.FindSubmatch(facts.FileAt(w.machines[host].disk, "/etc/keepalived/haproxy-serves.sh").Contents)
		if len(script) == 0 || w.up(host, facts.HAProxyUnit) && strings.Contains(w.proxyOf(host).alive, ":"+string(script[1])+"/") {
			return
		}
	}
	if len(hosts) > 0 && !w.warned(cuts...) {
		w.problem("%s: no keepalived finds its HAProxy", when)
	}
}
