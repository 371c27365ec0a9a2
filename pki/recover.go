package pki

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Describing returns the request that a certificate fulfils, with the name, the authority and the
// lifetime of this one: a certificate does not say which lifetime was asked for, since it may have been
// cut.
func (r Request) Describing(cert *x509.Certificate) Request {
	r.Subject, r.Algorithm = subjectOf(cert.Subject), algorithmOf(cert.PublicKey)
	if r.Kind != Leaf {
		return r
	}
	r.DNSNames, r.IPAddresses = cert.DNSNames, nil
	for _, raw := range cert.IPAddresses {
		if address, is := netip.AddrFromSlice(raw); is {
			r.IPAddresses = append(r.IPAddresses, address.Unmap())
		}
	}
	for _, profile := range []string{ServerAuthentication, ClientAuthentication, PeerAuthentication} {
		other := r
		other.Profile = profile
		if usage, extended := other.usages(); usage == cert.KeyUsage && slices.Equal(extended, cert.ExtKeyUsage) {
			r.Profile = profile
		}
	}
	return r
}

// RecoverAuthority returns the authority whose certificates are all that machines trust, without its key.
// The present one is the newest that has signed one of the leaves. crossed are certificates of the
// present one that others have signed. A generation that was to be the next one counts as a former one:
// its key is lost, and another can follow at once.
func RecoverAuthority(request Request, trusted [][]byte, leaves []Item, crossed [][]byte) (Item, error) {
	item := Item{Request: request}
	var all []Generation
	for _, text := range trusted {
		cert, err := parseCertificate(text)
		if err != nil {
			return Item{}, err
		}
		all = append(all, Generation{Number: numberIn(request, cert.Subject.CommonName), State: Former, ID: KeyIDOf(cert), Cert: text})
	}
	slices.SortStableFunc(all, func(a, b Generation) int { return cmp.Compare(a.Number, b.Number) })
	for i := 1; i < len(all); i++ {
		if all[i].Number == all[i-1].Number {
			return Item{}, errors.New("two of its certificates are of one generation")
		}
	}
	present := 0
	for i, g := range all {
		if slices.ContainsFunc(leaves, g.of(request).Signs) {
			present = i
		}
	}
	if len(all) == 0 {
		return Item{}, errors.New("it has no certificate")
	}
	item.Request = request.unnumbered(all[present])
	item.Generations = all
	item.hold(present)
	for _, cross := range crossed {
		if err := item.crossedBy(cross); err != nil {
			return Item{}, err
		}
	}
	return item.plain(), nil
}

// numberIn returns the number of the generation of an authority that has this common name.
func numberIn(request Request, name string) int {
	base := request.Subject.CommonName
	if name == base {
		return 1
	}
	at := strings.LastIndexByte(name, ' ')
	number, err := strconv.Atoi(name[at+1:])
	if err != nil || at < 0 || number < 2 || name[at+1:] != strconv.Itoa(number) {
		return 1
	}
	return number
}

// unnumbered returns the request of all generations, by the certificate of one: the cluster file may ask
// for another subject by now.
func (r Request) unnumbered(g Generation) Request {
	cert, err := parseCertificate(g.Cert)
	if err != nil {
		return r
	}
	r = r.Describing(cert)
	if g.Number > 1 {
		r.Subject.CommonName = strings.TrimSuffix(r.Subject.CommonName, fmt.Sprintf(" %d", g.Number))
	}
	return r
}

// hold makes one of the generations the present one.
func (i *Item) hold(n int) {
	g := &i.Generations[n]
	i.Cert, i.Key, i.Public = g.Cert, g.Key, g.Public
	g.State, g.Cert, g.Key, g.Public = Present, nil, nil, nil
}

// crossedBy gives a certificate of the present authority to the one that has signed it.
func (i *Item) crossedBy(text []byte) error {
	cert, err := parseCertificate(text)
	if err != nil {
		return err
	}
	for n := range i.Generations {
		g := &i.Generations[n]
		by, err := parseCertificate(g.Cert)
		if err == nil && cert.CheckSignatureFrom(by) == nil {
			g.Cross = text
			return nil
		}
	}
	return errors.New("behind a certificate is one that none of its authorities has signed")
}

// plain returns the item as one that was never rotated, if it was not.
func (i Item) plain() Item {
	if len(i.Generations) == 1 && i.Generations[0].Number == 1 && i.Generations[0].KeyName == "" {
		i.Generations = nil
	}
	return i.Parsed()
}

