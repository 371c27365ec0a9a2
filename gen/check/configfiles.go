package check

import "hagen/gen/read"

// config reads the YAML file that a daemon's flag names; nil if it is missing
// or cannot be read.
func (m *facts) config(daemon, flag string) (*read.YAML, string) {
	f, found := m.files[m.process(daemon).Value(flag)]
	if !found {
		return nil, ""
	}
	root, ok := read.ParseYAML(string(f.Contents))
	if !ok {
		return nil, f.Path
	}
	return root, f.Path
}

// open lists the paths that the API server answers without credentials; all is
// true if anonymous requests reach every path that RBAC allows.
func (m *facts) open() (paths []string, all bool) {
	p := m.process(apiServer)
	if p == nil || p.Value("authentication-config") == "" {
		return nil, p == nil || p.Value("anonymous-auth") != "false"
	}
	root, _ := m.config(apiServer, "authentication-config")
	if root == nil {
		return nil, true
	}
	anonymous := root.Get("anonymous")
	if anonymous == nil || anonymous.Get("enabled").Value() == "true" && anonymous.Get("conditions") == nil {
		return nil, true
	}
	if anonymous.Get("enabled").Value() != "true" {
		return nil, false
	}
	for _, c := range anonymous.Get("conditions").Items() {
		paths = append(paths, c.Get("path").Value())
	}
	return paths, false
}
