package rendered

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/document"
	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/profiles"
)

var variant = lazy.Regexp(`(?m)^variant: (\S+)$`)

// Family returns the family of the host's operating system (profiles.OS.Family); "" if its
// documents do not show it.
func (h Host) Family() string {
	family := ""
	for _, d := range h.Documents {
		if m := variant().FindSubmatch(d.Text); m != nil && d.Format == profiles.Butane {
			family = string(m[1])
		}
	}
	has := func(format string) bool {
		return slices.ContainsFunc(h.Documents, func(d document.Document) bool { return d.Format == format })
	}
	if has(profiles.UserData) && !has(profiles.Ignition) {
		family = profiles.CloudInit // the Butane document is only an extra
	}
	return family
}

// For reports whether the host's documents can be those of an operating system, as far as
// they show it.
func (h Host) For(system profiles.OS) bool {
	if h.Said != "" {
		return h.Said == system.Name
	}
	if family := h.Family(); family != "" && family != system.Family() {
		return false
	}
	return suits(h.Node, system)
}

// suits reports whether a machine with an operating system has the binaries where the
// units run them.
func suits(n node.Node, system profiles.OS) bool {
	if !system.Quadlet && slices.ContainsFunc(n.Files, func(f node.File) bool { return path.Dir(f.Path) == node.QuadletDir }) {
		return false
	}
	if slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == profiles.SysextUnit && u.Enabled }) {
		return true
	}
	own := map[string]string{"haproxy": system.HAProxy, "keepalived": system.Keepalived}
	for _, u := range n.Units {
		for line := range strings.SplitSeq(u.Contents, "\n") {
			command, is := strings.CutPrefix(line, "ExecStart=")
			command, _, _ = strings.Cut(command, " ")
			name := path.Base(command)
			if strings.HasPrefix(name, "kube-") {
				own[name] = path.Join(system.BinDir, name)
			}
			if want, known := own[name]; is && known && command != want {
				return false
			}
		}
	}
	return true
}

// systemOf returns the operating system whose binaries the units run, or else the one that
// reads the document. Binaries of an image have the same path on all systems.
func systemOf(n node.Node, reads profiles.OS) profiles.OS {
	if slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == profiles.SysextUnit && u.Enabled }) {
		return reads
	}
	for _, system := range profiles.Systems() {
		runs := func(u node.Unit) bool {
			for line := range strings.SplitSeq(u.Contents, "\n") {
				command, _, _ := strings.Cut(strings.TrimPrefix(line, "ExecStart="), " ")
				if strings.HasPrefix(line, "ExecStart=") && (command == system.HAProxy || command == path.Join(system.BinDir, path.Base(command)) && strings.HasPrefix(path.Base(command), "kube-")) {
					return true
				}
			}
			return false
		}
		if slices.ContainsFunc(n.Units, runs) {
			return system
		}
	}
	return reads
}
