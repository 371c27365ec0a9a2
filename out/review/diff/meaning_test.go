package diff

import (
	"fmt"
	"strings"
	"testing"
)

// TestArtefacts: which files with binaries a script wants is told by place, and by
// digest where the place stays.
func TestArtefacts(t *testing.T) {
	const etcd = "need /usr/local/bin/etcd 'etcd 3.7.3'\n"
	before := etcd + "fetch http://a/etcd.tgz aa /var/lib/hagen/etcd.tar.gz 0644\nunpack /var/lib/hagen/etcd.tar.gz aa /usr/local/bin etcd\n"
	for _, test := range []struct{ what, after, want string }{
		{"the same", before, "[]"},
		{"another place and digest", strings.NewReplacer("a/etcd.tgz aa", "b/etcd.tgz bb", "gz aa", "gz bb").Replace(before),
			"[{takes binaries from added  http://b/etcd.tgz [] []} {/var/lib/hagen/etcd.tar.gz replaced   [] []} {takes binaries from removed http://a/etcd.tgz  [] []}]"},
		{"another digest", strings.ReplaceAll(before, " aa ", " bb "), "[{http://a/etcd.tgz replaced   [] []} {/var/lib/hagen/etcd.tar.gz replaced   [] []}]"},
		{"none any more", etcd, "[{takes binaries from removed http://a/etcd.tgz  [] []} {takes binaries from removed /var/lib/hagen/etcd.tar.gz  [] []}]"},
	} {
		if details, _ := binaries(before, test.after); fmt.Sprint(details) != test.want {
			t.Errorf("%s: %v", test.what, details)
		}
	}
}
