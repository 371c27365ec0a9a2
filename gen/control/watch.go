package control

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

const (
	watchName = "hagen-certificates"
	watchPath = hagenDir + "/certificates.sh"
)

// watch returns the timer that reports certificates of a machine which end soon. What it
// looks at are the machine's own files: none can be left out.
func watch(s hostContext, machine node.Node) node.Node {
	files := certificatesOf(machine)
	if len(files) == 0 {
		return node.Node{}
	}
	notice := noticeOn(s)
	unit := func(kind, why string, v values, enabled bool) node.Unit {
		name := watchName + kind
		return node.Unit{
			Origin: node.Origin{Section: sectionMachine, From: "unit " + name, Why: why},
			Name:   name, Contents: fill(name+".tmpl", v), Enabled: enabled,
		}
	}
	script := values{
		"Notice": notice, "Seconds": int(notice / time.Second), "Unit": watchName, "Files": files,
		"Expiring": cluster.LifetimeText(int((notice + time.Hour - 1) / time.Hour)),
	}
	return node.Node{
		Files: []node.File{publicFile(sectionMachine, "unit "+watchName+".service", "", watchPath, fill("certificates.sh.tmpl", script))},
		Units: []node.Unit{
			unit(".service", "fails when a certificate of this machine ends soon: systemctl --failed and the console say so", values{
				"Name": s.host.Name, "Groups": strings.Join(groupsFor(machine, files), " "), "Script": watchPath, "Hardening": hardening(),
			}, false),
			unit(".timer", "", values{"Every": min(24*time.Hour, notice/4)}, true),
		},
	}
}

// noticeOn returns how long before its end a certificate is near it for a machine. That is no
// sooner than for hagen pki check: of those that do the same on several machines, the last ends an
// eighth of its life earlier. It is not taken from the certificates themselves, since to renew them
// is to change no other file.
func noticeOn(s hostContext) time.Duration {
	return pki.Notice(s.PKI.Expiry-s.PKI.Expiry/8, false).Truncate(time.Minute)
}

// certificatesOf lists the files of a machine that have certificates.
func certificatesOf(n node.Node) (paths []string) {
	for _, f := range n.Files {
		if bytes.Contains(f.Contents, []byte("-----BEGIN CERTIFICATE-----")) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// groupsFor lists the groups that an account must be in to reach files of a machine: those of
// directories above them that others may not enter.
func groupsFor(n node.Node, files []string) (groups []string) {
	for _, d := range n.Directories {
		above := func(file string) bool { return strings.HasPrefix(file, d.Path+"/") }
		if d.Mode&0o001 == 0 && slices.ContainsFunc(files, above) {
			groups = append(groups, d.Group)
		}
	}
	return unique(groups)
}
