package site

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
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

// Operator is a client as the administrator, through the load balancer. An
// endpoint whose name stands for several addresses is dialled at each in turn.
func (c *Cluster) Operator(how Connections, limit time.Duration) (*Client, error) {
	return c.OperatorFrom(0, how, limit)
}

// dialLimit is how long a client with several addresses waits for one of
// them before it dials the next.
const dialLimit = time.Second

// OperatorFrom is the same, beginning at the address of this index.
func (c *Cluster) OperatorFrom(first int, how Connections, limit time.Duration) (*Client, error) {
	credentials, err := ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return nil, err
	}
	client := NewClient(credentials.Server, credentials.TLS, how, limit)
	front := c.Layout.Front
	if len(front) == 1 {
		return client, nil
	}
	transport := client.HTTP.Transport.(*http.Transport)
	transport.DialContext = inTurn(append(slices.Clone(front[first:]), front[:first]...))
	// Nobody answers for a machine without power. A client that keeps one
	// connection finds out by asking, as Kubernetes' own do every 30 s.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: time.Second, PingTimeout: time.Second}
	return client, nil
}

// inTurn dials addresses one after the other until one answers, whatever the
// name: what clients do with a name that stands for all of them.
func inTurn(addresses []string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		var problems []error
		for _, a := range addresses {
			conn, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, network, net.JoinHostPort(a, port))
			if err == nil {
				return conn, nil
			}
			problems = append(problems, err)
		}
		return nil, errors.Join(problems...)
	}
}

// anyOf dials all addresses at once, whatever the name, and takes the first that answers.
func anyOf(addresses []string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		type answer struct {
			conn net.Conn
			err  error
		}
		answers := make(chan answer, len(addresses))
		ctx, cancel := context.WithTimeout(ctx, dialLimit)
		defer cancel()
		for _, a := range addresses {
			go func() {
				conn, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(a, port))
				answers <- answer{conn, err}
			}()
		}
		var first net.Conn
		var problems []error
		for range addresses {
			switch got := <-answers; {
			case got.err != nil:
				problems = append(problems, got.err)
			case first == nil:
				first = got.conn
				cancel() // an address where nobody is would keep this one waiting
			default:
				got.conn.Close()
			}
		}
		if first == nil {
			return nil, errors.Join(problems...)
		}
		return first, nil
	}
}

// InPod is an administrator's client that wants the name of the API servers' service, as
// pods do. A service leads nobody to a server that is not ready, so it dials load
// balancers: whichever of the addresses answers first.
func (c *Cluster) InPod(addresses []string, limit time.Duration) (*Client, error) {
	credentials, err := ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return nil, err
	}
	const service = "kubernetes.default.svc"
	credentials.TLS.ServerName = service
	client := NewClient(fmt.Sprintf("https://%s:%d", service, endpointPort), credentials.TLS, NewEachTime, limit)
	client.HTTP.Transport.(*http.Transport).DialContext = anyOf(addresses)
	return client, nil
}

// at is a client as the administrator of what answers at a port of a host,
// which must have the name.
func (c *Cluster) at(name string, h *Host, port int, limit time.Duration) (*Client, error) {
	credentials, err := ReadKubeconfig(c.AdminConfig())
	if err != nil {
		return nil, err
	}
	credentials.TLS.ServerName = name
	return NewClient("https://"+netip.AddrPortFrom(h.Address, uint16(port)).String(), credentials.TLS, NewEachTime, limit), nil
}

// OperatorAt is an administrator's client with one connection for all
// requests, through the load balancer, which has led it to this master.
func (c *Cluster) OperatorAt(h *Host, limit time.Duration) (*Client, error) {
	text, err := os.ReadFile(filepath.Join(h.Root, "etc/kubernetes/pki/apiserver.pem"))
	if err != nil {
		return nil, err
	}
	own, _ := pem.Decode(text)
	if own == nil {
		return nil, fmt.Errorf("%s has no certificate", h.Name)
	}
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
		if bytes.Equal(response.TLS.PeerCertificates[0].Raw, own.Bytes) {
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

// unproxied adds the header with which API servers pass a request on to another one:
// who gets it answers alone (apiserver, pkg/util/peerproxy).
type unproxied struct{ http.RoundTripper }

func (u unproxied) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Kubernetes-Peer-Proxied", "true")
	return u.RoundTripper.RoundTrip(r)
}

// Unproxied is the same client, which each API server answers by itself, as if there
// were no --peer-ca-file.
func (c *Client) Unproxied() *Client {
	return &Client{URL: c.URL, HTTP: &http.Client{Timeout: c.HTTP.Timeout, Transport: unproxied{c.HTTP.Transport}}}
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
