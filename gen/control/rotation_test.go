package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/node"
	"hagen/pki"
)

// phaseFiles are what the masters of a phase have of the keys that are rotated.
type phaseFiles struct {
	encryption, restored, saKey, saPub string
	nodes                              []node.Node
}

// rotatedSets returns the sets of a cluster before a rotation of all that can be rotated, in each of its
// phases, and in those of another one.
func rotatedSets(t *testing.T, profile string) (all []pki.Set) {
	t.Helper()
	c := readCluster(t, profile)
	issued, err := pki.Issue(Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := issued.Set
	for _, phase := range append([]pki.Phase{""}, slices.Concat(pki.Phases(), pki.Phases())...) {
		for _, row := range Rotatable(c) {
			if phase == "" {
				continue
			}
			if set[row.Item], err = set[row.Item].Rotate(phase, NextNames(set[row.Item]), time.Now(), pki.Generate, rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		if phase == pki.PhaseIssue {
			set = reissued(t, set)
		}
		all = append(all, maps.Clone(set))
	}
	return all
}

// rotatedFiles returns those before a rotation, in each of its phases, and in those of another one.
func rotatedFiles(t *testing.T) (all []phaseFiles) {
	t.Helper()
	c := readCluster(t, "standard")
	for _, set := range rotatedSets(t, "standard") {
		var files phaseFiles
		nodes, err := Nodes(c, set, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{}, {Restore: Restore{SHA256: strings.Repeat("0f", 32), Path: "/var/lib/x.db"}}} {
			n, err := Node(c, c.APIServers()[0], set, o)
			if err != nil {
				t.Fatal(err)
			}
			if o.Restore.SHA256 != "" {
				files.restored = contents(t, n, encryptionPath)
				continue
			}
			files = phaseFiles{nodes: nodes, encryption: contents(t, n, encryptionPath), saKey: contents(t, n, kubernetesPKI+"/sa.key"), saPub: contents(t, n, kubernetesPKI+"/sa.pub")}
		}
		all = append(all, files)
	}
	return all
}

// reissued returns a set whose leaves the present authorities have signed.
func reissued(t *testing.T, set pki.Set) pki.Set {
	t.Helper()
	var leaves []pki.Request
	for _, item := range set {
		if item.Request.Kind == pki.Leaf {
			leaves = append(leaves, item.Request)
		}
	}
	issued, err := pki.Renew(leaves, set, true, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Set
}

var secretsKey = regexp.MustCompile(`(?m)^      - name: (\S+)\n        secret: (\S+)$`)

// encrypt is what an API server does with an encryption.yaml: the first key encrypts, and its name
// stands before the result. Which cipher it is does not matter here.
func encrypt(t *testing.T, config, text string) string {
	t.Helper()
	first := secretsKey.FindStringSubmatch(config)
	return first[1] + ":" + string(sealer(t, first[2]).Seal(nil, make([]byte, 12), []byte(text), nil))
}

// decrypt finds the key by the name, as an API server does.
func decrypt(t *testing.T, config, stored string) (string, bool) {
	t.Helper()
	name, sealed, _ := strings.Cut(stored, ":")
	for _, key := range secretsKey.FindAllStringSubmatch(config, -1) {
		if key[1] == name {
			text, err := sealer(t, key[2]).Open(nil, make([]byte, 12), []byte(sealed), nil)
			return string(text), err == nil
		}
	}
	return "", false
}

func sealer(t *testing.T, key string) cipher.AEAD {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// TestRotatedSecrets: what masters of one phase encrypt, those of the phases beside it read; a master
// that is restored reads all that was ever encrypted. No two keys have one name.
func TestRotatedSecrets(t *testing.T) {
	all := rotatedFiles(t)
	for from, writer := range all {
		stored := encrypt(t, writer.encryption, "text")
		for to, reader := range all {
			text, read := decrypt(t, reader.encryption, stored)
			if beside := from-to <= 1 && to-from <= 1; beside && (!read || text != "text") {
				t.Errorf("what was encrypted in phase %d cannot be read in phase %d", from, to)
			}
			if to < from {
				continue
			}
			if text, read := decrypt(t, reader.restored, stored); !read || text != "text" {
				t.Errorf("what was encrypted in phase %d cannot be read by masters that are restored in phase %d", from, to)
			}
		}
	}
	if _, read := decrypt(t, all[3].encryption, encrypt(t, all[1].encryption, "text")); read {
		t.Error("the former key is still read when it is retired")
	}
	names := map[string]string{}
	for _, files := range all {
		for _, key := range secretsKey.FindAllStringSubmatch(files.restored, -1) {
			if was, known := names[key[1]]; known && was != key[2] {
				t.Errorf("%s names two keys", key[1])
			}
			names[key[1]] = key[2]
		}
	}
	if len(names) != 3 || names[firstSecretsKey] == "" {
		t.Errorf("%d names", len(names))
	}
}

// TestRotatedServiceAccounts: tokens that masters of one phase sign are accepted in the phases beside
// it, and those of the former key are not when it is retired.
func TestRotatedServiceAccounts(t *testing.T) {
	all := rotatedFiles(t)
	accepted := func(signer, verifier phaseFiles) bool {
		block, _ := pem.Decode([]byte(signer.saKey))
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("token"))
		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode([]byte(verifier.saPub)); block != nil; block, rest = pem.Decode(rest) {
			public, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], signature) {
				return true
			}
		}
		return false
	}
	for from, signer := range all {
		for to, verifier := range all {
			if beside := from-to <= 1 && to-from <= 1; beside && !accepted(signer, verifier) {
				t.Errorf("a token of phase %d is refused in phase %d", from, to)
			}
		}
	}
	if accepted(all[1], all[3]) || accepted(all[2], all[0]) {
		t.Error("a token is accepted by those who do not have its key")
	}
}

// connection is a row: who dials whom, with which files.
type connection struct{ name, server, serverTrusts, client, clientTrusts string }

var connections = []connection{
	{"a controller manager and an API server", kubernetesPKI + "/apiserver", kubernetesPKI + "/ca.pem", managerPKI + "/controller-manager", kubernetesPKI + "/ca.pem"},
	{"an API server and a kubelet with an API server's trust", kubernetesPKI + "/apiserver", kubernetesPKI + "/ca.pem", kubernetesPKI + "/kubelet-client", kubernetesPKI + "/ca.pem"},
	{"an API server and etcd", etcdPKI + "/etcd-server", etcdPKI + "/ca.pem", etcdPKI + "/etcd-client", etcdPKI + "/ca.pem"},
	{"two members of etcd", etcdPKI + "/etcd-server", etcdPKI + "/ca.pem", etcdPKI + "/etcd-server", etcdPKI + "/ca.pem"},
	{"an API server and an aggregated API", kubernetesPKI + "/apiserver", kubernetesPKI + "/front-proxy-ca.pem", kubernetesPKI + "/front-proxy-client", kubernetesPKI + "/ca.pem"},
}

// handshake has a client of one machine dial a server of another, as Go's TLS does it.
func handshake(t *testing.T, c connection, client, server node.Node) error {
	t.Helper()
	pair := func(n node.Node, stem string) tls.Certificate {
		pair, err := tls.X509KeyPair([]byte(contents(t, n, stem+".pem")), []byte(contents(t, n, stem+"-key.pem")))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	pool := func(n node.Node, path string) *x509.CertPool {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(contents(t, n, path))) {
			t.Fatal(path)
		}
		return pool
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	refused := make(chan error, 1)
	go func() {
		accepts := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{pair(server, c.server)}, ClientCAs: pool(server, c.serverTrusts), ClientAuth: tls.RequireAndVerifyClientCert})
		err := accepts.Handshake()
		if err == nil {
			_, err = accepts.Write([]byte("x")) // in TLS 1.3 a client is refused after its handshake
		}
		b.Close()
		refused <- err
	}()
	dials := tls.Client(a, &tls.Config{Certificates: []tls.Certificate{pair(client, c.client)}, RootCAs: pool(client, c.clientTrusts), ServerName: server.Name})
	err := dials.Handshake()
	if err == nil {
		_, err = dials.Read(make([]byte, 1))
	}
	a.Close()
	return errors.Join(err, <-refused)
}

// TestRotatedAuthorities: machines of one phase and those of the phases beside it accept each other, as
// Go verifies. Who still has the first phase is accepted until the former authority is retired, since
// that has signed its successor; then it is not, whoever dials.
func TestRotatedAuthorities(t *testing.T) {
	all := rotatedFiles(t)
	for _, c := range connections {
		for from := range all {
			for to := range all {
				client, server := all[from].nodes[0], all[to].nodes[1]
				err := handshake(t, c, client, server)
				if beside := from-to <= 1 && to-from <= 1; beside && err != nil {
					t.Errorf("%s: a client of phase %d and a server of phase %d: %v", c.name, from, to, err)
				}
			}
		}
		if err := handshake(t, c, all[0].nodes[0], all[2].nodes[1]); err != nil {
			t.Errorf("%s: who has the first phase is refused when the next authority signs: %v", c.name, err)
		}
		for _, pair := range [][2]int{{0, 3}, {3, 0}, {1, 3}, {3, 1}} {
			if err := handshake(t, c, all[pair[0]].nodes[0], all[pair[1]].nodes[1]); err == nil {
				t.Errorf("%s: a client of phase %d is accepted by a server of phase %d", c.name, pair[0], pair[1])
			}
		}
	}
}
