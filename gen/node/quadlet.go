package node

import (
	"path"
	"slices"
	"strings"
)

// QuadletDir is where Podman's generator looks for containers that become
// units of the system (podman-systemd.unit(5)).
const QuadletDir = "/etc/containers/systemd"

// ContainerSection is the section that distinguishes such a file from a unit.
const ContainerSection = "Container"

// UnitPath returns the path of a unit by its name: the file for Podman's
// generator if there is one, else the path among all units.
func (n Node) UnitPath(name string) string {
	container := path.Join(QuadletDir, strings.TrimSuffix(name, ".service")+".container")
	if slices.ContainsFunc(n.Files, func(f File) bool { return f.Path == container }) {
		return container
	}
	return path.Join(UnitDir, name)
}

// WithContainers returns the node as systemd sees it: a file NAME.container is
// the unit NAME.service. Contents stay as they are.
func (n Node) WithContainers() Node {
	isContainer := func(f File) bool { return path.Dir(f.Path) == QuadletDir && path.Ext(f.Path) == ".container" }
	if !slices.ContainsFunc(n.Files, isContainer) {
		return n
	}
	units := slices.Clone(n.Units)
	for _, f := range n.Files {
		if isContainer(f) {
			// The generator follows [Install]: it needs no enabling.
			units = append(units, Unit{
				Origin: f.Origin, Name: strings.TrimSuffix(path.Base(f.Path), ".container") + ".service",
				Contents: string(f.Contents), Enabled: true,
			})
		}
	}
	n.Files, n.Units = slices.DeleteFunc(slices.Clone(n.Files), isContainer), units
	return n
}
