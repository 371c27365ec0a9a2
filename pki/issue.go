package pki

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Action is what Issue did about a request.
type Action string

// Actions of Issue: make what is missing, issue a leaf again, keep what fits. Renewed
// is what Renew does, and comes from store.Store.Renewed: only a store knows that a missing leaf
// existed before.
const (
	Made     Action = "made"
	Renewed  Action = "renewed"
	Reissued Action = "reissued"
	Kept     Action = "kept"
)

// Change says what was done about one request, and why; Why is empty for a kept item.
type Change struct {
	Name   string
	Action Action
	Why    string
}

// Warning is something a user should know about an item. If hagen pki renew is what to do about
// it, Renew is what it is to renew.
type Warning struct {
	Name, Text string
	Renew      Renewal
}

// Renewal is an item to renew, or all that ends within a time, in hours; the zero value is none.
type Renewal struct {
	Name    string
	Hours   int
	Deliver bool // machines have what it replaces
}

// Result is what Issue returns: all items, old and new, what was done about each request in
// the order of the requests, and what to warn of.
type Result struct {
	Set      Set
	Changes  []Change
	Warnings []Warning
}

// Issue fulfils the requests. It makes items that are missing from have, reissues with a new
// key leaves that differ from their request, and keeps all other items, also those that no
// request asks for. An authority, key pair or secret is never replaced: if its request
// differs, a warning says so.
//
// Certificates are valid from an hour before now until now plus the request's lifetime, in
// whole seconds UTC; a leaf ends no later than its authority, and those that do the same on
// several machines end one after the other. Keys come from keys, in
// parallel; the bytes of secrets come from random. If anything was made, the whole set is
// verified before it is returned. The error lists all faults, one per line; there is no
// result then.
func Issue(requests []Request, have Set, now time.Time, keys KeySource, random io.Reader) (Result, error) {
	if err := validateAll(requests); err != nil {
		return Result{}, err
	}
	run := newIssuance(requests, have, now)
	if err := run.plan(requests); err != nil {
		return Result{}, err
	}
	if err := run.generateKeys(requests, keys); err != nil {
		return Result{}, err
	}
	if err := run.makeRoots(requests, random); err != nil {
		return Result{}, err
	}
	if err := run.makeLeaves(requests); err != nil {
		return Result{}, err
	}
	if run.madeAny() {
		if err := faultsAsError(Verify(run.set)); err != nil {
			return Result{}, err
		}
	}
	run.warnOfExpiry()
	return Result{Set: run.set, Changes: run.changes, Warnings: run.warnings}, nil
}

// issuance is one run of Issue. Slices run parallel to the requests.
type issuance struct {
	now      time.Time
	set      Set
	changes  []Change
	warnings []Warning
	keys     []crypto.Signer
	made     []Item
	notes    []*Warning
}

func newIssuance(requests []Request, have Set, now time.Time) *issuance {
	run := &issuance{now: now.UTC().Truncate(time.Second), set: Set{}, made: make([]Item, len(requests)), notes: make([]*Warning, len(requests))}
	maps.Copy(run.set, have)
	return run
}

// plan decides for each request whether to make, reissue or keep.
func (run *issuance) plan(requests []Request) error {
	var errs []error
	for _, request := range requests {
		existing, there := run.set[request.Name]
		recorded := existing.Request
		change := Change{Name: request.Name, Action: Kept}
		switch found := Differences(recorded, request); {
		case !there:
			change.Action, change.Why = Made, "missing"
		case recorded.Kind != request.Kind:
			errs = append(errs, fmt.Errorf("%s: the PKI directory holds a %s of this name, but a %s is wanted: it belongs to another cluster, or to another version of hagen", request.Name, recorded.Kind, request.Kind))
		case request.Kind == Leaf:
			if _, kept := run.set[request.Authority]; !kept {
				found = append(found, "authority: "+request.Authority+" is new")
			}
			if len(found) > 0 {
				change.Action, change.Why = Reissued, strings.Join(found, "; ")
			}
		case len(found) > 0 && request.Kind == Authority && len(Differences(withLife(recorded, request), request)) == 0:
			run.warnOfLife(recorded, request)
		case len(found) > 0:
			run.warn(request.Name, Renewal{}, "kept, although another is now asked for (%s): an existing %s is never replaced; restore the values that it was made for",
				strings.Join(found, "; "), request.Kind)
		}
		run.changes = append(run.changes, change)
	}
	return errors.Join(errs...)
}

// withLife returns a request with the lifetime of another.
func withLife(r, other Request) Request {
	r.Lifetime = other.Lifetime
	return r
}

