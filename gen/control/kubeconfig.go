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

// Kubeconfig writes a kubeconfig for a person, with certificates and key inline, that
// dials the endpoint. If a single machine or virtual IP answers there, it dials the
// address and verifies the certificate by the name, so that it works without DNS for
// the name. With several it dials the name: one address would miss the others.
func Kubeconfig(c *cluster.Cluster, authority, client pki.Item) []byte {
	server, serverName := c.Endpoint.Host, ""
	if c.Endpoint.Alone() && !c.Endpoint.Address.IsValid() {
		server, serverName = c.Endpoint.Answered[0].String(), c.Endpoint.Host
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	user := strconv.Quote(client.Request.Subject.CommonName)
	line("apiVersion: v1")
	line("kind: Config")
	line("clusters:")
	line("- name: %s", c.Name)
	line("  cluster:")
	line("    certificate-authority-data: %s", base64.StdEncoding.EncodeToString(authority.Cert))
	line("    server: %s", httpsURL(server, c.Endpoint.Port))
	if serverName != "" {
		line("    tls-server-name: %s", serverName)
	}
	line("contexts:")
	line("- name: default")
	line("  context:")
	line("    cluster: %s", c.Name)
	line("    user: %s", user)
	line("current-context: default")
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
