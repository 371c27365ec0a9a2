package served

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"encoding/pem"
)

// certificate makes one that has expired: that is an answer, too.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "shown"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listen accepts connections until the test ends.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

func secure(config *tls.Config) func(net.Conn) {
	return func(c net.Conn) { _ = tls.Server(c, config).Handshake() }
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestAskAtOnce: many servers, of both versions of TLS, also those that demand a client's
// certificate, and all that can go wrong, are asked at once and answered in order.
func TestAskAtOnce(t *testing.T) {
	shown := certificate(t)
	var addresses, want []string
	add := func(address, problem string) { addresses, want = append(addresses, address), append(want, problem) }
	for range 4 {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, demand := range []tls.ClientAuthType{tls.NoClientCert, tls.RequireAndVerifyClientCert} {
				add(listen(t, secure(&tls.Config{Certificates: []tls.Certificate{shown}, MinVersion: version, MaxVersion: version, ClientAuth: demand, ClientCAs: x509.NewCertPool()})), "")
			}
		}
	}
	closed := listen(t, func(net.Conn) {})
	add(closed, "it closed the connection: is there a server behind it?")
	add(listen(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-OpenSSH_9.9\r\n"); time.Sleep(time.Second) }), "what answers there does not speak TLS")
	add(listen(t, secure(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, os.ErrNotExist }})), "it ended the handshake before it showed a certificate")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	add(l.Addr().String(), "connection refused: nothing listens there")
	add("no-such-host.invalid:6443", "its name is not known here")
	for i, a := range Ask(within(t, 20*time.Second), addresses) {
		if a.Address != addresses[i] || a.Problem != want[i] || (a.Leaf != nil) != (want[i] == "") || a.Leaf != nil && a.Leaf.Subject.CommonName != "shown" {
			t.Errorf("%d: %s: %q, want %q", i, a.Address, a.Problem, want[i])
		}
	}
}

// TestAccepts: a server lists whose clients it accepts, in both versions of TLS, and whether or not it
// demands a certificate; one that asks for none lists nobody.
func TestAccepts(t *testing.T) {
	shown := certificate(t)
	authority, err := x509.ParseCertificate(shown.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	accepted := x509.NewCertPool()
	accepted.AddCert(authority)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for demand, want := range map[tls.ClientAuthType]int{tls.NoClientCert: 0, tls.RequestClientCert: 1, tls.RequireAndVerifyClientCert: 1} {
			address := listen(t, secure(&tls.Config{Certificates: []tls.Certificate{shown}, MinVersion: version, MaxVersion: version, ClientAuth: demand, ClientCAs: accepted}))
			a := Ask(within(t, 20*time.Second), []string{address})[0]
			if len(a.Accepts) != want || want > 0 && string(a.Accepts[0]) != string(authority.RawSubject) || a.Leaf == nil {
				t.Errorf("%x, %v: %d, %q", version, demand, len(a.Accepts), a.Problem)
			}
		}
	}
}

// TestSilent: one that never answers costs no more than the time that it is given, however
// many there are.
func TestSilent(t *testing.T) {
	silent := listen(t, func(c net.Conn) { time.Sleep(5 * time.Second) })
	begin := time.Now()
	for _, a := range Ask(within(t, 200*time.Millisecond), []string{silent, silent, silent, silent}) {
		if a.Problem != "no answer in time" || a.Leaf != nil {
			t.Errorf("%+v", a)
		}
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestOpenSSL: another implementation, which demands a client's certificate as etcd does.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal(err)
		}
		t.Skip("openssl is not installed")
	}
	shown := certificate(t)
	dir := t.TempDir()
	der, err := x509.MarshalECPrivateKey(shown.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: shown.Certificate[0]}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		server := exec.Command("openssl", "s_server", "-accept", address, "-cert", "cert.pem", "-key", "key.pem", "-Verify", "1", "-verify_return_error", "-CAfile", "cert.pem", "-quiet", version)
		server.Dir = dir
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		var answer Answer
		for range 100 { // until it listens
			if answer = Ask(within(t, 5*time.Second), []string{address})[0]; answer.Leaf != nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if answer.Leaf == nil || answer.Leaf.Subject.CommonName != "shown" {
			t.Errorf("%s: %+v", version, answer)
		}
		_ = server.Process.Kill()
		_ = server.Wait()
	}
}
