package e2e

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// readers says which accounts beside root may read which file that holds a
// secret: those whose units do.
var readers = map[string][]string{
	"/etc/etcd/pki/etcd-server-key.pem":                               {"kube-etcd"},
	"/etc/etcd/pki/etcd-client-key.pem":                               {"kube-apiserver"},
	"/etc/kubernetes/pki/apiserver-key.pem":                           {"kube-apiserver"},
	"/etc/kubernetes/pki/kubelet-client-key.pem":                      {"kube-apiserver"},
	"/etc/kubernetes/pki/front-proxy-client-key.pem":                  {"kube-apiserver"},
	"/etc/kubernetes/pki/sa.key":                                      {"kube-apiserver", "kube-controller-manager"},
	"/etc/kubernetes/encryption.yaml":                                 {"kube-apiserver"},
	"/var/lib/kube-controller-manager/pki/controller-manager-key.pem": {"kube-controller-manager"},
	"/var/lib/kube-scheduler/pki/scheduler-key.pem":                   {"kube-scheduler"},
}

func TestKeysOnHosts(t *testing.T) {
	s := scenario(t, "8 keys on the hosts")
	c := cluster(t)
	authorities := authorityKeys(t, c)
	found := 0
	for _, h := range c.Hosts() {
		for _, path := range keyFiles(t, h) {
			found++
			if _, known := readers[path]; !h.Master || !known {
				t.Errorf("%s has the private key %s", h.Name, path)
			}
			if key := publicHalf(t, filepath.Join(h.Root, path)); slices.ContainsFunc(authorities, key.Equal) {
				t.Errorf("%s has an authority's key in %s", h.Name, path)
			}
		}
	}
	if want := 3 * (len(readers) - 1); found != want { // one of them is no PEM file
		t.Errorf("%d private keys on all hosts, want %d", found, want)
	}
	for _, h := range c.Masters {
		for path, want := range readers {
			if got := whoReads(t, h, path); !slices.Equal(got, want) {
				t.Errorf("%s: %s can be read by %v, want %v", h.Name, path, got, want)
			}
		}
	}
	s.note(t, "%d keys", found)
}

// keyFiles finds every text on a host's disk that holds a private key.
func keyFiles(t *testing.T, h *site.Host) []string {
	t.Helper()
	// grep ends with 1 when it finds none.
	out, err := h.Exec("sh", "-c", "grep -rIl --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev -e '-----BEGIN .*PRIVATE KEY-----' / 2>/dev/null || [ $? -le 2 ]")
	must(t, err)
	return strings.Fields(out)
}

// whoReads tries each account of the host but root.
func whoReads(t *testing.T, h *site.Host, path string) []string {
	t.Helper()
	out, err := h.Exec("sh", "-c", `cut -d: -f1 /etc/passwd | grep -vx root | while read -r user; do
		setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups test -r "$1" && echo "$user"; done; true`, "sh", path)
	must(t, err)
	names := strings.Fields(out)
	slices.Sort(names)
	return names
}

type public interface {
	Equal(crypto.PublicKey) bool
}

// authorityKeys are the public halves of the operator's authorities.
func authorityKeys(t *testing.T, c *site.Cluster) []crypto.PublicKey {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir, "pki/authorities/*/ca-key.pem"))
	must(t, err)
	if len(files) != 3 {
		t.Fatalf("the operator has the authorities %v", files)
	}
	var keys []crypto.PublicKey
	for _, f := range files {
		keys = append(keys, publicHalf(t, f))
	}
	return keys
}

func publicHalf(t *testing.T, path string) public {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s is no PEM file", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	must(t, err)
	return &key.PublicKey
}

