package control

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/cluster"
)

// hardening returns the restrictions of every daemon of the standard profile: it writes
// only to its own directories and gains no privilege (systemd.exec(5)).
func hardening(writable ...string) []string {
	lines := []string{
		"NoNewPrivileges=yes",
		"ProtectSystem=strict",
		"ProtectHome=yes",
		"PrivateTmp=yes",
		"PrivateDevices=yes",
	}
	if len(writable) > 0 {
		lines = append(lines, "ReadWritePaths="+strings.Join(writable, " "))
	}
	return lines
}

// noStartLimit makes systemd try again without limit: on a first boot, peers may
// start minutes later.
const noStartLimit = "StartLimitIntervalSec=0"

var always = []string{"Restart=always", "RestartSec=2", "LimitNOFILE=65536"}

// lowPort lets an unprivileged daemon bind a port below 1024.
func lowPort(port uint16) []string {
	if port >= 1024 {
		return nil
	}
	return []string{"AmbientCapabilities=CAP_NET_BIND_SERVICE"}
}

func runAs(user string) []string { return []string{"User=" + user, "Group=" + user} }

func lines(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

var standardDaemons = []daemon{
	{
		name: "etcd", section: sectionEtcd, product: productEtcd,
		description: "etcd", documentation: "https://etcd.io/docs",
		unit:   []string{"Wants=network-online.target", "After=network-online.target", noStartLimit},
		data:   &standardData,
		before: lines([]string{"Type=notify"}, runAs(userEtcd)),
		flags:  standardEtcdFlags,
		after: func(hostContext) []string {
			// etcd is ready when a quorum answers, and the other machines may be
			// switched on much later.
			return lines([]string{"TimeoutStartSec=infinity"}, always, hardening(etcdData))
		},
	},
	{
		name: "kube-apiserver", section: sectionAPI, product: productKubernetes,
		description: "Kubernetes API server", documentation: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/",
		unit:   []string{"Wants=network-online.target etcd.service", "After=network-online.target etcd.service", noStartLimit},
		data:   &standardAudit,
		before: lines([]string{"Type=notify"}, runAs(userAPI)),
		flags:  standardAPIFlags,
		after: func(s hostContext) []string {
			return lines([]string{"TimeoutStartSec=5min"}, always, lowPort(s.APIServer.Port), hardening(auditDir))
		},
		why: "starts after this machine's etcd, but keeps running when etcd restarts",
	},
	{
		name: "kube-controller-manager", section: sectionManager, product: productKubernetes,
		description: "Kubernetes controller manager", documentation: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
		unit:   []string{"Wants=kube-apiserver.service", "After=kube-apiserver.service", noStartLimit},
		before: lines([]string{"Type=exec"}, runAs(userManager)),
		flags:  standardManagerFlags,
		after:  func(hostContext) []string { return lines(always, hardening()) },
	},
	{
		name: "kube-scheduler", section: sectionScheduler, product: productKubernetes,
		description: "Kubernetes scheduler", documentation: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/",
		unit:   []string{"Wants=kube-apiserver.service", "After=kube-apiserver.service", noStartLimit},
		before: lines([]string{"Type=exec"}, runAs(userScheduler)),
		flags:  standardSchedulerFlags,
		after:  func(hostContext) []string { return lines(always, hardening()) },
	},
}

var standardEtcdFlags = []flag{
	{name: "name", value: hostName, why: "identifies the member by its host name"},
	{name: "data-dir", value: fixed(etcdData), why: "from the 2018 guide; if it is kept when the machine is re-imaged, the member rejoins by itself"},
	{name: "listen-client-urls", value: loopbackAnd(ownClientURL), why: "the loopback for this machine's API server, the address for an operator"},
	{name: "advertise-client-urls", value: ownClientURL, why: "the address that other machines dial"},
	{name: "listen-peer-urls", value: ownPeerURL, why: "from the 2018 guide"},
	{name: "initial-advertise-peer-urls", value: ownPeerURL, why: "from the 2018 guide"},
	{name: "initial-cluster", value: initialCluster, why: "the whole list of members: they find each other without discovery"},
	{name: "initial-cluster-state", value: clusterState, why: "`existing` with `hagen render --replace` and `--join`; ignored once the member has data"},
	{name: "initial-cluster-token", value: func(s hostContext) string { return "etcd-" + s.Name }, why: "keeps out members of another cluster on the same network"},
	{name: "cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: "TLS towards clients"},
	{name: "key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: "TLS towards clients"},
	{name: "trusted-ca-file", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority: a client certificate for Kubernetes is not valid for etcd"},
	{name: "client-cert-auth", value: fixed("true"), why: "every client needs a certificate"},
	{name: "peer-cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: "the same certificate, which has server and client usage"},
	{name: "peer-key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: "the same certificate, which has server and client usage"},
	{name: "peer-trusted-ca-file", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority"},
	{name: "peer-client-cert-auth", value: fixed("true"), why: "every peer needs a certificate"},
	{name: "tls-min-version", value: fixed("TLS1.2"), why: "the minimum; etcd uses 1.3 where both sides support it"},
	{name: "listen-metrics-urls", value: metricsURL, why: "health and metrics without a certificate, only on this machine, as with kubeadm"},
	{name: "heartbeat-interval", value: fixed("100"), why: "etcd's default, best when measured: a new leader within 2 s"},
	{name: "election-timeout", value: fixed("1000"), why: "etcd's default, best when measured: a longer timeout only lengthens the time without a leader"},
	{name: "watch-progress-notify-interval", value: fixed("5s"), why: "lets API servers serve consistent reads from their cache, as with kubeadm"},
	{name: "feature-gates", value: fixed("InitialCorruptCheck=true"), why: "a member with damaged data does not rejoin, as with kubeadm"},
}

// loopbackAnd adds the loopback, which a host's own clients dial, to a URL.
func loopbackAnd(url func(hostContext) string) func(hostContext) string {
	return func(s hostContext) string {
		return ownEtcd(s) + "," + url(s)
	}
}

// ownEtcd returns the URL of a master's own etcd, on the loopback.
func ownEtcd(s hostContext) string { return httpsURL(s.loopback().String(), cluster.EtcdClientPort) }

func metricsURL(s hostContext) string {
	return "http://" + netip.AddrPortFrom(s.loopback(), cluster.EtcdMetricsPort).String()
}

var standardAPIFlags = []flag{
	{name: "advertise-address", value: func(s hostContext) string { return s.APIAddress(s.host).String() }, why: "the address in the endpoints of the service kubernetes; 0.0.0.0 would need a default route"},
	{name: "bind-address", value: everywhere, why: "load balancers dial this machine's address, its own daemons the loopback"},
	{name: "secure-port", value: apiPort, why: "spec.apiServer.port"},
	{name: "etcd-servers", value: ownEtcd, why: "only its own etcd: a dead machine affects no other API server"},
	{name: "etcd-cafile", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority"},
	{name: "etcd-certfile", value: fixed(etcdPKI + "/etcd-client.pem"), why: "etcd refuses clients without a certificate"},
	{name: "etcd-keyfile", value: fixed(etcdPKI + "/etcd-client-key.pem"), why: "etcd refuses clients without a certificate"},
	{name: "encryption-provider-config", value: fixed(encryptionPath), why: "encrypts Secrets in etcd and in its backups"},
	{name: "service-cluster-ip-range", value: serviceRange, why: "spec.serviceCIDRs"},
	{name: "service-node-port-range", value: nodePorts, why: "spec.serviceNodePortRange"},
	{name: "tls-cert-file", value: fixed(kubernetesPKI + "/apiserver.pem"), why: "this host's own certificate"},
	{name: "tls-private-key-file", value: fixed(kubernetesPKI + "/apiserver-key.pem"), why: "this host's own certificate"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the minimum; 1.3 is used where both sides support it"},
	{name: "client-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: "the authority of users' certificates"},
	{name: "authentication-config", value: fixed(authnPath), why: "anonymous requests reach only health endpoints"},
	{name: "authorization-mode", value: fixed("Node,RBAC"), why: "from the 2018 guide"},
	{name: "enable-admission-plugins", value: fixed("NodeRestriction"), why: "a node may change only itself; all plugins that the 2018 guide names are on by default"},
	{name: "allow-privileged", value: fixed("true"), why: "from the 2018 guide: network plugins and kube-proxy need it"},
	{name: "service-account-issuer", value: func(s hostContext) string { return s.Issuers[0] }, more: func(s hostContext) []string { return s.Issuers[1:] }, why: "required; spec.serviceAccountIssuer"},
	{name: "service-account-signing-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: "required with the issuer"},
	{name: "service-account-key-file", value: fixed(kubernetesPKI + "/sa.pub"), why: "verification needs only the public key"},
	{name: "kubelet-client-certificate", value: fixed(kubernetesPKI + "/kubelet-client.pem"), why: "logs and exec go through the API server"},
	{name: "kubelet-client-key", value: fixed(kubernetesPKI + "/kubelet-client-key.pem"), why: "logs and exec go through the API server"},
	{name: "kubelet-preferred-address-types", value: fixed("InternalIP,ExternalIP,Hostname"), why: "masters need not resolve workers' names, as with kubeadm"},
	{name: "proxy-client-cert-file", value: fixed(kubernetesPKI + "/" + frontProxyClient + ".pem"), why: "identifies the API server to aggregated APIs and webhooks"},
	{name: "proxy-client-key-file", value: fixed(kubernetesPKI + "/" + frontProxyClient + "-key.pem"), why: "identifies the API server to aggregated APIs and webhooks"},
	{name: "requestheader-client-ca-file", value: fixed(kubernetesPKI + "/front-proxy-ca.pem"), why: "aggregated APIs accept a user's name from clients with a certificate of this authority"},
	{name: "requestheader-allowed-names", value: fixed(frontProxyClient), why: "only this leaf of that authority"},
	{name: "requestheader-username-headers", value: fixed("X-Remote-User"), why: "upstream's names"},
	{name: "requestheader-group-headers", value: fixed("X-Remote-Group"), why: "upstream's names"},
	{name: "requestheader-extra-headers-prefix", value: fixed("X-Remote-Extra-"), why: "upstream's names"},
	{name: "peer-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: "with more than one master: while releases mix, a request for an API that only another API server knows goes there instead of ending as 404", since: "1.36", when: (*hostContext).asksPeers},
	{name: "enable-aggregator-routing", value: fixed("true"), why: "masters run no kube-proxy, so service addresses lead nowhere: API servers dial the endpoints"},
	{name: "audit-policy-file", value: fixed(auditPath), why: "who did what"},
	{name: "audit-log-path", value: fixed(auditDir + "/audit.log"), why: "who did what"},
	{name: "audit-log-maxage", value: fixed("30"), why: "days"},
	{name: "audit-log-maxbackup", value: fixed("10"), why: "files: at most 1.1 GB with the next flag"},
	{name: "audit-log-maxsize", value: fixed("100"), why: "megabytes per file"},
	{name: "endpoint-reconciler-type", value: fixed("lease"), why: "from the 2018 guide: a dead master leaves the endpoints when its lease expires"},
	{name: "shutdown-delay-duration", value: fixed("10s"), why: "long enough for the check of every load balancer to see /readyz fail before the port closes"},
	{name: "shutdown-watch-termination-grace-period", value: fixed("2s"), why: "without it a stop waits up to a minute for watches, which do not end by themselves; meanwhile this machine's leaders lose their leases"},
	{name: "goaway-chance", value: fixed("0.001"), why: "with more than one master: long-lived connections are spread again after one was down", when: (*hostContext).balanced},
	emulatedVersion,
	{name: "profiling", value: fixed("false"), why: "no debug endpoints (CIS Kubernetes Benchmark 1.2)"},
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
}

// balanced reports whether a client that reconnects may reach another API server.
// Upstream warns against goaway-chance where it cannot (help text).
func (s *hostContext) balanced() bool { return len(s.APIServers()) > 1 }

// asksPeers reports whether an API server may ask others for an API: below 1.36 the gate
// is off, even if a newer release only behaves like that, and the flag is refused.
func (s *hostContext) asksPeers() bool {
	return s.balanced() && (!s.emulates() || minor("1.36").Compare(minor(s.Emulated)) <= 0)
}

// emulatedVersion is the same flag of all daemons of Kubernetes: one that knew more than
// the API servers would store what the older release cannot read.
var emulatedVersion = flag{
	name: "emulated-version", value: func(s hostContext) string { return s.Emulated },
	why: "spec.emulatedVersion: stores only what the older release can read, so that there is a way back to it", when: (*hostContext).emulates,
}

func (s *hostContext) emulates() bool { return s.Emulated != "" }

// askedOnce is the reason for files with what the controller manager and the scheduler
// would otherwise ask their API server for, once, when they start. On a first boot
// that API server has no roles yet and answers "forbidden": the controller manager
// would exit, and the scheduler would treat all clients as anonymous from then on.
// kubeadm sets these flags, too.
const askedOnce = "from a file: on a first boot the API server would refuse the request"

// callers are the flags with which a controller manager or scheduler authenticates
// its clients.
var callers = []flag{
	{name: "client-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: askedOnce},
	{name: "requestheader-client-ca-file", value: fixed(kubernetesPKI + "/front-proxy-ca.pem"), why: askedOnce},
	{name: "requestheader-allowed-names", value: fixed(frontProxyClient), why: askedOnce},
}

var standardManagerFlags = slices.Concat([]flag{
	{name: "kubeconfig", value: fixed(managerConfig), why: "this machine's own API server, over the loopback"},
	{name: "authentication-kubeconfig", value: fixed(managerConfig), why: "metrics only for users that the API server authenticates"},
	{name: "authorization-kubeconfig", value: fixed(managerConfig), why: "metrics only for users that RBAC allows"},
}, callers, []flag{
	{name: "bind-address", value: onLoopback, why: "from the 2018 guide: no other machine needs it"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the minimum"},
	{name: "cluster-name", value: clusterName, why: "metadata.name"},
	{name: "allocate-node-cidrs", value: fixed("true"), why: "without it the next two flags are ignored"},
	{name: "cluster-cidr", value: podRange, why: "spec.podCIDRs"},
	{name: "service-cluster-ip-range", value: serviceRange, why: "spec.serviceCIDRs"},
	{name: "leader-elect", value: fixed("true"), why: "from the 2018 guide: only one of them is active"},
	{name: "root-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: "the authority that pods trust"},
	{name: "service-account-private-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: "legacy tokens; the same key as the API server's"},
	{name: "use-service-account-credentials", value: fixed("true"), why: "each controller has its own permissions"},
	{name: "controllers", value: fixed("*,-certificatesigningrequest-signing-controller"), why: "no authority's key is on any machine, so nothing could be signed"},
	emulatedVersion,
	{name: "profiling", value: fixed("false"), why: "no debug endpoints (CIS Kubernetes Benchmark 1.3)"},
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
})

var standardSchedulerFlags = slices.Concat([]flag{
	{name: "config", value: fixed(schedulerYAML), why: "kubeconfig and profiling are deprecated as flags"},
	{name: "authentication-kubeconfig", value: fixed(schedulerConfig), why: "metrics only for users that the API server authenticates"},
	{name: "authorization-kubeconfig", value: fixed(schedulerConfig), why: "metrics only for users that RBAC allows"},
}, callers, []flag{
	{name: "bind-address", value: onLoopback, why: "from the 2018 guide: no other machine needs it"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the minimum"},
	emulatedVersion,
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
})
