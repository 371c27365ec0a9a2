package control

import (
	"io/fs"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// Sections of a document.
const (
	sectionMachine    = "the machine"
	sectionEtcd       = "etcd"
	sectionAPI        = "kube-apiserver"
	sectionManager    = "kube-controller-manager"
	sectionScheduler  = "kube-scheduler"
	sectionHAProxy    = "haproxy"
	sectionKeepalived = "keepalived"
)

// Paths on the machines, the same in every profile: one layout to learn.
const (
	kubernetesDir   = "/etc/kubernetes"
	kubernetesPKI   = "/etc/kubernetes/pki"
	etcdPKI         = "/etc/etcd/pki"
	etcdData        = cluster.EtcdData
	managerDir      = "/var/lib/kube-controller-manager"
	managerPKI      = "/var/lib/kube-controller-manager/pki"
	schedulerDir    = "/var/lib/kube-scheduler"
	schedulerPKI    = "/var/lib/kube-scheduler/pki"
	haproxyDir      = "/etc/haproxy"
	haproxyConfig   = "/etc/haproxy/haproxy.cfg"
	auditDir        = "/var/log/kube-apiserver"
	hagenDir        = "/etc/hagen"
	hagenData       = "/var/lib/hagen"
	managerConfig   = managerDir + "/kubeconfig"
	schedulerConfig = schedulerDir + "/kubeconfig"
)

// publicFile returns a file that root owns and every account may read.
func publicFile(section, from, why, path, contents string) node.File {
	return node.File{
		Origin: node.Origin{Section: section, From: from, Why: why},
		Path:   path, Mode: 0o644, Contents: []byte(contents),
	}
}

// directory returns a row of a table of directories.
func directory(section, path, user string, mode fs.FileMode) node.Directory {
	return node.Directory{
		Origin: node.Origin{Section: section, From: "directory " + path},
		Path:   path, User: user, Group: user, Mode: mode,
	}
}
