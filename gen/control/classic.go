package control

import (
	"net/netip"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// The classic profile: what the guide sets up by hand, flag by flag and in its
// order. A row says where it departs from the guide's text.

var classicRoles = []role{
	{
		name: cluster.Master, certificates: classicCertificates, directories: classicDirectories, files: classicConfig, daemons: classicDaemons,
	},
	{name: cluster.LoadBalancer},
}

var classicCertificates = []certificate{
	{
		stem: "kubernetes", kind: pki.Authority, life: authorityLife, section: sectionMachine,
		placed: public(kubernetesPKI+"/ca.pem", etcdPKI+"/ca.pem"),
		why:    "the one authority of this cluster; its key stays with the operator",
	},
	{
		stem: "etcd-server", kind: pki.Leaf, authority: "kubernetes", profile: pki.PeerAuthentication,
		cn: "etcd-server", sans: classicEtcdSANs, life: leafLife, section: sectionEtcd,
		placed: pair(etcdPKI, "etcd-server", "", 0o600), why: "shared by all masters: its SANs are their addresses",
	},
	{
		stem: "etcd-client", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "etcd-client", life: leafLife, section: sectionAPI,
		placed: pair(etcdPKI, "etcd-client", "", 0o600),
	},
	{
		stem: "apiserver", kind: pki.Leaf, authority: "kubernetes", profile: pki.ServerAuthentication,
		cn: "apiserver", sans: classicServerSANs, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, "apiserver", "", 0o600),
		why:    "has the names and addresses of load balancers and all masters: clients behind HAProxy verify it by those",
	},
	{
		stem: "kubelet-client", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "kubelet-client", org: SystemMasters, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, "kubelet-client", "", 0o600),
	},
	{
		stem: "sa", kind: pki.KeyPair, section: sectionAPI,
		placed: []placement{{theKeyThenPublicHalves, kubernetesPKI + "/sa.key", "", "", 0o600}},
		why:    "signs service-account tokens (controller manager) and verifies them (API server)",
	},
	{
		stem: "controller-manager", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "system:kube-controller-manager", life: leafLife, section: sectionManager,
		placed: pair(managerPKI, "controller-manager", "", 0o600),
	},
	{
		stem: "scheduler", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "system:kube-scheduler", life: leafLife, section: sectionScheduler,
		placed: pair(schedulerPKI, "scheduler", "", 0o600),
	},
}

// classicEtcdSANs returns the SANs in the guide: the loopback and every master.
func classicEtcdSANs(c *cluster.Cluster, _ cluster.Host) ([]string, []netip.Addr) {
	addresses := c.Loopbacks()
	for _, m := range c.Members() {
		addresses = append(addresses, m.Addresses...)
	}
	return nil, addresses
}

func classicServerSANs(c *cluster.Cluster, _ cluster.Host) ([]string, []netip.Addr) {
	names, addresses := serverSANs(c)
	for _, m := range c.APIServers() {
		names = append(names, c.Names(m)...)
		addresses = append(addresses, m.Addresses...)
	}
	return names, addresses
}

var classicData = directory(sectionEtcd, etcdData, "", 0o700)

var classicDirectories = []node.Directory{
	directory(sectionEtcd, etcdPKI, "", 0o755),
	classicData,
	directory(sectionAPI, kubernetesPKI, "", 0o755),
	directory(sectionManager, managerPKI, "", 0o755),
	directory(sectionScheduler, schedulerPKI, "", 0o755),
}

// classicConfig writes kubeconfigs that dial the load balancer by its name, as in the
// guide.
func classicConfig(s hostContext, _ pki.Set) []node.File { return kubeconfigs(s, endpointURL(s)) }

// classicRestart returns the last lines of each of the guide's services.
func classicRestart(hostContext) []string {
	return []string{"Restart=on-failure", "RestartSec=5", "LimitNOFILE=65536"}
}

// guide is the reason for a flag of classic.
const guide = "from the 2018 guide"

