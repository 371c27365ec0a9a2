package control

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

const (
	restoreName = "etcd-restore"
	restorePath = hagenDir + "/etcd-restore.sh"
)

// RestoreUnit is the one that restores etcd before it starts.
const RestoreUnit = restoreName + ".service"

// restore begins etcd's data from a snapshot, once. The stamp of that stands
// within the data that was restored, so that one rename gives the machine
// both: killed before it, it restores again; after it, never.
func restore(s site) node.Node {
	if s.Restore.SHA256 == "" {
		return node.Node{}
	}
	const from = "--restore"
	return node.Node{
		Files: []node.File{text(sectionEtcd, from, "", restorePath, restoreScript(s))},
		Units: []node.Unit{{
			Origin: node.Origin{Section: sectionEtcd, From: from, Why: "once: etcd does not start before, nor when it fails"},
			Name:   RestoreUnit, Enabled: true,
			Contents: fmt.Sprintf(`[Unit]
Description=Restores etcd from a snapshot, once
Documentation=https://etcd.io/docs/latest/op-guide/recovery/
Requires=%s
After=%[1]s
Before=etcd.service
%s
RequiresMountsFor=%s

[Service]
Type=oneshot
RemainAfterExit=yes
StateDirectory=%s
StateDirectoryMode=0700
ExecStart=/bin/sh %s %s %s
TimeoutStartSec=infinity
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
RequiredBy=etcd.service
`, BinariesUnit, strings.Join(mounted(s, etcdData), "\n"), s.Restore.Path, path.Base(cluster.RestoreDir), restorePath, hostName(s), ownPeerURL(s)),
		}},
	}
}

// restoreBump is by how much revisions go on after a restore: more than were
// written since the snapshot, so that no client's last revision is one that
// comes again with something else in it (etcd.io, Disaster recovery,
// "Restoring with revision bump"; the figure is that page's).
const restoreBump = 1_000_000_000

// restoreScript gives the restored cluster a token of its own: a member of the
// lost one that is switched on by mistake is none of it.
func restoreScript(s site) string {
	short := s.Restore.SHA256[:12]
	flags := strings.Join([]string{
		`--name="$1"`,
		"--initial-cluster=" + initialCluster(s),
		"--initial-cluster-token=etcd-" + s.Name + "-" + short,
		`--initial-advertise-peer-urls="$2"`,
		fmt.Sprintf("--bump-revision=%d --mark-compacted", restoreBump),
	}, " \\\n  ")
	return fmt.Sprintf(`# Restores etcd from a snapshot, once. Run by %[1]s with the
# name and the peer URL of this machine.
data=%[2]s
snapshot=%[3]s
wanted=%[4]s
new=$data/.restore
fail() {
  echo "hagen: $*; etcd is not started, and nothing that it had is overwritten" >&2
  exit 1
}
[ -e "$data/member/restored-%[5]s" ] && exit 0
[ -f "$snapshot" ] || fail "the snapshot $snapshot is missing: put the file with SHA-256 $wanted there and reboot"
has=$(sha256sum <"$snapshot")
has=${has%%%% *}
[ "$has" = "$wanted" ] || fail "$snapshot is not the snapshot that the document names: it has SHA-256 ${has:-none}, wanted $wanted: copy it again and reboot"
rm -rf "$new"
%[6]s snapshot restore "$snapshot" --data-dir="$new" \
  %[7]s || fail "$snapshot cannot be restored"
touch "$new/member/restored-%[5]s" && chown -R %[8]s:%[8]s "$new" && chmod 0700 "$new/member" && sync -f "$new" || fail "$new cannot be written"
if [ -e "$data/member" ]; then
  n=1
  while [ -e "$data/member.before-$n" ]; do n=$((n + 1)); done
  mv "$data/member" "$data/member.before-$n" || fail "$data/member cannot be moved aside"
  echo "hagen: what etcd had is kept as $data/member.before-$n"
fi
mv "$new/member" "$data/member" || fail "$data/member cannot be written"
sync -f "$data"
rmdir "$new"
echo "hagen: etcd begins from $snapshot, SHA-256 $wanted"
`, RestoreUnit, etcdData, s.Restore.Path, s.Restore.SHA256, short, s.binary(etcdutl), flags, userEtcd)
}

// RestoreSteps tells an operator in which order a cluster is restored. The
// snapshot is a file at the desk, as one word of a shell; the tree is where the
// documents stand.
func RestoreSteps(c *cluster.Cluster, snapshot, tree string) []string {
	var names, copies, images []string
	for _, m := range c.Masters {
		names = append(names, m.Name)
		copies = append(copies, "\n   "+copyTo(c, m, snapshot))
		if m.Delivery.Of(etcdutl) != profiles.URLs {
			images = append(images, m.Name)
		}
	}
	boot := fmt.Sprintf("Boot each of them anew with its document of %s. Whatever etcd had is moved aside, not overwritten.", tree)
	if len(images) > 0 {
		boot += fmt.Sprintf(" The image of %s must have etcdutl %s, which restores.", strings.Join(images, ", "), c.Etcd)
	}
	return []string{
		"Switch all masters off: " + strings.Join(names, ", ") + ". One that runs on would take writes that are lost.",
		boot,
		"Put the snapshot on each, unless its disk has it. A master without it says so and starts no etcd; reboot it then:" + strings.Join(copies, ""),
		fmt.Sprintf("Look on each: journalctl -u %s says \"etcd begins from %s\".", RestoreUnit, c.Restore.Path),
		"Ask: kubectl --kubeconfig " + tree + "/admin.kubeconfig get --raw=/readyz answers ok.",
		"Render without --restore, and keep those documents for the next time a master is made anew: hagen render",
	}
}

// copyTo is the command that brings the snapshot onto a master, through a login
// that may do everything by sudo: root has none. Without a login in the cluster
// file it is whoever the image lets in.
func copyTo(c *cluster.Cluster, m cluster.Host, snapshot string) string {
	login := m.Address().String()
	if len(c.Users) > 0 {
		login = c.Users[0].Name + "@" + login
	}
	return fmt.Sprintf(`ssh %s "sudo sh -c 'umask 077 && mkdir -p %s && cat >%s'" <%s`, login, path.Dir(c.Restore.Path), c.Restore.Path, snapshot)
}
