// Package served asks servers which certificates they show. It needs no
// credentials: a server shows its certificate in every handshake, before it asks
// for that of the client (RFC 8446, 4.4; RFC 5246, 7.4).
package served

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Answer is what a server showed.
type Answer struct {
	Address string
	Leaf    *x509.Certificate // nil if it showed none
	Problem string            // why it did not, in words
	// Accepts are the subjects, in DER, of authorities of clients that it listed (RFC 8446, 4.2.4): it
	// accepts certificates of these.
	Accepts [][]byte
}

// Ask asks the servers at addresses, host:port each, all at once. It returns their answers
// in the same order, when all have answered or the context ends.
func Ask(ctx context.Context, addresses []string) []Answer {
	answers := make([]Answer, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			leaf, accepts, err := ask(ctx, address)
			answers[i] = Answer{Address: address, Leaf: leaf, Accepts: accepts}
			if leaf == nil {
				answers[i].Problem = plainly(ctx, err)
			}
		})
	}
	all.Wait()
	return answers
}

// ask returns the certificate that a server shows, and whose clients it accepts. The handshake may
// fail after that: etcd ends it because the client shows none.
func ask(ctx context.Context, address string) (leaf *x509.Certificate, accepts [][]byte, err error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	defer connection.Close()
	client := tls.Client(connection, &tls.Config{
		// What is shown is compared with what should be: an expired certificate, or one
		// of another authority, is an answer, too.
		InsecureSkipVerify: true,
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			if len(chain) > 0 {
				leaf, err = x509.ParseCertificate(chain[0])
			}
			return nil
		},
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			accepts = asked.AcceptableCAs
			return &tls.Certificate{}, nil // none
		},
	})
	failed := client.HandshakeContext(ctx)
	return leaf, accepts, errors.Join(err, failed)
}

// plainly says why a server showed no certificate.
func plainly(ctx context.Context, err error) string {
	var name *net.DNSError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var operation *net.OpError
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &name):
		return "its name is not known here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to it from here"
	case errors.As(err, &record):
		return "what answers there does not speak TLS"
	case errors.As(err, &alert), errors.As(err, &operation) && operation.Op == "remote error":
		return "it ended the handshake before it showed a certificate"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection: is there a server behind it?"
	}
	return "it showed no certificate that can be read"
}
