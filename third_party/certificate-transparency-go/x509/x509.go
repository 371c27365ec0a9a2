// Package x509 has the list of the words of logs that a certificate can carry.
package x509

// SerializedSCT is one of them, encoded.
type SerializedSCT struct {
	Val []byte
}

// SignedCertificateTimestampList is all of them.
type SignedCertificateTimestampList struct {
	SCTList []SerializedSCT
}
