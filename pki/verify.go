package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Part names one of the parts of an item.
type Part string

// The parts of an item, each a file of its own in a store.
const (
	Certificate Part = "certificate"
	PrivateKey  Part = "key"
	PublicHalf  Part = "public half"
	CrossSigned Part = "certificate of its successor"
)

// Fault is something wrong with an item.
type Fault struct {
	Name string
	Part Part
	Text string
	// Generation is the number of a generation that is not the present one, else 0.
	Generation int
}

// Error is the fault on one line. It never holds key material.
func (f Fault) Error() string {
	if f.Generation > 0 {
		return fmt.Sprintf("%s: %s of generation %d: %s", f.Name, f.Part, f.Generation, f.Text)
	}
	return fmt.Sprintf("%s: %s: %s", f.Name, f.Part, f.Text)
}

// Verify parses every item of the set from its PEM and returns all faults, ordered by name. A
// certificate must be what its request asks for, belong to its key, and be signed by its
// authority for the requested usages; the halves of a key pair must match; a secret must be 32
// bytes. A file must hold nothing else. The key of an authority may be elsewhere. An expired certificate is not a fault: each chain is
// verified at a time when it is or was valid.
func Verify(set Set) []Fault {
	names := slices.Sorted(maps.Keys(set))
	checked := make([]inspection, len(names))
	_ = inParallel(len(names), func(i int) error {
		checked[i] = inspect(set[names[i]], Present)
		checked[i].inspectOthers(set[names[i]])
		return nil
	})
	authorities := map[string]*inspection{}
	for i := range checked {
		if checked[i].request.Kind == Authority {
			authorities[names[i]] = &checked[i]
		}
	}
	_ = inParallel(len(names), func(i int) error {
		if checked[i].request.Kind == Leaf && len(checked[i].faults) == 0 {
			checked[i].verifyChain(authorities[checked[i].request.Authority])
		}
		return nil
	})
	var faults []Fault
	for _, c := range checked {
		faults = append(faults, c.faults...)
	}
	return faults
}

