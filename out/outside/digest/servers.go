package digest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// Client downloads digests and files.
type Client struct {
	HTTP  *http.Client
	Agent string        // User-Agent
	Quiet time.Duration // how long a server may pause while it sends
	Pause time.Duration // before another try
	Say   func(string)  // called with each download
}

// NewClient returns a client that uses the proxies of the environment, like
// other programs in Go. It speaks HTTP/1, which has few kinds of errors,
// explained below; for one file at a time HTTP/2 gains nothing.
func NewClient(agent string, say func(string)) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.Protocols = &http.Protocols{}
	transport.Protocols.SetHTTP1(true)
	return &Client{HTTP: &http.Client{Transport: transport}, Agent: agent, Quiet: time.Minute, Pause: time.Second, Say: say}
}

// tries is how often a request is made that fails with a temporary error.
const tries = 3

// maxFile is the largest file that is downloaded, in bytes: some five times the
// largest of a control plane.
const maxFile = 2 << 30

// FromServers fetches the digests that are published beside the files. A file
// without a SHA-512 is downloaded, and compared with the published digest. The
// error joins one for every file.
func (c *Client) FromServers(ctx context.Context, files []File) ([]Found, error) {
	var faults []error
	found := make([]Found, len(files))
	for i, f := range files {
		var err error
		found[i], err = c.fromServer(ctx, f)
		faults = append(faults, err)
	}
	return found, errors.Join(faults...)
}

func (c *Client) fromServer(ctx context.Context, f File) (Found, error) {
	for _, u := range f.URLs {
		for _, ending := range f.Sums {
			published, from, err := c.published(ctx, u, ending)
			switch {
			case lacks(err):
				continue
			case err != nil:
				return Found{}, fmt.Errorf("%s: %w", f.Name, err)
			case len(published) == length512:
				return Found{below(u, f), published, "published at " + from}, nil
			}
			only := f
			only.URLs = []string{u}
			s, _, err := c.download(ctx, only)
			if err == nil && !s.holds(published) {
				err = fmt.Errorf("%s: %s has SHA-256 %s, but %s says %s", f.Name, u, s.sha256, from, published)
			}
			return Found{below(u, f), s.sha512, "downloaded, with the SHA-256 of " + from}, err
		}
	}
	s, from, err := c.download(ctx, f)
	return Found{below(from, f), s.sha512, "downloaded, not verified: no digest is published beside it"}, err
}

// below returns the file's path if the URL ends in it, or else the URL's last
// element.
func below(u string, f File) string {
	if strings.HasSuffix(u, "/"+f.Path) {
		return f.Path
	}
	return path.Base(u)
}

// absent is the answer of a server that does not have a file.
type absent struct{ url, status string }

func (a absent) Error() string { return a.url + ": the server answers " + a.status }

func lacks(err error) bool {
	_, not := errors.AsType[absent](err)
	return not
}

// published returns the digest of a file that a server publishes in another.
func (c *Client) published(ctx context.Context, u, ending string) (digest, from string, err error) {
	from = u + ending
	if strings.HasPrefix(ending, "/") {
		from = u[:strings.LastIndex(u, "/")] + ending
	}
	var text []byte
	err = c.get(ctx, from, func(body io.Reader) (err error) {
		text, err = io.ReadAll(io.LimitReader(body, maxSums))
		return err
	})
	if err != nil {
		return "", from, err
	}
	digests, err := parse(string(text))
	if err != nil {
		return "", from, fmt.Errorf("%s: %w", from, err)
	}
	for _, name := range []string{path.Base(u), ""} {
		if d, listed := digests[name]; listed {
			return d, from, nil
		}
	}
	return "", from, absent{from, "without a digest of " + path.Base(u)}
}

// download reads a file from the first server that has it.
func (c *Client) download(ctx context.Context, f File) (s sums, from string, err error) {
	for _, u := range f.URLs {
		c.Say(fmt.Sprintf("downloading %s", u))
		err = c.get(ctx, u, func(body io.Reader) (err error) {
			limited := &io.LimitedReader{R: body, N: maxFile + 1}
			if s, err = read(limited); err == nil && limited.N == 0 {
				err = fmt.Errorf("is larger than %d GiB, so it is not a binary", maxFile>>30)
			}
			return err
		})
		from = u
		if !lacks(err) {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", f.Name, err)
	}
	return s, from, err
}

// get passes the response's body to take, and tries again after a temporary
// error.
func (c *Client) get(ctx context.Context, u string, take func(io.Reader) error) error {
	for n := 1; ; n++ {
		again, err := c.once(ctx, u, take)
		if err == nil || !again || n == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(c.Pause):
		}
	}
}

func (c *Client) once(ctx context.Context, u string, take func(io.Reader) error) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return false, fmt.Errorf("%s is not a URL", u)
	}
	request.Header.Set("User-Agent", c.Agent)
	response, err := c.HTTP.Do(request)
	if err != nil {
		return passing(err), fmt.Errorf("%s: %s", u, plainly(ctx, err))
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone || code == http.StatusForbidden: // a bucket's word for what it lacks
		return false, absent{u, response.Status}
	case code != http.StatusOK:
		return code >= 500 || code == http.StatusTooManyRequests, fmt.Errorf("%s: the server answers %s", u, response.Status)
	}
	watched := &watchdog{response.Body, c.Quiet, time.AfterFunc(c.Quiet, func() { cancel(errQuiet) })}
	defer watched.timer.Stop()
	if err := take(watched); err != nil {
		return passing(err), fmt.Errorf("%s: %s", u, plainly(ctx, err))
	}
	return false, nil
}

// watchdog ends a transfer when no more data arrives.
type watchdog struct {
	io.Reader
	quiet time.Duration
	timer *time.Timer
}

func (w *watchdog) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.timer.Reset(w.quiet)
	return n, err
}

var errQuiet = errors.New("the server stopped sending")

// passing reports whether an error may be temporary.
func passing(err error) bool {
	dns, _ := errors.AsType[*net.DNSError](err)
	return !errors.Is(err, context.Canceled) && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || dns != nil && dns.IsTemporary)
}

// plainly explains an error of net/http.
func plainly(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); errors.Is(cause, errQuiet) {
		return cause.Error()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	dns, noName := errors.AsType[*net.DNSError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	certificate, refused := errors.AsType[*tls.CertificateVerificationError](err)
	timeout, mayTime := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "took too long"
	case noName && dns.IsNotFound:
		return fmt.Sprintf("DNS has no %s", dns.Name)
	case noName:
		return fmt.Sprintf("DNS gives no address for %s", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the server refuses the connection"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no route to the server"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection broke"
	case unknown:
		return "the authority of the server's certificate is unknown here; SSL_CERT_FILE can name further authorities"
	case refused:
		return "the server's certificate is not accepted: " + certificate.Err.Error()
	case mayTime && timeout.Timeout():
		return "the server does not answer"
	}
	return err.Error()
}
