// Package ct stands in the place of Certificate Transparency's, for cfssl,
// which hagen never has tell a log of a certificate.
package ct

// SignedCertificateTimestamp is a log's word that it has a certificate.
type SignedCertificateTimestamp struct{}

// ASN1Cert is a certificate that a log would be told of.
type ASN1Cert struct {
	Data []byte
}
