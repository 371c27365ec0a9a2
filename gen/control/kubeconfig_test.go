package control

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"hagen/pki"
)

// kubeconfigText is what client-go reads of a kubeconfig that hagen writes
// (k8s.io/client-go/tools/clientcmd/api/v1, Config).
type kubeconfigText struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Clusters   []struct {
		Name    string
		Cluster struct {
			Authority  string `yaml:"certificate-authority-data"`
			Server     string
			ServerName string `yaml:"tls-server-name"`
		}
	}
	Contexts []struct {
		Name    string
		Context struct{ Cluster, User string }
	}
	Current string `yaml:"current-context"`
	Users   []struct {
		Name string
		User struct {
			Certificate string `yaml:"client-certificate-data"`
			Key         string `yaml:"client-key-data"`
		}
	}
}

// FuzzKubeconfig: whoever the user is and whatever answers at the endpoint, a
// strict reader finds in the kubeconfig what was put there and nothing else.
func FuzzKubeconfig(f *testing.F) {
	for _, user := range []string{"jane", "system:node:a", "yes", "0x10", "- x", "a: b", "\"'", "\\", "#", "ä\u2028b", "\x00\t\r\n", "\ufeff", ""} {
		f.Add(user, []byte("certificate"), []byte("key"), []byte{10, 10, 10, 10}, uint16(6443))
		f.Add(user, []byte{}, []byte{0xff, 0}, []byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, uint16(0))
	}
	standard := readCluster(f, "standard")
	f.Fuzz(func(t *testing.T, user string, certificate, key, address []byte, port uint16) {
		c := *standard
		c.Endpoint.Port = port
		wantServer, wantName := c.Endpoint.Host, ""
		c.Endpoint.Answered = nil
		if a, ok := netip.AddrFromSlice(address); ok {
			c.Endpoint.Answered = []netip.Addr{a}
			wantServer, wantName = a.String(), c.Endpoint.Host
		}
		client := pki.Item{Cert: certificate, Key: key}
		client.Request.Subject.CommonName = user
		text := Kubeconfig(&c, EndpointServer(&c), pki.Item{Cert: certificate}, client)
		var read kubeconfigText
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&read); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(read.Clusters) != 1 || len(read.Contexts) != 1 || len(read.Users) != 1 {
			t.Fatalf("not one of each\n%s", text)
		}
		cluster, user1, context := read.Clusters[0], read.Users[0], read.Contexts[0]
		user += "@" + c.Name
		if !utf8.ValidString(user) {
			user = user1.Name // such a name gets no certificate
		}
		if user1.Name != user || context.Context.User != user || context.Name != user || context.Name != read.Current || context.Context.Cluster != cluster.Name || cluster.Name != c.Name {
			t.Errorf("%q: the names do not fit\n%s", user, text)
		}
		server, err := url.Parse(cluster.Cluster.Server)
		if err != nil || server.Scheme != "https" || server.Hostname() != wantServer || server.Port() != strconv.Itoa(int(port)) || cluster.Cluster.ServerName != wantName {
			t.Errorf("server %s, name %s: %v", cluster.Cluster.Server, cluster.Cluster.ServerName, err)
		}
		for _, data := range []struct {
			text string
			want []byte
		}{{cluster.Cluster.Authority, certificate}, {user1.User.Certificate, certificate}, {user1.User.Key, key}} {
			if got, err := base64.StdEncoding.DecodeString(data.text); err != nil || !bytes.Equal(got, data.want) {
				t.Errorf("%q is not %q: %v", data.text, data.want, err)
			}
		}
	})
}
