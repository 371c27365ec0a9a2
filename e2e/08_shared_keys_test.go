package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestRotate: another authority of the cluster, and another key that signs service accounts'
// tokens, in the same three phases. Clients of before go on until the former ones are retired: an
// administrator who writes, a kubelet's certificate, a token. Another asks for tokens all the time,
// and shows each to all API servers.
func TestRotate(t *testing.T) {
	s := scenario(t, "8 another authority and service-account key")
	c := cluster(t)
	space := freshNamespace(t, c, "rotate")
	_, err := c.Workstation("hagen kubeconfig --user system:node:worker --group system:nodes -o kubelet.kubeconfig && cp rendered/kubernetes/admin.kubeconfig former.kubeconfig")
	must(t, err)
	old := token(t, c, space)
	allowed := func() {
		t.Helper()
		accepted(t, c, old)
		for _, config := range []string{"kubelet", "former"} {
			_, err := c.Workstation("kubectl --kubeconfig " + config + ".kubeconfig get --raw /api")
			must(t, err)
		}
	}
	done := writer(t, c)
	tokens := mint(c, space)
	begin := time.Now()
	rotated(t, c, "kubernetes --to trust", "service-account --to trust")
	allowed()
	rotated(t, c, "kubernetes --to issue --live", "service-account --to issue --delivered")
	allowed()
	next := token(t, c, space)
	accepted(t, c, next)
	if made := tokens.end(t); made == 0 {
		t.Error("nobody got a token meanwhile")
	} else {
		s.note(t, "%d tokens, each accepted by all", made)
	}
	done(s)
	rotated(t, c, "kubernetes --to retire --delivered", "service-account --to retire --delivered --waited")
	s.figure(t, "three phases", time.Since(begin))
	accepted(t, c, next)
	for _, m := range c.Masters {
		if code, err := shown(c, m, old); err != nil || code != http.StatusUnauthorized {
			t.Errorf("%s: the retired key's token: %d %v", m.Name, code, err)
		}
		for _, config := range []string{"kubelet", "former"} {
			refused(t, c, m, filepath.Join(c.Dir, config+".kubeconfig"))
		}
	}
}

// refused: an API server does not know who has a kubeconfig's certificate, even to a client that
// trusts the API server.
func refused(t *testing.T, c *site.Cluster, m *site.Host, kubeconfig string) {
	t.Helper()
	theirs, err := site.ReadKubeconfig(kubeconfig)
	must(t, err)
	ours, err := site.ReadKubeconfig(c.AdminConfig())
	must(t, err)
	client := site.NewClient("", &tls.Config{RootCAs: ours.TLS.RootCAs, ServerName: m.Name, Certificates: theirs.TLS.Certificates}, site.NewEachTime, 5*time.Second)
	answer, err := client.HTTP.Get("https://" + apiAddress(c, m) + "/api")
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s: %s is answered with %d", m.Name, kubeconfig, answer.StatusCode)
	}
}

