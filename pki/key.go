package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// KeyRequest asks for one private key.
type KeyRequest struct {
	// Name is the name of the request that the key is for.
	Name      string
	Algorithm Algorithm
}

// KeySource makes private keys: *ecdsa.PrivateKey or *rsa.PrivateKey, according to the algorithm.
// It is called from several goroutines at once.
type KeySource func(KeyRequest) (crypto.Signer, error)

// Generate is the KeySource for real use: a fresh key from crypto/rand. It fails for an
// unknown algorithm or when the system has no random bytes.
func Generate(request KeyRequest) (crypto.Signer, error) {
	switch request.Algorithm {
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("%s: there is no algorithm %q", request.Name, request.Algorithm)
}

// algorithmOf names the algorithm of a public key; empty for one that is not in Algorithms.
func algorithmOf(public crypto.PublicKey) Algorithm {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return ECDSAP256
		case elliptic.P384():
			return ECDSAP384
		}
	case *rsa.PublicKey:
		switch key.N.BitLen() {
		case 2048:
			return RSA2048
		case 3072:
			return RSA3072
		case 4096:
			return RSA4096
		}
	}
	return ""
}

// The PEM types of private keys: SEC 1 for ECDSA and PKCS #1 for RSA, which is what cfssl
// and kubeadm write (client-go util/keyutil, MarshalPrivateKeyToPEM). etcd, kube-apiserver,
// HAProxy and openssl read these and PKCS #8 alike, with one exception: where Kubernetes
// takes the public half from a private key (--service-account-key-file given sa.key), it
// does not find an ECDSA key in PKCS #8 (keyutil, ParsePublicKeysPEM).
const (
	pemECDSAKey    = "EC PRIVATE KEY"
	pemRSAKey      = "RSA PRIVATE KEY"
	pemPublicKey   = "PUBLIC KEY"
	pemCertificate = "CERTIFICATE"
)

// encodeKey writes a private key as PEM.
func encodeKey(key crypto.Signer) ([]byte, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, errors.New("its ECDSA key cannot be encoded")
		}
		return pem.EncodeToMemory(&pem.Block{Type: pemECDSAKey, Bytes: der}), nil
	case *rsa.PrivateKey:
		return pem.EncodeToMemory(&pem.Block{Type: pemRSAKey, Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}
	return nil, errors.New("its key is neither ECDSA nor RSA")
}

// encodePublic writes a public key as PEM (PKIX, RFC 5280 4.1).
func encodePublic(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, errors.New("its public key cannot be encoded")
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: der}), nil
}

// parseKey reads a private key as encodeKey wrote it. Its errors reveal nothing of the key.
func parseKey(data []byte) (crypto.Signer, error) {
	block, err := soleBlock(data, pemECDSAKey, pemRSAKey)
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	if block.Type == pemECDSAKey {
		key, err = x509.ParseECPrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("the %s in it is damaged", block.Type)
	}
	return key, nil
}

func parsePublic(data []byte) (crypto.PublicKey, error) {
	block, err := soleBlock(data, pemPublicKey)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the public key in it is damaged")
	}
	return public, nil
}

func parseCertificate(data []byte) (*x509.Certificate, error) {
	block, err := soleBlock(data, pemCertificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("the certificate in it is damaged")
	}
	return cert, nil
}

// soleBlock returns the only PEM block in data, which must be of one of the given types and
// the whole of data. pem.Decode alone skips text before a block and ignores text after it.
func soleBlock(data []byte, types ...string) (*pem.Block, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it is not PEM, or it is truncated")
	}
	begin := []byte("-----BEGIN ")
	if !bytes.HasPrefix(data, begin) {
		return nil, errors.New("there is text before the PEM block")
	}
	if len(bytes.TrimSpace(rest)) > 0 || bytes.Count(data, begin) > 1 {
		return nil, errors.New("it holds more than one PEM block")
	}
	for _, t := range types {
		if block.Type == t {
			if len(block.Headers) > 0 {
				return nil, fmt.Errorf("the %s in it has headers; an encrypted key must be decrypted first", t)
			}
			return block, nil
		}
	}
	return nil, fmt.Errorf("it does not hold a PEM block of type %s", strings.Join(types, " or "))
}
