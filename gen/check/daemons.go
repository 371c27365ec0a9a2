package check

// daemons are the programs whose configuration is checked; flags tells whether
// their flags are, too.
var daemons = map[string]struct{ flags bool }{
	etcd: {true}, apiServer: {true}, manager: {true}, scheduler: {true}, haproxy: {}, "keepalived": {},
}

const (
	etcd      = "etcd"
	apiServer = "kube-apiserver"
	manager   = "kube-controller-manager"
	scheduler = "kube-scheduler"
	haproxy   = "haproxy"
)

// What etcd listens for.
const (
	clients = "clients"
	peers   = "peers"
)

// dataPaths are flags that name a directory to which a daemon writes, or a
// file in it.
var dataPaths = []struct {
	daemon, flag string
	file         bool
}{
	{"etcd", "data-dir", false},
	{"etcd", "wal-dir", false},
	{"kube-apiserver", "audit-log-path", true},
}
