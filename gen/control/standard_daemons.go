package control

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/cluster"
)

// hardening is what every daemon of the standard profile gives up: it writes
// to its own directories only and gains no privilege (systemd.exec(5)).
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

// noStartLimit keeps systemd trying: on a first
// boot peers may come minutes later, and a start limit would give up on them.
const noStartLimit = "StartLimitIntervalSec=0"

var always = []string{"Restart=always", "RestartSec=2", "LimitNOFILE=65536"}

// lowPort lets an unprivileged daemon have a port below 1024.
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
			// Ready means a quorum answers, and the other machines may be
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
		why: "after this machine's etcd, but not bound to it: it outlives a restart of etcd",
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
	{name: "name", value: hostName, why: "members are told apart by host name"},
	{name: "data-dir", value: fixed(etcdData), why: "from the 2018 guide; kept over a new boot image it lets the member rejoin by itself"},
	{name: "listen-client-urls", value: loopbackAnd(ownClientURL), why: "the loopback for this machine's API server, the address for an operator"},
	{name: "advertise-client-urls", value: ownClientURL, why: "what other machines can dial"},
	{name: "listen-peer-urls", value: ownPeerURL, why: "from the 2018 guide"},
	{name: "initial-advertise-peer-urls", value: ownPeerURL, why: "from the 2018 guide"},
	{name: "initial-cluster", value: initialCluster, why: "the whole member list: members find each other without discovery"},
	{name: "initial-cluster-state", value: clusterState, why: "`existing` from `hagen render --replace` and `--join`; ignored once the member has data"},
	{name: "initial-cluster-token", value: func(s hostContext) string { return "etcd-" + s.Name }, why: "keeps members of another cluster on the same network away"},
	{name: "cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: "TLS towards clients"},
	{name: "key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: "TLS towards clients"},
	{name: "trusted-ca-file", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority: a Kubernetes client certificate is no etcd client"},
	{name: "client-cert-auth", value: fixed("true"), why: "no client without a certificate"},
	{name: "peer-cert-file", value: fixed(etcdPKI + "/etcd-server.pem"), why: "the same certificate: it has server and client usage"},
	{name: "peer-key-file", value: fixed(etcdPKI + "/etcd-server-key.pem"), why: "the same certificate: it has server and client usage"},
	{name: "peer-trusted-ca-file", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority"},
	{name: "peer-client-cert-auth", value: fixed("true"), why: "no peer without a certificate"},
	{name: "tls-min-version", value: fixed("TLS1.2"), why: "the floor; etcd takes 1.3 where both can"},
	{name: "listen-metrics-urls", value: metricsURL, why: "health and metrics without a certificate, on this machine only, as kubeadm does"},
	{name: "heartbeat-interval", value: fixed("100"), why: "etcd's default, measured best: a new leader within 2 s"},
	{name: "election-timeout", value: fixed("1000"), why: "etcd's default, measured best: longer ones only lengthen the gap"},
	{name: "watch-progress-notify-interval", value: fixed("5s"), why: "lets API servers serve consistent reads from their cache, as kubeadm does"},
	{name: "feature-gates", value: fixed("InitialCorruptCheck=true"), why: "a member with damaged data does not rejoin, as kubeadm does"},
}

// loopbackAnd lets a host's own clients dial the loopback.
func loopbackAnd(url func(hostContext) string) func(hostContext) string {
	return func(s hostContext) string {
		return ownEtcd(s) + "," + url(s)
	}
}

// ownEtcd is a master's own etcd, at the loopback.
func ownEtcd(s hostContext) string { return httpsURL(s.loopback().String(), cluster.EtcdClientPort) }

func metricsURL(s hostContext) string {
	return "http://" + netip.AddrPortFrom(s.loopback(), cluster.EtcdMetricsPort).String()
}

var standardAPIFlags = []flag{
	{name: "advertise-address", value: func(s hostContext) string { return s.APIAddress(s.host).String() }, why: "what the endpoints of the service kubernetes list; 0.0.0.0 would need a default route"},
	{name: "bind-address", value: everywhere, why: "load balancers dial the address, this machine's daemons the loopback"},
	{name: "secure-port", value: apiPort, why: "spec.apiServer.port"},
	{name: "etcd-servers", value: ownEtcd, why: "its own etcd alone: a dead machine takes only itself away"},
	{name: "etcd-cafile", value: fixed(etcdPKI + "/ca.pem"), why: "etcd's own authority"},
	{name: "etcd-certfile", value: fixed(etcdPKI + "/etcd-client.pem"), why: "etcd refuses clients without a certificate"},
	{name: "etcd-keyfile", value: fixed(etcdPKI + "/etcd-client-key.pem"), why: "etcd refuses clients without a certificate"},
	{name: "encryption-provider-config", value: fixed(encryptionPath), why: "Secrets are ciphertext in etcd and in its backups"},
	{name: "service-cluster-ip-range", value: serviceRange, why: "spec.serviceCIDRs"},
	{name: "service-node-port-range", value: nodePorts, why: "spec.serviceNodePortRange"},
	{name: "tls-cert-file", value: fixed(kubernetesPKI + "/apiserver.pem"), why: "this host's own"},
	{name: "tls-private-key-file", value: fixed(kubernetesPKI + "/apiserver-key.pem"), why: "this host's own"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the floor; 1.3 is taken where both can"},
	{name: "client-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: "who may be a user"},
	{name: "authentication-config", value: fixed(authnPath), why: "anonymous requests reach health and nothing else"},
	{name: "authorization-mode", value: fixed("Node,RBAC"), why: "from the 2018 guide"},
	{name: "enable-admission-plugins", value: fixed("NodeRestriction"), why: "a node may change only itself; all plugins that the 2018 guide names are on by default"},
	{name: "allow-privileged", value: fixed("true"), why: "from the 2018 guide: network plugins and kube-proxy need it"},
	{name: "service-account-issuer", value: func(s hostContext) string { return s.Issuer }, why: "required; spec.serviceAccountIssuer"},
	{name: "service-account-signing-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: "required with the issuer"},
	{name: "service-account-key-file", value: fixed(kubernetesPKI + "/sa.pub"), why: "verifying takes the public half"},
	{name: "kubelet-client-certificate", value: fixed(kubernetesPKI + "/kubelet-client.pem"), why: "logs and exec go through the API server"},
	{name: "kubelet-client-key", value: fixed(kubernetesPKI + "/kubelet-client-key.pem"), why: "logs and exec go through the API server"},
	{name: "kubelet-preferred-address-types", value: fixed("InternalIP,ExternalIP,Hostname"), why: "masters need not resolve workers' names, as kubeadm does"},
	{name: "proxy-client-cert-file", value: fixed(kubernetesPKI + "/" + frontProxyClient + ".pem"), why: "aggregated APIs and webhooks see who calls"},
	{name: "proxy-client-key-file", value: fixed(kubernetesPKI + "/" + frontProxyClient + "-key.pem"), why: "aggregated APIs and webhooks see who calls"},
	{name: "requestheader-client-ca-file", value: fixed(kubernetesPKI + "/front-proxy-ca.pem"), why: "whose word on the user an aggregated API takes"},
	{name: "requestheader-allowed-names", value: fixed(frontProxyClient), why: "no other leaf of that authority"},
	{name: "requestheader-username-headers", value: fixed("X-Remote-User"), why: "upstream's names"},
	{name: "requestheader-group-headers", value: fixed("X-Remote-Group"), why: "upstream's names"},
	{name: "requestheader-extra-headers-prefix", value: fixed("X-Remote-Extra-"), why: "upstream's names"},
	{name: "enable-aggregator-routing", value: fixed("true"), why: "masters run no kube-proxy, so service addresses lead nowhere: dial the endpoints"},
	{name: "audit-policy-file", value: fixed(auditPath), why: "who did what"},
	{name: "audit-log-path", value: fixed(auditDir + "/audit.log"), why: "who did what"},
	{name: "audit-log-maxage", value: fixed("30"), why: "days"},
	{name: "audit-log-maxbackup", value: fixed("10"), why: "files: at most 1.1 GB with the next row"},
	{name: "audit-log-maxsize", value: fixed("100"), why: "megabytes a file"},
	{name: "endpoint-reconciler-type", value: fixed("lease"), why: "from the 2018 guide: a dead master leaves the endpoints when its lease runs out"},
	{name: "shutdown-delay-duration", value: fixed("10s"), why: "long enough for every load balancer's check to notice /readyz before the port closes"},
	{name: "shutdown-watch-termination-grace-period", value: fixed("2s"), why: "without it a stop waits for watches, which do not end by themselves: up to a minute in which the machine's leaders lose their leases"},
	{name: "goaway-chance", value: fixed("0.001"), why: "with more than one master: long-lived connections spread again after one was away", when: (*hostContext).balanced},
	{name: "profiling", value: fixed("false"), why: "no debug endpoints (CIS Kubernetes Benchmark 1.2)"},
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
}

// balanced says whether a client that reconnects may meet another API server.
// Upstream warns against goaway-chance where it cannot (help text).
func (s *hostContext) balanced() bool { return len(s.APIServers()) > 1 }

// askedOnce is why the controller manager and the scheduler have files for
// what they would else ask their API server, once, when they start. On a
// first boot that API server has no roles yet and answers "forbidden": the
// controller manager would end, the scheduler would take everybody for
// anonymous from then on. kubeadm writes the files' flags too.
const askedOnce = "from a file: on a first boot the API server would refuse to tell"

// callers are the rows about whom a controller manager or scheduler believes.
var callers = []flag{
	{name: "client-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: askedOnce},
	{name: "requestheader-client-ca-file", value: fixed(kubernetesPKI + "/front-proxy-ca.pem"), why: askedOnce},
	{name: "requestheader-allowed-names", value: fixed(frontProxyClient), why: askedOnce},
}

var standardManagerFlags = slices.Concat([]flag{
	{name: "kubeconfig", value: fixed(managerConfig), why: "its own API server, by the loopback"},
	{name: "authentication-kubeconfig", value: fixed(managerConfig), why: "metrics are for those whom the API server knows"},
	{name: "authorization-kubeconfig", value: fixed(managerConfig), why: "metrics are for those whom RBAC lets"},
}, callers, []flag{
	{name: "bind-address", value: onLoopback, why: "from the 2018 guide: nobody else needs it"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the floor"},
	{name: "cluster-name", value: clusterName, why: "metadata.name"},
	{name: "allocate-node-cidrs", value: fixed("true"), why: "without it the next two rows are ignored"},
	{name: "cluster-cidr", value: podRange, why: "spec.podCIDRs"},
	{name: "service-cluster-ip-range", value: serviceRange, why: "spec.serviceCIDRs"},
	{name: "leader-elect", value: fixed("true"), why: "from the 2018 guide: one of them acts"},
	{name: "root-ca-file", value: fixed(kubernetesPKI + "/ca.pem"), why: "what pods trust"},
	{name: "service-account-private-key-file", value: fixed(kubernetesPKI + "/sa.key"), why: "legacy tokens; the same key as the API server's"},
	{name: "use-service-account-credentials", value: fixed("true"), why: "each controller with its own rights"},
	{name: "controllers", value: fixed("*,-certificatesigningrequest-signing-controller"), why: "no authority's key is on any machine, so nothing could be signed"},
	{name: "profiling", value: fixed("false"), why: "no debug endpoints (CIS Kubernetes Benchmark 1.3)"},
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
})

var standardSchedulerFlags = slices.Concat([]flag{
	{name: "config", value: fixed(schedulerYAML), why: "kubeconfig and profiling are deprecated as flags"},
	{name: "authentication-kubeconfig", value: fixed(schedulerConfig), why: "metrics are for those whom the API server knows"},
	{name: "authorization-kubeconfig", value: fixed(schedulerConfig), why: "metrics are for those whom RBAC lets"},
}, callers, []flag{
	{name: "bind-address", value: onLoopback, why: "from the 2018 guide: nobody else needs it"},
	{name: "tls-min-version", value: fixed("VersionTLS12"), why: "the floor"},
	{name: "v", value: fixed("2"), why: "from the 2018 guide"},
})
