package check_test

import (
	"strings"
	"testing"
	"time"

	"hagen/gen/check"
	"hagen/gen/node"
)

// FuzzRun: whatever stands in a document, the check ends, and what it shows of
// a line is the line.
func FuzzRun(f *testing.F) {
	g := fresh(f, "virtual-ip")
	for _, m := range []int{0, 4} {
		n := g.machines[m].Node
		for _, u := range n.Units {
			f.Add(u.Contents, "a", "b", "c")
		}
		for _, file := range n.Files {
			if strings.HasSuffix(file.Path, ".pem") {
				continue
			}
			f.Add("[Service]\nExecStart=/opt/bin/kube-apiserver --encryption-provider-config=/etc/kubernetes/a --etcd-servers=x\n", string(file.Contents), "b", "c")
			f.Add("[Service]\nExecStart=haproxy -f /etc/haproxy/haproxy.cfg\n", "a", string(file.Contents), "c")
			f.Add("[Service]\nExecStart=keepalived\n", "a", "b", string(file.Contents))
		}
	}
	f.Add("[Service]\nExecStart=\"\nExecStart=-\nUser=\n\\\n=\n[]\n", "- - a: b\n-\n  - c", "bind\nlisten\nbind :\nserver\nserver a\ndefault-server", "unicast_peer {}")
	f.Fuzz(func(t *testing.T, unit, config, proxy, text string) {
		files := map[string]string{
			"/etc/kubernetes/a": config, "/etc/haproxy/haproxy.cfg": proxy, "/etc/keepalived/keepalived.conf": text, "/etc/hosts": text,
			"/etc/hagen/binaries.sh": text, "/etc/kubernetes/pki/ca.pem": text, "/var/lib/kube-scheduler/kubeconfig": config,
		}
		n := node.Node{Name: "a"}
		for path, text := range files {
			n.Files = append(n.Files, node.File{Path: path, Contents: []byte(text), Secret: node.HoldsSecret([]byte(text))})
		}
		for _, name := range []string{"etcd", "kube-apiserver", "haproxy"} {
			n.Units = append(n.Units, node.Unit{Name: name + ".service", Contents: unit})
			files[name+".service"] = unit
		}
		other := g.machines[0]
		report := check.Run(check.Input{Machines: []check.Machine{{Node: n}, other, {Node: n}}, Now: time.Unix(0, 0), Kubeconfigs: []node.File{{Path: "x", Contents: []byte(config)}}})
		for _, finding := range report.Findings {
			if finding.Text == "" || finding.Host != "a" {
				continue
			}
			if strings.HasPrefix(finding.Text, "REDACTED: 1 line that is not hagen's, ") && finding.Column == 0 {
				continue
			}
			lines := strings.Split(files[finding.Item], "\n")
			if finding.Line < 1 || finding.Line > len(lines) || lines[finding.Line-1] != finding.Text || finding.Column > len(finding.Text)+1 {
				t.Errorf("%+v", finding)
			}
		}
	})
}
