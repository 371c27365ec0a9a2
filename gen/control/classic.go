package control

import (
	"fmt"
	"net/netip"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// The classic profile: what the seed sets up by hand, to the flag and in its
// order. Where it departs from the seed's text a row says so.

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
		placed: pair(etcdPKI, "etcd-server", "", 0o600), why: "shared by all masters: their addresses are its SANs",
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
		why:    "carries the load balancers' and all masters' names and addresses, or no client behind HAProxy could verify it",
	},
	{
		stem: "kubelet-client", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "kubelet-client", org: systemMasters, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, "kubelet-client", "", 0o600),
	},
	{
		stem: "sa", kind: pki.KeyPair, section: sectionAPI,
		placed: []placement{{theKey, kubernetesPKI + "/sa.key", "", "", 0o600}},
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

// systemMasters is the group that every API server obeys without asking RBAC.
const systemMasters = "system:masters"

// classicEtcdSANs are the ones the seed prints: the loopback and every master.
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

// classicConfig: the seed's daemons dial the load balancer, by its name.
func classicConfig(s site, _ pki.Set) []node.File { return kubeconfigs(s, endpointURL(s)) }

// classicRestart is the tail of every one of the seed's services.
func classicRestart(site) []string {
	return []string{"Restart=on-failure", "RestartSec=5", "LimitNOFILE=65536"}
}

// etcdClientURL and etcdPeerURL are how others reach a host's etcd.
func etcdClientURL(c *cluster.Cluster, h cluster.Host) string {
	return httpsURL(c.EtcdAddress(h).String(), cluster.EtcdClientPort)
}

func etcdPeerURL(c *cluster.Cluster, h cluster.Host) string {
	return httpsURL(c.EtcdAddress(h).String(), cluster.EtcdPeerPort)
}

func ownClientURL(s site) string { return etcdClientURL(s.Cluster, s.host) }
func ownPeerURL(s site) string   { return etcdPeerURL(s.Cluster, s.host) }
func hostName(s site) string     { return s.host.Name }
func serviceRange(s site) string { return list(s.Services) }
func podRange(s site) string     { return list(s.Pods) }
func apiPort(s site) string      { return fmt.Sprint(s.APIServer.Port) }
func clusterName(s site) string  { return s.Name }
func nodePorts(s site) string    { return fmt.Sprintf("%d-%d", s.NodePorts.First, s.NodePorts.Last) }

// list writes ranges as one flag's value.
func list(ranges []netip.Prefix) string {
	var texts []string
	for _, r := range ranges {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ",")
}

// initialCluster is the whole member list, the same on every master but on one
// that joins others before all are there.
func initialCluster(s site) string {
	if list := s.Joining[s.host.Name]; list != "" {
		return list
	}
	var members []string
	for _, m := range s.Members() {
		members = append(members, m.Name+"="+etcdPeerURL(s.Cluster, m))
	}
	return strings.Join(members, ",")
}

// clusterState is what etcd does without data: form the cluster with the others,
// or join those that are there, who have been told to expect it.
func clusterState(s site) string {
	if _, joins := s.Joining[s.host.Name]; joins {
		return "existing"
	}
	return "new"
}

func allClientURLs(s site) string {
	var urls []string
	for _, m := range s.Members() {
		urls = append(urls, etcdClientURL(s.Cluster, m))
	}
	return strings.Join(urls, ",")
}

// seed is why a flag of classic is there.
const seed = "the seed's"

var classicDaemons = []daemon{
	{
		name: "etcd", section: sectionEtcd, product: productEtcd,
		description: "etcd", documentation: "https://github.com/coreos",
		unit:   []string{"After=network.target", "After=network-online.target", "Wants=network-online.target"},
		data:   &classicData,
		before: []string{"Type=notify"}, after: classicRestart,
		flags: []flag{
			{name: "name", value: hostName, space: true, why: seed},
			{name: "trusted-ca-file", value: is(kubernetesPKI + "/ca.pem"), why: seed},
			{name: "cert-file", value: is(etcdPKI + "/etcd-server.pem"), why: seed},
			{name: "key-file", value: is(etcdPKI + "/etcd-server-key.pem"), why: seed},
			{name: "client-cert-auth", value: is("true"), why: seed},
			{name: "listen-client-urls", value: ownClientURL, space: true, why: "the seed's, with the blank it lacks before the backslash"},
			{name: "advertise-client-urls", value: ownClientURL, space: true, why: seed},
			{name: "peer-client-cert-auth", value: is("true"), why: seed},
			{name: "peer-trusted-ca-file", value: is(kubernetesPKI + "/ca.pem"), why: seed},
			{name: "peer-cert-file", value: is(etcdPKI + "/etcd-server.pem"), why: seed},
			{name: "peer-key-file", value: is(etcdPKI + "/etcd-server-key.pem"), why: seed},
			{name: "initial-advertise-peer-urls", value: ownPeerURL, space: true, why: seed},
			{name: "listen-peer-urls", value: ownPeerURL, space: true, why: seed},
			{name: "initial-cluster-token", value: is("etcd-cluster-token"), space: true, why: seed},
			{name: "initial-cluster", value: initialCluster, space: true, why: seed},
			{name: "initial-cluster-state", value: clusterState, space: true, why: seed},
			{name: "data-dir", value: is(etcdData), why: seed},
			{name: "debug", value: is("false"), why: seed},
		},
	},
	{
		name: "kube-apiserver", section: sectionAPI, product: productKubernetes,
		description: "Kubernetes API Server", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit:   []string{"After=network.target", "After=etcd.service"},
		before: []string{"Type=notify"}, after: classicRestart,
		flags: []flag{
			{name: "admission-control", value: is("NamespaceLifecycle,ServiceAccount,LimitRanger,ResourceQuota,DefaultStorageClass"), why: seed},
			{name: "etcd-servers", value: allClientURLs, why: seed},
			{name: "etcd-cafile", value: is(etcdPKI + "/ca.pem"), why: seed},
			{name: "etcd-certfile", value: is(etcdPKI + "/etcd-client.pem"), why: seed},
			{name: "etcd-keyfile", value: is(etcdPKI + "/etcd-client-key.pem"), why: seed},
			{name: "advertise-address", value: is("0.0.0.0"), why: seed},
			{name: "allow-privileged", value: is("true"), why: seed},
			{name: "bind-address", value: is("0.0.0.0"), why: seed},
			{name: "secure-port", value: apiPort, why: seed},
			{name: "service-cluster-ip-range", value: serviceRange, why: seed},
			{name: "service-node-port-range", value: nodePorts, why: seed},
			{name: "client-ca-file", value: is(kubernetesPKI + "/ca.pem"), why: seed},
			{name: "tls-cert-file", value: is(kubernetesPKI + "/apiserver.pem"), why: seed},
			{name: "tls-private-key-file", value: is(kubernetesPKI + "/apiserver-key.pem"), why: seed},
			{name: "service-account-key-file", value: is(kubernetesPKI + "/sa.key"), why: seed},
			{name: "kubelet-client-certificate", value: is(kubernetesPKI + "/kubelet-client.pem"), why: seed},
			{name: "kubelet-client-key", value: is(kubernetesPKI + "/kubelet-client-key.pem"), why: seed},
			{name: "insecure-bind-address", value: is("127.0.0.1"), why: seed},
			{name: "insecure-port", value: is("8080"), why: seed},
			{name: "endpoint-reconciler-type", value: is("lease"), why: seed},
			{name: "enable-swagger-ui", value: is("true"), why: seed},
			{name: "authorization-mode", value: is("Node,RBAC"), why: seed},
			{name: "v", value: is("2"), why: seed},
		},
	},
	{
		name: "kube-controller-manager", section: sectionManager, product: productKubernetes,
		description: "Kubernetes Controller Manager", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit: []string{"After=network.target"}, after: classicRestart,
		flags: []flag{
			{name: "kubeconfig", value: is(managerConfig), why: seed},
			{name: "address", value: is("127.0.0.1"), why: seed},
			{name: "cluster-cidr", value: podRange, why: seed},
			{name: "cluster-name", value: clusterName, why: seed},
			{name: "leader-elect", value: is("true"), why: seed},
			{name: "service-cluster-ip-range", value: serviceRange, why: seed},
			{name: "root-ca-file", value: is(kubernetesPKI + "/ca.pem"), why: seed},
			{name: "service-account-private-key-file", value: is(kubernetesPKI + "/sa.key"), why: seed},
			{name: "use-service-account-credentials", value: is("true"), why: seed},
			{name: "controllers", value: is("*"), why: seed},
			{name: "v", value: is("2"), why: seed},
		},
	},
	{
		name: "kube-scheduler", section: sectionScheduler, product: productKubernetes,
		description: "Kubernetes Scheduler", documentation: "https://github.com/GoogleCloudPlatform/kubernetes",
		unit: []string{"After=network.target"}, after: classicRestart,
		flags: []flag{
			{name: "address", value: is("127.0.0.1"), why: seed},
			{name: "kubeconfig", value: is(schedulerConfig), why: seed},
			{name: "leader-elect", value: is("true"), why: seed},
			{name: "v", value: is("2"), why: seed},
		},
	},
}