// Who may speak to what, tried from the operator's workstation.
func TestWhoMaySpeak(t *testing.T) {
	s := scenario(t, "8 who may speak to what")
	c := cluster(t)
	m := c.Masters[0]
	etcdCA, kubernetesCA := roots(t, m, "etc/etcd/pki/ca.pem"), roots(t, m, "etc/kubernetes/pki/ca.pem")
	etcdClient := pairOf(t, m, "etc/etcd/pki/etcd-client")
	scheduler := pairOf(t, m, "var/lib/kube-scheduler/pki/scheduler")

	etcd := fmt.Sprintf("https://%s:2379", m.Address)
	etcdAs := func(certificates ...tls.Certificate) (int, error) {
		return status(etcd+"/version", &tls.Config{RootCAs: etcdCA, Certificates: certificates})
	}
	if code, err := etcdAs(etcdClient); code != 200 {
		t.Errorf("etcd answers its own client %d %v", code, err)
	}
	for who, certificates := range map[string][]tls.Certificate{
		"nobody": nil, "a stranger": {selfSigned(t)}, "a scheduler": {scheduler}, "a kubelet client": {pairOf(t, m, "etc/kubernetes/pki/kubelet-client")},
	} {
		if code, err := etcdAs(certificates...); err == nil {
			t.Errorf("etcd answers %s: %d", who, code)
		}
	}

	for _, url := range []string{"https://10.10.10.2:6443", fmt.Sprintf("https://%s:6443", m.Address)} {
		as := func(path string, certificates ...tls.Certificate) int {
			code, err := status(url+path, &tls.Config{RootCAs: kubernetesCA, ServerName: "kubernetes", Certificates: certificates})
			must(t, err)
			return code
		}
		for path, want := range anonymous {
			if code := as(path); code != want {
				t.Errorf("%s%s answers nobody %d, want %d", url, path, code, want)
			}
		}
		for who, certificate := range map[string]tls.Certificate{"an etcd client": etcdClient, "a stranger": selfSigned(t)} {
			if code := as("/api/v1/namespaces", certificate); code != 401 {
				t.Errorf("%s answers %s %d, want 401", url, who, code)
			}
		}
		if code := as("/api/v1/secrets", scheduler); code != 403 {
			t.Errorf("%s shows a scheduler the Secrets: %d", url, code)
		}
	}
	s.note(t, "%d paths without credentials", len(anonymous))
}

// No certificate of a machine is obeyed without RBAC: what they may do, the manifest of rights says,
// and break-glass is the way back.
func TestWhoMaySpeakBound(t *testing.T) {
	s := scenario(t, "8 what RBAC binds")
	c := cluster(t)
	found := 0
	for _, h := range c.Hosts() {
		for _, cert := range certificatesOn(t, h) {
			found++
			if slices.Contains(cert.Subject.Organization, "system:masters") {
				t.Errorf("%s has a certificate of %v", h.Name, cert.Subject)
			}
		}
	}
	m := c.Masters[0]
	as := func(path string) int {
		code, err := status(fmt.Sprintf("https://%s:6443%s", m.Address, path), &tls.Config{
			RootCAs: roots(t, m, "etc/kubernetes/pki/ca.pem"), ServerName: "kubernetes", Certificates: []tls.Certificate{pairOf(t, m, "etc/kubernetes/pki/kubelet-client")}})
		must(t, err)
		return code
	}
	for path, want := range map[string]int{"/api/v1/nodes": 200, "/api/v1/secrets": 403, "/api/v1/pods": 403, "/apis/rbac.authorization.k8s.io/v1/clusterroles": 403} {
		if code := as(path); code != want {
			t.Errorf("a kubelet client is answered %d for %s, want %d", code, path, want)
		}
	}
	for _, may := range []struct {
		words string
		want  string
	}{
		{"get nodes --subresource=proxy", "yes"}, {"create nodes --subresource=proxy", "yes"}, {"get nodes --subresource=log", "yes"}, {"get nodes --subresource=metrics", "yes"},
		{"create pods", "no"}, {"get secrets", "no"}, {"delete nodes", "no"}, {"create clusterrolebindings", "no"}, {"impersonate users", "no"}, {"* *", "no"},
	} {
		// kubectl ends with 1 when the answer is no.
		out, _ := c.Kubectl(append([]string{"auth", "can-i", "--as", "kubelet-client"}, strings.Fields(may.words)...)...)
		if out != may.want {
			t.Errorf("whether a kubelet client may %s: %q, want %s", may.words, out, may.want)
		}
	}

	_, err := c.Bypass("delete", "-f", c.Rights())
	must(t, err)
	within(t, 10*time.Second, func() error {
		for _, ask := range [][]string{{"get", "namespaces"}, {"get", "nodes", "--as", "kubelet-client"}, {"apply", "-f", c.Rights()}} {
			if out, err := c.Kubectl(ask...); err == nil || !strings.Contains(err.Error(), "Forbidden") && !strings.Contains(err.Error(), "forbidden") {
				return fmt.Errorf("without the manifest, the administrator is answered %v: %q, %w", ask, out, err)
			}
		}
		return nil
	})
	if code := as("/api/v1/nodes"); code != 403 {
		t.Errorf("without the manifest, a kubelet client is answered %d", code)
	}
	_, err = c.Bypass("apply", "-f", c.Rights())
	must(t, err)
	within(t, 10*time.Second, func() error {
		_, err := c.Kubectl("get", "namespaces")
		return err
	})
	said := 0
	for _, m := range c.Masters {
		out, err := m.Exec("sh", "-c", `grep -hc '"username":"break-glass"' /var/log/kube-apiserver/*.log || true`)
		must(t, err)
		for n := range strings.FieldsSeq(out) {
			if n != "0" {
				said++
			}
		}
	}
	if said == 0 {
		t.Error("no audit log names break-glass")
	}
	s.note(t, "%d certificates", found)
}

