package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestTheft: kubem01 is stolen, and is off from then on. What hagen pki compromised says is done, command
// by command, while a client writes: new keys for the others, in three phases, without kubem01, then another
// machine in its place. At the end all that the thief has is refused by each master: the client certificate of
// etcd, an administrator's, a token that is signed with the stolen key.
func TestTheft(t *testing.T) {
	s := scenario(t, "25 kubem01 is stolen")
	c := cluster(t)
	space := freshNamespace(t, c, "theft")
	kubectl(t, c, "-n", space, "create", "secret", "generic", "before", "--from-literal=word=before")
	former := encryptedAs(t, c, space, "before")
	gone := c.Masters[1]
	thief := steal(t, c, gone, token(t, c, space))
	thief.comesIn(t, c)
	done := writer(t, c)
	must(t, gone.PowerOff())
	within(t, 30*time.Second, func() error { _, err := c.Kubectl("get", "--raw=/readyz"); return err }) // until load balancers know

	begin := time.Now()
	writing := true
	for n, step := range stepsAfterTheft(t, c, gone) {
		commands := strings.Join(step.Commands, "\n")
		if writing && strings.Contains(commands, "--to retire") {
			done(s) // the client is one of the former authority
			writing = false
		}
		out, err := c.Workstation("set -e\n"+commands, runsOn(c))
		t.Logf("step %d: %s\n%s", n+1, step.Text, out)
		must(t, err)
		if strings.Contains(commands, "--replace") {
			s.figure(t, "three phases", time.Since(begin))
			s.figure(t, "replaced, power-on to healthy", follow(t, c, gone))
		}
	}
	if writing {
		t.Error("no step retires anything")
	}
	out, err := c.Etcdctl("get", "/registry/secrets/", "--prefix")
	must(t, err)
	if strings.Contains(out, former+":") {
		t.Errorf("etcd still has Secrets that are encrypted as %s", former)
	}
	thief.staysOut(t, c)
	accepted(t, c, token(t, c, space))
	for _, m := range c.Masters {
		text := kubectl(t, c, "--server=https://"+apiAddress(c, m), "--tls-server-name="+m.Name, "-n", space, "get", "secret", "before", "-o", "jsonpath={.data.word}")
		if text == "" {
			t.Errorf("%s: the Secret of before cannot be read", m.Name)
		}
	}
}

// stepsAfterTheft gives what hagen says is to be done.
func stepsAfterTheft(t *testing.T, c *site.Cluster, gone *site.Host) []theftStep {
	t.Helper()
	out, err := c.Workstation("hagen pki compromised " + gone.Name + " --json")
	must(t, err)
	var said struct{ Steps []theftStep }
	must(t, json.Unmarshal([]byte(out), &said))
	return said.Steps
}

type theftStep struct {
	Text     string
	Commands []string
}

// loot is what a thief has of a master, and of a workstation.
type loot struct {
	etcd       tls.Certificate
	kubeconfig string // an administrator's
	token      string
}

// steal takes it, and signs a token for whom another one was signed, with the stolen key.
func steal(t *testing.T, c *site.Cluster, m *site.Host, issued string) loot {
	t.Helper()
	kubeconfig := filepath.Join(c.Dir, "stolen.kubeconfig")
	text, err := os.ReadFile(c.AdminConfig())
	must(t, err)
	must(t, os.WriteFile(kubeconfig, text, 0o600))
	text, err = os.ReadFile(filepath.Join(m.Root, "etc/kubernetes/pki/sa.key"))
	must(t, err)
	block, _ := pem.Decode(text)
	key, err := x509.ParseECPrivateKey(block.Bytes)
	must(t, err)
	return loot{pairOf(t, m, "etc/etcd/pki/etcd-client"), kubeconfig, forged(t, key, issued)}
}

// forged is a token with the words of another one, but for years.
func forged(t *testing.T, key *ecdsa.PrivateKey, issued string) string {
	t.Helper()
	parts := strings.Split(issued, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var claims map[string]any
	must(t, json.Unmarshal(text, &claims))
	claims["exp"] = time.Now().AddDate(9, 0, 0).Unix()
	text, err = json.Marshal(claims)
	must(t, err)
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(text)
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
	must(t, err)
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// comesIn: all of it is worth something, on each master.
func (l loot) comesIn(t *testing.T, c *site.Cluster) {
	t.Helper()
	accepted(t, c, l.token)
	_, err := c.Workstation("kubectl --kubeconfig " + l.kubeconfig + " get --raw /api")
	must(t, err)
	for _, m := range c.Masters {
		must(t, etcdSpeaks(t, m, l.etcd))
	}
}

// staysOut: none of it is.
func (l loot) staysOut(t *testing.T, c *site.Cluster) {
	t.Helper()
	for _, m := range c.Masters {
		if code, err := shown(c, m, l.token); err != nil || code != http.StatusUnauthorized {
			t.Errorf("%s: a token of the stolen key: %d %v", m.Name, code, err)
		}
		refused(t, c, m, l.kubeconfig)
		if etcdSpeaks(t, m, l.etcd) == nil {
			t.Errorf("%s: etcd speaks with the stolen certificate", m.Name)
		}
	}
}

// runsOn lets scripts reach a host as they would by SSH, through a shell that reads its standard input.
func runsOn(c *site.Cluster) string {
	return `HAGEN_RUN=nsenter -t "$(cat "` + filepath.ToSlash(c.Dir) + `/$HOST/pid")" -m -u -i -n -p -C -- sh -s`
}
