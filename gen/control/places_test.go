package control

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/pki"
	"hagen/profiles"
)

// TestPlaces: what Places lists is what is on the machines: no certificate or key is
// elsewhere, and each is of the item that it is listed for.
func TestPlaces(t *testing.T) {
	for _, p := range profiles.Profiles() {
		c := readCluster(t, p.Name)
		issued, err := pki.Issue(Requests(c), nil, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set := issued.Set
		nodes, err := Nodes(c, set, Options{})
		if err != nil {
			t.Fatal(err)
		}
		places, found := Places(c), 0
		for _, n := range nodes {
			var certificates []string
			for _, f := range n.Files {
				i := slices.IndexFunc(places, func(p Placed) bool { return p.Host == n.Name && p.Path == f.Path })
				if i < 0 && strings.HasSuffix(f.Path, ".pem") {
					t.Errorf("%s: %s:%s is not listed", p.Name, n.Name, f.Path)
				}
				if f.Secret != (i >= 0 && places[i].Key) {
					t.Errorf("%s: %s:%s: holds a key: %t; listed: %d", p.Name, n.Name, f.Path, f.Secret, i)
				}
				if i < 0 {
					continue
				}
				item := set[places[i].Item]
				if part := item.Cert; !places[i].Key && len(part) > 0 {
					found++
					certificates = append(certificates, f.Path)
					if string(part) != string(f.Contents) {
						t.Errorf("%s: %s:%s is not %s", p.Name, n.Name, f.Path, places[i].Item)
					}
				}
			}
			if n.Role == string(cluster.Master) {
				if got := profileWith(cluster.Master, certificates); got != p.Name {
					t.Errorf("the certificates of %s are taken for those of %q", p.Name, got)
				}
				servers := ServersOf(c, n.Name)
				if _, api := set[servers.API]; !api || set[servers.Etcd].Cert == nil || !Serves(c, servers.API) {
					t.Errorf("%s shows %+v", n.Name, servers)
				}
			}
		}
		if listed := len(slices.DeleteFunc(places, func(p Placed) bool { return p.Key || set[p.Item].Cert == nil })); listed != found {
			t.Errorf("%s: %d certificates are listed, %d are there", p.Name, listed, found)
		}
		if got := profileWith(cluster.Master, []string{"/etc/kubernetes/pki/ca.pem"}); got != "" {
			t.Errorf("one file is taken for those of %s", got)
		}
	}
	if HostOf("hosts/kubem00/apiserver") != "kubem00" || HostOf("cluster/admin") != "" || HostOf("authorities/etcd/ca") != "" {
		t.Error("hosts of items")
	}
}
