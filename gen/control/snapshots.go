package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// Tools of etcd. They are not daemons.
const (
	etcdctl = "etcdctl"
	etcdutl = "etcdutl"
)

// tools returns the binaries that a machine needs besides its daemons.
func (s hostContext) tools() []string {
	if s.role.tools == nil {
		return nil
	}
	return s.role.tools(s)
}

// etcdTools returns the tools that take and restore snapshots.
func etcdTools(s hostContext) []string {
	switch {
	case s.Snapshots.Every > 0:
		return []string{etcdctl, etcdutl}
	case s.Restore.SHA256 != "":
		return []string{etcdutl}
	}
	return nil
}

// Runs reports whether a machine of the cluster runs a binary that is not a daemon,
// such as those that take and restore snapshots.
func Runs(c *cluster.Cluster, binary string) bool {
	return slices.ContainsFunc(c.Hosts(), func(h cluster.Host) bool {
		return slices.Contains(tablesOf[c.Profile.Name].at(c, Options{}, h).tools(), binary)
	})
}

const (
	snapshotName = "etcd-snapshot"
	snapshotPath = hagenDir + "/etcd-snapshot.sh"
)

// snapshots returns the timer with which every master takes snapshots of its etcd, at
// different times. The service runs as etcd's account, with etcd's own certificate,
// which is also a client certificate: no key is copied, and no account can read
// another one.
func snapshots(s hostContext) node.Node {
	if s.Snapshots.Every == 0 {
		return node.Node{}
	}
	const from = "spec.etcd.snapshots"
	unit := func(kind, why, contents string, enabled bool) node.Unit {
		return node.Unit{
			Origin: node.Origin{Section: sectionEtcd, From: from, Why: why},
			Name:   snapshotName + kind, Contents: contents, Enabled: enabled,
		}
	}
	return node.Node{
		Directories: []node.Directory{directory(sectionEtcd, s.Snapshots.Directory, userEtcd, 0o700)},
		Files:       []node.File{publicFile(sectionEtcd, from, "", snapshotPath, snapshotScript(s))},
		Units: []node.Unit{
			unit(".service", "as etcd, with etcd's own certificate, which is also a client certificate", snapshotService(s), false),
			unit(".timer", "masters take snapshots at different times", snapshotTimer(s), true),
		},
	}
}

func snapshotService(s hostContext) string {
	var takeOver []string
	if onDisk(s.host, s.Snapshots.Directory) != "" { // the account's number may have changed
		takeOver = []string{fmt.Sprintf("ExecStartPre=+/bin/chown -R %s:%[1]s %s", userEtcd, s.Snapshots.Directory)}
	}
	return strings.Join(lines([]string{
		"[Unit]",
		"Description=A verified snapshot of etcd",
		"Documentation=https://etcd.io/docs/latest/op-guide/recovery/",
		"After=etcd.service",
	}, mounted(s, s.Snapshots.Directory), []string{
		"",
		"[Service]",
		"Type=oneshot",
	}, runAs(userEtcd), []string{
		fmt.Sprintf("Environment=ETCDCTL_ENDPOINTS=https://127.0.0.1:%d", cluster.EtcdClientPort),
		"Environment=ETCDCTL_CACERT=" + etcdPKI + "/ca.pem",
		"Environment=ETCDCTL_CERT=" + etcdPKI + "/etcd-server.pem",
		"Environment=ETCDCTL_KEY=" + etcdPKI + "/etcd-server-key.pem",
	}, takeOver, []string{
		"ExecStart=/bin/sh " + snapshotPath,
		"TimeoutStartSec=15min",
		"Nice=10",
	}, hardening(s.Snapshots.Directory)), "\n") + "\n"
}

// mounted returns the lines that make a unit wait for the disk of a directory, and
// not run without a disk that the cluster file names.
func mounted(s hostContext, directory string) []string {
	waits := []string{"RequiresMountsFor=" + directory}
	if mount := onDisk(s.host, directory); mount != "" {
		waits = append(waits, "AssertPathIsMountPoint="+mount)
	}
	return waits
}

func snapshotTimer(s hostContext) string {
	return fill("etcd-snapshot.timer.tmpl", values{"Rhythm": s.rhythm(), "Calendar": s.calendar()})
}

// rhythm returns how often snapshots are taken, for people.
func (s hostContext) rhythm() string {
	if every := s.Snapshots.Every; every < time.Hour {
		return fmt.Sprintf("%d minutes", every/time.Minute)
	}
	return fmt.Sprintf("%d hours", s.Snapshots.Every/time.Hour)
}

// calendar returns when this master takes snapshots (systemd.time(7), Calendar
// Events). The masters are spread evenly over the interval, in the order of the
// cluster file, so that no two take one at the same time.
func (s hostContext) calendar() string {
	every := int(s.Snapshots.Every / time.Minute)
	members := s.Members()
	at := slices.IndexFunc(members, func(h cluster.Host) bool { return h.Name == s.host.Name })
	first := every * at / len(members)
	var times []string
	if every <= 60 {
		for m := first; m < 60; m += every {
			times = append(times, fmt.Sprintf("%02d", m))
		}
		return fmt.Sprintf("*-*-* *:%s:00 UTC", strings.Join(times, ","))
	}
	for h := first / 60; h < 24; h += every / 60 {
		times = append(times, fmt.Sprintf("%02d", h))
	}
	return fmt.Sprintf("*-*-* %s:%02d:00 UTC", strings.Join(times, ","), first%60)
}

func snapshotScript(s hostContext) string {
	return fill("etcd-snapshot.sh.tmpl", values{
		"Unit": snapshotName, "Directory": s.Snapshots.Directory,
		"Etcdctl": s.binary(etcdctl), "Etcdutl": s.binary(etcdutl),
		"FirstToGo": s.Snapshots.Keep + 1, // counted from the newest
	})
}
