package gen_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHAProxy: haproxy itself accepts every load balancer's configuration
// without a warning.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	haproxy := program(t, "haproxy")
	for _, name := range shapes(t) {
		_, _, machines := fresh(t, name)
		for _, m := range machines {
			dir, cfg := t.TempDir(), ""
			for _, f := range m.Node.Files {
				if strings.HasPrefix(f.Path, "/etc/haproxy/") {
					path := write(t, filepath.Join(dir, filepath.Base(f.Path)), bytes.ReplaceAll(f.Contents, []byte("/etc/haproxy"), []byte(dir)))
					if filepath.Base(path) == "haproxy.cfg" {
						cfg = path
					}
				}
			}
			if cfg != "" {
				silent(t, haproxy, "-c", "-q", "-f", cfg)
			}
		}
	}
}

// TestHAProxyBindsBefore: HAProxy, which is not root, binds addresses that its
// machine does not have yet: an address of its own that is late, a virtual IP
// that another machine holds.
func TestHAProxyBindsBefore(t *testing.T) {
	t.Parallel()
	haproxy := program(t, "haproxy")
	for _, name := range []string{"unshare", "setpriv", "ip", "ss"} {
		program(t, name)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can have a network of its own")
	}
	_, _, machines := fresh(t, "two-addresses")
	balancer := machines[len(machines)-1]
	dir, err := os.MkdirTemp("", "haproxy-") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range balancer.Node.Files {
		if strings.HasPrefix(f.Path, "/etc/haproxy/") {
			path := write(t, filepath.Join(dir, filepath.Base(f.Path)), bytes.ReplaceAll(f.Contents, []byte("/etc/haproxy"), []byte(dir)))
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	const script = `ip link set lo up
setpriv --reuid=65534 --regid=65534 --clear-groups "$0" -db -f "$1/haproxy.cfg" &
for i in $(seq 100); do ss -Hltn | grep -q :6443 && break; sleep 0.1; done
ss -Hltn
kill $!`
	cmd := exec.Command("unshare", "--net", "bash", "-c", script, haproxy, dir)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	for _, address := range []string{" 203.0.113.4:6443 ", " 203.0.113.2:6443 "} {
		if !strings.Contains(string(out), address) {
			t.Errorf("%sis not bound: %v\n%s", address, err, out)
		}
	}
}

// TestKeepalived: keepalived itself has nothing to say about any of its
// configurations, of which some need an interface that is none's loopback.
func TestKeepalived(t *testing.T) {
	t.Parallel()
	keepalived := program(t, "keepalived")
	name := ""
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			name = i.Name
		}
	}
	if os.Geteuid() != 0 || name == "" {
		t.Skip("keepalived reads its configuration as root alone, with a network interface")
	}
	read := 0
	for _, goldenCase := range shapes(t) {
		_, _, machines := fresh(t, goldenCase)
		for _, m := range machines {
			dir := t.TempDir()
			for _, f := range m.Node.Files {
				if f.Path != "/etc/keepalived/keepalived.conf" {
					continue
				}
				write(t, filepath.Join(dir, "interface.conf"), []byte("$INTERFACE="+name+"\n$INTERFACE_2="+name+"\n"))
				contents := strings.NewReplacer("/run/hagen-keepalived", dir, "keepalived_script", "nobody").Replace(string(f.Contents))
				path := write(t, filepath.Join(dir, "keepalived.conf"), []byte(contents))
				// 2.2.7 takes its own change of user for the death of its
				// parent, and ends itself with SIGTERM; it complains before.
				output, err := exec.Command(keepalived, "--config-test", "--use-file="+path).CombinedOutput()
				if len(bytes.TrimSpace(output)) > 0 || err != nil && err.Error() != "signal: terminated" {
					t.Errorf("%s: %s: %v\n%s", goldenCase, m.Host.Name, err, output)
				}
				read++
			}
		}
	}
	if read < 4 {
		t.Errorf("%d configurations were read", read)
	}
}

// TestHAProxyServes runs keepalived's check against what HAProxy may be: well,
// ill, hung, and gone.
func TestHAProxyServes(t *testing.T) {
	t.Parallel()
	bash := program(t, "bash")
	_, _, machines := fresh(t, "virtual-ip")
	var check []byte
	for _, f := range machines[len(machines)-1].Node.Files {
		if f.Path == "/etc/keepalived/haproxy-serves.sh" {
			check = f.Contents
		}
	}
	for _, test := range []struct {
		what, answer string
		well         bool
	}{
		{"well", "HTTP/1.0 200 OK\r\n\r\n", true},
		{"ill", "HTTP/1.0 503 Service Unavailable\r\n\r\n", false},
		{"somebody else", "220 smtp.example.com 200 ready\r\n", false},
		{"hung", "", false},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				if test.answer != "" { // as HAProxy does, after it has heard the question
					c.Read(make([]byte, 100))
					c.Write([]byte(test.answer))
					c.Close()
				}
			}
		}()
		script := write(t, filepath.Join(t.TempDir(), "check"), bytes.Replace(check, []byte("127.0.0.1/8404"), []byte(strings.Replace(listener.Addr().String(), ":", "/", 1)), 1))
		if err := exec.Command(bash, script).Run(); (err == nil) != test.well {
			t.Errorf("%s: %v", test.what, err)
		}
		listener.Close()
		if err := exec.Command(bash, script).Run(); err == nil {
			t.Errorf("gone: no error")
		}
	}
}
