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

// restore begins etcd's data from a snapshot, once.
func restore(s hostContext) node.Node {
	if s.Restore.SHA256 == "" {
		return node.Node{}
	}
	const from = "--restore"
	return node.Node{
		Files: []node.File{publicFile(sectionEtcd, from, "", restorePath, restoreScript(s))},
		Units: []node.Unit{{
			Origin: node.Origin{Section: sectionEtcd, From: from, Why: "once: etcd does not start before, nor when it fails"},
			Name:   RestoreUnit, Enabled: true,
			Contents: fill("etcd-restore.service.tmpl", values{
				"Binaries": BinariesUnit, "Mounted": mounted(s, etcdData), "Snapshot": s.Restore.Path,
				"StateDirectory": path.Base(cluster.RestoreDir), "Script": restorePath, "Name": hostName(s), "PeerURL": ownPeerURL(s),
			}),
		}},
	}
}

// restoreBump is by how much revisions go on after a restore: more than were
// written since the snapshot, so that no client's last revision is one that
// comes again with something else in it (etcd.io, Disaster recovery,
// "Restoring with revision bump"; the figure is that page's).
const restoreBump = 1_000_000_000

func restoreScript(s hostContext) string {
	return fill("etcd-restore.sh.tmpl", values{
		"Unit": RestoreUnit, "Data": etcdData, "User": userEtcd, "Etcdutl": s.binary(etcdutl),
		"Snapshot": s.Restore.Path, "SHA256": s.Restore.SHA256, "Short": s.Restore.SHA256[:12],
		"Cluster": s.Name, "InitialCluster": initialCluster(s), "Bump": restoreBump,
	})
}

// RestoreSteps tells an operator in which order a cluster is restored. The
// snapshot is a file at the desk, as one word of a shell; the tree is where the
// documents stand.
func RestoreSteps(c *cluster.Cluster, r Restore, snapshot, tree string) []string {
	var names, copies, images []string
	for _, m := range c.Members() {
		names = append(names, m.Name)
		copies = append(copies, "\n   "+copyTo(c, m, r.Path, snapshot))
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
		fmt.Sprintf("Look on each: journalctl -u %s says \"etcd begins from %s\".", RestoreUnit, r.Path),
		"Ask: kubectl --kubeconfig " + tree + "/admin.kubeconfig get --raw=/readyz answers ok.",
		"Render without --restore, and keep those documents for the next time a master is made anew: hagen render",
	}
}

// copyTo is the command that brings the snapshot onto a master, through a login
// that may do everything by sudo: root has none. Without a login in the cluster
// file it is whoever the image lets in.
func copyTo(c *cluster.Cluster, m cluster.Host, place, snapshot string) string {
	login := m.Address().String()
	if len(c.Users) > 0 {
		login = c.Users[0].Name + "@" + login
	}
	return fmt.Sprintf(`ssh %s "sudo sh -c 'umask 077 && mkdir -p %s && cat >%s'" <%s`, login, path.Dir(place), place, snapshot)
}
