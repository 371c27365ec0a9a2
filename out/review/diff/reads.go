package diff

import "hagen/out/review/facts"

const binariesUnit = "hagen-binaries.service"

// reading is a row: what a daemon does when a file changes that a flag, a
// setting of its unit or a word in another of its files names. What no row
// knows is read when the daemon starts.
type reading struct {
	unit   string // "" is any
	by     string // the flag, setting or word before the path
	action Action
	since  string // first minor release of the daemon that does so; before, it is started again
	why    string
}

// ofProgram is how a unit names what it runs.
const ofProgram = "ExecStart="

// proven is the oldest Kubernetes release whose source the rows were held
// against. Older ones do some of it, too.
const proven = "1.34"

var readings = []reading{
	// etcd, client/pkg/transport/listener.go: GetCertificate and
	// GetClientCertificate read the files; CHANGELOG-3.2 tells since when. Authorities
	// are read once.
	{facts.EtcdUnit, "--cert-file", ByItself, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--key-file", ByItself, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--peer-cert-file", ByItself, "3.2", "read at every TLS handshake"},
	{facts.EtcdUnit, "--peer-key-file", ByItself, "3.2", "read at every TLS handshake"},
	// apiserver, pkg/server/dynamiccertificates: watched, and looked at once a
	// minute.
	{facts.APIUnit, "--tls-cert-file", ByItself, proven, "the file is watched"},
	{facts.APIUnit, "--tls-private-key-file", ByItself, proven, "the file is watched"},
	{"", "--client-ca-file", ByItself, proven, "the file is watched"},
	{"", "--requestheader-client-ca-file", ByItself, proven, "the file is watched"},
	{facts.APIUnit, "--proxy-client-cert-file", ByItself, proven, "the file is watched"},
	{facts.APIUnit, "--proxy-client-key-file", ByItself, proven, "the file is watched"},
	// The API server's client of etcd is etcd's own: it reads its certificate
	// at each handshake, the authority once.
	{facts.APIUnit, "--etcd-certfile", ByItself, proven, "read for every new connection to etcd"},
	{facts.APIUnit, "--etcd-keyfile", ByItself, proven, "read for every new connection to etcd"},
	// client-go, transport/transport.go: ReloadTLSFiles, and ReloadCAFiles with
	// the gate ClientsAllowCARotation, on since 1.36.
	{facts.APIUnit, "--kubelet-client-certificate", ByItself, proven, "client-go reads it again"},
	{facts.APIUnit, "--kubelet-client-key", ByItself, proven, "client-go reads it again"},
	{"", "client-certificate", ByItself, proven, "client-go reads it again"},
	{"", "client-key", ByItself, proven, "client-go reads it again"},
	{"", "certificate-authority", ByItself, "1.36", "client-go reads it again"},
	// kubernetes, pkg/kubeapiserver/options/authentication.go: what it says of
	// anonymous requests, all that hagen writes, may not change on reload.
	{facts.APIUnit, "--authentication-config", Restart, "", "a running API server refuses another rule for anonymous requests"},
	{facts.APIUnit, "--encryption-provider-config", Restart, "", "read when it starts: --encryption-provider-config-automatic-reload is not set"},
	{facts.HAProxyUnit, "-f", Reload, "", "connections stay"},
	{facts.HAProxyUnit, "ca-file", Reload, "", "connections stay"},
	{facts.KeepalivedUnit, "--use-file", Reload, "", "SIGHUP"},
	{facts.KeepalivedUnit, "script", Nothing, "", "keepalived runs it anew each time"},
	{facts.KeepalivedUnit, "ExecStartPre", Restart, "", "run when the unit starts"},
	{"", ofProgram, Restart, "", otherBinary},
}

// places are rows for files that the system reads, not a unit of hagen's, or
// for all in a directory.
var places = map[string]Effect{
	"/etc/hosts":    {Action: Nothing, Why: "read at every look-up"},
	"/etc/hostname": {Action: Reimage, Why: "the name is in certificates and in etcd"},
	// What configures an interface, by its directory.
	"/etc/systemd/network/":                   {Action: Nothing, Why: "counts at the next boot, or with networkctl reload: connections to an address that goes end"},
	"/etc/NetworkManager/system-connections/": {Action: Nothing, Why: "counts at the next boot, or with nmcli connection reload and up: connections to an address that goes end"},
}

// settings are rows: what a changed line of a unit does. All others begin to
// count when the unit starts again.
var unitSettings = map[string]Effect{
	"Description": none, "Documentation": none, "the text": none,
	"Wants": atBoot, "Requires": atBoot, "After": atBoot, "Before": atBoot, "WantedBy": atBoot, "RequiredBy": atBoot,
	"RequiresMountsFor": atBoot, "AssertPathIsMountPoint": atBoot,
	"ExecReload": atOnce, "KillMode": atOnce, "Restart": atOnce, "RestartSec": atOnce, "TimeoutStartSec": atOnce,
	"TimeoutStopSec": atOnce, "StartLimitIntervalSec": atOnce,
	// A member of etcd that has data takes its cluster from there
	// (etcdserver/bootstrap.go): these flags are for the first start.
	facts.EtcdUnit + " --initial-cluster":             {Membership, facts.EtcdUnit, "a member that has data ignores it: etcd has to be told who joins and leaves"},
	facts.EtcdUnit + " --initial-advertise-peer-urls": {Membership, facts.EtcdUnit, "a member that has data ignores it: etcd has to be told of the new address"},
	facts.EtcdUnit + " --initial-cluster-state":       {Nothing, facts.EtcdUnit, "a member that has data ignores it"},
	facts.EtcdUnit + " --initial-cluster-token":       {Nothing, facts.EtcdUnit, "a member that has data ignores it"},
	facts.EtcdUnit + " --data-dir":                    {Membership, facts.EtcdUnit, "it would begin without data: move the data, or have etcd remove and add the member"},
}

var (
	none   = Effect{Action: Nothing, Why: "for people"}
	atBoot = Effect{Action: Nothing, Why: "counts when units are started: at the next boot"}
	atOnce = Effect{Action: Nothing, Why: "systemctl daemon-reload is enough"}
)

// Why some changes cannot be had in place, or are not had at once.
const (
	accounts = "made once, at the first boot"
	disks    = "done once, at the first boot"
	// What is fetched is fetched at the first boot.
	otherBinary = "with the other binary, which a running machine does not fetch: put it there first, or make the machine anew"
	// The next run reads all anew.
	byTimer = "the next run that its timer starts has it"
)
