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

// Snapshots says how every master takes snapshots of etcd. With Every 0 none does.
type Snapshots struct {
	Every     time.Duration // divides a day evenly, so that times are the same each day
	Keep      int           // how many of the newest a master keeps
	Directory string
}

// RestoreDir is below /var/lib, where systemd makes it for the unit that restores
// etcd (systemd.exec(5), StateDirectory=).
const RestoreDir = "/var/lib/etcd-restore"

// rhythms lists the values of `every`. Each divides a day evenly, and leaves whole
// minutes between the masters.
var rhythms = []string{"15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h"}

// Defaults of snapshots: they last a week.
const (
	snapshotRhythm    = "6h"
	snapshotKeep      = 28
	snapshotDirectory = "/var/lib/etcd-snapshots"
	maxSnapshots      = 10_000
)

// systemDirectories belong to the system; etcd's account must not own them.
var systemDirectories = []string{"/var", "/var/backups", "/var/cache", "/var/lib", "/var/local", "/var/log", "/var/mail", "/var/opt", "/var/spool"}

// takenDirectories belong to other units, with all that is in them.
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
	v.c.Snapshots.Every, _ = time.ParseDuration(every) // one of rhythms: cannot fail
	if s.Keep.At.Written() {
		v.c.Snapshots.Keep = s.Keep.Value
		if s.Keep.Value < 1 || s.Keep.Value > maxSnapshots {
			v.fault(s.Keep.At, fmt.Sprintf("%d is not a valid number of snapshots to keep", s.Keep.Value), fmt.Sprintf("write 1 to %d", maxSnapshots))
		}
	}
	if s.Directory.At.Written() && v.snapshotDirectory(s.Directory) {
		v.c.Snapshots.Directory = s.Directory.Value
	}
	if v.c.Profile.Name == profiles.Classic {
		v.fault(s.At, "etcd in profile classic has no etcdutl to verify a snapshot with", "remove it, or use profile: standard")
	}
}

func (v *validation) snapshotDirectory(field spec.Text) bool {
	p := field.Value
	taken := slices.IndexFunc(takenDirectories, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
	switch {
	case !mountPath().MatchString(p) || path.Clean(p) != p:
		v.fault(field.At, spec.Quote(p)+" is not a valid path of a directory", "write an absolute path of plain characters, for example "+snapshotDirectory)
	case !strings.HasPrefix(p, "/var/"):
		v.fault(field.At, p+" is not below /var, which is writable on every operating system", "write for example "+snapshotDirectory)
	case slices.Contains(systemDirectories, p):
		v.fault(field.At, p+" belongs to the system, and etcd's account would become its owner", "write a directory for snapshots only, for example "+path.Join(p, "etcd-snapshots"))
	case taken >= 0:
		v.fault(field.At, fmt.Sprintf("%s is in %s, which is used for something else", p, takenDirectories[taken]), "write a directory for snapshots only, for example "+snapshotDirectory)
	default:
		return true
	}
	return false
}
