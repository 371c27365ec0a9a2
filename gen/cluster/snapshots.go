package cluster

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/gen/spec"
	"hagen/profiles"
)

// Snapshots says how every master copies etcd's data. With Every 0 none does.
type Snapshots struct {
	Every     time.Duration // a part of a day, so that each day has the same times
	Keep      int           // how many a master keeps, the newest
	Directory string
}

// RestoreDir is below /var/lib, where systemd makes it for the unit that
// restores (systemd.exec(5), StateDirectory=).
const RestoreDir = "/var/lib/etcd-restore"

// rhythms are what `every` may be: times of the day that are the same each
// day, the machines' own apart from each other by whole minutes.
var rhythms = []string{"15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h"}

// Snapshots unless it is said otherwise: a week of them.
const (
	snapshotRhythm    = "6h"
	snapshotKeep      = 28
	snapshotDirectory = "/var/lib/etcd-snapshots"
	maxSnapshots      = 10_000
)

// systemDirectories are not etcd's to own.
var systemDirectories = []string{"/var", "/var/backups", "/var/cache", "/var/lib", "/var/local", "/var/log", "/var/mail", "/var/opt", "/var/spool"}

// takenDirectories belong to somebody else with all that is in them.
var takenDirectories = []string{
	EtcdData, RestoreDir, "/var/lib/hagen", "/var/lib/kube-controller-manager", "/var/lib/kube-scheduler", "/var/log/kube-apiserver",
	"/var/lib/extensions", "/var/lib/systemd", "/var/log/journal", "/var/tmp", "/var/run", "/var/lock",
}

func (v *validation) snapshots() {
	s := v.spec.Etcd.Snapshots
	if !s.At.Written() {
		return
	}
	v.c.Snapshots = Snapshots{Keep: snapshotKeep, Directory: snapshotDirectory}
	every := snapshotRhythm
	if s.Every.At.Written() && v.choice(s.Every, rhythms...) {
		every = s.Every.Value
	}
	v.c.Snapshots.Every, _ = time.ParseDuration(every) // one of ours
	if s.Keep.At.Written() {
		v.c.Snapshots.Keep = s.Keep.Value
		if s.Keep.Value < 1 || s.Keep.Value > maxSnapshots {
			v.fault(s.Keep.At, fmt.Sprintf("%d is no number of snapshots to keep", s.Keep.Value), fmt.Sprintf("write 1 to %d", maxSnapshots))
		}
	}
	if s.Directory.At.Written() && v.snapshotDirectory(s.Directory) {
		v.c.Snapshots.Directory = s.Directory.Value
	}
	if v.c.Profile.Name == profiles.Classic {
		v.fault(s.At, "etcd of the profile classic has no etcdutl to verify a snapshot with", "remove it, or take the profile standard")
	}
}

func (v *validation) snapshotDirectory(field spec.Text) bool {
	p := field.Value
	taken := slices.IndexFunc(takenDirectories, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
	switch {
	case !mountPath().MatchString(p) || path.Clean(p) != p:
		v.fault(field.At, spec.Quote(p)+" is no path of a directory", "write an absolute path of plain characters, for example "+snapshotDirectory)
	case !strings.HasPrefix(p, "/var/"):
		v.fault(field.At, p+" does not lie below /var, where every operating system lets a machine write", "write for example "+snapshotDirectory)
	case slices.Contains(systemDirectories, p):
		v.fault(field.At, p+" is the system's, and etcd's account would come to own it", "write a directory of its own, for example "+path.Join(p, "etcd-snapshots"))
	case taken >= 0:
		v.fault(field.At, fmt.Sprintf("%s lies in %s, which belongs to somebody else", p, takenDirectories[taken]), "write a directory of its own, for example "+snapshotDirectory)
	default:
		return true
	}
	return false
}