var classicDaemons = []daemon{
	{
		name: "etcd", section: sectionEtcd, product: productEtcd,
		description: "etcd", documentation: "https://github.com/coreos",
		unit:   []string{"After=network.target", "After=network-online.target", "Wants=network-online.target"},
		data:   &classicData,
		before: []string{"Type=notify"}, after: classicRestart,
		flags: []flag{
			{name: "name", value: hostName, space: true, why: guide},
			{name: "trusted-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: guide},
			{name: "cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: guide},
			{name: "key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: guide},
			{name: "client-cert-auth", value: fixed("true"), why: guide},
			{name: "listen-client-urls", value: ownClientURL, space: true, why: "from the 2018 guide, with the blank it lacks before the backslash"},
			{name: "advertise-client-urls", value: ownClientURL, space: true, why: guide},
			{name: "peer-client-cert-auth", value: fixed("true"), why: guide},
			{name: "peer-trusted-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: guide},
			{name: "peer-cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: guide},
			{name: "peer-key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: guide},
			{name: "initial-advertise-peer-urls", value: ownPeerURL, space: true, why: guide},
			{name: "listen-peer-urls", value: ownPeerURL, space: true, why: guide},
			{name: "initial-cluster-token", value: fixed("etcd-cluster-token"), space: true, why: guide},
			{name: "initial-cluster", value: initialCluster, space: true, why: guide},
			{name: "initial-cluster-state", value: clusterState, space: true, why: guide},
			{name: "data-dir", value: fixed(etcdData), why: guide},
			{name: "debug", value: fixed("false"), why: guide},
		},
	},
	{
		name: "kube-apiserver", section: sectionAPI, product: productKubernetes,
		description: "Kubernetes API Server", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit:   []string{"After=network.target", "After=etcd.service"},
		before: []string{"Type=notify"}, after: classicRestart,
		flags: []flag{
			{name: "admission-control", value: fixed("NamespaceLifecycle,ServiceAccount,LimitRanger,ResourceQuota,DefaultStorageClass"), why: guide},
			{name: "etcd-servers", value: allClientURLs, why: guide},
			{name: "etcd-cafile", value: fixed(etcdPKI + "/ca.pem"), why: guide},
			{name: "etcd-certfile", value: fixed(etcdPKI + "/etcd-client.pem"), why: guide},
			{name: "etcd-keyfile", value: fixed(etcdPKI + "/etcd-client-key.pem"), why: guide},
			{name: "advertise-address", value: fixed("0.0.0.0"), why: guide},
			{name: "allow-privileged", value: fixed("true"), why: guide},
			{name: "bind-address", value: fixed("0.0.0.0"), why: guide},
			{name: "secure-port", value: apiPort, why: guide},
			{name: "service-cluster-ip-range", value: serviceRange, why: guide},
			{name: "service-node-port-range", value: nodePorts, why: guide},
			{name: "client-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: guide},
			{name: "tls-cert-file", value: fixed(kubernetesPKI + "/apiserver.pem"), why: guide},
			{name: "tls-private-key-file", value: fixed(kubernetesPKI + "/apiserver-key.pem"), why: guide},
			{name: "service-account-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: guide},
			{name: "kubelet-client-certificate", value: fixed(kubernetesPKI + "/kubelet-client.pem"), why: guide},
			{name: "kubelet-client-key", value: fixed(kubernetesPKI + "/kubelet-client-key.pem"), why: guide},
			{name: "insecure-bind-address", value: fixed("127.0.0.1"), why: guide},
			{name: "insecure-port", value: fixed("8080"), why: guide},
			{name: "endpoint-reconciler-type", value: fixed("lease"), why: guide},
			{name: "enable-swagger-ui", value: fixed("true"), why: guide},
			{name: "authorization-mode", value: fixed("Node,RBAC"), why: guide},
			{name: "v", value: fixed("2"), why: guide},
		},
	},
	{
		name: "kube-controller-manager", section: sectionManager, product: productKubernetes,
		description: "Kubernetes Controller Manager", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit: []string{"After=network.target"}, after: classicRestart,
		flags: []flag{
			{name: "kubeconfig", value: fixed(managerConfig), why: guide},
			{name: "address", value: fixed("127.0.0.1"), why: guide},
			{name: "cluster-cidr", value: podRange, why: guide},
			{name: "cluster-name", value: clusterName, why: guide},
			{name: "leader-elect", value: fixed("true"), why: guide},
			{name: "service-cluster-ip-range", value: serviceRange, why: guide},
			{name: "root-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: guide},
			{name: "service-account-private-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: guide},
			{name: "use-service-account-credentials", value: fixed("true"), why: guide},
			{name: "controllers", value: fixed("*"), why: guide},
			{name: "v", value: fixed("2"), why: guide},
		},
	},
	{
		name: "kube-scheduler", section: sectionScheduler, product: productKubernetes,
		description: "Kubernetes Scheduler", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit: []string{"After=network.target"}, after: classicRestart,
		flags: []flag{
			{name: "address", value: fixed("127.0.0.1"), why: guide},
			{name: "kubeconfig", value: fixed(schedulerConfig), why: guide},
			{name: "leader-elect", value: fixed("true"), why: guide},
			{name: "v", value: fixed("2"), why: guide},
		},
	},
}
