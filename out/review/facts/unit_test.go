package facts

import (
	"testing"

	"hagen/gen/node"
)

// TestFlag reads a unit's flags as systemd does: what stands in a document that
// somebody changed decides who is a member of etcd, too.
func TestFlag(t *testing.T) {
	for _, test := range []struct{ what, text, dropIn, want string }{
		{"a flag", "ExecStart=/a --name=a", "", "a"},
		{"given twice", "ExecStart=/a --name=a --name=b", "", "a,b"},
		{"a command that is reset", "ExecStart=/a --name=a\nExecStart=\nExecStart=/a --name=b", "", "b"},
		{"a command that a drop-in resets", "ExecStart=/a --name=a", "ExecStart=\nExecStart=/a --name=b", "b"},
		{"a comment in a continued line", "ExecStart=/a \\\n# --name=c\n --name=a \\\n; --name=d\n --v=2", "", "a"},
		{"in quotes", `ExecStart=/a "--name=a b"`, "", "a b"},
	} {
		u := node.Unit{Name: EtcdUnit, Contents: "[Service]\n" + test.text}
		if test.dropIn != "" {
			u.DropIns = []node.DropIn{{Name: "10-more.conf", Contents: "[Service]\n" + test.dropIn}}
		}
		n := node.Node{Name: "m", Units: []node.Unit{u}}
		if got := Flag(n, EtcdUnit, "--name"); got != test.want {
			t.Errorf("%s: %q", test.what, got)
		}
		if m, is := MemberOf(&n); !is || m.Name != test.want {
			t.Errorf("%s: member %q", test.what, m.Name)
		}
	}
}