// TestRotateOthers: the same for the authorities of etcd and of aggregated APIs, and for the key of Secrets,
// while a client writes. The whole PKI directory is lost and made again from documents; of the authorities' keys
// etcd's is nowhere else. All Secrets can be read in each phase. At the end
// etcd has nothing of the former key, and no longer speaks with whom the former authority signed. A
// snapshot of before can be restored all the same, and its Secrets be read.
func TestRotateOthers(t *testing.T) {
	s := scenario(t, "8 other authorities and key of Secrets")
	c := cluster(t)
	space := freshNamespace(t, c, "rotate")
	stolen := pairOf(t, c.Masters[0], "etc/etcd/pki/etcd-client")
	_, err := c.Workstation("mv pki lost && hagen pki recover rendered/kubernetes && for a in kubernetes front-proxy; do mv lost/authorities/$a/ca-key.pem pki/authorities/$a/; done && rm -r lost")
	must(t, err)
	secret := func(name string) {
		t.Helper()
		kubectl(t, c, "-n", space, "create", "secret", "generic", name, "--from-literal=word="+name)
	}
	readable := func(names ...string) {
		t.Helper()
		for _, m := range c.Masters {
			for _, name := range names {
				text := kubectl(t, c, "--server=https://"+apiAddress(c, m), "--tls-server-name="+m.Name, "-n", space, "get", "secret", name, "-o", "jsonpath={.data.word}")
				if text == "" {
					t.Errorf("%s: %s cannot be read", m.Name, name)
				}
			}
		}
	}
	secret("before")
	former := encryptedAs(t, c, space, "before")
	_, err = c.Workstation("ETCDCTL_ENDPOINTS=https://" + netip.AddrPortFrom(c.Masters[0].Address, 2379).String() +
		" etcdctl --cacert pki/authorities/etcd/ca.pem --cert pki/hosts/kubem00/etcd-client.pem --key pki/hosts/kubem00/etcd-client-key.pem snapshot save before.db")
	must(t, err)
	done := writer(t, c)
	begin := time.Now()
	rotated(t, c, "etcd --to trust", "front-proxy --to trust", "secrets --to trust")
	secret("trusted")
	readable("before", "trusted")
	rotated(t, c, "etcd --to issue --delivered", "front-proxy --to issue --live", "secrets --to issue --delivered")
	secret("issued")
	readable("before", "trusted", "issued")
	if now := encryptedAs(t, c, space, "issued"); now == former {
		t.Errorf("what is new is encrypted as %s, as before", now)
	}
	_, err = c.Workstation("export KUBECONFIG=rendered/kubernetes/admin.kubeconfig; kubectl get secrets --all-namespaces -o json | kubectl replace -f -")
	must(t, err)
	out, err := c.Etcdctl("get", "/registry/secrets/", "--prefix")
	must(t, err)
	if strings.Contains(out, former+":") {
		t.Errorf("etcd still has Secrets that are encrypted as %s", former)
	}
	rotated(t, c, "etcd --to retire --delivered", "front-proxy --to retire --delivered", "secrets --to retire --delivered --rewritten")
	s.figure(t, "three phases", time.Since(begin))
	done(s)
	readable("before", "trusted", "issued")
	kubectl(t, c, "-n", "kube-system", "delete", "configmap", "extension-apiserver-authentication")
	within(t, 2*time.Minute, func() error {
		aggregated, err := c.Kubectl("-n", "kube-system", "get", "configmap", "extension-apiserver-authentication", "-o", "jsonpath={.data.requestheader-client-ca-file}")
		if n := strings.Count(aggregated, "BEGIN CERTIFICATE"); err == nil && n != 1 {
			return fmt.Errorf("aggregated APIs are told %d authorities", n)
		}
		return err
	})
	for _, m := range c.Masters {
		if etcdSpeaks(t, m, stolen) == nil {
			t.Errorf("%s: etcd speaks with a certificate of the former authority", m.Name)
		}
	}
	restoredBefore(t, c, "before.db")
	readable("before")
	_, err = c.Workstation("export KUBECONFIG=rendered/kubernetes/admin.kubeconfig; kubectl get secrets --all-namespaces -o json | kubectl replace -f -")
	must(t, err)
	if now := encryptedAs(t, c, space, "before"); now == former {
		t.Errorf("what is written again after the restore is encrypted as %s", now)
	}
	must(t, c.RenderWith()) // as the last step of the runbook has it
}

// etcdSpeaks asks a member for its version, with a certificate; nil if it answers.
func etcdSpeaks(t *testing.T, m *site.Host, with tls.Certificate) error {
	t.Helper()
	config := &tls.Config{RootCAs: roots(t, m, "etc/etcd/pki/ca.pem"), Certificates: []tls.Certificate{with}}
	client := site.NewClient("", config, site.NewEachTime, 5*time.Second)
	answer, err := client.HTTP.Get("https://" + netip.AddrPortFrom(m.Address, 2379).String() + "/version")
	if err == nil {
		answer.Body.Close()
	}
	return err
}

