package control

import (
	"net/netip"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// The standard profile: its roles, with certificates, accounts and directories.
// Their daemons and flags are in standard_daemons.go.

const (
	userEtcd      = "kube-etcd"
	userAPI       = "kube-apiserver"
	userManager   = "kube-controller-manager"
	userScheduler = "kube-scheduler"
	groupSA       = "kube-sa"
	userHAProxy   = "haproxy"

	encryptionKey    = "encryption"
	encryptionPath   = kubernetesDir + "/encryption.yaml"
	authnPath        = kubernetesDir + "/authentication.yaml"
	auditPath        = kubernetesDir + "/audit-policy.yaml"
	schedulerYAML    = kubernetesDir + "/scheduler.yaml"
	frontProxyClient = "front-proxy-client"
)

var standardRoles = []role{
	{
		name: cluster.Master, certificates: standardCertificates, accounts: standardAccounts, directories: standardDirectories,
		files: standardConfig, daemons: standardDaemons, asked: []func(hostContext) node.Node{restore, snapshots}, tools: etcdTools,
	},
	{name: cluster.LoadBalancer},
}

// standardAccounts have names that no operating system uses. Fedora CoreOS and
// Flatcar have a user etcd in a file that useradd and usermod do not read
// (/usr/lib/passwd, /usr/share/baselayout/passwd): Ignition would find it, try to
// change it and fail, and with it the first boot.
var standardAccounts = []account{
	{name: userEtcd, home: etcdData},
	{name: userAPI, home: "/nonexistent"},
	{name: userManager, home: managerDir},
	{name: userScheduler, home: schedulerDir},
	{name: groupSA, members: []string{userAPI, userManager}, why: "may read sa.key, the one key that two daemons need"},
}

// standardCertificates: there are three authorities, so that a client of one is not a
// client of another. Leaves are per host, so that no machine can pass for another
// and those of one machine can be reissued. They still give access to the whole
// cluster: see docs/profiles.md.
var standardCertificates = []certificate{
	{
		stem: "kubernetes", kind: pki.Authority, life: authorityLife, section: sectionAPI,
		placed: public(kubernetesPKI + "/ca.pem"), why: "signs the API servers and their clients; its key stays with the operator",
	},
	{
		stem: "etcd", kind: pki.Authority, cn: " etcd", life: authorityLife, section: sectionEtcd,
		placed: public(etcdPKI + "/ca.pem"), why: "signs only etcd's members and, as its clients, the API servers",
	},
	{
		stem: "front-proxy", kind: pki.Authority, cn: " front-proxy", life: authorityLife, section: sectionAPI,
		placed: public(kubernetesPKI + "/front-proxy-ca.pem"), why: "signs the client certificates of API servers for aggregated APIs",
	},
	{
		stem: "etcd-server", kind: pki.Leaf, perHost: true, authority: "etcd", profile: pki.PeerAuthentication,
		cn: "etcd-server", sans: own, life: leafLife, section: sectionEtcd,
		placed: pair(etcdPKI, "etcd-server", userEtcd, 0o400), why: "server certificate for clients and peers, client certificate for peers",
	},
	{
		stem: "etcd-client", kind: pki.Leaf, perHost: true, authority: "etcd", profile: pki.ClientAuthentication,
		cn: "etcd-client", life: leafLife, section: sectionAPI,
		placed: pair(etcdPKI, "etcd-client", userAPI, 0o400),
	},
	{
		stem: "apiserver", kind: pki.Leaf, perHost: true, authority: "kubernetes", profile: pki.ServerAuthentication,
		cn: "apiserver", sans: standardServerSANs, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, "apiserver", userAPI, 0o400),
	},
	{
		stem: "kubelet-client", kind: pki.Leaf, perHost: true, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: kubeletClient, formerOrg: SystemMasters, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, "kubelet-client", userAPI, 0o400),
	},
	{
		stem: frontProxyClient, kind: pki.Leaf, perHost: true, authority: "front-proxy", profile: pki.ClientAuthentication,
		cn: frontProxyClient, life: leafLife, section: sectionAPI,
		placed: pair(kubernetesPKI, frontProxyClient, userAPI, 0o400),
	},
	{
		stem: "sa", kind: pki.KeyPair, section: sectionAPI,
		placed: []placement{
			{theKey, kubernetesPKI + "/sa.key", "", groupSA, 0o640},
			{thePublicHalf, kubernetesPKI + "/sa.pub", "", "", 0o644},
		},
		why: "signs service-account tokens; they are verified with sa.pub",
	},
	{
		stem: "controller-manager", kind: pki.Leaf, perHost: true, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "system:kube-controller-manager", life: leafLife, section: sectionManager,
		placed: pair(managerPKI, "controller-manager", userManager, 0o400),
	},
	{
		stem: "scheduler", kind: pki.Leaf, perHost: true, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: "system:kube-scheduler", life: leafLife, section: sectionScheduler,
		placed: pair(schedulerPKI, "scheduler", userScheduler, 0o400),
	},
}

