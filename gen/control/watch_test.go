package control

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// endingIn returns a certificate that is valid for so many days from now on.
func endingIn(t *testing.T, days int) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(time.Duration(days)*24*time.Hour + time.Minute)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// watchOf returns what a machine with these certificates gets, for leaves of a lifetime.
func watchOf(life time.Duration, paths ...string) node.Node {
	c := &cluster.Cluster{PKI: cluster.PKI{Expiry: life}}
	var n node.Node
	for _, p := range paths {
		n.Files = append(n.Files, node.File{Path: p, Contents: []byte("-----BEGIN CERTIFICATE-----\n")})
	}
	n.Files = append(n.Files, node.File{Path: "/etc/other", Contents: []byte("-----BEGIN PUBLIC KEY-----\n")})
	n.Directories = []node.Directory{
		{Path: "/closed", Mode: 0o750, Group: "readers"}, {Path: "/closed/deeper", Mode: 0o710, Group: "readers"},
		{Path: "/clos", Mode: 0o700, Group: "nobody"}, {Path: "/open", Mode: 0o755, Group: "others"},
	}
	return watch(hostContext{Cluster: c, host: cluster.Host{Name: "m0"}}, n)
}

// TestWatchScript runs the script with real shells and a real openssl.
func TestWatchScript(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil && os.Getenv("HAGEN_READERS") != "required" {
		t.Skip("openssl is not installed")
	}
	today, near, far, over, early := endingIn(t, 0), endingIn(t, 29), endingIn(t, 31), endingIn(t, -2), endingIn(t, 366)
	const until, expired, before = ": valid until ", ": expired on ", ": not valid before "
	for _, test := range []struct {
		what, text string
		want       []string // what is said of the file
	}{
		{"a month and a day", far, nil},
		{"less than a month", near, []string{until}},
		{"a minute", today, []string{until}},
		{"ended", over, []string{expired}},
		{"not begun", early, []string{before}},
		{"not begun, and ended", early + over, []string{before, expired}},
		{"two good ones", far + far, nil},
		{"the second ends", far + near, []string{until}},
		{"both end", near + "\n" + over, []string{until, expired}},
		{"with other lines", "# the first\r\n" + strings.ReplaceAll(far, "\n", "\r\n") + "# the end\n", nil},
		{"without the last line's end", strings.TrimSpace(near), []string{until}},
		{"without the last line's end, far", strings.TrimSpace(far), nil},
		{"empty", "", []string{": no certificate, or damaged"}},
		{"garbage", "\x00\xff\\n%s $(false)`false`\n", []string{": no certificate, or damaged"}},
		{"damaged", strings.Replace(far, "\nMI", "\nM", 1), []string{": no certificate, or damaged"}},
		{"cut off", far[:len(far)-40], []string{": no certificate, or damaged"}},
		{"the second is cut off", far + far[:200], []string{": no certificate, or damaged"}},
		{"missing", "-", []string{": missing, or cannot be read"}},
	} {
		for _, shell := range []string{"dash", "bash"} {
			dir := t.TempDir()
			good, tried := filepath.Join(dir, "good.pem"), filepath.Join(dir, "tried.pem")
			script := filepath.Join(dir, "certificates.sh")
			texts := map[string]string{good: far, tried: test.text, script: string(watchOf(365*24*time.Hour, tried, good).Files[0].Contents)}
			if test.text == "-" {
				delete(texts, tried)
			}
			for p, text := range texts {
				if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			output, err := exec.Command(shell, script).CombinedOutput()
			lines := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
			if len(test.want) == 0 {
				if err != nil || len(output) > 0 {
					t.Errorf("%s, %s: %v %s", test.what, shell, err, output)
				}
				continue
			}
			exit, failed := err.(*exec.ExitError)
			if !failed || exit.ExitCode() != 1 || len(lines) != len(test.want)+1 || lines[len(lines)-1] != "hagen: hagen pki renew --expiring 30d renews, hagen pki check says how to deliver" {
				t.Errorf("%s, %s: %v %s", test.what, shell, err, output)
				continue
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], "hagen: "+tried+want) || !strings.HasPrefix(want, ": no cert") && !strings.HasPrefix(want, ": missing") && !strings.HasSuffix(lines[i], " GMT") {
					t.Errorf("%s, %s: %s", test.what, shell, lines[i])
				}
			}
		}
	}
}

// TestWatchWithoutOpenSSL: a machine that cannot watch says so, instead of being silent.
func TestWatchWithoutOpenSSL(t *testing.T) {
	dir := t.TempDir()
	command := exec.Command("/bin/sh", "-c", string(watchOf(365*24*time.Hour, "/etc/a.pem").Files[0].Contents))
	command.Env = []string{"PATH=" + dir}
	output, err := command.CombinedOutput()
	if err == nil || string(output) != "hagen: openssl is missing: nothing tells when certificates end\n" {
		t.Errorf("%v %s", err, output)
	}
}

// TestWatch: the script has all files with certificates, its unit the groups that reach
// them, and neither fails for ever when certificates live for weeks.
func TestWatch(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		life                            time.Duration
		words, seconds, every, expiring string
	}{
		{365 * day, "30d", "2592000", "1d", "30d"},
		{103 * day, "30d", "2592000", "1d", "30d"},
		{90 * day, "630h", "2268000", "1d", "630h"},
		{60 * day, "420h", "1512000", "1d", "420h"},
		{7 * day, "49h", "176400", "735m", "49h"},
		{day, "7h", "25200", "105m", "7h"},
		{time.Hour, "17m", "1020", "255s", "1h"},
	} {
		n := watchOf(test.life, "/open/a.pem", "/closed/deeper/b.pem")
		script, service, timer := string(n.Files[0].Contents), n.Units[0].Contents, n.Units[1].Contents
		if !strings.Contains(script, "end within "+test.words+";") || !strings.Contains(script, "-checkend "+test.seconds+" ") ||
			!strings.Contains(script, "\ncheck /open/a.pem\ncheck /closed/deeper/b.pem\n[") {
			t.Errorf("%v:\n%s", test.life, script)
		}
		if !strings.Contains(script, "hagen pki renew --expiring "+test.expiring+" renews") {
			t.Errorf("%v:\n%s", test.life, script)
		}
		// hagen pki check reports each before its machine does, also the one that ends first of several.
		for _, life := range []time.Duration{test.life, test.life - test.life/8} {
			if got := pki.Notice(life, false); got < noticeOn(hostContext{Cluster: &cluster.Cluster{PKI: cluster.PKI{Expiry: test.life}}}) {
				t.Errorf("%v: hagen reports %v before the end", test.life, got)
			}
		}
		if !strings.Contains(service, "\nSupplementaryGroups=readers\n") {
			t.Errorf("%v:\n%s", test.life, service)
		}
		if !strings.Contains(timer, "\nOnUnitActiveSec="+test.every+"\n") {
			t.Errorf("%v:\n%s", test.life, timer)
		}
	}
	if n := watchOf(365 * day); len(n.Files)+len(n.Units) > 0 {
		t.Errorf("a machine without certificates has %v", n)
	}
	if n := watchOf(365*day, "/open/a.pem"); strings.Contains(n.Units[0].Contents, "Groups") {
		t.Error(n.Units[0].Contents)
	}
}
