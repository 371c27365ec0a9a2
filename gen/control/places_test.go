package control

import (
	"crypto/rand"
	"slices"
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
		places := Places(c)
		for _, n := range nodes {
			var certificates []string
			for _, f := range n.Files {
				i := slices.IndexFunc(places, func(p Placed) bool { return p.Host == n.Name && p.Path == f.Path })
				if f.Secret != (i >= 0 && places[i].Key) {
					t.Errorf("%s: %s:%s: holds a key: %t; listed: %d", p.Name, n.Name, f.Path, f.Secret, i)
				}
				if i < 0 {
					continue
				}
				item := set[places[i].Item]
				if part := item.Cert; !places[i].Key && len(part) > 0 {
					certificates = append(certificates, f.Path)
					if string(part) != string(f.Contents) {
						t.Errorf("%s: %s:%s is not %s", p.Name, n.Name, f.Path, places[i].Item)
					}
				}
			}
			if n.Role == string(cluster.Master) {
				if got := ProfileWith(cluster.Master, certificates); got != p.Name {
					t.Errorf("the certificates of %s are taken for those of %q", p.Name, got)
				}
				servers := ServersOf(c, n.Name)
				if _, api := set[servers.API]; !api || set[servers.Etcd].Cert == nil || !Serves(c, servers.API) {
					t.Errorf("%s shows %+v", n.Name, servers)
				}
			}
		}
		if got := ProfileWith(cluster.Master, []string{"/etc/kubernetes/pki/ca.pem"}); got != "" {
			t.Errorf("one file is taken for those of %s", got)
		}
	}
	if HostOf("hosts/kubem00/apiserver") != "kubem00" || HostOf("cluster/admin") != "" || HostOf("authorities/etcd/ca") != "" {
		t.Error("hosts of items")
	}
}
