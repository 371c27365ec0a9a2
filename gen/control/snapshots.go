package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// Tools of etcd, which no unit runs for long.
const (
	etcdctl = "etcdctl"
	etcdutl = "etcdutl"
)

// tools are the binaries that a machine needs besides its daemons'.
func tools(s site) []string {
	switch {
	case s.host.Role != cluster.Master:
		return nil
	case s.Snapshots.Every > 0:
		return []string{etcdctl, etcdutl}
	case s.Restore.SHA256 != "":
		return []string{etcdutl}
	}
	return nil
}

// Runs says whether a master of the cluster runs a binary that is no daemon:
// one of those that take and restore snapshots.
func Runs(c *cluster.Cluster, binary string) bool {
	return slices.ContainsFunc(c.Masters, func(h cluster.Host) bool { return slices.Contains(tools(site{Cluster: c, host: h}), binary) })
}

const (
	snapshotName = "etcd-snapshot"
	snapshotPath = hagenDir + "/etcd-snapshot.sh"
)

// snapshots has every master copy its etcd's data at times of its own. It runs
// as etcd's account, with etcd's own certificate, which is a client's, too: no
// key goes anywhere where it was not, and no account may read one more.
func snapshots(s site) node.Node {
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
		Files:       []node.File{text(sectionEtcd, from, "", snapshotPath, snapshotScript(s))},
		Units: []node.Unit{
			unit(".service", "as etcd, with etcd's own certificate: it is a client's, too", snapshotService(s), false),
			unit(".timer", "each master at other times than the others", snapshotTimer(s), true),
		},
	}
}

func snapshotService(s site) string {
	var takeOver []string
	if onDisk(s.host, s.Snapshots.Directory) != "" { // the account may have another number since
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

// mounted has a unit wait for the disk on which a directory lies, and not run
// without one that the cluster file names.
func mounted(s site, directory string) []string {
	waits := []string{"RequiresMountsFor=" + directory}
	if mount := onDisk(s.host, directory); mount != "" {
		waits = append(waits, "AssertPathIsMountPoint="+mount)
	}
	return waits
}

func snapshotTimer(s site) string {
	return fmt.Sprintf(`[Unit]
Description=Snapshots of etcd, every %s

[Timer]
OnCalendar=%s
Persistent=yes

[Install]
WantedBy=timers.target
`, s.rhythm(), s.calendar())
}

// rhythm is how often snapshots are taken, for people.
func (s site) rhythm() string {
	if every := s.Snapshots.Every; every < time.Hour {
		return fmt.Sprintf("%d minutes", every/time.Minute)
	}
	return fmt.Sprintf("%d hours", s.Snapshots.Every/time.Hour)
}

// calendar is when this master takes snapshots (systemd.time(7), Calendar
// Events). The masters share the time between two evenly, in the order of the
// cluster file, so that never two of them copy at once.
func (s site) calendar() string {
	every := int(s.Snapshots.Every / time.Minute)
	at := slices.IndexFunc(s.Masters, func(h cluster.Host) bool { return h.Name == s.host.Name })
	first := every * at / len(s.Masters)
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

// snapshotScript takes away nothing before the new snapshot has been verified:
// the sum that etcdctl appends to it (as a restore does), and the database
// itself (etcdutl). What was begun and not finished has another name. Which one
// is the oldest, no clock says alone, since clocks are set back: what has a later
// name than the newest was taken before the others.
func snapshotScript(s site) string {
	return fmt.Sprintf(`# Takes a snapshot of this machine's etcd, verifies it, and removes the oldest.
# Run by %[1]s.service.
umask 077
directory=%[2]s
new=$directory/.new.db
fail() {
  echo "hagen: $*: no snapshot was taken, and none removed" >&2
  exit 1
}
rm -f "$new" "$new.part"
%[3]s snapshot save "$new" || fail "etcd gives none"
has=$(head -c -32 "$new" | sha256sum)
wanted=$(tail -c 32 "$new" | od -An -v -tx1 | tr -d ' \n')
[ "${has%%%% *}" = "$wanted" ] || fail "what etcd gave is damaged"
%[4]s snapshot status "$new" || fail "what etcd gave is damaged"
sync -f "$new"
host=$(uname -n)
name=$directory/$host-$(date -u +%%Y%%m%%dT%%H%%M%%SZ).db
mv "$new" "$name" || fail "$name cannot be written"
sync -f "$directory"
echo "hagen: $name is taken and verified"
list() {
  ls -r "$directory/$host"-[0-9]*Z.db
}
{
  list | sed -n "\\|^$name\$|,\$p"
  list | sed "\\|^$name\$|,\$d" # taken before the clock was set back
} | tail -n +%[5]d | while read -r old; do
  rm -f "$old"
done
`, snapshotName, s.Snapshots.Directory, s.binary(etcdctl), s.binary(etcdutl), s.Snapshots.Keep+1)
}
