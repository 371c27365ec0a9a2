//go:build unix

package out

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPreflight(t *testing.T) {
	base := t.TempDir()
	put(t, base, "work/cluster.yaml=", "work/pki/", "work/rendered/kubernetes/", "elsewhere/", "file=",
		"link -> work", "nowhere -> none", "work/lost -> ../elsewhere/rendered")
	t.Chdir(filepath.Join(base, "work"))
	tests := []struct {
		dir  string
		want []string // nil: fine
	}{
		{"rendered/kubernetes", nil},
		{"rendered", nil},
		{"new/deep/er", nil},
		{base + "/elsewhere", nil},
		{"../link/rendered", nil},
		{"pki-rendered", nil},
		{"/", []string{"/ is the root directory"}},
		{"", []string{"empty"}},
		{".", []string{". would be replaced", "working directory", base + "/work"}},
		{"..", []string{".. would be replaced", "working directory"}},
		{base, []string{base, "working directory"}},
		{"../link", []string{"../link", "working directory"}},
		{"pki", []string{"pki would be replaced, but pki is in it", "name another directory"}},
		{"pki/rendered", []string{"pki/rendered is inside pki", "name another directory"}},
		{"../link/pki/rendered", []string{"is inside pki"}},
		{"../nowhere", []string{"nowhere", "whose target does not exist"}},
		{"lost", []string{"lost", "whose target does not exist"}},
		{"/proc", []string{"/proc is a mount point", "name a new directory"}},
	}
	for _, tt := range tests {
		err := Preflight(tt.dir, "cluster.yaml", "pki")
		if _, statErr := os.Stat("/proc/self"); tt.dir == "/proc" && statErr != nil {
			continue
		}
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.dir, err)
			}
			continue
		}
		wantError(t, err, tt.want...)
	}

	t.Chdir(base + "/elsewhere")
	err := Preflight("../work", "../work/cluster.yaml", "../work/pki")
	wantError(t, err, "../work would be replaced, but ../work/cluster.yaml is in it")
	err = Preflight("../work", "../file", "../work/pki/none")
	wantError(t, err, "../work would be replaced, but ../work/pki/none is in it")
	if err := Preflight("../work", "../file"); err != nil {
		t.Error(err)
	}
}
