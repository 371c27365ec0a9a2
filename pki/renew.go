package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

// Renew issues authorities and leaves again, for these requests, which are those of the items that
// exist or existed, each perhaps with another lifetime. A leaf keeps its key, unless newKeys is set or its key is gone. An authority
// always keeps it, with its subject and its key identifier, byte for byte, and its begin: all that
// it signed verifies under its new certificate, and all that it signs verifies for those who have
// its former one, until that ends. Authorities are renewed before the leaves that they sign.
//
// What is not renewed stays as it is. The whole set is verified before it is returned. The error
// is KeysElsewhere if an authority's key is missing.
func Renew(requests []Request, have Set, newKeys bool, now time.Time, keys KeySource, random io.Reader) (Result, error) {
	requests = slices.Clone(requests)
	slices.SortStableFunc(requests, func(a, b Request) int { return rank(a) - rank(b) })
	run := newIssuance(requests, have, now)
	if elsewhere := neededElsewhere(requests, have); len(elsewhere) > 0 {
		return Result{}, elsewhere
	}
	run.keys = make([]crypto.Signer, len(requests))
	for i, request := range requests {
		run.changes = append(run.changes, Change{Name: request.Name, Action: Renewed})
		if err := run.prepare(i, request, newKeys, keys, random); err != nil {
			return Result{}, err
		}
	}
	if err := run.makeLeaves(requests); err != nil {
		return Result{}, err
	}
	if err := faultsAsError(Verify(run.set)); err != nil {
		return Result{}, err
	}
	return Result{Set: run.set, Changes: run.changes, Warnings: run.warnings}, nil
}

// rank orders authorities before leaves.
func rank(r Request) int { return slices.Index([]Kind{Authority, Leaf}, r.Kind) }

// neededElsewhere returns the authorities that have to sign, and whose keys are missing.
func neededElsewhere(requests []Request, have Set) KeysElsewhere {
	elsewhere := KeysElsewhere{}
	for _, r := range requests {
		by := r.Authority
		if r.Kind == Authority {
			by = r.Name
		}
		if have[by].KeyElsewhere() {
			elsewhere[by] = append(elsewhere[by], r.Name)
		}
	}
	return elsewhere
}

// prepare renews an authority, or finds the key of a leaf.
func (run *issuance) prepare(i int, request Request, newKeys bool, keys KeySource, random io.Reader) (err error) {
	have, there := run.set[request.Name]
	switch {
	case request.Kind == Authority:
		run.set[request.Name], err = have.renewed(request.Lifetime, run.now, random)
	case there && !newKeys:
		run.keys[i], err = parseKey(have.Key)
	default:
		run.keys[i], err = newKey(request, keys)
	}
	return err
}

// renewed returns an authority with a certificate of its own key that ends a lifetime from now. cfssl
// would encode the subject again, and Go compares issuers byte by byte.
func (i Item) renewed(life time.Duration, now time.Time, random io.Reader) (Item, error) {
	name := i.Request.Name
	i.Request.Lifetime = life
	fail := func(err error) (Item, error) { return Item{}, fmt.Errorf("%s: %w", name, err) }
	by, err := newIssuer(i)
	if err != nil {
		return Item{}, err
	}
	serial, err := newSerial(random)
	if err != nil {
		return fail(err)
	}
	was, until := by.cert, now.Add(i.Request.Lifetime)
	if err := checkYear(i.Request, now, until); err != nil {
		return Item{}, err
	}
	if until.Before(was.NotAfter) {
		return fail(fmt.Errorf("would end on %s, before its present certificate does, on %s: is the clock right?", day(until), day(was.NotAfter)))
	}
	next := &x509.Certificate{
		RawSubject: was.RawSubject, SubjectKeyId: was.SubjectKeyId, AuthorityKeyId: was.AuthorityKeyId,
		SerialNumber: serial, NotBefore: was.NotBefore, NotAfter: until,
		KeyUsage: was.KeyUsage, ExtKeyUsage: was.ExtKeyUsage, SignatureAlgorithm: was.SignatureAlgorithm,
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: was.MaxPathLen, MaxPathLenZero: was.MaxPathLenZero,
	}
	der, err := x509.CreateCertificate(rand.Reader, next, next, was.PublicKey, by.key)
	if err != nil {
		return Item{}, unsigned(i.Request)
	}
	i.Cert = pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})
	return i.Parsed(), nil
}

// newSerial returns a positive number of 20 octets (RFC 5280, 4.1.2.2).
func newSerial(random io.Reader) (*big.Int, error) {
	raw := make([]byte, 20)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, errNoRandom
	}
	raw[0] = raw[0]&0x7f | 0x40
	return new(big.Int).SetBytes(raw), nil
}

// Renews reports whether an authority is another with the key and the name that it had, so that what
// it has signed stays valid.
func (i Item) Renews(former Item) bool {
	is, err := i.X509()
	was, failed := former.X509()
	return err == nil && failed == nil && i.Request.Kind == Authority && bytes.Equal(i.Key, former.Key) &&
		bytes.Equal(is.RawSubjectPublicKeyInfo, was.RawSubjectPublicKeyInfo) && bytes.Equal(is.RawSubject, was.RawSubject) &&
		bytes.Equal(is.SubjectKeyId, was.SubjectKeyId) && !is.NotAfter.Before(was.NotAfter) && !is.NotBefore.After(was.NotBefore)
}
