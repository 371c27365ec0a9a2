package show

import (
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// TestContainer: a container is told as the unit that it becomes, and a file
// that is fetched by where it comes from.
func TestContainer(t *testing.T) {
	before := side(t, "container")
	for _, test := range []struct {
		change func(*diff.Side)
		action diff.Action
		unit   string
		says   string
	}{
		{replace("kubem00", node.QuadletDir+"/haproxy.container", "@sha256:3f", "@sha256:4f"), diff.Restart, facts.HAProxyUnit, "Image"},
		{replace("kubem00", node.QuadletDir+"/haproxy.container", "Description=", "Description=The "), diff.Nothing, "", "Description"},
		{replace("kubem00", "/etc/haproxy/haproxy.cfg", "timeout connect 1s", "timeout connect 2s"), diff.Reload, facts.HAProxyUnit, "timeout connect 2s"},
	} {
		after := side(t, "container")
		test.change(&after)
		d := order.Of(before, after, node.QuadletDir+"/haproxy.container")
		if len(d.Effects) != 1 || len(d.Effects[0].Effects) == 0 || d.Effects[0].Effects[0].Action != test.action || d.Effects[0].Effects[0].Unit != test.unit {
			t.Errorf("%s: %+v", test.says, d.Effects)
		}
		if text := Text(d, Heading{}, Style{}); !strings.Contains(text, test.says) {
			t.Errorf("%s is not told:\n%s", test.says, text)
		}
	}
	if !facts.RoleOf(&before.Machines[0]).Control {
		t.Error("no master")
	}
}

// TestFetched: another digest is another binary, wherever it is.
func TestFetched(t *testing.T) {
	for _, test := range []struct{ golden, host, path, unit string }{
		{"urls", "kubem00", "/usr/local/bin/kube-apiserver", "kube-apiserver.service"},
		{"urls", "kubem00", "/var/lib/hagen/etcd.tar.gz", "etcd.service"},
		{"sysext", "kubem01", "/var/lib/extensions/hagen-control-plane.raw", "kube-scheduler.service"},
	} {
		before, after := side(t, test.golden), side(t, test.golden)
		on(test.host, func(n *node.Node) {
			f := fileAt(n, test.path)
			f.Source.Hash = strings.ReplaceAll(f.Source.Hash, "a", "b")
		})(&after)
		d := order.Of(before, after)
		found := false
		for _, e := range d.Effects[0].Effects {
			found = found || e.Action == diff.Restart && e.Unit == test.unit && strings.Contains(e.Why, "does not fetch")
		}
		if !found || len(d.Changes) != 1 || d.Changes[0].Details[0].What != "digest" {
			t.Errorf("%s: %+v %+v", test.path, d.Effects, d.Changes)
		}
	}
}

// TestDelivery: binaries that come on another way are told, and need a first
// boot, whatever else changes with them.
func TestDelivery(t *testing.T) {
	for _, test := range []struct {
		golden string
		change func(*diff.Side)
		says   string
	}{
		{"urls", on("kubem00", func(n *node.Node) { *fileAt(n, "/usr/local/bin/kube-apiserver") = node.File{Path: "/etc/none"} }), "kube-apiserver changed from a URL to the machine's image"},
		{"sysext", replace("kubem01", "/etc/hagen/binaries.sh", "\nimage ", "\n: "), "etcd changed from a system extension to the machine's image"},
	} {
		before, after := side(t, test.golden), side(t, test.golden)
		test.change(&after)
		d := order.Of(before, after)
		if len(d.Steps) != 1 || d.Steps[0].Action != diff.Reimage {
			t.Errorf("%s: %+v", test.golden, d.Steps)
		}
		if text := Text(d, Heading{}, Style{}); !strings.Contains(text, test.says) {
			t.Errorf("%s is not told:\n%s", test.says, text)
		}
	}
}
