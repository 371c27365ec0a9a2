package plan_test

import (
	"strings"
	"testing"

	"hagen/out/review/plan"
	"hagen/out/review/show"
)

// inContainer is HAProxy from a registry.
const inContainer = "{mode: urls, keepalived: preinstalled, haproxy: container, haproxyImage: 'registry.example.com/haproxy@sha256:3f2c1b0a9e8d7c6b5a4938271605f4e3d2c1b0a99887766554433221100ffeed'}"

// TestContainer: Podman's generator makes HAProxy's unit of a file, which nobody
// enables.
func TestContainer(t *testing.T) {
	text := strings.Replace(standard, "\nspec:\n", "\nspec:\n  binaries: "+inContainer+"\n", 1)
	p := between(t, text, plan.Options{}, "sha256:3f", "sha256:4f")
	whole(t, "another image", p)
	const want = "write, from its new document: /etc/containers/systemd/haproxy.container\n       kubernetes# systemctl daemon-reload\n       kubernetes# systemctl restart haproxy.service\n"
	if text := p.Text("old", "new", show.Style{}); !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	reimaged := between(t, text, plan.Options{Reimage: true}, "sha256:3f", "sha256:4f")
	if text := reimaged.Text("old", "new", show.Style{}); !strings.Contains(text, "kubernetes# ! for u in hagen-binaries.service hagen-certificates.timer haproxy.service; do ") {
		t.Errorf("nobody looks whether HAProxy runs:\n%s", text)
	}
}
