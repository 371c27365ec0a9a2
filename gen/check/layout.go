package check

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// mergedUsr are the links that every Linux with a merged /usr has.
var mergedUsr = map[string]string{"/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/lib64": "/usr/lib64", "/var/run": "/run"}

// resolve follows the links of the operating system and of the document, so
// that two names of one place become one path.
func (m *facts) resolve(p string) string {
	p = path.Clean(p)
	for range 8 {
		next := p
		for _, links := range []map[string]string{mergedUsr, m.os.Links, m.links()} {
			for from, to := range links {
				if p == from || strings.HasPrefix(p, from+"/") {
					next = path.Clean(to + strings.TrimPrefix(p, from))
				}
			}
		}
		if next == p {
			break
		}
		p = next
	}
	return p
}

// links returns the document's own links, each with its target.
func (m *facts) links() map[string]string {
	if len(m.Links) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, l := range m.Links {
		target := l.Target
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(l.Path), target)
		}
		out[l.Path] = target
	}
	return out
}

// claim is one thing that the document puts at a path.
type claim struct {
	kind, path string
	leaf       bool
}

// claims lists everything that the document puts at a path.
func (m *facts) claims() (out []claim) {
	for _, d := range m.Directories {
		out = append(out, claim{"directory", d.Path, false})
	}
	for _, f := range m.Files {
		out = append(out, claim{"file", f.Path, true})
	}
	for _, l := range m.Links {
		out = append(out, claim{"link", l.Path, true})
	}
	for _, u := range m.Node.Units {
		out = append(out, claim{"unit", path.Join(node.UnitDir, u.Name), true})
		for _, d := range u.DropIns {
			out = append(out, claim{"drop-in", d.Path(u.Name), true})
		}
	}
	return out
}

// realPath returns the path where a claim ends up. Links above it are
// followed; a link itself is not.
func (m *facts) realPath(c claim) string {
	if c.kind == "link" {
		return path.Join(m.resolve(path.Dir(c.path)), path.Base(c.path))
	}
	return m.resolve(c.path)
}

// mounted is a filesystem that is there at every boot.
type mounted struct {
	at                   read.Place
	device, path, format string
	late                 bool // only units that say so wait for it
}

// mounts lists the document's mounts, and its .mount units.
func (m *facts) mounts() (out []mounted) {
	for _, d := range m.Mounts {
		out = append(out, mounted{read.Whole(d.Path), d.Device, d.Path, d.Format, slices.Contains(d.Options, node.NoFail)})
	}
	for _, u := range m.units {
		if path.Ext(u.Name) != ".mount" || u.Value("Mount", "Where") == "" {
			continue
		}
		where, _ := u.Directive("Mount", "Where")
		options := strings.Split(u.Value("Mount", "Options"), ",")
		out = append(out, mounted{u.Place(where.At), u.Value("Mount", "What"), where.Value, u.Value("Mount", "Type"), slices.Contains(options, node.NoFail)})
	}
	return out
}

// provides reports whether a path is a file or directory of the document, or
// may be made by a daemon in a directory that the document leaves empty.
func (m *facts) provides(path string) bool {
	for p := range m.files {
		if below(p, path) {
			return true
		}
	}
	for _, d := range m.Directories {
		if below(d.Path, path) || below(path, d.Path) && m.empty(d.Path) {
			return true
		}
	}
	return slices.ContainsFunc(m.Links, func(l node.Link) bool { return l.Path == path || strings.HasPrefix(path, l.Path+"/") }) || m.stateful(path)
}

// stateful reports whether a path is in a directory that systemd makes for a
// unit (systemd.exec(5), RuntimeDirectory=).
func (m *facts) stateful(p string) bool {
	for _, row := range []struct{ key, base string }{
		{"RuntimeDirectory", "/run"}, {"StateDirectory", "/var/lib"}, {"LogsDirectory", "/var/log"}, {"CacheDirectory", "/var/cache"}, {"ConfigurationDirectory", "/etc"},
	} {
		for _, u := range m.units {
			for _, w := range u.All("Service", row.key) {
				if below(p, path.Join(row.base, w.Text)) {
					return true
				}
			}
		}
	}
	return false
}

// empty reports whether the document puts no file into a directory.
func (m *facts) empty(dir string) bool {
	return !slices.ContainsFunc(m.Files, func(f node.File) bool { return strings.HasPrefix(f.Path, dir+"/") })
}
