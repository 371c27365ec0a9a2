package plan

import (
	"slices"
	"strings"
	"testing"
)

// TestWithoutMembers: a plan in which all members would leave before another has their data
// is refused. The only one that comes needs the virtual IP that all of them hold.
func TestWithoutMembers(t *testing.T) {
	b := newBench(t)
	colocated := topologies[slices.IndexFunc(topologies, func(top topology) bool { return top.name == "colocated" })]
	from := colocated.file()
	to := topologies[0].file().merged(at("spec.", "masters: none\nloadBalancers: none")).
		merged(at("spec.", "masters: [{name: kubem10, addresses: [10.10.10.9]}]\nloadBalancers: [{name: lb0, addresses: [10.10.10.2]}]"))
	for _, anew := range []bool{false, true} {
		p, _, _, valid := b.plan(from, to, Options{Reimage: anew})
		if !valid || p.Possible || len(p.Steps) > 0 || len(p.Refused) != 1 || !strings.Contains(p.Refused[0].Problem, "kubem02 would be the last member of etcd") {
			t.Errorf("re-imaged: %v: %v %+v, %d steps", anew, p.Possible, p.Refused, len(p.Steps))
		}
	}
}
