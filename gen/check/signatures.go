package check

import (
	"slices"
	"sync"

	"hagen/gen/read"
)

// signatures tells, for a certificate and an authority with its issuer's name,
// whether the authority signed it.
type signatures map[Signature]bool

// Signature is a certificate and its signer, by the SHA-256 of their DER in hex.
type Signature struct{ Of, By string }

// readSignatures verifies the signatures of all certificates, each once
// however many machines have it, and none that is known to be right.
func readSignatures(machines []*machine, known map[Signature]bool) signatures {
	all := map[string]read.Certificate{}
	for _, m := range machines {
		add := func(certificates []read.Certificate) {
			for _, c := range certificates {
				if !c.Twin {
					all[c.Identity] = c
				}
			}
		}
		add(m.certs)
		for _, k := range m.contexts {
			add(k.Client.Certificates)
			add(k.Authority.Certificates)
		}
	}
	authorities := map[string][]read.Certificate{} // by name
	for _, a := range all {
		if a.IsCA {
			authorities[a.Subject] = append(authorities[a.Subject], a)
		}
	}
	var verified sync.WaitGroup
	var writing sync.Mutex
	out := signatures{}
	for _, c := range all {
		verified.Go(func() {
			for _, a := range authorities[c.Issuer] {
				s := Signature{c.Identity, a.Identity}
				signed := known[s] || c.CheckSignatureFrom(a.Certificate) == nil
				writing.Lock()
				out[s] = signed
				writing.Unlock()
			}
		})
	}
	verified.Wait()
	return out
}

// signedBy reports whether an authority signed a certificate. Twins are
// compared by name alone.
func (s *set) signedBy(c, authority read.Certificate) bool {
	if !authority.IsCA || c.Issuer != authority.Subject {
		return false
	}
	return c.Twin || authority.Twin || s.signed[Signature{c.Identity, authority.Identity}]
}

// signedByAny reports whether one of several authorities signed a certificate.
func (s *set) signedByAny(c read.Certificate, authorities []read.Certificate) bool {
	return slices.ContainsFunc(authorities, func(a read.Certificate) bool { return s.signedBy(c, a) })
}
