package read

import (
	"fmt"
	"testing"

	"hagen/gen/node"
)

func TestHosts(t *testing.T) {
	if _, found := HostsOf(node.Node{}); found {
		t.Error("found where there is none")
	}
	h, found := HostsOf(node.Node{Files: []node.File{{Path: HostsPath, Contents: []byte("# names\n192.0.2.1 a b # not-c\n192.0.2.1\ta\n2001:db8::1 a\n192.0.2.300 d\n192.0.2.2\n")}}})
	if !found || fmt.Sprint(h.Names) != "map[a:[192.0.2.1 2001:db8::1] b:[192.0.2.1]]" || len(h.Lines) != 3 || h.Lines[0].Names[1].At != 20 {
		t.Errorf("%+v", h)
	}
	var faults []string
	for _, f := range h.Faults {
		line, column, _ := f.At.Position()
		faults = append(faults, fmt.Sprintf("%d:%d %s", line, column, f.Problem))
	}
	if fmt.Sprint(faults) != "[5:1 192.0.2.300 is not an address 6:1 192.0.2.2 has no name]" {
		t.Errorf("%q", faults)
	}
}
