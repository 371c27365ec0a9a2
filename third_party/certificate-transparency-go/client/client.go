// Package client would tell logs of certificates.
package client

import (
	"context"
	"errors"
	"net/http"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/jsonclient"
)

// LogClient tells no log.
type LogClient struct{}

// New refuses: no log is told of any certificate.
func New(string, *http.Client, jsonclient.Options) (*LogClient, error) {
	return nil, errors.New("this cfssl is built without Certificate Transparency, which a signing profile asks for")
}

// AddPreChain is never reached: there is no client.
func (*LogClient) AddPreChain(context.Context, []ct.ASN1Cert) (*ct.SignedCertificateTimestamp, error) {
	panic("certificate-transparency-go: not linked")
}
