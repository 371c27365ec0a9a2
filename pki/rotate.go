package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"slices"
	"time"
)

// Rotation returns the last phase of the item's last rotation; nil if it never had one.
func (i Item) Rotation() *Step {
	if len(i.Generations) == 0 {
		return nil
	}
	steps := i.Generations[len(i.Generations)-1].Steps
	if len(steps) == 0 {
		return nil
	}
	last := steps[len(steps)-1]
	return &last
}

// NextPhase returns the phase that follows.
func (i Item) NextPhase() Phase {
	if last := i.Rotation(); last != nil && last.Phase != PhaseRetire {
		return Phases()[slices.Index(Phases(), last.Phase)+1]
	}
	return PhaseTrust
}

// Rotate returns the item in the next phase. In PhaseTrust it makes a key with the present one's
// algorithm; names are those of a new Secret. It fails in any other order.
func (i Item) Rotate(to Phase, names Names, now time.Time, keys KeySource, random io.Reader) (Item, error) {
	name := i.Request.Name
	if i.Request.Kind == Leaf {
		return Item{}, fmt.Errorf("%s: a leaf is renewed, not rotated", name)
	}
	if next := i.NextPhase(); to != next {
		return Item{}, fmt.Errorf("%s: the next phase is %s, not %s", name, next, to)
	}
	now = now.UTC().Truncate(time.Second)
	i = i.counted()
	newest := len(i.Generations) - 1
	switch to {
	case PhaseTrust:
		made, err := i.nextGeneration(names, now, keys, random)
		if err != nil {
			return Item{}, err
		}
		i.Generations = append(i.Generations, made)
		newest++
	case PhaseIssue:
		i.present(newest)
		if err := i.crossSign(now, random); err != nil {
			return Item{}, err
		}
	case PhaseRetire:
		for n, g := range i.Generations {
			if g.State == Former {
				i.Generations[n] = g.retired(i.Request.Kind)
			}
		}
	}
	i.Generations[newest].Steps = append(slices.Clone(i.Generations[newest].Steps), Step{Phase: to, Began: now})
	return i, faultsAsError(Verify(Set{name: i}))
}

// counted returns the item with a list of generations of its own.
func (i Item) counted() Item {
	if len(i.Generations) > 0 {
		i.Generations = slices.Clone(i.Generations)
		return i
	}
	only := i.All()[0]
	only.Cert, only.Key, only.Public = nil, nil, nil
	i.Generations = []Generation{only}
	return i
}

// nextGeneration makes a key like the present one.
func (i Item) nextGeneration(names Names, now time.Time, keys KeySource, random io.Reader) (g Generation, err error) {
	number := i.Generations[len(i.Generations)-1].Number + 1
	request := i.Request.numbered(number)
	item := Item{Request: request}
	if request.Kind == Secret {
		item, err = makeRoot(request, nil, now, random)
	} else if key, failed := newKey(request, keys); failed != nil {
		err = failed
	} else {
		item, err = makeRoot(request, key, now, random)
	}
	if err != nil {
		return g, err
	}
	g = Generation{Number: number, State: Next, Cert: item.Cert, Key: item.Key, Public: item.Public}
	if request.Kind == Secret {
		g.KeyName, g.Provider = names.Key, names.Provider
	}
	g.ID, err = KeyID(item)
	return g, err
}

// present makes a generation the present one, and that the former one.
func (i *Item) present(n int) {
	for m := range i.Generations {
		if g := &i.Generations[m]; g.State == Present {
			g.State, g.Cert, g.Key, g.Public = Former, i.Cert, i.Key, i.Public
		}
	}
	g := &i.Generations[n]
	i.Cert, i.Key, i.Public = g.Cert, g.Key, g.Public
	g.State, g.Cert, g.Key, g.Public = Present, nil, nil, nil
}

// SignsSuccessor reports whether the present authority could sign another one: its key is here, and
// its certificate allows it.
func (i Item) SignsSuccessor() bool {
	cert, err := i.X509()
	return err == nil && i.Key != nil && !cert.MaxPathLenZero
}

// Signs reports whether the present authority is the one that has signed a leaf, by its key
// identifier.
func (i Item) Signs(leaf Item) bool {
	is, err := leaf.X509()
	by, failed := i.X509()
	return err == nil && failed == nil && bytes.Equal(is.AuthorityKeyId, by.SubjectKeyId)
}

// nextSigner returns the next authority, which all machines come to trust, if its key is here.
func (i Item) nextSigner() (Item, bool) {
	for _, g := range i.Generations {
		if g.State == Next && g.Key != nil {
			return g.of(i.Request), true
		}
	}
	return Item{}, false
}

// crossSign has the former authority sign the present one, if its key is here and it may sign
// authorities: those of earlier releases may not.
func (i *Item) crossSign(now time.Time, random io.Reader) error {
	if i.Request.Kind != Authority {
		return nil
	}
	for n := range i.Generations {
		g := &i.Generations[n]
		g.Cross = nil // of one that is not the present one any more
		if g.State != Former || g.Key == nil {
			continue
		}
		by, err := newIssuer(g.of(i.Request))
		if err != nil {
			return err
		}
		if by.cert.MaxPathLenZero || !now.Before(by.cert.NotAfter) {
			continue
		}
		if g.Cross, err = by.cross(*i, now, random); err != nil {
			return err
		}
	}
	return nil
}

