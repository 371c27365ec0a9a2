package check

// daemons are the programs of which more is known here than that they run.
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

// dataPaths are directories that daemons write to: the flag, and whether its value
// is a file in it.
var dataPaths = []struct {
	daemon, flag string
	file         bool
}{
	{"etcd", "data-dir", false},
	{"etcd", "wal-dir", false},
	{"kube-apiserver", "audit-log-path", true},
}
