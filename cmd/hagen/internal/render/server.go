package render

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
)

// serverOf returns what a kubeconfig dials: the endpoint, or the URL that was asked for
// if the certificate of an API server is valid for it.
func serverOf(at clusterfile.Place, c *cluster.Cluster, keys *clusterpki.PKI, asked string) (control.Server, error) {
	if asked == "" {
		return control.EndpointServer(c), nil
	}
	host, port, err := hostAndPort(c, asked)
	if err != nil {
		return control.Server{}, err
	}
	return control.ServerAt(host, port), covered(at, keys, host)
}

// hostAndPort reads https://HOST:PORT.
func hostAndPort(c *cluster.Cluster, text string) (string, uint16, error) {
	example := control.EndpointServer(c).URL
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"): // a password is not repeated
		return "", 0, exit.Usage("--server: the URL has a user, which no kubeconfig needs; write for example %s", example)
	case err == nil && u.Scheme == "http":
		return "", 0, exit.Usage("--server: %q has no TLS; write https://%s", text, u.Host)
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(u.Host, "%"):
		return "", 0, exit.Usage("--server: %q is not an https URL of a host and a port; write for example %s", text, example)
	case u.Port() == "":
		return "", 0, exit.Usage("--server: %q has no port; write %s", text, control.ServerAt(u.Hostname(), c.Endpoint.Port).URL)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", 0, exit.Usage("--server: %q has no port of 1-65535", text)
	}
	host := strings.ToLower(u.Hostname())
	if address, err := netip.ParseAddr(host); err == nil {
		host = address.Unmap().String()
	}
	return host, uint16(port), nil
}

// covered returns an error unless the certificate of an API server is valid for a name.
// One is enough: at the name or address of a master only that master answers.
func covered(at clusterfile.Place, keys *clusterpki.PKI, host string) error {
	found, shared := false, control.SharedNames(keys.Cluster)
	for name, item := range keys.Store.Set() {
		if !control.Serves(keys.Cluster, name) {
			continue
		}
		found = true
		if certificate, err := item.X509(); err == nil && certificate.VerifyHostname(host) == nil && !keys.Forgets(host) {
			return nil
		}
	}
	switch {
	case keys.Forgets(host):
		return exit.Usage("--server: %q was forgotten (hagen pki forget), so the next render issues the API servers' certificates without it; use one of %s", host, strings.Join(shared, ", "))
	case !found:
		return exit.Failed("--server: the PKI holds no certificate of an API server yet; run %s first", at.Command("render"))
	case slices.Contains(shared, host):
		return exit.Failed("--server: the API servers' certificates do not have %s yet; run %s, and give the masters their new documents", host, at.Command("render"))
	}
	return exit.Usage("--server: the API servers' certificates are not valid for %q; they are for %s, and each for its master's own names and addresses. "+
		"Use one of these, or add it to the cluster file and render: apiServer: {extraSANs: [%s]}", host, strings.Join(shared, ", "), host)
}
