package check

import (
	"sync"

	"hagen/gen/read"
)

// texts are the YAML files of all machines. Machines have many in common: each text is
// parsed once.
type texts struct{ roots sync.Map }

// yaml returns nil if a text is not YAML with keys and values.
func (t *texts) yaml(text string) *read.YAML {
	parse, _ := t.roots.LoadOrStore(text, sync.OnceValue(func() *read.YAML {
		if root, ok := read.ParseYAML(text); ok {
			return root
		}
		return nil
	}))
	return parse.(func() *read.YAML)()
}

// config reads the YAML file that a daemon's flag names; nil if it is missing
// or cannot be read.
func (m *facts) config(daemon, flag string) (*read.YAML, string) {
	f, found := m.files[m.process(daemon).Value(flag)]
	if !found {
		return nil, ""
	}
	return m.parsed.yaml(string(f.Contents)), f.Path
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
