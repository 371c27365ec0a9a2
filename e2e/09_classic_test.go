package e2e

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hagen/e2e/site"
)

// guideFiles are the 2018 guide's own texts and where its reader writes them.
var guideFiles = map[string]string{
	"etcd.service":                    "etc/systemd/system/etcd.service",
	"kube-apiserver.service":          "etc/systemd/system/kube-apiserver.service",
	"kube-controller-manager.service": "etc/systemd/system/kube-controller-manager.service",
	"kube-scheduler.service":          "etc/systemd/system/kube-scheduler.service",
	"controller-manager.kubeconfig":   "var/lib/kube-controller-manager/kubeconfig",
	"scheduler.kubeconfig":            "var/lib/kube-scheduler/kubeconfig",
}

// corrections are the places where hagen departs from the 2018 guide's text.
var corrections = []struct{ guide, hagen, why string }{
	{`:2379\`, `:2379 \`, "systemd joins lines at a backslash alone: without the space the next flag would become part of the address"},
}

// The binaries of 2018 cannot be had, so the classic documents are applied
// to machines that are never switched on, and what lies there is compared
// with the 2018 guide's own text.
func TestClassic(t *testing.T) {
	s := scenario(t, "9 classic is the 2018 guide's text")
	p := site.PartsOfEnvironment()
	dir := filepath.Join(p.Work, "classic")
	must(t, site.Seed.Render(p, dir, "classic"))
	compared := 0
	for name, address := range map[string]string{"kubem00": "10.10.10.80", "kubem01": "10.10.10.81", "kubem02": "10.10.10.82", "kubernetes": "10.10.10.2"} {
		h := &site.Host{Name: name, Address: netip.MustParseAddr(address), Master: name != "kubernetes", Root: filepath.Join(dir, name)}
		must(t, h.Install(p, filepath.Join(dir, "rendered/kubernetes", name, "config.ign")))
		if !h.Master {
			want, got := guideText(t, "haproxy.cfg"), hostText(t, h, "etc/haproxy/haproxy.cfg")
			if !strings.Contains(got, want) {
				t.Errorf("the load balancer lacks the 2018 guide's section:\n%s", got)
			}
			compared++
			continue
		}
		for file, path := range guideFiles {
			want := ownOf(h, file, guideText(t, file))
			if got := hostText(t, h, path); got != want {
				t.Errorf("%s: %s\nis:\n%s\nthe guide's:\n%s", name, path, got, want)
			}
			compared++
		}
	}
	s.note(t, "%d files, %d correction", compared, len(corrections))
}

// ownOf makes the 2018 guide's text, which is kubem00's, another master's: its
// name and address, but not in the list of all members.
func ownOf(h *site.Host, file, text string) string {
	for _, c := range corrections {
		text = strings.ReplaceAll(text, c.guide, c.hagen)
	}
	if file != "etcd.service" {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "--initial-cluster kubem00=") {
			line = strings.NewReplacer("kubem00", h.Name, "10.10.10.80", h.Address.String()).Replace(line)
		}
		b.WriteString(line)
	}
	return b.String()
}

// guideText reads one of the 2018 guide's texts, which the project keeps.
func guideText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../testdata/guide", name))
	must(t, err)
	return string(data)
}

func hostText(t *testing.T, h *site.Host, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(h.Root, path))
	must(t, err)
	return string(data)
}
