package gen_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"hagen/gen/check"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/show"
	"hagen/out/review/twin"
	"hagen/profiles"
)

// planted is what stands for a secret in the texts of canaries.
const planted = "Xq7-Hunter2-vN4k"

// canary is a secret that somebody has put into a tree by hand.
type canary struct {
	text  string
	parts []string // what no output may have: planted, or pieces of an encoded key
}

// wordCanaries are the files in which people keep passwords, X is the password.
var wordCanaries = []string{
	// Names of settings.
	"PASS=X\n", "Pwd=X\n", "AccountKey=X\n", "ENCRYPTION_KEY=X\n", "VAULT_MASTER_KEY=X\n", "PASSWORD=abc\\\nX\n", "export DB_PASS=X\n", "API_TOKEN X\n",
	"password = \"\"\"\nX\n\"\"\"\n", "[db]\nsecret = '''\nX\n'''\n", "encrypt = \"X\"\n", "-- _auth=X\n", "Key=X\n", "authkey=tskey-auth-X\n",
	// YAML, JSON, XML.
	"kind: Secret\nstringData: {cloud.conf: X}\n", "kind: Secret\ndata:\n  cloud.conf: X\n", "{\"password\":\n \"X\"}\n", "{a: b, password:\n X}\n", "{\"pass\\u0077ord\": \"X\"}\n",
	"tokens:\n- X\n", "credentials: X\n", "basic_auth:\n  username: a\n  credentials: 'X'\n", "<password>X</password>\n", "passwords: [X, Y]\n", "auth:\n  - a: {b: {c: {d: {password: X}}}}\n",
	// HAProxy and its neighbours.
	"    http-check send meth GET uri /readyz hdr Authorization \"Bearer X\"\n", "    http-request set-header Authorization \"Basic X\"\n", "    http-request set-header X-Api-Key X\n", "    setenv API_TOKEN X\n",
	"    stats auth admin:X\n", "    user bob insecure-password X\n", "    server a 10.10.10.9:6443 check password X\n", "    bind :6443 ssl crt X\n", "    auth_pass X\n",
	"neighbor 10.0.0.1 password X\n", "key k { algorithm hmac-sha256; secret \"X\"; };\n", "createUser admin SHA X AES\n", "com2sec readonly default X\n", "rocommunity X\n",
	// Commands.
	"ExecStart=/usr/bin/kubeadm join --certificate-key X\n", "openssl rsa -in a -passin pass:X\n", "mysql -uroot -pX\n", "echo root:X | chpasswd\n", "curl -H \"PRIVATE-TOKEN: X\" https://a.example.com/\n",
	"curl https://bob:X@a.example.com/\n", "sshpass -pX ssh a\n", "ExecStart=/bin/agent X\n", "ExecStart=/bin/agent --flag X \\\n  --other\n", "Environment=ETCD_NAME=X\n",
	// Tokens with names of their own, and hashes.
	"https://hooks.slack.com/services/T00000000/B00000000/X\n", "dop_v1_X\n", "glrt-X\n", "dckr_pat_X\n", "a X\n", "X\n", "rJaX\n", "bob:X:19000:0:99999:7:::\n", "machine a.example.com login bob password X\n",
	// Where hagen has lines of its own, with another value.
	"  --v=X \\\n", "  --data-dir=X \\\n", "  --cluster-name=X \\\n", "    maxconn X\n", "    server X 10.10.10.80:6443 verifyhost X\n", "    router_id X\n", "  --discovery-password=X \\\n",
}

