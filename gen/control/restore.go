package control

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
	"hagen/profiles"
)

const (
	restoreName = "etcd-restore"
	restorePath = hagenDir + "/etcd-restore.sh"
)

// RestoreUnit is the unit that restores etcd before it starts.
const RestoreUnit = restoreName + ".service"

// restore returns the unit and the script that restore etcd's data from a snapshot,
// once.
func restore(s hostContext) node.Node {
	if s.Restore.SHA256 == "" {
		return node.Node{}
	}
	const from = "--restore"
	return node.Node{
		Files: []node.File{publicFile(sectionEtcd, from, "", restorePath, restoreScript(s))},
		Units: []node.Unit{{
			Origin: node.Origin{Section: sectionEtcd, From: from, Why: "once: etcd does not start before it, nor if it fails"},
			Name:   RestoreUnit, Enabled: true,
			Contents: fill("etcd-restore.service.tmpl", values{
				"Binaries": BinariesUnit, "Mounted": mounted(s, etcdData), "Snapshot": s.Restore.Path,
				"StateDirectory": path.Base(cluster.RestoreDir), "Script": restorePath, "Name": hostName(s), "PeerURL": ownPeerURL(s),
			}),
		}},
	}
}

// restoreBump is how far revisions are raised by a restore: by more than were written
// since the snapshot, so that no revision that a client has seen is used again for
// other content (etcd.io, Disaster recovery, "Restoring with revision bump", which
// also gives the number).
const restoreBump = 1_000_000_000

func restoreScript(s hostContext) string {
	return fill("etcd-restore.sh.tmpl", values{
		"Unit": RestoreUnit, "Data": etcdData, "User": userEtcd, "Etcdutl": s.binary(etcdutl),
		"Snapshot": s.Restore.Path, "SHA256": s.Restore.SHA256, "Short": s.Restore.SHA256[:12],
		"Cluster": s.Name, "InitialCluster": initialCluster(s), "Bump": restoreBump,
	})
}

// Restoring is what the steps of a restore name on the operator's computer.
type Restoring struct {
	Snapshot, Tree string           // the file, and the directory of the documents, each quoted as one word for a shell
	Rights         string           // the command that gives the cluster's certificates their rights
	Stored         string           // the command of StoredKeys
	Keys           []pki.Generation // those of Secrets that the machines have; the first encrypts
	Remove         string           // the command of RemoveSecrets; "" if they open all Secrets
}

// RestoreSteps returns the steps for an operator to restore a cluster.
func RestoreSteps(c *cluster.Cluster, r Restore, o Restoring) []string {
	admin := o.Tree + "/admin.kubeconfig"
	var names, copies, images []string
	for _, m := range c.Members() {
		names = append(names, m.Name)
		copies = append(copies, "\n   "+copyTo(c, m, r.Path, o.Snapshot))
		if m.Delivery.Of(etcdutl) != profiles.URLs {
			images = append(images, m.Name)
		}
	}
	boot := fmt.Sprintf("Re-image each of them with its document in %s. Existing data of etcd is moved aside, not overwritten.", o.Tree)
	if len(images) > 0 {
		boot += fmt.Sprintf(" The image of %s must have etcdutl %s, which restores.", strings.Join(images, ", "), c.Etcd)
	}
	steps := []string{
		"Switch all masters off: " + strings.Join(names, ", ") + ". A running one would accept writes that are then lost.",
		boot,
		"Copy the snapshot to each, unless its disk has it. A master without it reports that and does not start etcd; then reboot it:" + strings.Join(copies, ""),
		fmt.Sprintf("Check on each: journalctl -u %s shows \"etcd begins from %s\".", RestoreUnit, r.Path),
		"Check: kubectl --kubeconfig " + admin + " get --raw=/readyz answers ok.",
		"Give the cluster's certificates their rights, since the snapshot may be from before they had them; where they have, nothing changes: " + o.Rights,
	}
	if o.Remove != "" {
		steps = append(steps, "Remove from etcd the Secrets that no key opens: API servers fail with every list of Secrets while they are there: "+o.Remove)
	}
	if len(o.Keys) > 1 {
		steps = append(steps, fmt.Sprintf("Have all Secrets written again. The machines have %d keys of Secrets, since the snapshot may be from before one was rotated; documents without --restore lack those that were retired: %s", len(o.Keys), RewriteSecrets(admin)),
			fmt.Sprintf("Check: %s prints one line, with the name of the present key, %s.", o.Stored, NamesOf(o.Keys[0]).Key))
	}
	return append(steps, "Render without --restore, and keep those documents for the next time a master is re-imaged: hagen render")
}

// copyTo returns the command that copies the snapshot to a master, through a login
// with sudo, since root has none. Without a login in the cluster file the command
// names no user.
func copyTo(c *cluster.Cluster, m cluster.Host, place, snapshot string) string {
	login := m.Address().String()
	if len(c.Users) > 0 {
		login = c.Users[0].Name + "@" + login
	}
	return fmt.Sprintf(`ssh %s "sudo sh -c 'umask 077 && mkdir -p %s && cat >%s'" <%s`, login, path.Dir(place), place, snapshot)
}
