package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/profiles"
)

// binaries completes a step that restarts a unit: where its other binary comes
// from depends on how binaries come onto the host.
func (w way) binaries(s *Step, h cluster.Host) {
	on := func(format string, args ...any) {
		s.Commands = append(s.Commands, Command{h.Name, fmt.Sprintf(format, args...)})
	}
	n := machine(w.after, h.Name)
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
		case place != facts.Command(n, s.Unit): // an archive, which is unpacked at a boot
			on("%s", facts.Command(n, control.BinariesUnit))
		}
	}
	s.Write = list(written)
	version, changes := w.version(s.Unit)
	name := strings.TrimSuffix(s.Unit, ".service")
	if !changes {
		return
	}
	switch h.Delivery.Of(name) {
	case profiles.Preinstalled:
		s.Install = append(s.Install, Binary{name, version.String(), facts.Command(n, s.Unit)})
	case profiles.Sysext:
		for _, a := range w.after.Cluster.Artefacts(h) {
			place := path.Join(profiles.SysextDir, a.Name+".raw")
			if slices.Contains(a.Binaries, name) && a.URL == "" && !w.written[h.Name+":"+place] {
				w.written[h.Name+":"+place] = true
				s.Install = append(s.Install, Binary{a.Name, a.Version, place})
				on("systemd-sysext refresh")
			}
		}
	}
}

// version is what a unit's binary is to have, if it changes.
func (w way) version(unit string) (version profiles.Version, changes bool) {
	switch {
	case unit == facts.EtcdUnit:
		return w.plan.To.Etcd, w.plan.From.Etcd != w.plan.To.Etcd
	case strings.HasPrefix(unit, "kube-"):
		return w.plan.To.Kubernetes, w.plan.From.Kubernetes != w.plan.To.Kubernetes
	}
	return profiles.Version{}, false
}

// machine finds a machine of a side; the zero node if it has none by the name.
func machine(s Side, name string) node.Node {
	for _, n := range s.Machines {
		if n.Name == name {
			return n
		}
	}
	return node.Node{}
}

// fetchedAlike says whether a machine would fetch the bytes that it has, from
// whatever place.
func (w way) fetchedAlike(host, place string) bool {
	was, is := facts.FileAt(machine(w.before, host), place), facts.FileAt(machine(w.after, host), place)
	return was.Source.Same(is.Source) && was.Mode == is.Mode && was.User == is.User && was.Group == is.Group
}

// fetch gets a file as a first boot would, and puts it in its place whole: what
// runs keeps the old one.
func fetch(f node.File) []string {
	digest := strings.TrimPrefix(f.Source.Hash, "sha512-")
	return []string{
		fmt.Sprintf("curl -fgL -o %s.new '%s'", f.Path, f.Source.URL),
		fmt.Sprintf("echo '%[2]s  %[1]s.new' | sha512sum -c - && chmod %04[3]o %[1]s.new && mv %[1]s.new %[1]s", f.Path, digest, f.Mode),
	}
}

// together warns of hosts whose binaries are others all at once in place: those
// of one image, and those that the machine's own script fetches.
func together(w way) []order.Caution {
	var hosts []string
	for _, h := range w.after.Cluster.Hosts() {
		itself := slices.ContainsFunc(machine(w.after, h.Name).Files, control.Fetches)
		inPlace := !slices.Contains(order.HostsOf(w.plan.Order.Steps, diff.Reimage), h.Name)
		if inPlace && h.Role.Runs("kube-apiserver") && (itself || h.Delivery.Of("kube-apiserver") == profiles.Sysext) {
			hosts = append(hosts, h.Name)
		}
	}
	if w.options.Reimage || len(hosts) == 0 || w.plan.From == w.plan.To {
		return nil
	}
	return []order.Caution{{Hosts: hosts, Text: "all binaries change at once, as they are one image or are fetched together: in place, a daemon that restarts before its turn does so with the new one, so do not leave a machine half way; hagen plan --reimage has no such moment"}}
}
