package plan

import (
	"fmt"
	"net/netip"
	"strings"
)

// Asks is what a check asks.
type Asks string

// What checks ask. Each fails while the answer is no: an active unit may be one that
// starts over and over, so that is not asked of daemons.
const (
	MembersHealthy    Asks = "members-healthy"
	MembersStarted    Asks = "members-started"
	MembersLeft       Asks = "members-left"
	EtcdVersion       Asks = "etcd-version"
	APIReady          Asks = "api-ready"
	APIVersion        Asks = "api-version"
	CertificateServed Asks = "certificate-served"
	DaemonHealthy     Asks = "daemon-healthy"
	LeaderStays       Asks = "leader-stays"
	BalancerAlive     Asks = "balancer-alive"
	BalancerReady     Asks = "balancer-ready"
	VirtualIPReady    Asks = "virtual-ip-ready"
	VirtualIPAlone    Asks = "virtual-ip-alone"
	UnitStays         Asks = "unit-stays"
	UnitActive        Asks = "unit-active"
	KubeletsFit       Asks = "kubelets-fit"
	RangesFit         Asks = "node-ranges-fit"
	RightsBound       Asks = "rights-bound"
)

// How many seconds things may take. A machine's firmware may take minutes to boot it; etcd
// may send a restarted member a snapshot of all data, and binaries may be fetched over a
// slow line. Members and API servers that have lost each other try again after some time.
const (
	checkSeconds   = 120
	quorumSeconds  = 300
	bootSeconds    = 900
	commandSeconds = 600
)

// onHost is a command on a host, onWorkstation one on the workstation.
func onHost(host, text string) Command {
	return Command{Host: host, Text: text, Seconds: commandSeconds}
}

func onWorkstation(text string) Command { return onHost("", text) }

// asked makes a check of a command.
func (c Command) asked(asks Asks, expected string) Command {
	c.Asks, c.Expected, c.Seconds = asks, expected, checkSeconds
	return c
}

// within gives a command another time.
func (c Command) within(seconds int) Command {
	c.Seconds = seconds
	return c
}

// asking gives a command of etcdctl its endpoints.
func (c Command) asking(endpoints []string) Command {
	if c.Host == "" && strings.Contains(c.Text, "etcdctl ") {
		c.Environment = []Variable{{etcdEndpoints, strings.Join(endpoints, ",")}}
	}
	return c
}

const etcdEndpoints = "ETCDCTL_ENDPOINTS"

// membersHealthy asks all members that etcd has at that time and that have started.
func membersHealthy() Command {
	return onWorkstation("etcdctl endpoint health --cluster").asked(MembersHealthy, "every member answers")
}

// membersStarted asks who is a member: health leaves out a member that never started.
func membersStarted(names []string) Command {
	all := strings.Join(names, " ")
	return onWorkstation(fmt.Sprintf(`test "$(etcdctl member list | awk -F', ' '$2 == "started" { print $3 }' | sort | xargs)" = "%s"`, all)).asked(MembersStarted, all)
}

// active asks about a unit that runs once, or a timer: neither starts over and over.
func active(unit, host string) Command {
	return onHost(host, "systemctl is-active "+unit).asked(UnitActive, "active")
}

// settled is for how many seconds a unit has to run: longer than systemd waits before it starts a
// daemon again, and longer than a member has to be connected before etcd changes its members
// (etcdserver, HealthInterval).
const settled = 6

// stays asks whether units run, and have been doing so for a while: one that starts again, or reads its
// files again, has changed its state since. It prints those that do not. systemd counts the microseconds
// since the machine's start without those that it slept; /proc/uptime has these, but servers do not sleep.
func stays(host string, units ...string) Command {
	return onHost(host, fmt.Sprintf(`! for u in %s; do systemctl is-active -q $u && t=$(systemctl show -p StateChangeTimestampMonotonic $u) && test $(expr $(cut -d. -f1 /proc/uptime) - ${t#*=} / 1000000) -gt %d || echo $u; done | grep .`, strings.Join(units, " "), settled)).
		asked(UnitStays, fmt.Sprintf("active, and for %d seconds already", settled))
}

// answers200 asks a URL on a host. Daemons on the loopback may have a certificate that
// they made themselves.
func answers200(host, url string, asks Asks) Command {
	return onHost(host, "curl -fsSk -o /dev/null "+url).asked(asks, "HTTP status 200")
}

// kubectl returns a command that asks one address directly. The name is one in the
// certificate.
func kubectl(address netip.Addr, port uint16, name string) string {
	return fmt.Sprintf("kubectl --server=https://%s --tls-server-name=%s", netip.AddrPortFrom(address, port), name)
}

// ready asks for /readyz.
func ready(kubectl string, asks Asks) Command {
	return onWorkstation(kubectl+" get --raw=/readyz").asked(asks, "ok")
}

// kubeletsFit asks whether all kubelets have one of the minor releases. It prints those that
// do not.
func kubeletsFit(lines []string) Command {
	c := onWorkstation(fmt.Sprintf(`v=$(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion}{"\n"}{end}') && ! echo "$v" | grep -Ev '^$| v(%s)\.'`, strings.ReplaceAll(strings.Join(lines, "|"), ".", `\.`)))
	c.Asks, c.Expected = KubeletsFit, "kubelets of "+strings.Join(lines, ", ")
	return c
}

// lock is where a release's daemons say who leads.
type lock struct {
	object, path string // what kubectl gets, and its path in it
	split        string // what separates the fields of a line
	field        int    // that is the holder
}

// Kubernetes 1.20 made Lease objects the default of --leader-elect-resource-lock.
var (
	leaseLock    = lock{"lease", `{.spec.holderIdentity} {.spec.renewTime}`, " ", 1}
	endpointLock = lock{"endpoints", `{.metadata.annotations.control-plane\.alpha\.kubernetes\.io/leader}`, `"`, 4}
)

// leaderStays asks three times who leads, and whether it renews the lock each time: a
// daemon that ends whenever it begins to lead does not, and a dead one keeps its lease for
// 15 seconds.
func leaderStays(kubectl, daemon string, l lock) Command {
	return onWorkstation(fmt.Sprintf(`for s in 0 4 4; do sleep $s; %s -n kube-system get %s %s -o jsonpath='%s{"\n"}'; done | sort -u | cut -d'%s' -f%d | uniq -c | grep ' 3 .'`,
		kubectl, l.object, daemon, l.path, l.split, l.field)).asked(LeaderStays, "one leader, which renews its lease")
}

// serves asks whether a server shows the certificate that is in the PKI.
func serves(address, certificate, more string) Command {
	return onWorkstation(fmt.Sprintf(`f=$(openssl x509 -noout -fingerprint -sha256 -in %s) && openssl s_client -connect %s%s </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 | grep -F "$f"`,
		shellWord(certificate), address, more)).asked(CertificateServed, "the fingerprint of "+certificate)
}