// canaries are secrets in words, and keys in encodings that people use.
func canaries(t *testing.T, own []byte) []canary {
	t.Helper()
	var all []canary
	for _, text := range wordCanaries {
		all = append(all, canary{strings.ReplaceAll(text, "X", planted), []string{planted}})
	}
	wide := utf16.Encode([]rune("TOKEN=" + planted + "\n"))
	var utf []byte
	for _, c := range wide {
		utf = append(utf, byte(c), byte(c>>8))
	}
	all = append(all, canary{string(utf), []string{planted, string(utf[12:40])}})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	foreign := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := ec.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	folded := func(text string, at int) string {
		var b strings.Builder
		for len(text) > at {
			b.WriteString(text[:at] + "\n")
			text = text[at:]
		}
		return b.String() + text + "\n"
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(own)
	w.Close()
	std := base64.StdEncoding.EncodeToString
	reversed := []byte(std(own))
	slices.Reverse(reversed)
	for _, text := range []string{
		folded(std(foreign), 76), folded(std(foreign), 64), std(foreign) + "\n", "data:," + url.PathEscape(string(foreign)) + "\n",
		hex.EncodeToString(foreign) + "\n", base32.StdEncoding.EncodeToString(own) + "\n", string(reversed) + "\n", folded(std(zipped.Bytes()), 76), zipped.String(),
		`{"ignition":{"config":{"replace":{"source":"data:;base64,` + std(zipped.Bytes()) + `"}}}}` + "\n",
		`{"kty":"EC","d":"` + base64.RawURLEncoding.EncodeToString(scalar) + `"}` + "\n", "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 14\n" + folded(std(der), 64),
		string(foreign), "# was\n# " + strings.ReplaceAll(string(foreign), "\n", "\n# "), string(der),
	} {
		c := canary{text: text}
		for line := range strings.SplitSeq(text, "\n") {
			if len(line) > 40 {
				c.parts = append(c.parts, line[len(line)/2:len(line)/2+18])
			}
		}
		if len(c.parts) == 0 {
			c.parts = []string{text[len(text)/2 : len(text)/2+8]}
		}
		all = append(all, c)
	}
	return all
}

// plantings are ways to put a text into a machine.
var plantings = map[string]func(n *node.Node, text string){
	"a file": func(n *node.Node, text string) {
		n.Files = append(n.Files, node.File{Path: fmt.Sprint("/etc/agent/", len(n.Files)), Mode: 0o644, Contents: []byte(text)})
	},
	"haproxy's": func(n *node.Node, text string) { inFile(n, "/etc/haproxy/haproxy.cfg", text) },
	"hosts":     func(n *node.Node, text string) { inFile(n, "/etc/hosts", text) },
	"a script":  func(n *node.Node, text string) { inFile(n, "/etc/hagen/binaries.sh", text) },
	"a unit":    func(n *node.Node, text string) { inUnit(n, text) },
	"a drop-in": func(n *node.Node, text string) {
		last := &n.Units[len(n.Units)-1]
		last.DropIns = append(slices.Clone(last.DropIns), node.DropIn{Name: fmt.Sprint("10-", len(last.DropIns), ".conf"), Contents: "[Service]\n" + printable(text)})
	},
	"a comment": func(n *node.Node, text string) { n.Files[0].Why += "\n" + strings.TrimSpace(printable(text)) },
}

func inFile(n *node.Node, path, text string) {
	for i := range n.Files {
		if n.Files[i].Path == path {
			n.Files[i].Contents = slices.Concat(n.Files[i].Contents, []byte(text))
		}
	}
}

func inUnit(n *node.Node, text string) {
	last := &n.Units[len(n.Units)-1]
	last.Contents = strings.Replace(last.Contents, "[Service]\n", "[Service]\n"+printable(text), 1)
}

// printable is a text as Butane and systemd take one.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r > 0x7e {
			return -1
		}
		return r
	}, text)
}

// TestCanaries: whatever stands in a tree that was edited by hand, no output has a
// secret of it.
func TestCanaries(t *testing.T) {
	t.Parallel()
	c, _, machines := fresh(t, "standard")
	all := canaries(t, machines[0].Documents[0].Text)
	if len(all) < 76 {
		t.Errorf("%d canaries", len(all))
	}
	for how, plant := range plantings {
		for i := range machines {
			if i != 0 && i != len(machines)-1 {
				continue // a master and a load balancer
			}
			together := [][]canary{all}
			if longer() {
				together = slices.Collect(slices.Chunk(all, 1))
			}
			for _, some := range together {
				plain, edited := twinned(machines), twinned(machines)
				n := &edited[i].Node
				n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
				for _, canary := range some {
					plant(n, canary.text)
				}
				for what, output := range outputs(t, c.Name, plain, edited, i) {
					for _, canary := range shownOf(some, output) {
						t.Errorf("%s: %s on %s: %q is shown", what, how, n.Name, canary.text[:min(len(canary.text), 100)])
					}
				}
			}
		}
	}
}

// shownOf are those of which an output has a part.
func shownOf(all []canary, output string) []canary {
	open, err := url.PathUnescape(output)
	if err != nil {
		open = output
	}
	return slices.DeleteFunc(slices.Clone(all), func(c canary) bool {
		return !slices.ContainsFunc(c.parts, func(part string) bool { return strings.Contains(output, part) || strings.Contains(open, part) })
	})
}

