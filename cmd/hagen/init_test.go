package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/profiles"
)

// comment matches a line of the template that can be taken into use.
var comment = regexp.MustCompile(`(?m)^  # ( *(?:- )?[a-zA-Z]+:)`)

// TestInitFile holds the comments of the template against the truth: they
// claim to show the value that counts when they stay out.
func TestInitFile(t *testing.T) {
	for _, p := range profiles.Profiles() {
		text := clusterfile.New(p)
		plain := validated(t, text)
		if plain.Profile.Name != p.Name {
			t.Errorf("%s: the file is of profile %s", p.Name, plain.Profile.Name)
		}
		all := comment.ReplaceAllString(text, "  $1")
		if strings.Count(all, "#") > strings.Count(text, "#")-12 {
			t.Fatalf("%s: hardly any comment is a field:\n%s", p.Name, all)
		}
		// What has no default is an example, and a login needs a real key.
		all = strings.Replace(all, "AAAA… you@desk", "AAAAC3NzaC1lZDI1NTE5AAAAIHDWHHBgOpAvVyqTzUDRFR0Kx1kAXsV3BvZb2KDzRpzP you@desk", 1)
		full := validated(t, all)
		if len(full.Users) != 1 || len(full.APIServer.ExtraNames) != 1 || len(full.APIServer.ExtraAddresses) != 1 {
			t.Errorf("%s: the examples are not what they should be: %+v", p.Name, full)
		}
		if got, want := defaults(full), defaults(plain); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: with the comments taken into use\n%+v, without\n%+v", p.Name, got, want)
		}
	}
}

func validated(t *testing.T, text string) *cluster.Cluster {
	t.Helper()
	c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// decided is what the comments of the template show.
type decided struct {
	kubernetes, etcd profiles.Version
	nodePorts        cluster.PortRange
	domain           string
	issuers          string
	hostsFile        bool
	port             uint16
	balancing        cluster.Balancing
	algorithm        string
	lives            [3]string
}

func defaults(c *cluster.Cluster) decided {
	return decided{c.Kubernetes, c.Etcd, c.NodePorts, c.Domain, strings.Join(c.Issuers, " "), c.HostsFile, c.APIServer.Port, c.Balancing,
		string(c.PKI.Algorithm), [3]string{c.PKI.CAExpiry.String(), c.PKI.Expiry.String(), c.PKI.AdminLife.String()}}
}
