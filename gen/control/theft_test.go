package control

import (
	"bytes"
	"slices"
	"testing"

	"hagen/gen/cluster"
	"hagen/pki"
	"hagen/profiles"
)

// TestGives: each key that a machine has is explained, and load balancers have none.
func TestGives(t *testing.T) {
	for _, p := range profiles.Profiles() {
		c := readCluster(t, p.Name)
		requests := Requests(c)
		for _, h := range c.Hosts() {
			items := KeysOn(c, h.Name)
			if (h.Role == cluster.Master) != (len(items) > 0) {
				t.Errorf("%s %s has %v", h.Role, h.Name, items)
			}
			for _, item := range items {
				i := slices.IndexFunc(requests, func(r pki.Request) bool { return r.Name == item })
				if i < 0 || Gives(requests[i]) == "" {
					t.Errorf("%s: nobody says what it gives", item)
				}
				if holders := KeyHolders(c, item); !slices.Contains(holders, h.Name) || HostOf(item) != "" && len(holders) != 1 {
					t.Errorf("%s: is on %v", item, holders)
				}
			}
		}
	}
}

// TestSecretHalves: a master's files have the secret halves of these generations, and of no others, in each
// phase of a rotation.
func TestSecretHalves(t *testing.T) {
	for _, set := range rotatedSets(t, "standard") {
		checkSecretHalves(t, "standard", set)
	}
	for _, set := range rotatedSets(t, "classic") {
		checkSecretHalves(t, "classic", set)
	}
}

func checkSecretHalves(t *testing.T, profile string, set pki.Set) {
	t.Helper()
	c := readCluster(t, profile)
	host := c.APIServers()[0]
	n, err := Node(c, host, set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var has []string
	for _, item := range KeysOn(c, host.Name) {
		for _, g := range SecretHalves(set[item]) {
			has = append(has, string(g.Key))
		}
	}
	for name, item := range set {
		for _, g := range item.All() {
			found := false
			for _, f := range n.Files {
				found = found || len(g.Key) > 0 && bytes.Contains(f.Contents, bytes.TrimSpace(g.Key))
			}
			if found != slices.Contains(has, string(g.Key)) {
				t.Errorf("%s: key %d of %s, %s: on the machine: %t", profile, g.Number, name, g.State, found)
			}
		}
	}
}
