package diff

import "hagen/out/review/facts"

const binariesUnit = "hagen-binaries.service"

// reading is a row: what a daemon does when a file changes that is named in a flag, in a
// setting of its unit or after a word in another of its files. A file without a row is
// read when the daemon starts.
type reading struct {
	unit   string // "" is any
	by     string // the flag, setting or word before the path
	action Action
	since  string // first minor release of the daemon that does so; older ones have to restart
	why    string
}

// ofProgram is where a unit names the program that it runs.
const ofProgram = "ExecStart="

// proven is the oldest Kubernetes release whose source was compared with the rows. Older
// ones do some of it, too.
const proven = "1.34"

var readings = []reading{
	// etcd, client/pkg/transport/listener.go: GetCertificate and
	// GetClientCertificate read the files (since 3.2, by its CHANGELOG). Authorities
	// are read once.
	{facts.EtcdUnit, "--cert-file", PickUp, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--key-file", PickUp, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--peer-cert-file", PickUp, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--peer-key-file", PickUp, "3.2", "read at every TLS handshake"},
	// apiserver, pkg/server/dynamiccertificates: watched, and polled once a minute.
	{facts.APIUnit, "--tls-cert-file", PickUp, proven, "the file is watched"},
	{facts.APIUnit, "--tls-private-key-file", PickUp, proven, "the file is watched"},
	{"", "--client-ca-file", PickUp, proven, "the file is watched"},
	{"", "--requestheader-client-ca-file", PickUp, proven, "the file is watched"},
	{facts.APIUnit, "--proxy-client-cert-file", PickUp, proven, "the file is watched"},
	{facts.APIUnit, "--proxy-client-key-file", PickUp, proven, "the file is watched"},
	// The API server uses etcd's own client, which reads its certificate at each
	// handshake and the authority once.
	{facts.APIUnit, "--etcd-certfile", PickUp, proven, "read for every new connection to etcd"},
	{facts.APIUnit, "--etcd-keyfile", PickUp, proven, "read for every new connection to etcd"},
	// client-go, transport/transport.go: ReloadTLSFiles, and ReloadCAFiles with
	// the gate ClientsAllowCARotation, on since 1.36.
	{facts.APIUnit, "--kubelet-client-certificate", PickUp, proven, "client-go reads it again"},
	{facts.APIUnit, "--kubelet-client-key", PickUp, proven, "client-go reads it again"},
	{"", "client-certificate", PickUp, proven, "client-go reads it again"},
	{"", "client-key", PickUp, proven, "client-go reads it again"},
	{"", "certificate-authority", PickUp, "1.36", "client-go reads it again"},
	{facts.APIUnit, "--peer-ca-file", PickUp, "1.36", "client-go reads it again"},
	// kubernetes, pkg/kubeapiserver/options/authentication.go: the rule for anonymous
	// requests, the only one that hagen writes, may not change on reload.
	{facts.APIUnit, "--authentication-config", Restart, "", "a running API server refuses a new rule for anonymous requests"},
	{facts.APIUnit, "--encryption-provider-config", Restart, "", "read when it starts: --encryption-provider-config-automatic-reload is not set"},
	{facts.HAProxyUnit, "-f", Reload, "", "connections stay"},
	{facts.HAProxyUnit, "ca-file", Reload, "", "connections stay"},
	{facts.KeepalivedUnit, "--use-file", Reload, "", "SIGHUP"},
	{facts.KeepalivedUnit, "script", Nothing, "", "keepalived runs it each time"},
	{facts.KeepalivedUnit, "ExecStartPre", Restart, "", "runs when the unit starts"},
	{"", ofProgram, Restart, "", otherBinary},
}

// places are rows for files, or all files of a directory, that the system reads instead
// of a unit of hagen's.
var places = map[string]Effect{
	"/etc/hosts":    {Action: Nothing, Why: "read at every look-up"},
	"/etc/hostname": {Action: Reimage, Why: "the name is in certificates and in etcd"},
	// Files that configure interfaces.
	"/etc/systemd/network/":                   {Action: Nothing, Why: "takes effect at the next boot, or with networkctl reload: connections to a removed address end"},
	"/etc/NetworkManager/system-connections/": {Action: Nothing, Why: "takes effect at the next boot, or with nmcli connection reload and up: connections to a removed address end"},
}

// unitSettings are rows: what a changed line of a unit does. All others take effect when
// the unit restarts.
var unitSettings = map[string]Effect{
	"Description": none, "Documentation": none, "the text": none,
	"Wants": atBoot, "Requires": atBoot, "After": atBoot, "Before": atBoot, "WantedBy": atBoot, "RequiredBy": atBoot,
	"RequiresMountsFor": atBoot, "AssertPathIsMountPoint": atBoot,
	"ExecReload": atOnce, "KillMode": atOnce, "Restart": atOnce, "RestartSec": atOnce, "TimeoutStartSec": atOnce,
	"TimeoutStopSec": atOnce, "StartLimitIntervalSec": atOnce,
	// A member that has data reads the membership from there
	// (etcdserver/bootstrap.go): these flags matter only at the first start.
	facts.EtcdUnit + " --initial-cluster":             {Membership, facts.EtcdUnit, "a member that has data ignores it: add and remove members with etcdctl"},
	facts.EtcdUnit + " --initial-advertise-peer-urls": {Membership, facts.EtcdUnit, "a member that has data ignores it: update its address with etcdctl"},
	facts.EtcdUnit + " --initial-cluster-state":       {Nothing, facts.EtcdUnit, "a member that has data ignores it"},
	facts.EtcdUnit + " --initial-cluster-token":       {Nothing, facts.EtcdUnit, "a member that has data ignores it"},
	facts.EtcdUnit + " --data-dir":                    {Membership, facts.EtcdUnit, "it would start without data: move the data, or remove and add the member with etcdctl"},
}

var (
	none   = Effect{Action: Nothing, Why: "for people"}
	atBoot = Effect{Action: Nothing, Why: "takes effect when units are started: at the next boot"}
	atOnce = Effect{Action: Nothing, Why: "systemctl daemon-reload is enough"}
)

// Reasons why changes are not taken in place, or not at once.
const (
	accounts = "only the first boot creates it"
	disks    = "only the first boot does it"
	// Machines fetch binaries only at the first boot.
	otherBinary = "to run the new binary, which a running machine does not fetch: install it first, or re-image the machine"
	// The next run reads everything again.
	byTimer = "takes effect at the next run that its timer starts"
)