// certificatesOn are all certificates on a host's disk that its documents brought.
func certificatesOn(t *testing.T, h *site.Host) (all []*x509.Certificate) {
	t.Helper()
	out, err := h.Exec("sh", "-c", "grep -rIl -e '-----BEGIN CERTIFICATE-----' /etc/etcd /etc/kubernetes /etc/haproxy /var/lib/kube-* 2>/dev/null || [ $? -le 2 ]")
	must(t, err)
	for _, path := range strings.Fields(out) {
		data, err := os.ReadFile(filepath.Join(h.Root, path))
		must(t, err)
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				cert, err := x509.ParseCertificate(block.Bytes)
				must(t, err)
				all = append(all, cert)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no certificate", h.Name)
	}
	return all
}

// anonymous is what the API server answers without credentials.
var anonymous = map[string]int{
	"/livez": 200, "/readyz": 200, "/healthz": 200,
	"/": 401, "/version": 401, "/metrics": 401, "/api": 401, "/apis": 401, "/openapi/v2": 401, "/openid/v1/jwks": 401,
	"/readyz/etcd": 401, "/livez/ping": 401, "/api/v1/namespaces": 401, "/api/v1/secrets": 401, "/logs/": 401, "/debug/pprof/": 401,
}

// No port takes TLS below 1.2.
func TestOldTLSRefused(t *testing.T) {
	scenario(t, "8 TLS below 1.2 refused")
	c := cluster(t)
	m := c.Masters[0]
	addresses := []string{"10.10.10.2:6443"}
	for _, port := range []string{"6443", "2379", "2380"} {
		addresses = append(addresses, net.JoinHostPort(m.Address.String(), port))
	}
	for _, address := range addresses {
		for version, taken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			err := handshake(address, version)
			// A server that asks for a certificate may take the version and end
			// the handshake for want of one.
			refused := err != nil && strings.Contains(err.Error(), "protocol version")
			if refused == taken {
				t.Errorf("%s and TLS %s: %v", address, tls.VersionName(version), err)
			}
		}
	}
	for _, port := range []string{"10257", "10259"} {
		for version, taken := range map[string]bool{"-tls1_1": false, "-tls1_2": true} {
			_, err := m.Exec("sh", "-c", "openssl s_client -connect 127.0.0.1:"+port+" "+version+" -cipher ALL:@SECLEVEL=0 </dev/null")
			if (err == nil) != taken {
				t.Errorf("port %s and %s: %v", port, version, err)
			}
		}
	}
}

func handshake(address string, version uint16) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address,
		&tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	if err != nil {
		return err
	}
	return conn.Close()
}

// status asks for a page and gives its status.
func status(url string, config *tls.Config) (int, error) {
	response, err := site.NewClient(url, config, site.NewEachTime, 5*time.Second).HTTP.Get(url)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func roots(t *testing.T, h *site.Host, path string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(h.Root, path))
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return pool
}

func pairOf(t *testing.T, h *site.Host, stem string) tls.Certificate {
	t.Helper()
	stem = filepath.Join(h.Root, stem)
	pair, err := tls.LoadX509KeyPair(stem+".pem", stem+"-key.pem")
	must(t, err)
	return pair
}
