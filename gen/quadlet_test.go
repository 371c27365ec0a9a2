package gen_test

import (
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"hagen/gen/node"
)

// TestQuadlet: Podman's own generator makes a unit of every container, without
// a word of complaint, and what we take the container for is that unit.
func TestQuadlet(t *testing.T) {
	t.Parallel()
	quadlet := program(t, "quadlet")
	containers := 0
	for _, name := range shapes(t) {
		_, _, machines := fresh(t, name)
		for _, m := range machines {
			for _, f := range m.Node.Files {
				if path.Dir(f.Path) != node.QuadletDir {
					continue
				}
				containers++
				dir := t.TempDir()
				write(t, filepath.Join(dir, path.Base(f.Path)), f.Contents)
				run := exec.Command(quadlet, "-dryrun")
				run.Env = []string{"QUADLET_UNIT_DIRS=" + dir}
				var said strings.Builder
				run.Stderr = &said
				unit, err := run.Output()
				if err != nil || strings.Count(said.String(), "\n") > 1 { // it says which file it reads
					t.Errorf("%s: %s: %v %s", name, m.Node.Name, err, said.String())
				}
				for _, want := range []string{
					"---haproxy.service---\n", "WantedBy=multi-user.target", "Type=notify", "--sdnotify=conmon", "--network host",
					"-v /etc/haproxy:/etc/haproxy:ro,z", "--read-only", "--cap-drop all", "haproxy -W -db -f /etc/haproxy/haproxy.cfg\n",
				} {
					if !strings.Contains(string(unit), want) {
						t.Errorf("%s: %s: the generator leaves out %q:\n%s", name, m.Node.Name, want, unit)
					}
				}
				n := m.Node.WithContainers()
				if last := n.Units[len(n.Units)-1]; last.Name != "haproxy.service" || len(n.Units) != len(m.Node.Units)+1 || len(n.Files) != len(m.Node.Files)-1 {
					t.Errorf("%s: %s: taken for %s", name, m.Node.Name, last.Name)
				}
			}
		}
	}
	if containers < 3 {
		t.Errorf("%d containers", containers)
	}
}
