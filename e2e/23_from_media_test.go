package e2e

import (
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestFromMedia: a cluster whose machines are given nothing. Each asks a server for its script by
// its MAC address, and finds its document by that: Ignition in an archive that is loaded
// beside the initrd, cloud-init by the URL on the kernel's command line.
func TestFromMedia(t *testing.T) {
	for _, layout := range []site.Layout{site.Netbooted, site.NetbootedCloudInit} {
		t.Run(layout.Name, func(t *testing.T) {
			s := scenario(t, "23 from boot media alone: "+layout.Name)
			c := clusterOf(t, layout)
			s.figure(t, "power-on to healthy", time.Since(poweredOn))
			bootedCleanly(t, c)
			if out := kubectl(t, c, "get", "--raw", "/readyz"); out != "ok" {
				t.Errorf("kubectl gets %q from /readyz", out)
			}
			for _, h := range c.Hosts() {
				if layout.OS == "" {
					continue
				}
				cloudInitContent(t, h)
				source, err := h.Exec("cat", "/var/lib/cloud/instance/datasource")
				must(t, err)
				if want := "/boot/" + h.Name + "/]"; !strings.Contains(source, want) {
					t.Errorf("%s has its document from %s, want %s", h.Name, source, want)
				}
			}
			w := startWriting(t, c)
			w.untilAgain(t)
			w.end(t, s)
		})
	}
}
