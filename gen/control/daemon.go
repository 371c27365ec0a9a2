package control

import (
	"fmt"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// applies reports whether a daemon of this version gets the flag for this host.
func (f flag) applies(s hostContext, version profiles.Version) bool {
	if f.when != nil && !f.when(&s) {
		return false
	}
	line := profiles.Version{Major: version.Major, Minor: version.Minor}
	return (f.since == "" || minor(f.since).Compare(line) <= 0) && (f.until == "" || line.Compare(minor(f.until)) <= 0)
}

// minor reads since or until of a row.
func minor(mark string) profiles.Version {
	v, ok := profiles.ParseVersion(mark + ".0")
	if !ok {
		panic("since or until " + mark + " is not a minor release") // hagen's own rows: a test reads them all
	}
	return v
}

// values returns the values of a flag, each of which is given in a flag of its own.
func (f flag) values(s hostContext) []string {
	values := []string{f.value(s)}
	if f.more != nil {
		values = append(values, f.more(s)...)
	}
	return values
}

// serviceText writes the daemon's unit file for one host.
func (d daemon) serviceText(s hostContext) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line("[Unit]")
	line("Description=" + d.description)
	line("Documentation=" + d.documentation)
	for _, l := range d.unit {
		line(l)
	}
	waits, prepares := d.onDisk(s)
	for _, l := range waits {
		line(l)
	}
	line("")
	line("[Service]")
	if name := s.host.OS.Booleans[d.name]; name != "" {
		line("ExecStartPre=-+/usr/sbin/setsebool " + name + " on")
	}
	for _, l := range d.before {
		line(strings.ReplaceAll(l, "BINARY", s.binary(d.name)))
	}
	for _, l := range prepares {
		line(l)
	}
	line(d.execStart(s))
	line("")
	for _, l := range d.after(s) {
		line(strings.ReplaceAll(l, "BINARY", s.binary(d.name)))
	}
	line("")
	line("[Install]")
	line("WantedBy=multi-user.target")
	return b.String()
}

// onDisk returns the lines of a daemon whose data is on a disk that outlives the
// system: it waits for the disk, and takes ownership of its files. Files on a disk
// belong to a user's number, and a re-imaged machine may give the daemon's account
// another number.
func (d daemon) onDisk(s hostContext) (waits, prepares []string) {
	if d.data == nil {
		return nil, nil
	}
	mount := onDisk(s.host, d.data.Path)
	if mount == "" {
		return nil, nil
	}
	// Without the assertion, a machine on which the mount was never set up would not
	// wait, and the daemon would start with empty data.
	waits = []string{"RequiresMountsFor=" + d.data.Path, "AssertPathIsMountPoint=" + mount}
	if owner := d.data.User; owner != "" {
		prepares = []string{
			fmt.Sprintf("ExecStartPre=+/bin/chown -R %s:%s %s", owner, d.data.Group, d.data.Path),
			fmt.Sprintf("ExecStartPre=+/bin/chmod %04o %s", d.data.Mode.Perm(), d.data.Path),
		}
	}
	return waits, prepares
}

// execStart writes one flag per line, as the 2018 guide does, so that a review shows
// which flag changed.
func (d daemon) execStart(s hostContext) string {
	words := []string{"ExecStart=" + s.binary(d.name) + d.args}
	for _, f := range d.flags {
		if !f.applies(s, d.product.row(s)) {
			continue
		}
		between := "="
		if f.space {
			between = " "
		}
		for _, value := range f.values(s) {
			words = append(words, "--"+f.name+between+escape(value))
		}
	}
	return strings.Join(words, " \\\n  ")
}

// escape keeps systemd from expanding % and $ (systemd.unit(5), Specifiers;
// systemd.service(5), Command lines).
func escape(value string) string { return escapes.Replace(value) }

var escapes = strings.NewReplacer("%", "%%", "$", "$$")

// service returns the daemon's unit.
func (d daemon) service(s hostContext) node.Unit {
	return node.Unit{
		Origin: node.Origin{Section: d.section, From: "daemon " + d.name, Why: d.why},
		Name:   d.name + ".service", Contents: d.serviceText(s), Enabled: true,
	}
}

var (
	productEtcd = product{
		func(s hostContext) string { return s.Etcd.String() },
		func(s hostContext) profiles.Version { return s.Release.Etcd },
	}
	productKubernetes = product{
		func(s hostContext) string { return s.Kubernetes.String() },
		func(s hostContext) profiles.Version { return s.Release.Proven },
	}
	productHAProxy    = product{wanted: func(s hostContext) string { return "2.4 or newer" + packaged(s) }}
	productKeepalived = product{wanted: func(s hostContext) string { return "2.2 or newer" + packaged(s) }}
	productPodman     = product{wanted: func(hostContext) string { return "4.4 or newer" }} // the first with Quadlet
)

// packaged returns the command that installs the operating system's package, in
// parentheses.
func packaged(s hostContext) string {
	if s.host.OS.Packages == "" {
		return ""
	}
	return " (" + s.host.OS.Packages + ")"
}
