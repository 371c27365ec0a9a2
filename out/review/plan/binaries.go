package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/profiles"
)

// binaries adds to a step that restarts a unit how its new binary gets onto the host.
func (p planner) binaries(s *Step, h Host) {
	on := func(format string, args ...any) {
		s.Commands = append(s.Commands, onHost(h.Name, fmt.Sprintf(format, args...)))
	}
	n := p.after.machine(h.Name)
	var written []string
	for _, place := range s.Write {
		f := facts.FileAt(n, place)
		if f.Source.URL == "" {
			written = append(written, place)
			if control.Fetches(f) {
				on("%s", facts.Command(n, control.BinariesUnit))
			}
			continue
		}
		for _, line := range fetch(f) {
			on("%s", line)
		}
		switch {
		case path.Dir(place) == profiles.SysextDir:
			on("systemd-sysext refresh")
		case place != facts.Command(n, s.Unit): // an archive, which is unpacked at boot
			on("%s", facts.Command(n, control.BinariesUnit))
		}
	}
	s.Write = list(written)
	version, changes := p.version(s.Unit)
	name := strings.TrimSuffix(s.Unit, ".service")
	if !changes {
		return
	}
	if diff.Delivery(n, s.Unit) == diff.ByImage {
		s.Install = append(s.Install, Binary{name, version.String(), facts.Command(n, s.Unit)})
	}
	if place, atHand := image(n, s.Unit); atHand && !p.written[h.Name+":"+place] {
		p.written[h.Name+":"+place] = true
		// One image, two releases.
		s.Install = append(s.Install, Binary{strings.TrimSuffix(path.Base(place), ".raw"), p.plan.To.Kubernetes.String() + "-etcd-" + p.plan.To.Etcd.String(), place})
		on("systemd-sysext refresh")
	}
}

// version returns the new version of a unit's binary, and whether it changes.
func (p planner) version(unit string) (version profiles.Version, changes bool) {
	switch {
	case unit == facts.EtcdUnit:
		return p.plan.To.Etcd, p.plan.From.Etcd != p.plan.To.Etcd
	case strings.HasPrefix(unit, "kube-"):
		return p.plan.To.Kubernetes, p.plan.From.Kubernetes != p.plan.To.Kubernetes
	}
	return profiles.Version{}, false
}

// fetchesSameBytes reports whether a machine would fetch the bytes that it has, from
// whatever URL.
func (p planner) fetchesSameBytes(host, place string) bool {
	was, is := facts.FileAt(p.before.machine(host), place), facts.FileAt(p.after.machine(host), place)
	return was.Source.Same(is.Source) && was.Mode == is.Mode && was.User == is.User && was.Group == is.Group
}

// fetch returns commands that fetch a file as a first boot does and rename it into
// place: running programs keep the old one.
func fetch(f node.File) []string {
	digest := strings.TrimPrefix(f.Source.Hash, "sha512-")
	return []string{
		fmt.Sprintf("curl -fgL -o %s.new '%s'", f.Path, f.Source.URL),
		fmt.Sprintf("echo '%[2]s  %[1]s.new' | sha512sum -c - && chmod %04[3]o %[1]s.new && mv %[1]s.new %[1]s", f.Path, digest, f.Mode),
	}
}

// together warns of hosts whose binaries all change at once in place: they are one
// image, or the machine's own script fetches them.
func together(p planner) []order.Caution {
	var hosts []string
	for _, h := range p.after.Cluster.Hosts() {
		n := p.after.machine(h.Name)
		itself := slices.ContainsFunc(n.Files, control.Fetches)
		inPlace := !slices.Contains(order.HostsOf(p.plan.Order.Steps, diff.Reimage), h.Name)
		if inPlace && h.APIPort != 0 && (itself || diff.Delivery(n, facts.APIUnit) == diff.ByExtension) {
			hosts = append(hosts, h.Name)
		}
	}
	if p.options.Reimage || len(hosts) == 0 || p.plan.From == p.plan.To {
		return nil
	}
	return []order.Caution{{Hosts: hosts, Text: "all binaries change at once, as they are one image or are fetched together: in place, a daemon that restarts before its turn starts the new one, so finish each machine without a pause; hagen plan --reimage avoids this"}}
}