// TestCanariesAlive: the canaries would be found, if they were shown.
func TestCanariesAlive(t *testing.T) {
	t.Parallel()
	all := canaries(t, []byte(strings.Repeat("own documents are long\n", 40)))
	for _, c := range all {
		if len(shownOf([]canary{c}, c.text)) != 1 {
			t.Errorf("%q is not found in itself", c.text[:min(len(c.text), 100)])
		}
	}
}

// outputs are what the commands show of a tree in which one machine was edited.
func outputs(t *testing.T, cluster string, plain, edited []twin.Machine, at int) map[string]string {
	t.Helper()
	v := twin.ViewOf(edited)
	one := edited[at]
	found := map[string]string{}
	files, err := twin.Tree(v, cluster, []twin.Machine{one}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		found["redact "+path] = string(text)
	}
	sides := [2]diff.Side{{Machines: []node.Node{plain[at].Node}}, {Machines: []node.Node{one.Node}}}
	for name, pair := range map[string][2]diff.Side{"diff": sides, "diff back": {sides[1], sides[0]}} {
		o := order.Of(pair[0], pair[1])
		asJSON, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		found[name], found[name+" --markdown"], found[name+" --json"] = show.Text(o, show.Heading{}, show.Style{}), show.Markdown(o, show.Heading{}), string(asJSON)
	}
	var in check.Input
	in.Now = time.Now()
	for _, m := range edited {
		in.Machines = append(in.Machines, check.Machine{Node: m.Node, OS: m.OS})
	}
	asJSON, err := json.Marshal(check.Run(in))
	if err != nil {
		t.Fatal(err)
	}
	found["check"] = string(asJSON)
	// What golden shows of a document, and of a twin that was edited.
	path := document.Path(one.Node.Name, profiles.Butane)
	found["golden"] = string(twin.OfDocument(v, path, files[path], nil))
	spoiled := strings.Replace(string(files[path]), "storage:\n", "storage:\n# "+planted+"\n", 1) + "# " + planted + "\n" + planted + ": 1\n"
	found["golden, no document"] = string(twin.OfDocument(v, path, []byte(spoiled), files[path]))
	return found
}

// TestHarmless: an edit that hides nothing is shown.
func TestHarmless(t *testing.T) {
	t.Parallel()
	v := redact.ViewOf(nil)
	for _, test := range []struct{ unit, line string }{
		{"kube-apiserver.service", "  --v=4 \\"}, {"kube-apiserver.service", "  --max-requests-inflight=800 \\"}, {"kube-apiserver.service", "  --enable-admission-plugins=NodeRestriction,AlwaysPullImages \\"},
		{"kube-apiserver.service", "  --audit-webhook-config-file=/etc/kubernetes/webhook.yaml"}, {"kube-apiserver.service", "  --service-account-issuer=https://other.example.com \\"},
		{"etcd.service", "  --quota-backend-bytes=8589934592 \\"}, {"etcd.service", "Environment=ETCD_QUOTA_BACKEND_BYTES=8589934592"}, {"etcd.service", "  --initial-cluster=a=https://10.0.0.1:2380,b=https://[fd00::1]:2380 \\"},
		{"etcd.service", "LimitNOFILE=100000"}, {"kube-scheduler.service", "  --leader-elect-lease-duration=30s"}, {"haproxy.service", "RestartSec=5"},
	} {
		if got := v.Unit(test.unit, test.line); got != test.line {
			t.Errorf("%s: %s is shown as %s", test.unit, test.line, got)
		}
	}
	for _, test := range []struct{ path, line string }{
		{"/etc/haproxy/haproxy.cfg", "    server kubem07 10.10.10.87:6443 verifyhost kubem07"}, {"/etc/haproxy/haproxy.cfg", "    timeout client 10m"}, {"/etc/hosts", "10.10.10.87 kubem07 kubem07.example.com"},
		{"/etc/hagen/binaries.sh", "need /usr/local/bin/etcd 'etcd 3.9.1'"}, {"/etc/keepalived/keepalived.conf", "        10.10.10.7"},
	} {
		if got := string(v.File(test.path, []byte(test.line))); got != test.line {
			t.Errorf("%s: %s is shown as %s", test.path, test.line, got)
		}
	}
	if got := fmt.Sprint(v.Keyed()); got != "false" {
		t.Error(got)
	}
}
