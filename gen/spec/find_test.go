package spec

import (
	"fmt"
	"testing"
)

func TestFind(t *testing.T) {
	file, _ := Parse(Source{Name: "cluster.yaml", Text: []byte("apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\nspec:\n  podCIDRs: [10.38.0.0/16]\n  binaries: {arch: arm64}\n  masters:\n    - {name: kubem00, addresses: [10.10.10.80]}\n    - {name: kubem01}\n")})
	for path, want := range map[string]string{
		"metadata.name": "3:18 true", "spec.podCIDRs": "5:13 true", "spec.binaries.arch": "6:20 true",
		"spec.binaries.mode": "6:13 false", "spec.profile": "5:3 false", "spec.loadBalancer.timeouts.check": "5:3 false",
		"spec.masters[0].name": "8:14 true", "spec.masters[0].addresses": "8:34 true", "spec.masters[1].name": "9:14 true", "spec.masters[1].addresses": "9:7 false",
		"spec.masters[2].name": "8:5 false", "spec.masters[x].name": "8:5 false",
		"spec.no.such": "5:3 false", "kind": "2:7 true",
	} {
		at, written := file.Find(path)
		if got := fmt.Sprintf("%d:%d %t", at.Line, at.Column, written); got != want || at.Path != path {
			t.Errorf("%s: %s, %s", path, got, at.Path)
		}
	}
}
