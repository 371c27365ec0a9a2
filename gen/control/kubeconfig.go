package control

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// endpointURL returns the URL that clients outside the masters dial; in classic the
// masters dial it, too.
func endpointURL(s hostContext) string {
	return httpsURL(s.Endpoint.Host, s.Endpoint.Port)
}

// loopbackURL returns the URL of a master's own API server.
func loopbackURL(s hostContext) string {
	return httpsURL(s.loopback().String(), s.APIServer.Port)
}

// kubeconfigs returns those of a master's controller manager and scheduler. They name
// the file of their key, so that the key exists only once, readable by its owner.
func kubeconfigs(s hostContext, server string) []node.File {
	return []node.File{
		publicFile(sectionManager, "kubeconfig controller-manager", "", managerConfig,
			fileKubeconfig(s.Name, server, "system:kube-controller-manager", managerPKI+"/controller-manager")),
		publicFile(sectionScheduler, "kubeconfig scheduler", "", schedulerConfig,
			fileKubeconfig(s.Name, server, "system:kube-scheduler", schedulerPKI+"/scheduler")),
	}
}

// fileKubeconfig writes the 2018 guide's kubeconfig, whose certificates are files.
func fileKubeconfig(name, server, user, stem string) string {
	return fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    certificate-authority: %[1]s/ca.pem
    server: %[2]s
  name: %[3]s
contexts:
- context:
    cluster: %[3]s
    user: %[4]s
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: %[4]s
  user:
    client-certificate: %[5]s.pem
    client-key: %[5]s-key.pem
`, kubernetesPKI, server, name, user, stem)
}

// Server is what a kubeconfig dials.
type Server struct {
	URL  string
	Name string // for which the certificate must be valid; "" is the URL's host
}

// ServerAt returns the server of kubeconfigs that dial a name or an address.
func ServerAt(host string, port uint16) Server { return Server{URL: httpsURL(host, port)} }

// EndpointServer returns the server of kubeconfigs that dial the endpoint. If DNS knows
// the name, they dial it, so that the address may move. Else, if a single machine or
// virtual IP answers there, they dial its address and verify the certificate by the name,
// so that they work without DNS. With several they dial the name: one address would miss
// the others.
func EndpointServer(c *cluster.Cluster) Server {
	if !c.HostsFile || c.Endpoint.Address.IsValid() || !c.Endpoint.Alone() {
		return ServerAt(c.Endpoint.Host, c.Endpoint.Port)
	}
	return Server{URL: httpsURL(c.Endpoint.Dialled()[0].String(), c.Endpoint.Port), Name: c.Endpoint.Host}
}

// Kubeconfig writes a kubeconfig for a person, with certificates and key inline. Its
// entries have the names of the user and the cluster, so that kubeconfigs of several
// clusters can be merged.
func Kubeconfig(c *cluster.Cluster, server Server, authority, client pki.Item) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	user := strconv.Quote(client.Request.Subject.CommonName + "@" + c.Name)
	line("apiVersion: v1")
	line("kind: Config")
	line("clusters:")
	line("- name: %s", c.Name)
	line("  cluster:")
	line("    certificate-authority-data: %s", base64.StdEncoding.EncodeToString(trustedAuthorities(authority)))
	line("    server: %s", server.URL)
	if server.Name != "" {
		line("    tls-server-name: %s", server.Name)
	}
	line("contexts:")
	line("- name: %s", user)
	line("  context:")
	line("    cluster: %s", c.Name)
	line("    user: %s", user)
	line("current-context: %s", user)
	line("users:")
	line("- name: %s", user)
	line("  user:")
	line("    client-certificate-data: %s", base64.StdEncoding.EncodeToString(client.Cert))
	line("    client-key-data: %s", base64.StdEncoding.EncodeToString(client.Key))
	return []byte(b.String())
}

// Names in the store of the items that a person's kubeconfig needs.
const (
	ClusterAuthority = storeAuthorities + "/kubernetes/ca"
	Admin            = storeCluster + "/admin"
)

// ClientRequest returns the request for one more client certificate, signed by the
// cluster's authority. It is not placed on any machine.
func ClientRequest(c *cluster.Cluster, user string, groups []string) pki.Request {
	return pki.Request{
		Name: "clients/" + base64.RawURLEncoding.EncodeToString([]byte(user)), Kind: pki.Leaf, Authority: ClusterAuthority,
		Subject: pki.Subject{CommonName: user, Organization: groups},
		Profile: pki.ClientAuthentication, Algorithm: c.PKI.Algorithm, Lifetime: c.PKI.AdminLife,
	}
}
