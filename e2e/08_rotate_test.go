package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestRotateServiceAccount: another key signs service accounts' tokens, in three phases, while a
// client writes and another asks for tokens and shows each to all API servers. None is refused
// before the former key is retired; then all that it signed are.
func TestRotateServiceAccount(t *testing.T) {
	s := scenario(t, "8 another service-account key")
	c := cluster(t)
	space := freshNamespace(t, c, "rotate")
	old := token(t, c, space)
	done := writer(t, c)
	tokens := mint(c, space)
	begin := time.Now()
	rotated(t, c, "service-account --to trust")
	accepted(t, c, old)
	rotated(t, c, "service-account --to issue --delivered")
	accepted(t, c, old)
	next := token(t, c, space)
	accepted(t, c, next)
	if made := tokens.end(t); made == 0 {
		t.Error("nobody got a token meanwhile")
	} else {
		s.note(t, "%d tokens, each accepted by all", made)
	}
	rotated(t, c, "service-account --to retire --delivered")
	s.figure(t, "three phases", time.Since(begin))
	done(s)
	accepted(t, c, next)
	for _, m := range c.Masters {
		if code, err := shown(c, m, old); err != nil || code != http.StatusUnauthorized {
			t.Errorf("%s: the retired key's token: %d %v", m.Name, code, err)
		}
	}
}

// TestRotateSecrets: another key encrypts Secrets, in three phases, while a client writes. All can
// be read in each phase; at the end etcd has nothing of the former key, and machines do not, either.
func TestRotateSecrets(t *testing.T) {
	s := scenario(t, "8 another key of Secrets")
	c := cluster(t)
	space := freshNamespace(t, c, "rotate")
	secrets := func(name string) {
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
	prefix := func(name string) string {
		t.Helper()
		out, err := c.Etcdctl("get", "/registry/secrets/"+space+"/"+name, "--print-value-only")
		must(t, err)
		return strings.Join(strings.SplitN(out, ":", 6)[:5], ":")
	}
	secrets("before")
	former := prefix("before")
	done := writer(t, c)
	begin := time.Now()
	rotated(t, c, "secrets --to trust")
	secrets("trusted")
	readable("before", "trusted")
	rotated(t, c, "secrets --to issue --delivered")
	secrets("issued")
	readable("before", "trusted", "issued")
	if now := prefix("issued"); now == former {
		t.Errorf("what is new is encrypted as %s, as before", now)
	}
	_, err := c.Workstation("kubectl --kubeconfig rendered/kubernetes/admin.kubeconfig get secrets -A -o json | kubectl --kubeconfig rendered/kubernetes/admin.kubeconfig replace -f -")
	must(t, err)
	out, err := c.Etcdctl("get", "/registry/secrets/", "--prefix")
	must(t, err)
	if strings.Contains(out, former+":") {
		t.Errorf("etcd still has Secrets that are encrypted as %s", former)
	}
	rotated(t, c, "secrets --to retire --delivered --rewritten")
	s.figure(t, "three phases", time.Since(begin))
	done(s)
	readable("before", "trusted", "issued")
}

// rotated begins a phase and delivers it.
func rotated(t *testing.T, c *site.Cluster, phase string) {
	t.Helper()
	_, err := c.Workstation("hagen pki rotate " + phase)
	must(t, err)
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
