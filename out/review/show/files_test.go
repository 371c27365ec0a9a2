package show

import (
	"slices"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

func TestFiles(t *testing.T) {
	try(t, []trial{
		// Files by who reads them.
		{what: "hosts", edit: []func(*diff.Side){replace("", "/etc/hosts", "10.10.10.2 kubernetes", "10.10.10.2 kubernetes api")},
			want: []string{"kubem00, kubem01, kubem02, kubernetes\n  ~ /etc/hosts\n      @@ -3,4 +3,4 @@\n", "      -10.10.10.2 kubernetes\n      +10.10.10.2 kubernetes api\n      → nothing happens: read at every look-up"}, not: []string{"Order"}},
		{what: "hostname", edit: []func(*diff.Side){replace("kubem01", "/etc/hostname", "kubem01", "other")}, want: []string{"kubem01: has to be re-imaged", "1. re-image kubem01; go on when every member"}},
		{what: "haproxy.cfg", edit: []func(*diff.Side){replace("kubernetes", "/etc/haproxy/haproxy.cfg", "timeout connect 1s", "timeout connect 2s")},
			want: []string{"→ haproxy reloads: connections stay", "1. reload haproxy on kubernetes\n"}, not: []string{"restart"}},
		{what: "haproxy's authority", edit: []func(*diff.Side){replace("kubernetes", "/etc/haproxy/ca.pem", "SHA-256 ", "SHA-256 f")}, want: []string{"→ haproxy reloads: connections stay"}},
		{what: "keepalived", golden: "virtual-ip", edit: []func(*diff.Side){replace("lb", "/etc/keepalived/keepalived.conf", "advert_int 0.5", "advert_int 1"), replace("lb", "/etc/keepalived/haproxy-serves.sh", "0.9", "0.8")},
			want: []string{"lb00, lb01\n", "as on lb00; the lines around differ elsewhere", "→ keepalived reloads: SIGHUP", "→ nothing happens: keepalived runs it each time"}},
		{what: "interface", golden: "virtual-ip", edit: []func(*diff.Side){replace("lb00", "/etc/hagen/interface.sh", "hagen: no", "hagen: No")}, want: []string{"→ keepalived restarts: runs when the unit starts"}},
		{what: "anonymous requests", edit: []func(*diff.Side){replace("kubem", "/etc/kubernetes/authentication.yaml", "/healthz", "/version")}, want: []string{"refuses a new rule for anonymous requests"}},
		{what: "audit policy", edit: []func(*diff.Side){replace("kubem", "/etc/kubernetes/audit-policy.yaml", "Metadata", "Request")}, want: []string{"→ kube-apiserver restarts: read when it starts"}},
		{what: "kubeconfig", edit: []func(*diff.Side){replace("kubem", "/var/lib/kube-scheduler/kubeconfig", "127.0.0.1", "localhost")}, want: []string{"→ kube-scheduler restarts: read when it starts"}},
		{what: "file of nobody", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) {
			n.Files = append(n.Files, node.File{Path: "/etc/motd", Mode: 0o644, Contents: []byte("welcome")})
		})}, want: []string{"+ /etc/motd added\n", "owner added: root", "+# REDACTED: 1 line that is not hagen's, SHA-256 ", "→ nothing happens: no unit reads it"}},
		{what: "file gone that is read", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) {
			n.Files = slices.DeleteFunc(n.Files, func(f node.File) bool { return f.Path == "/etc/kubernetes/audit-policy.yaml" })
		})}, want: []string{"- /etc/kubernetes/audit-policy.yaml removed\n      → kube-apiserver restarts"}},
		{what: "owner and mode", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) {
			f := fileAt(n, "/etc/kubernetes/pki/sa.key")
			f.Mode, f.User = 0o600, "kube-apiserver"
		})},
			want: []string{"owner changed from root to kube-apiserver", "mode changed from 0640 to 0600"}},

		// What the first boot makes.
		{what: "accounts", edit: []func(*diff.Side){on("kubem", func(n *node.Node) {
			n.Groups = append(n.Groups, node.Group{Name: "ops"})
			n.Users = append(n.Users, node.User{Name: "core", Groups: []string{"sudo"}, SSHKeys: []string{"ssh-ed25519 AAAA a"}})
			n.Directories[0].Mode = 0o700
			n.Links = append(n.Links, node.Link{Path: "/etc/localtime", Target: "/usr/share/zoneinfo/UTC"})
		})}, want: []string{"+ group ops added", "+ user core added\n      groups added: sudo\n      SSH keys added: ssh-ed25519 AAAA a\n", "mode changed from 0755 to 0700", "+ link /etc/localtime added",
			"→ has to be re-imaged: only the first boot creates it", "1. re-image kubem00, kubem01, kubem02, one at a time: the next when every member of etcd is healthy and its /readyz answers\n"}},
		{what: "keys of a login", edit: []func(*diff.Side){on("kubem00", func(n *node.Node) { n.Users[0].Shell = "/bin/bash"; n.Users[1].Home = "" })},
			want: []string{"shell changed from /usr/sbin/nologin to /bin/bash", "home removed: /nonexistent"}},

		// What it runs on.
		{what: "another operating system", edit: []func(*diff.Side){system("kubem01", diff.System{Name: "flatcar", Family: "flatcar"})},
			want: []string{"1 of 4 machines changes", "kubem01\n  ~ operating system\n      operating system changed from fcos to flatcar\n      → has to be re-imaged: another operating system\n", "1. re-image kubem01;"}},
		{what: "another family", edit: []func(*diff.Side){system("kubem01", diff.System{Name: "", Family: "cloud-init"}), replace("kubem01", facts.EtcdUnit, "election-timeout=1000", "election-timeout=2000")},
			want: []string{"operating system changed from fcos to cloud-init", "kubem01: has to be re-imaged (another operating system)\n"}, not: []string{"restart etcd"}},
		{what: "a system that is not known", edit: []func(*diff.Side){system("kubem01", diff.System{Name: "", Family: ""})}, want: []string{"nothing changes"}},
		{what: "the same family", edit: []func(*diff.Side){system("kubem01", diff.System{Name: "", Family: "fcos"})}, want: []string{"nothing changes"}},
	})
}

// system says what a machine runs on, which is fcos before.
func system(host string, system diff.System) func(*diff.Side) {
	return func(s *diff.Side) { s.Systems = map[string]diff.System{host: system} }
}