// cross returns a certificate of another authority. It signs leaves alone.
func (i issuer) cross(authority Item, now time.Time, random io.Reader) ([]byte, error) {
	is, err := authority.X509()
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", i.name, err)
	}
	begin, until := is.NotBefore, is.NotAfter
	if begin.Before(i.cert.NotBefore) {
		begin = i.cert.NotBefore
	}
	if until.After(i.cert.NotAfter) {
		until = i.cert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		RawSubject: is.RawSubject, SubjectKeyId: is.SubjectKeyId, SerialNumber: serial, NotBefore: begin, NotAfter: until,
		KeyUsage: is.KeyUsage, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}, i.cert, is.PublicKey, i.key)
	if err != nil {
		return nil, unsigned(authority.Request)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der}), nil
}

// Bundle returns the certificates of all generations of an authority that are trusted, the oldest
// first.
func (i Item) Bundle() (bundle []byte) {
	if len(i.Generations) == 0 {
		return i.Cert
	}
	trusted := i.Trusted()
	slices.SortFunc(trusted, func(a, b Generation) int { return a.Number - b.Number })
	for _, g := range trusted {
		bundle = append(bundle, g.Cert...)
	}
	return bundle
}

// Behind returns the certificates of authorities that are shown behind a leaf: of the one that has
// signed it, signed by those that clients may trust instead.
func (i Item) Behind(leaf Item) (chain []byte) {
	if !i.Signs(leaf) {
		return nil
	}
	for _, g := range i.Trusted() {
		chain = append(chain, g.Cross...)
	}
	return chain
}

// retired returns a former generation that no machine has any more. Only a secret is kept: what was
// encrypted with it may be read again.
func (g Generation) retired(kind Kind) Generation {
	if kind == Secret {
		g.State = Retired
		return g
	}
	return g.removed()
}

func (g Generation) removed() Generation {
	return Generation{Number: g.Number, State: Removed, ID: g.ID, KeyName: g.KeyName, Provider: g.Provider, Steps: g.Steps}
}

// WithoutRetired returns the item without secrets that were retired before a time, and the numbers of
// their generations. kept are the numbers of those that machines still have: no documents without
// them were written.
func (i Item) WithoutRetired(before time.Time) (next Item, removed, kept []int) {
	for _, g := range i.Generations {
		switch at := i.RetiredAt(g); {
		case g.State != Retired:
		case at.IsZero():
			kept = append(kept, g.Number)
		case at.Before(before):
			removed = append(removed, g.Number)
		}
	}
	if len(removed) == 0 {
		return i, nil, kept
	}
	i = i.counted()
	for n, g := range i.Generations {
		if slices.Contains(removed, g.Number) {
			i.Generations[n] = g.removed()
		}
	}
	return i, removed, kept
}

// RetiredAt returns when the first documents without a former generation were written; zero if they were
// not. They may be those of a later phase.
func (i Item) RetiredAt(former Generation) time.Time {
	retired := false
	for _, g := range i.Generations {
		for _, step := range g.Steps {
			retired = retired || g.Number > former.Number && step.Phase == PhaseRetire
			if retired && !step.Rendered.IsZero() {
				return step.Rendered
			}
		}
	}
	return time.Time{}
}

// Rendered returns the item with a note that documents of all machines were written in this phase;
// changed is false if it has one, or is in none.
func (i Item) Rendered(now time.Time) (next Item, changed bool) {
	return i.note(func(s *Step) bool {
		if !s.Rendered.IsZero() {
			return false
		}
		s.Rendered = now.UTC().Truncate(time.Second)
		return true
	})
}

// Delivered returns the item with a note that all machines have those documents, but for some that
// were off, and who said so.
func (i Item) Delivered(now time.Time, by string, without ...string) Item {
	i, _ = i.note(func(s *Step) bool {
		s.Delivered, s.By, s.Without = now.UTC().Truncate(time.Second), by, without
		return true
	})
	return i
}

// LeavesOut returns the item with a note that machines do not get the documents of this phase.
func (i Item) LeavesOut(hosts ...string) Item {
	i, _ = i.note(func(s *Step) bool {
		s.Without = hosts
		return len(hosts) > 0
	})
	return i
}

// LeftOut lists the machines that lack documents of the last rotation, and were not replaced since.
func (i Item) LeftOut() (hosts []string) {
	if len(i.Generations) == 0 {
		return nil
	}
	for _, s := range i.Generations[len(i.Generations)-1].Steps {
		// A machine is replaced in a phase before that is delivered without it.
		hosts = slices.DeleteFunc(hosts, func(host string) bool { return slices.Contains(s.Replaced, host) })
		hosts = append(hosts, s.Without...)
	}
	return slices.Compact(slices.Sorted(slices.Values(hosts)))
}

// Replaced returns the item with a note that a machine was replaced which others have had, or which was
// left out of its rotation; changed is false if neither was so, or it has that note.
func (i Item) Replaced(host string) (next Item, changed bool) {
	if slices.Contains(i.LeftOut(), host) {
		i, changed = i.note(func(s *Step) bool {
			s.Without = slices.DeleteFunc(slices.Clone(s.Without), func(other string) bool { return other == host })
			s.Replaced = append(slices.Clone(s.Replaced), host)
			return true
		})
	}
	next = i.InState(host, HostReplaced)
	return next, changed || len(next.Marks) > len(i.Marks)
}

// note changes the last phase of a copy of the item.
func (i Item) note(change func(*Step) bool) (Item, bool) {
	last := i.Rotation()
	if last == nil || !change(last) {
		return i, false
	}
	i = i.counted()
	g := &i.Generations[len(i.Generations)-1]
	g.Steps = append(slices.Clone(g.Steps[:len(g.Steps)-1]), *last)
	return i, true
}