func faultsAsError(faults []Fault) error {
	var errs []error
	for _, fault := range faults {
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// inspection holds the result of checking one item by itself.
type inspection struct {
	request Request
	parsed  *parsed // nil if the item has not been parsed before
	cert    *x509.Certificate
	others  []*x509.Certificate // of an authority's other generations
	faults  []Fault
}

// signedBy notes for Item.SignedBy what has been verified.
func (i *inspection) signedBy(authority *x509.Certificate) {
	if i.parsed != nil && i.parsed.cert == i.cert {
		by := Fingerprint(authority.Raw)
		i.parsed.signedBy.Store(&by)
	}
}

func (i *inspection) fault(part Part, format string, values ...any) {
	i.faults = append(i.faults, Fault{Name: i.request.Name, Part: part, Text: fmt.Sprintf(format, values...)})
}

// inspectOthers checks the generations besides the present one whose parts are kept.
func (i *inspection) inspectOthers(item Item) {
	for _, g := range item.Generations {
		if g.State == Present || g.State == Removed {
			continue
		}
		found := inspect(g.of(item.Request), g.State)
		if found.cert != nil && len(found.faults) == 0 {
			i.others = append(i.others, found.cert)
			found.inspectCross(g, i.cert)
		}
		for _, fault := range found.faults {
			fault.Generation = g.Number
			i.faults = append(i.faults, fault)
		}
	}
}

// inspectCross checks what a former authority has signed for its successor.
func (i *inspection) inspectCross(g Generation, successor *x509.Certificate) {
	if g.Cross == nil || successor == nil {
		return
	}
	cert, err := parseCertificate(g.Cross)
	switch {
	case err != nil:
		i.fault(CrossSigned, "%s", err)
	case cert.CheckSignatureFrom(i.cert) != nil || !cert.IsCA || !sameKey(cert.PublicKey, successor.PublicKey) || !bytes.Equal(cert.RawSubject, successor.RawSubject):
		i.fault(CrossSigned, "it is not of the present authority, signed by this one")
	}
}

// inspect checks a generation, which is in a state, by itself.
func inspect(item Item, state State) inspection {
	i := inspection{request: item.Request.numbered(item.number()), parsed: item.parsed}
	if item.Request.Kind == Secret {
		if err := checkSecret(item.Key); err != nil {
			i.fault(PrivateKey, "%s", err)
		}
		return i
	}
	key, err := parseKey(item.Key)
	if item.Key == nil && item.Request.Kind.MayLackKey(state) {
		// Its certificate, or its public half, says by itself which key it is.
	} else if err != nil {
		i.fault(PrivateKey, "%s", err)
	} else if found := algorithmOf(key.Public()); found != item.Request.Algorithm {
		i.fault(PrivateKey, "the key is not %s, as requested", item.Request.Algorithm)
	}
	if item.Request.Kind == KeyPair {
		public, err := parsePublic(item.Public)
		if err != nil {
			i.fault(PublicHalf, "%s", err)
		} else if key != nil && !sameKey(public, key.Public()) {
			i.fault(PrivateKey, "it is not the key of the public half beside it")
		}
		return i
	}
	if i.cert, err = item.certificate(); err != nil {
		i.fault(Certificate, "%s", err)
		return i
	}
	if key != nil && !sameKey(i.cert.PublicKey, key.Public()) {
		i.fault(PrivateKey, "it is not the key of the certificate beside it")
	}
	i.inspectCertificate()
	return i
}

func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

// inspectCertificate compares the certificate with its request.
func (i *inspection) inspectCertificate() {
	cert, request := i.cert, i.request
	if found := subjectDifferences(subjectOf(cert.Subject), request.Subject); len(found) > 0 {
		i.fault(Certificate, "its subject is not the requested one (%s)", strings.Join(found, "; "))
	}
	present := Request{DNSNames: cert.DNSNames}
	for _, address := range cert.IPAddresses {
		present.DNSNames = append(present.DNSNames, address.String())
	}
	if found := setDifference(present.names(), request.names()); found != "" || len(cert.EmailAddresses)+len(cert.URIs) > 0 {
		i.fault(Certificate, "its names are not the requested ones (%s)", found)
	}
	usage, extended := request.usages()
	if cert.KeyUsage != usage || !slices.Equal(cert.ExtKeyUsage, extended) || len(cert.UnknownExtKeyUsage) > 0 {
		i.fault(Certificate, "its usages are not those of a %s", strings.TrimSpace(request.Profile+" "+string(request.Kind)))
	}
	// RFC 5280, 4.1.2.2: a positive number of at most 20 octets.
	if cert.SerialNumber.Sign() <= 0 || cert.SerialNumber.BitLen() > 20*8 {
		i.fault(Certificate, "its serial number is not a positive one of at most 20 octets")
	}
	if !cert.NotBefore.Before(cert.NotAfter) {
		i.fault(Certificate, "it ends before it begins")
	}
	authority := request.Kind == Authority
	// Authorities of earlier releases have path length 0, new ones have none.
	unlimited := cert.MaxPathLen < 0 || cert.MaxPathLenZero
	if !cert.BasicConstraintsValid || cert.IsCA != authority || authority && !unlimited {
		i.fault(Certificate, "its basic constraints are not those of %s", request.Kind)
	} else if authority {
		if cert.CheckSignatureFrom(cert) != nil {
			i.fault(Certificate, "it is not signed with its own key")
			return
		}
		i.signedBy(cert)
	}
}

func subjectOf(name pkix.Name) Subject {
	return Subject{
		CommonName:         name.CommonName,
		Organization:       name.Organization,
		OrganizationalUnit: strings.Join(name.OrganizationalUnit, "+"),
		Country:            strings.Join(name.Country, "+"),
		Province:           strings.Join(name.Province, "+"),
		Locality:           strings.Join(name.Locality, "+"),
	}
}

// verifyChain checks that the authority signed the leaf. It reports nothing if the authority
// itself has faults.
func (i *inspection) verifyChain(authority *inspection) {
	if authority == nil {
		i.fault(Certificate, "its authority %s is missing", i.request.Authority)
		return
	}
	if len(authority.faults) > 0 {
		return
	}
	by := slices.Concat([]*x509.Certificate{authority.cert}, authority.others)
	n := slices.IndexFunc(by, i.signedWith)
	if n < 0 {
		i.fault(Certificate, "it is not signed by its authority %s, or was never valid together with it", i.request.Authority)
		return
	}
	i.signedBy(by[n])
	if i.cert.NotAfter.After(by[n].NotAfter) {
		i.fault(Certificate, "it outlives its authority %s", i.request.Authority)
	}
}

// signedWith reports whether an authority signed the leaf, and both were valid at a time.
func (i *inspection) signedWith(authority *x509.Certificate) bool {
	at := i.cert.NotBefore
	if at.Before(authority.NotBefore) {
		at = authority.NotBefore
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	// Any usage is accepted here: the inspection has shown that the leaf has exactly the requested
	// usages, and that its authority has none that would restrict them.
	_, err := i.cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}
