package site

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Client speaks to an API server, or through the load balancer to any.
type Client struct {
	URL  string
	HTTP *http.Client
}

// Credentials are what a kubeconfig holds.
type Credentials struct {
	Server string
	TLS    *tls.Config
}

// ReadKubeconfig reads a kubeconfig that hagen rendered for a person.
func ReadKubeconfig(path string) (Credentials, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), ": "); found {
			fields[key] = value
		}
	}
	inline := func(key string) []byte {
		text, problem := base64.StdEncoding.DecodeString(fields[key])
		err = errors.Join(err, problem)
		return text
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(inline("certificate-authority-data")) {
		return Credentials{}, fmt.Errorf("%s has no authority", path)
	}
	pair, problem := tls.X509KeyPair(inline("client-certificate-data"), inline("client-key-data"))
	return Credentials{
		Server: fields["server"],
		TLS:    &tls.Config{RootCAs: roots, ServerName: fields["tls-server-name"], Certificates: []tls.Certificate{pair}},
	}, errors.Join(err, problem)
}

// Connections says how a client uses its connections.
type Connections int

// A client makes a new connection for each request, or has one for all.
const (
	NewEachTime Connections = iota
	OneForAll
)

// NewClient makes a client. Requests end after the limit.
func NewClient(url string, config *tls.Config, how Connections, limit time.Duration) *Client {
	return &Client{URL: url, HTTP: &http.Client{
		Timeout: limit,
		Transport: &http.Transport{
			TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true, DisableKeepAlives: how == NewEachTime,
		},
	}}
}

// Operator is a client as the administrator, through the load balancer.
func (c *Cluster) Operator(how Connections, limit time.Duration) (*Client, error) {
	credentials, err := ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return nil, err
	}
	return NewClient(credentials.Server, credentials.TLS, how, limit), nil
}

// Direct is a client as the administrator of one master's API server.
func (c *Cluster) Direct(h *Host, limit time.Duration) (*Client, error) {
	credentials, err := ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return nil, err
	}
	credentials.TLS.ServerName = h.Name
	return NewClient(fmt.Sprintf("https://%s:6443", h.Address), credentials.TLS, NewEachTime, limit), nil
}

// OperatorAt is an administrator's client with one connection for all
// requests, through the load balancer, which has led it to this master.
func (c *Cluster) OperatorAt(h *Host, limit time.Duration) (*Client, error) {
	for range 20 {
		client, err := c.Operator(OneForAll, limit)
		if err != nil {
			return nil, err
		}
		response, err := client.HTTP.Get(client.URL + "/readyz")
		if err != nil {
			return nil, err
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		// An API server's certificate has its own machine's name.
		if slices.Contains(response.TLS.PeerCertificates[0].DNSNames, h.Name) {
			return client, nil
		}
		client.HTTP.CloseIdleConnections()
	}
	return nil, fmt.Errorf("the load balancer leads nobody to %s", h.Name)
}

// Do sends a request, with a body unless it is nil, and gives the answer's
// status and text.
func (c *Client) Do(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, data, err
}

// Get reads one object.
func (c *Client) Get(path string, into any) error {
	status, data, err := c.Do(context.Background(), http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, status, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
