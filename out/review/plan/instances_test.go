package plan_test

import (
	"slices"
	"strings"
	"testing"

	"hagen/out/review/order"
	"hagen/out/review/plan"
)

// TestNewInstances: a machine of cloud-init that takes changes in place is another instance
// with its new files; one that is re-imaged is that anyway.
func TestNewInstances(t *testing.T) {
	mixed := strings.Replace(standard, "{name: kubem01,", "{name: kubem01, os: debian,", 1)
	for _, test := range []struct {
		what, text string
		options    plan.Options
		edits      []string
		want       []string
	}{
		{"a flag of masters", mixed, plan.Options{}, []string{"masters:", "serviceNodePortRange: 30000-30100\n  masters:"}, []string{"kubem01"}},
		{"each re-imaged", mixed, plan.Options{Reimage: true}, []string{"masters:", "serviceNodePortRange: 30000-30100\n  masters:"}, nil},
		{"only the load balancer", mixed, plan.Options{}, []string{"loadBalancers:", "loadBalancer: {timeouts: {connect: 2s}}\n  loadBalancers:"}, nil},
		{"Ignition alone", standard, plan.Options{}, []string{"masters:", "serviceNodePortRange: 30000-30100\n  masters:"}, nil},
		{"another system", mixed, plan.Options{}, []string{"os: debian", "os: ubuntu"}, nil},
	} {
		p := between(t, test.text, test.options, test.edits...)
		i := slices.IndexFunc(p.Cautions, func(c order.Caution) bool { return strings.Contains(c.Text, "instance-id") })
		var got []string
		if i >= 0 {
			got = p.Cautions[i].Hosts
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v", test.what, got)
		}
	}
}