// RecoverKeyPair returns the key pair whose private half machines have, and the public halves of others.
// Whether one of those was to be the next one nothing says, and its private half is lost: all count as
// former ones.
func RecoverKeyPair(request Request, key []byte, others [][]byte) (Item, error) {
	private, err := parseKey(key)
	if err != nil {
		return Item{}, err
	}
	request.Algorithm = algorithmOf(private.Public())
	item := Item{Request: request}
	own, err := encodePublic(private.Public())
	if err != nil {
		return Item{}, err
	}
	for _, public := range slices.Backward(others) { // the newest comes first
		if !bytes.Equal(public, own) {
			item.Generations = append(item.Generations, Generation{Number: len(item.Generations) + 1, State: Former, Public: public})
		}
	}
	item.Generations = append(item.Generations, Generation{Number: len(item.Generations) + 1, Key: key, Public: own})
	for n, g := range item.Generations {
		if item.Generations[n].ID, err = KeyID(g.of(request)); err != nil {
			return Item{}, err
		}
	}
	item.hold(len(item.Generations) - 1)
	return item.plain(), nil
}

// RecoverSecret returns the secret of which readers have these generations, of which the first encrypts:
// each with its number, its names and its key. The rotation goes on where it was.
func RecoverSecret(request Request, read []Generation, began Step) (Item, error) {
	if len(read) == 0 {
		return Item{}, errors.New("there is no key")
	}
	item := Item{Request: request}
	for _, g := range read {
		id, err := KeyID(g.of(request))
		if err != nil {
			return Item{}, err
		}
		g.ID, g.State = id, Former
		if g.Number > read[0].Number {
			g.State = Next
		}
		item.Generations = append(item.Generations, g)
	}
	slices.SortFunc(item.Generations, func(a, b Generation) int { return cmp.Compare(a.Number, b.Number) })
	present := slices.IndexFunc(item.Generations, func(g Generation) bool { return g.Number == read[0].Number })
	last := &item.Generations[len(item.Generations)-1]
	steps := []Phase{PhaseTrust, PhaseIssue}
	if last.State == Next {
		steps = steps[:1]
	}
	for _, phase := range steps {
		if len(read) > 1 {
			began.Phase = phase
			last.Steps = append(last.Steps, began)
		}
	}
	item.hold(present)
	return item.plain(), nil
}

// Blocks splits a text into its PEM blocks of one type, each as hagen writes it. It fails where there is
// anything else.
func Blocks(data []byte, kind string) (all [][]byte, err error) {
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != kind || !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, fmt.Errorf("it is not only PEM blocks of type %s, or it is cut short", kind)
		}
		all, rest = append(all, pem.EncodeToMemory(block)), after
	}
	return all, nil
}

// WithLost returns the item with one more generation, of which only the id is known, so that its number
// and its names are never used again.
func (i Item) WithLost(id string, names Names) Item {
	i = i.counted()
	number := i.Generations[len(i.Generations)-1].Number + 1
	i.Generations = append(i.Generations, Generation{Number: number, State: Removed, ID: id, KeyName: names.Key, Provider: names.Provider})
	return i
}

// WithoutFormer returns the item after the last phase of the rotation to the present generation, which had
// begun, although documents are from before: that with this id is not trusted any more.
func (i Item) WithoutFormer(id string, began time.Time) Item {
	i = i.counted()
	for n, g := range i.Generations {
		if g.ID == id && g.State != Present {
			i.Generations[n] = g.retired(i.Request.Kind)
		}
	}
	last := &i.Generations[len(i.Generations)-1]
	if steps := last.Steps; len(steps) > 0 && steps[len(steps)-1].Phase == PhaseIssue && len(i.Trusted()) == 1 {
		last.Steps = append(slices.Clone(steps), Step{Phase: PhaseRetire, Began: began.UTC().Truncate(time.Second)})
	}
	return i
}

// WithSecret returns the item with an earlier secret that was found again, under its number and its names: for
// what was encrypted with it. taken is false if another one has the number.
func (i Item) WithSecret(g Generation) (next Item, taken bool) {
	id, err := KeyID(g.of(i.Request))
	if err != nil || i.Request.Kind != Secret {
		return i, false
	}
	g.ID, g.State = id, Retired
	i = i.counted()
	at, there := slices.BinarySearchFunc(i.Generations, g.Number, func(other Generation, number int) int { return other.Number - number })
	switch {
	case !there && at < len(i.Generations): // an earlier one, of which nothing was known
		i.Generations = slices.Insert(i.Generations, at, g)
	case there && i.Generations[at].State == Removed && i.Generations[at].ID == id:
		g.Steps = i.Generations[at].Steps
		i.Generations[at] = g
	default:
		return i, false
	}
	return i, true
}
