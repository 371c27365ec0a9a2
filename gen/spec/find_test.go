package spec

import (
	"fmt"
	"testing"
)

func TestFind(t *testing.T) {
	file, _ := Parse(Source{Name: "cluster.yaml", Text: []byte("apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\nspec:\n  podCIDRs: [10.38.0.0/16]\n  binaries: {arch: arm64}\n")})
	for path, want := range map[string]string{
		"metadata.name": "3:18 true", "spec.podCIDRs": "5:13 true", "spec.binaries.arch": "6:20 true",
		"spec.binaries.mode": "6:13 false", "spec.profile": "5:3 false", "spec.loadBalancer.timeouts.check": "5:3 false",
		"spec.no.such": "5:3 false", "kind": "2:7 true",
	} {
		at, written := file.Find(path)
		if got := fmt.Sprintf("%d:%d %t", at.Line, at.Column, written); got != want || at.Path != path {
			t.Errorf("%s: %s, %s", path, got, at.Path)
		}
	}
}