func standardServerSANs(c *cluster.Cluster, h cluster.Host) ([]string, []netip.Addr) {
	names, addresses := own(c, h)
	moreNames, moreAddresses := serverSANs(c)
	return append(names, moreNames...), append(addresses, moreAddresses...)
}

// standardData and standardAudit are directories that may be on a disk which outlives
// the system.
var (
	standardData  = directory(sectionEtcd, etcdData, userEtcd, 0o700)
	standardAudit = directory(sectionAPI, auditDir, userAPI, 0o700)
)

var standardDirectories = []node.Directory{
	directory(sectionEtcd, etcdPKI, "", 0o755),
	standardData,
	directory(sectionAPI, kubernetesPKI, "", 0o755),
	standardAudit,
	directory(sectionManager, managerPKI, userManager, 0o750),
	directory(sectionScheduler, schedulerPKI, userScheduler, 0o750),
}

// standardConfig returns the configuration files of a master's daemons.
func standardConfig(s hostContext, set pki.Set) []node.File {
	encryption := publicFile(sectionAPI, "encryption of Secrets", "every master has the same key, which belongs to the cluster, not to a machine",
		encryptionPath, encryptionConfig(secretsKeys(s, set[SecretsKey])))
	encryption.User, encryption.Group, encryption.Mode, encryption.Secret = userAPI, userAPI, 0o400, true
	return append([]node.File{
		publicFile(sectionAPI, "anonymous requests", "", authnPath, authenticationConfig),
		publicFile(sectionAPI, "audit policy", "", auditPath, auditPolicy),
		encryption,
		publicFile(sectionScheduler, "scheduler configuration", "a file, because the flags are deprecated", schedulerYAML, schedulerConfiguration),
	}, kubeconfigs(s, loopbackURL(s))...)
}

// authenticationConfig allows only health checks without a certificate. The load
// balancer could use one, but then it would hold a key.
const authenticationConfig = `# Without credentials: health, and nothing else.
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
`

// auditPolicy records who did what, never the content of a request or an answer.
const auditPolicy = `# Who did what, never the contents of requests: those may be Secrets.
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages:
- RequestReceived
rules:
# Health checks come every second from every load balancer.
- level: None
  nonResourceURLs: ["/livez*", "/readyz*", "/healthz*", "/version"]
# Leases are renewed every two seconds by every leader.
- level: None
  verbs: [get, list, watch, update]
  resources:
  - group: coordination.k8s.io
    resources: [leases]
- level: None
  resources:
  - group: ""
    resources: [events]
  - group: events.k8s.io
    resources: [events]
- level: Metadata
`

const schedulerConfiguration = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: ` + schedulerConfig + `
leaderElection:
  leaderElect: true
enableProfiling: false
`
