package control

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

// BinariesUnit is the first of hagen's units on every machine.
const BinariesUnit = "hagen-binaries.service"

const (
	binariesPath = hagenDir + "/binaries.sh"
	installedDir = hagenData + "/installed" // the SHA-512 of files that binaries.sh has installed
)

// binary returns the path of a binary on this host. A row of profiles.Artefacts
// says which artefact it comes in.
func (s hostContext) binary(name string) string {
	switch delivery := s.host.Delivery.Of(name); {
	case delivery == profiles.Sysext:
		return path.Join(profiles.SysextBin, name)
	case delivery == profiles.Preinstalled && name == profiles.HAProxy:
		return s.host.OS.HAProxy
	case delivery == profiles.Preinstalled && name == profiles.Keepalived:
		return s.host.OS.Keepalived
	}
	return path.Join(s.host.OS.BinDir, name)
}

// binaries returns the unit and the files that install the daemons' binaries on the
// machine, or report the missing ones.
func binaries(s hostContext, daemons []daemon) node.Node {
	n := node.Node{Units: []node.Unit{binariesUnit(s, daemons)}}
	artefacts := s.Artefacts(s.host)
	for _, a := range artefacts {
		if a.URL != "" && !s.fetches() {
			n.Files = append(n.Files, s.remote(a))
		}
	}
	switch {
	case s.fetches(): // Ignition makes the directories of files that it fetches
		n.Directories = append(n.Directories, directory(sectionMachine, hagenData, "", 0o755), directory(sectionMachine, installedDir, "", 0o755))
	case slices.ContainsFunc(artefacts, cluster.Artefact.Archive):
		n.Directories = append(n.Directories, directory(sectionMachine, installedDir, "", 0o755))
	}
	n.Files = append(n.Files, binariesScript(s, daemons, artefacts))
	if slices.ContainsFunc(artefacts, func(a cluster.Artefact) bool { return a.Delivery == profiles.Sysext }) {
		n.Units = append(n.Units, node.Unit{
			Origin: node.Origin{Section: sectionMachine, From: "delivery " + profiles.Sysext, Why: "merges the image with the binaries into /usr"},
			Name:   profiles.SysextUnit, Enabled: true,
		})
	}
	return n
}

// remote returns the file of an artefact on the machine. It may already exist, on a
// disk that is kept when the machine is re-imaged.
func (s hostContext) remote(a cluster.Artefact) node.File {
	f := node.File{
		Origin: node.Origin{Section: sectionMachine, From: "artefact " + a.Name},
		Path:   s.place(a), Mode: 0o644, Overwrite: true, Source: node.Source{URL: a.URL, Hash: "sha512-" + a.SHA512},
	}
	if a.Delivery == profiles.URLs && !a.Archive() {
		f.Mode = 0o755
	}
	return f
}

// place returns the path of an artefact on the machine.
func (s hostContext) place(a cluster.Artefact) string {
	switch {
	case a.Delivery == profiles.Sysext:
		return path.Join(profiles.SysextDir, a.Name+".raw") // systemd-sysext knows an image by this name
	case a.Archive():
		return path.Join(hagenData, a.Name+".tar.gz") // two may have URLs that end alike
	}
	return s.binary(a.Binaries[0])
}

// binariesUnit installs or reports missing binaries before a daemon fails without
// them. Its own [Install] section makes the daemons require it, so that their units
// need no line for it.
func binariesUnit(s hostContext, daemons []daemon) node.Unit {
	var services []string
	for _, d := range daemons {
		services = append(services, d.name+".service")
	}
	return node.Unit{
		Origin: node.Origin{Section: sectionMachine, From: "unit " + BinariesUnit,
			Why: "fails with a plain message when a binary is missing; the daemons wait for it"},
		Name: BinariesUnit, Enabled: true,
		Contents: fill("hagen-binaries.service.tmpl", values{
			"Name": s.host.Name, "Fetches": s.fetches(), "Script": binariesPath, "Services": strings.Join(services, " "),
		}),
	}
}

// binariesScript writes a line for each step, below the functions that the steps need.
func binariesScript(s hostContext, daemons []daemon, artefacts []cluster.Artefact) node.File {
	var steps []string
	functions := []string{"need"}
	step := func(needs []string, format string, args ...any) {
		for _, f := range needs {
			if !slices.Contains(functions, f) {
				functions = append(functions, f)
			}
		}
		steps = append(steps, fmt.Sprintf(format, args...))
	}
	for _, a := range artefacts {
		if a.URL != "" && s.fetches() {
			step([]string{"fail", "digest", "fetch"}, "fetch %s %s %s %04o", a.URL, a.SHA512, s.place(a), s.remote(a).Mode)
		}
		switch {
		case a.Delivery == profiles.Sysext:
			step([]string{"fail", "image"}, "image %s", s.place(a))
		case a.Archive():
			step([]string{"fail", "digest", "unpack"}, "unpack %s %s %s %s", s.place(a), a.SHA512, path.Dir(s.binary(a.Binaries[0])), strings.Join(a.Binaries, " "))
		}
	}
	for _, d := range daemons {
		if s.contained(d) {
			step(nil, "need %s 'podman %s'", profiles.Podman, productPodman.wanted(s))
			continue
		}
		step(nil, "need %s '%s %s'", s.binary(d.name), d.name, d.product.wanted(s))
	}
	for _, name := range s.tools() {
		step(nil, "need %s '%s %s'", s.binary(name), name, productEtcd.wanted(s))
	}
	v := values{
		"Unit": BinariesUnit, "Missing": s.missing(artefacts), "SysextUnit": profiles.SysextUnit, "Installed": installedDir,
		"Steps": steps, "Brings": len(functions) > 1,
	}
	for i, f := range functions {
		functions[i] = fill(f, v)
	}
	v["Functions"] = functions
	return publicFile(sectionMachine, "unit "+BinariesUnit, "", binariesPath, fill("binaries.sh.tmpl", v))
}

// missing returns the remedy for a missing binary: whoever builds the image can add
// it, unless hagen installs all binaries.
func (s hostContext) missing(artefacts []cluster.Artefact) string {
	switch {
	case len(artefacts) == 0:
		return "put $2 there and reboot"
	case slices.ContainsFunc(artefacts, func(a cluster.Artefact) bool { return a.Delivery == profiles.Sysext }):
		return "$2 should be there; systemd-sysext status shows which images are merged, journalctl -u " + profiles.SysextUnit + " why not"
	}
	return "$2 should be there"
}