// warnOfLife warns of an authority that is to live for another time than it was made for: Renew can
// give it that.
func (run *issuance) warnOfLife(recorded, wanted Request) {
	remedy, renew := "its next renewal gives it that", Renewal{}
	if wanted.Lifetime > recorded.Lifetime {
		remedy, renew = "renew it, with the same key, and deliver it", Renewal{Name: wanted.Name, Deliver: true}
	}
	run.warn(wanted.Name, renew, "kept with its lifetime of %s, although %s is now asked for: %s", hours(recorded.Lifetime), hours(wanted.Lifetime), remedy)
}

// madeAny reports whether the plan makes or reissues anything.
func (run *issuance) madeAny() bool {
	return slices.ContainsFunc(run.changes, func(c Change) bool { return c.Action != Kept })
}

// pending returns the indexes of the requests of these kinds that are not kept.
func (run *issuance) pending(requests []Request, kinds ...Kind) []int {
	var found []int
	for i, request := range requests {
		if run.changes[i].Action != Kept && slices.Contains(kinds, request.Kind) {
			found = append(found, i)
		}
	}
	return found
}

// generateKeys makes the keys of all requests at once. RSA keys take most of the time of a
// run, so all processors work on them, on the longest first.
func (run *issuance) generateKeys(requests []Request, keys KeySource) error {
	run.keys = make([]crypto.Signer, len(requests))
	pending := run.pending(requests, Authority, Leaf, KeyPair)
	cost := func(i int) int { return slices.Index(Algorithms(), requests[i].Algorithm) }
	slices.SortStableFunc(pending, func(a, b int) int { return cmp.Compare(cost(b), cost(a)) })
	return inParallel(len(pending), func(n int) (err error) {
		i := pending[n]
		run.keys[i], err = newKey(requests[i], keys)
		return err
	})
}

func newKey(request Request, keys KeySource) (crypto.Signer, error) {
	key, err := keys(KeyRequest{Name: request.Name, Algorithm: request.Algorithm})
	if err != nil {
		return nil, fmt.Errorf("%s: no key could be generated: %w", request.Name, err)
	}
	if key == nil || algorithmOf(key.Public()) != request.Algorithm {
		return nil, fmt.Errorf("%s: the key generated for it is not %s", request.Name, request.Algorithm)
	}
	return key, nil
}

// makeRoots makes the items that no authority signs: authorities, key pairs and secrets.
func (run *issuance) makeRoots(requests []Request, random io.Reader) error {
	var errs []error
	for _, i := range run.pending(requests, Authority, KeyPair, Secret) {
		item, err := makeRoot(requests[i], run.keys[i], run.now, random)
		if err != nil {
			errs = append(errs, err)
		}
		run.set[item.Request.Name] = item
	}
	return errors.Join(errs...)
}

func makeRoot(request Request, key crypto.Signer, now time.Time, random io.Reader) (Item, error) {
	item := Item{Request: request}
	var err error
	if request.Kind == Secret {
		if item.Key, err = newSecret(random); err != nil {
			return item, fmt.Errorf("%s: %w", request.Name, err)
		}
		return item, nil
	}
	if item.Key, err = encodeKey(key); err != nil {
		return item, fmt.Errorf("%s: %w", request.Name, err)
	}
	if request.Kind == KeyPair {
		if item.Public, err = encodePublic(key.Public()); err != nil {
			return item, fmt.Errorf("%s: %w", request.Name, err)
		}
		return item, nil
	}
	item.Cert, err = signAuthority(request, key, now)
	return item.Parsed(), err
}

// makeLeaves signs the pending leaves. The set already holds their authorities.
func (run *issuance) makeLeaves(requests []Request) error {
	pending := run.pending(requests, Leaf)
	issuers, err := run.issuers(requests, pending)
	if err != nil {
		return err
	}
	ends := run.ends(requests, pending, issuers)
	err = inParallel(len(pending), func(n int) (err error) {
		i := pending[n]
		run.made[i], run.notes[i], err = makeLeaf(requests[i], run.keys[i], issuers[requests[i].Authority], run.now, ends[requests[i].Name])
		return err
	})
	if err != nil {
		return err
	}
	for _, i := range pending {
		run.set[requests[i].Name] = run.made[i]
		if run.notes[i] != nil {
			run.warnings = append(run.warnings, *run.notes[i])
		}
	}
	return nil
}