// restoredBefore begins all of etcd from a snapshot on the workstation, taken before keys were rotated.
func restoredBefore(t *testing.T, c *site.Cluster, snapshot string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, snapshot))
	must(t, err)
	must(t, c.PowerOff(c.Masters...))
	must(t, c.RenderWith("--restore", snapshot))
	must(t, c.Install(c.Masters...))
	for _, h := range c.Masters {
		placeSnapshot(t, h, text)
	}
	must(t, c.Boot(c.Masters...))
	within(t, 2*time.Minute, c.Healthy)
}

// encryptedAs gives what etcd has in front of an encrypted Secret, the name of the key with it.
func encryptedAs(t *testing.T, c *site.Cluster, space, name string) string {
	t.Helper()
	out, err := c.Etcdctl("get", "/registry/secrets/"+space+"/"+name, "--print-value-only")
	must(t, err)
	return strings.Join(strings.SplitN(out, ":", 6)[:5], ":")
}

// rotated begins phases, and delivers them.
func rotated(t *testing.T, c *site.Cluster, phases ...string) {
	t.Helper()
	for _, phase := range phases {
		_, err := c.Workstation("hagen pki rotate " + phase)
		must(t, err)
	}
	delivered(t, c)
	within(t, 2*time.Minute, c.Healthy)
}

// token asks for one of the service account that every namespace has.
func token(t *testing.T, c *site.Cluster, space string) (text string) {
	t.Helper()
	within(t, 30*time.Second, func() (err error) {
		text, err = c.Kubectl("-n", space, "create", "token", "default")
		return err
	})
	return text
}

// accepted: all API servers know whose a token is.
func accepted(t *testing.T, c *site.Cluster, token string) {
	t.Helper()
	for _, m := range c.Masters {
		if code, err := shown(c, m, token); err != nil || code != http.StatusOK {
			t.Errorf("%s: a token is answered with %d %v", m.Name, code, err)
		}
	}
}

func apiAddress(c *site.Cluster, m *site.Host) string {
	return netip.AddrPortFrom(m.Address, uint16(c.Layout.APIPort())).String()
}

// shown gives what an API server answers who has nothing but a token.
func shown(c *site.Cluster, m *site.Host, token string) (code int, err error) {
	credentials, err := site.ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return 0, err
	}
	config := &tls.Config{RootCAs: credentials.TLS.RootCAs, ServerName: m.Name}
	client := site.NewClient("", config, site.NewEachTime, 5*time.Second)
	request, err := http.NewRequest(http.MethodGet, "https://"+apiAddress(c, m)+"/api", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.HTTP.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

// minting asks for tokens, one after the other, and shows each to all API servers.
type minting struct {
	stop, stopped chan struct{}
	made          int
	refused       []string
}

func mint(c *site.Cluster, space string) *minting {
	m := &minting{stop: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(m.stopped)
		for {
			select {
			case <-m.stop:
				return
			case <-time.After(500 * time.Millisecond):
				m.once(c, space)
			}
		}
	}()
	return m
}

// once makes a token. An API server that restarts answers nobody; one that has just started may
// refuse for a moment, until it knows all service accounts.
func (m *minting) once(c *site.Cluster, space string) {
	text, err := c.Kubectl("-n", space, "create", "token", "default")
	if err != nil {
		return
	}
	m.made++
	for _, h := range c.Masters {
		_, err := site.Until(5*time.Second, func() error {
			if code, err := shown(c, h, text); err == nil && code != http.StatusOK {
				return fmt.Errorf("%s: %d", h.Name, code)
			}
			return nil
		})
		if err != nil {
			m.refused = append(m.refused, err.Error())
		}
	}
}

func (m *minting) end(t *testing.T) (made int) {
	t.Helper()
	close(m.stop)
	<-m.stopped
	for _, text := range m.refused {
		t.Errorf("a new token is refused: %s", text)
	}
	return m.made
}