// issuers returns the authorities of the pending leaves. If the key of the present one is not here, the next
// one signs what did not exist yet.
func (run *issuance) issuers(requests []Request, pending []int) (map[string]issuer, error) {
	issuers, elsewhere := map[string]issuer{}, KeysElsewhere{}
	for _, i := range pending {
		name := requests[i].Authority
		authority := run.set[name]
		if authority.KeyElsewhere() {
			next, can := authority.nextSigner()
			if !can || run.changes[i].Action != Made {
				elsewhere[name] = append(elsewhere[name], requests[i].Name)
				continue
			}
			authority = next
			run.warn(requests[i].Name, Renewal{}, "signed by the next authority, since the key of the present one is not here: no machine accepts it that does not have the documents of phase %s", PhaseTrust)
		}
		if _, ready := issuers[name]; ready {
			continue
		}
		by, err := newIssuer(authority)
		if err != nil {
			return nil, err
		}
		issuers[name] = by
	}
	if len(elsewhere) > 0 {
		return nil, elsewhere
	}
	return issuers, nil
}

func makeLeaf(request Request, key crypto.Signer, by issuer, now, end time.Time) (Item, *Warning, error) {
	encoded, err := encodeKey(key)
	if err != nil {
		return Item{}, nil, fmt.Errorf("%s: %w", request.Name, err)
	}
	cert, warning, err := by.sign(request, key, now, end)
	return Item{Request: request, Cert: cert, Key: encoded}.Parsed(), warning, err
}

// Client issues one client certificate that is not kept in a Set, as for a user's kubeconfig.
// The request must be a Leaf with the ClientAuthentication profile and name the authority. The
// warning, if any, is about a lifetime shortened to that of the authority.
func Client(authority Item, request Request, now time.Time, keys KeySource) (Item, []Warning, error) {
	if err := validateAll([]Request{authority.Request, request}); err != nil {
		return Item{}, nil, err
	}
	if request.Profile != ClientAuthentication || request.Authority != authority.Request.Name {
		return Item{}, nil, fmt.Errorf("%s: not a request for a client certificate of %s", request.Name, authority.Request.Name)
	}
	if authority.KeyElsewhere() {
		return Item{}, nil, KeysElsewhere{authority.Request.Name: {request.Name}}
	}
	by, err := newIssuer(authority)
	if err != nil {
		return Item{}, nil, err
	}
	key, err := newKey(request, keys)
	if err != nil {
		return Item{}, nil, err
	}
	now = now.UTC().Truncate(time.Second)
	item, note, err := makeLeaf(request, key, by, now, by.until(request, now))
	if err != nil {
		return Item{}, nil, err
	}
	if err := faultsAsError(Verify(Set{by.name: authority, request.Name: item})); err != nil {
		return Item{}, nil, err
	}
	if note == nil {
		return item, nil, nil
	}
	return item, []Warning{*note}, nil
}

// warnOfExpiry warns of kept certificates; new ones end when their request says.
func (run *issuance) warnOfExpiry() {
	for _, change := range run.changes {
		item := run.set[change.Name]
		if change.Action != Kept || item.Cert == nil {
			continue
		}
		cert, err := item.X509()
		if err != nil {
			continue // Verify has seen it: this does not happen.
		}
		notice := Notice(cert.NotAfter.Sub(cert.NotBefore), cert.IsCA)
		remedy, renew := "renew it and deliver the new one", Renewal{Hours: int((notice + time.Hour - 1) / time.Hour), Deliver: true}
		if item.Request.Kind == Authority {
			remedy, renew = "all that it signed ends with it, at the latest: renew it, with the same key, and deliver it", Renewal{Name: change.Name, Deliver: true}
		}
		left := cert.NotAfter.Sub(run.now)
		if left <= notice && item.Request.Kind == Leaf && run.authorityEnds(item).Before(run.now) {
			remedy = "its authority has expired, too: renew both and deliver them"
		}
		switch {
		case left <= 0:
			run.warn(change.Name, renew, "expired on %s: %s", day(cert.NotAfter), remedy)
		case left <= notice:
			run.warn(change.Name, renew, "expires on %s, in %s: %s", day(cert.NotAfter), days(left), remedy)
		}
	}
}

// authorityEnds returns when the authority of a leaf expires; later than now, if the
// authority cannot be read.
func (run *issuance) authorityEnds(leaf Item) time.Time {
	cert, err := run.set[leaf.Request.Authority].X509()
	if err != nil {
		return run.now.Add(time.Hour)
	}
	return cert.NotAfter
}

// days writes a time in whole days, for people.
func days(left time.Duration) string {
	switch n := int(left.Hours() / 24); n {
	case 0:
		return "less than a day"
	case 1:
		return "a day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

func (run *issuance) warn(name string, renew Renewal, format string, values ...any) {
	run.warnings = append(run.warnings, Warning{name, fmt.Sprintf(format, values...), renew})
}
