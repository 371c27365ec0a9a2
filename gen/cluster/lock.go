package cluster

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/pki"
	"hagen/profiles"
)

// locked is the entry of an artefact in a lock file, as far as documents need it.
type locked struct{ file, sha512 string }

var (
	lockedDigest = lazy.Regexp(`^[0-9a-f]{128}$`)
	lockedFile   = lazy.Regexp(`^[A-Za-z0-9_][-A-Za-z0-9._~+@=,]*(/[A-Za-z0-9_][-A-Za-z0-9._~+@=,]*)*$`)
)

// Locked is the entry of an artefact in a lock file.
type Locked struct {
	Name, Version, Arch string
	URL                 string // "" is upstream's, or a mirror's
	File                string // its path below a mirror
	SHA512              string // hexadecimal
}

// LockedKey is the entry of a key in a lock file: the SHA-256 of a public key, or the
// id of a secret (pki.KeyID). An item that is being rotated has several: the first is the
// present one, and machines trust or read the others, too.
type LockedKey struct {
	Name   string // of the item (control.Requests)
	ID     string // hexadecimal
	Secret bool
}

// LockContents are the contents of a lock file.
type LockContents struct {
	Keys      []LockedKey
	Names     []string // that the certificates of all API servers carry (control.SharedNames); nil is not known
	Forgotten []string // that hagen pki forget took out of the Names
	Artefacts []Locked
	Bases     []LockedBase
	Bound     []string // certificates that were issued outside system:masters, which earlier releases issue in it
	Marked    []MarkedKey
}

// MarkedKey is the entry of a key that machines trust, read or show, and that was on a machine which others
// have had: no machine that joins gets it. Of an authority, what it has signed was. A key that was on several has
// an entry for each. One that is in use no more keeps its entries until other machines are in the place of these.
type MarkedKey struct {
	LockedKey
	Since time.Time // when that was recorded
	Host  string    // the machine; "" is not known
	State string    // what became of it: a pki.HostState
}

// LockedBase is the entry of an image that boot media are made from.
type LockedBase struct {
	File   string // its name, without a directory
	SHA256 string // hexadecimal
}

// LockText writes the lock file of the cluster of this name.
func LockText(name string, l LockContents) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by hagen, for review: keep it beside the cluster file of %s, in its repository.\napiVersion: %s\nkind: %s\n", name, spec.Version, spec.LockKind)
	if len(l.Keys) > 0 {
		b.WriteString("# The keys of the cluster: hagen render makes no others. Nobody can derive a key from this.\nkeys:\n")
	}
	var further strings.Builder
	for i, k := range l.Keys {
		text := &b
		if i > 0 && k.Name == l.Keys[i-1].Name {
			text = &further
		}
		fmt.Fprintf(text, "  - name: %s\n    %s: %q\n", k.Name, k.field(), k.ID)
	}
	if further.Len() > 0 {
		fmt.Fprintf(&b, "# Those that machines trust or read, too, while hagen pki rotate replaces one.\nfurtherKeys: %s\n%s", spec.OnlyNewer, &further)
	}
	if len(l.Names) > 0 {
		b.WriteString("# The names and addresses in the certificates of all API servers. Clients may dial one that the\n# cluster file no longer has: it stays until hagen pki forget.\napiServerNames:\n")
	}
	for _, name := range l.Names {
		fmt.Fprintf(&b, "  - %q\n", name)
	}
	if len(l.Forgotten) > 0 {
		b.WriteString("# Those that hagen pki forget has ended. One that is in neither list was lost: certificates keep it.\nforgottenNames:\n")
	}
	for _, name := range l.Forgotten {
		fmt.Fprintf(&b, "  - %q\n", name)
	}
	if len(l.Artefacts) > 0 {
		b.WriteString("# The digests of the files that machines fetch at their first boot. When versions or URLs\n# change, run hagen lock again.\nartefacts:\n")
	}
	for _, a := range l.Artefacts {
		fmt.Fprintf(&b, "  - name: %s\n", a.Name)
		if a.Version != "" {
			fmt.Fprintf(&b, "    version: %s\n", a.Version)
		}
		fmt.Fprintf(&b, "    arch: %s\n", a.Arch)
		if a.URL != "" {
			fmt.Fprintf(&b, "    url: %q\n", a.URL)
		}
		fmt.Fprintf(&b, "    file: %q\n    sha512: %q\n", a.File, a.SHA512)
	}
	if len(l.Bases) > 0 {
		b.WriteString("# The images that hagen media may make boot media from.\nbases:\n")
	}
	for _, base := range l.Bases {
		fmt.Fprintf(&b, "  - file: %q\n    sha256: %q\n", base.File, base.SHA256)
	}
	if len(l.Bound) > 0 {
		fmt.Fprintf(&b, "# The certificates that are not in system:masters, or have left it: RBAC binds them.\nboundByRBAC: %s\n", spec.OnlyNewer)
	}
	for _, name := range l.Bound {
		fmt.Fprintf(&b, "  - %s\n", name)
	}
	if len(l.Marked) > 0 {
		fmt.Fprintf(&b, "# Keys that were on machines which others have had (hagen pki compromised), and authorities that have signed such: no machine that joins gets them.\ncompromisedKeys: %s\n", spec.OnlyNewer)
	}
	for _, k := range l.Marked {
		fmt.Fprintf(&b, "  - name: %s\n    %s: %q\n    since: %q\n", k.Name, k.field(), k.ID, k.Since.UTC().Format(time.RFC3339))
		if k.Host != "" {
			fmt.Fprintf(&b, "    host: %q\n", k.Host)
		}
		if k.State != "" {
			fmt.Fprintf(&b, "    state: %s\n", k.State)
		}
	}
	return []byte(b.String())
}

// field names the field of the id.
func (k LockedKey) field() string {
	if k.Secret {
		return "id"
	}
	return "sha256"
}

// ReadLock returns the contents of a lock file, and the faults of its keys, names and
// bases. Cluster.Lock checks the artefacts.
func ReadLock(file *spec.LockFile) (l LockContents, faults []spec.Fault) {
	l.Keys, faults = lockedKeys(file)
	l.Marked = markedKeys(file, &faults)
	l.Names, l.Forgotten = lockedNames(file.Names, &faults), lockedNames(file.Forgotten, &faults)
	l.Bases = lockedBases(file, &faults)
	for _, name := range file.Bound.Items {
		l.Bound = append(l.Bound, name.Value)
	}
	for _, a := range file.Artefacts.Items {
		l.Artefacts = append(l.Artefacts, Locked{a.Name.Value, a.Version.Value, a.Arch.Value, a.URL.Value, a.File.Value, a.SHA512.Value})
	}
	return l, faults
}

// lockedNames are those of API servers: DNS names and addresses, as
// certificates hold them.
func lockedNames(list spec.List[spec.String], faults *[]spec.Fault) (names []string) {
	v := validation{c: &Cluster{}}
	for _, field := range list.Items {
		v.extraSAN(field)
		names = append(names, OneName(field.Value))
	}
	for _, f := range v.faults {
		f.Remedy = spec.Restore
		*faults = append(*faults, f)
	}
	return names
}

// lockedBases are those that media are made from: each file once.
func lockedBases(file *spec.LockFile, faults *[]spec.Fault) (bases []LockedBase) {
	fault := func(at spec.At, format string, args ...any) {
		*faults = append(*faults, spec.Fault{At: at, Problem: fmt.Sprintf(format, args...), Remedy: "run hagen lock --base with the file"})
	}
	for _, b := range file.Bases.Items {
		name := b.File.Value
		if b.File.At.Written() && (name == "" || path.Base(name) != name || name == "." || name == "..") {
			fault(b.File.At, "%s is not the name of a file", spec.Quote(name))
		}
		if slices.ContainsFunc(bases, func(other LockedBase) bool { return other.File == name }) {
			fault(b.File.At, "%s is locked a second time", spec.Quote(name))
		}
		if b.SHA256.At.Written() && (len(b.SHA256.Value) != 64 || !keyID().MatchString(b.SHA256.Value)) {
			fault(b.SHA256.At, "is not 64 digits of 0-9 and a-f")
		}
		bases = append(bases, LockedBase{name, b.SHA256.Value})
	}
	return bases
}

// OneName returns a DNS name or an address in the one spelling that certificates compare:
// names in lower case (RFC 4343), IPv6 as in RFC 5952.
func OneName(name string) string {
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String()
	}
	return strings.ToLower(name)
}

var keyID = lazy.Regexp(`^[0-9a-f]+$`)

// lockedKeys returns the keys of a lock file, and their faults: one of each item, and then the
// further ones of those that are being rotated.
func lockedKeys(file *spec.LockFile) (keys []LockedKey, faults []spec.Fault) {
	fault := func(at spec.At, format string, args ...any) {
		faults = append(faults, spec.Fault{At: at, Problem: fmt.Sprintf(format, args...), Remedy: spec.Restore})
	}
	for _, k := range file.Keys.Items {
		if slices.ContainsFunc(keys, func(other LockedKey) bool { return other.Name == k.Name.Value }) {
			fault(k.Name.At, "%s is written a second time", k.Name.Value)
		}
		keys = append(keys, lockedKey(k, fault))
	}
	for _, k := range file.Further.Items {
		key := lockedKey(k, fault)
		at := 0 // after those of the item
		for i, other := range keys {
			if other.Name != key.Name {
				continue
			}
			at = i + 1
			if other.ID == key.ID {
				fault(k.Name.At, "the same key of %s is written a second time", key.Name)
			}
			if other.Secret != key.Secret {
				fault(k.At, "%s has sha256 in one place, and id in another", key.Name)
			}
		}
		if at == 0 {
			fault(k.Name.At, "%s has a further key, but none in keys", key.Name)
		}
		keys = slices.Insert(keys, at, key)
	}
	return keys, faults
}

// markedKeys are those that others have had.
func markedKeys(file *spec.LockFile, faults *[]spec.Fault) (keys []MarkedKey) {
	fault := func(at spec.At, format string, args ...any) {
		*faults = append(*faults, spec.Fault{At: at, Problem: fmt.Sprintf(format, args...), Remedy: spec.Restore})
	}
	for _, k := range file.Marked.Items {
		key := lockedKey(spec.LockedKey{At: k.At, Name: k.Name, SHA256: k.SHA256, ID: k.ID}, fault)
		since, err := time.Parse(time.RFC3339, k.Since.Value)
		if err != nil && k.Since.At.Written() {
			fault(k.Since.At, "%s is not a time like 2026-01-02T15:04:05Z", spec.Quote(k.Since.Value))
		}
		if state := k.State.Value; k.State.At.Written() && state != string(pki.HostRunsOn) && state != string(pki.HostReplaced) {
			fault(k.State.At, "%s is neither %s nor %s", spec.Quote(state), pki.HostRunsOn, pki.HostReplaced)
		}
		keys = append(keys, MarkedKey{key, since.UTC(), k.Host.Value, k.State.Value})
	}
	return keys
}

// lockedKey returns an entry of a key.
func lockedKey(k spec.LockedKey, fault func(spec.At, string, ...any)) LockedKey {
	written, digits := k.SHA256, 64
	if k.ID.At.Written() {
		written, digits = k.ID, 32
	}
	switch {
	case k.SHA256.At.Written() == k.ID.At.Written():
		fault(k.At, "%s needs either sha256 or id", k.Name.Value)
	case len(written.Value) != digits || !keyID().MatchString(written.Value):
		fault(written.At, "is not %d digits of 0-9 and a-f", digits)
	}
	return LockedKey{k.Name.Value, written.Value, k.ID.At.Written()}
}

// Lock returns the cluster with the digests of a lock file for the artefacts that
// machines fetch. The faults are those of the lock file: missing artefacts, other
// versions, unreadable values.
func (c *Cluster) Lock(file *spec.LockFile) (*Cluster, []spec.Fault) {
	var faults []spec.Fault
	fault := func(at spec.At, format string, args ...any) {
		faults = append(faults, spec.Fault{At: at, Problem: fmt.Sprintf(format, args...), Remedy: spec.Relock})
	}
	found := map[string]spec.Locked{}
	for _, l := range file.Artefacts.Items {
		if _, twice := found[l.Name.Value]; twice {
			fault(l.Name.At, "%s is locked a second time", l.Name.Value)
		}
		found[l.Name.Value] = l
		if _, known := profiles.FindArtefact(l.Name.Value); !known && l.Name.At.Written() {
			fault(l.Name.At, "there is no artefact %s", spec.Quote(l.Name.Value))
		}
		if l.SHA512.At.Written() && !lockedDigest().MatchString(l.SHA512.Value) {
			fault(l.SHA512.At, "is not a SHA-512 digest: 128 digits of 0-9 and a-f")
		}
		if l.File.At.Written() && (!lockedFile().MatchString(l.File.Value) || path.Clean(l.File.Value) != l.File.Value) {
			fault(l.File.At, "%s is not a plain path of a file below a mirror", spec.Quote(l.File.Value))
		}
	}
	taken := map[string]locked{}
	for _, a := range c.Fetched() {
		l, there := found[a.Name]
		if !there {
			fault(at(file.Artefacts.At, file.At), "lacks %s", a.Name)
			continue
		}
		c.holds(a, l, fault)
		taken[a.Name] = locked{l.File.Value, l.SHA512.Value}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return c.with(taken), nil
}

func (c *Cluster) with(taken map[string]locked) *Cluster {
	with := *c
	with.Binaries.locked = taken
	return &with
}

// at returns the first position that is written.
func at(ats ...spec.At) spec.At { return ats[slices.IndexFunc(ats, spec.At.Written)] }

// holds compares an entry with the artefact that the cluster file asks for.
func (c *Cluster) holds(a Artefact, l spec.Locked, fault func(spec.At, string, ...any)) {
	if l.Version.Value != a.Version {
		was := l.Version.Value
		if was == "" {
			was = "no version"
		}
		fault(at(l.Version.At, l.Name.At, l.At), "is locked for %s, but the cluster file asks for %s", was, a.Version)
	}
	if l.Arch.At.Written() && l.Arch.Value != a.Arch {
		fault(l.Arch.At, "is locked for %s, but the cluster file asks for %s", spec.Quote(l.Arch.Value), a.Arch)
	}
	where := a.Path
	if own := c.Binaries.Sources[a.Name]; own != "" {
		where = own
	}
	if l.File.At.Written() && (profiles.IsArchive(l.File.Value) != profiles.IsArchive(where) || profiles.Packed(l.File.Value) != "") {
		fault(l.File.At, "%s is packed in another way than %s", spec.Quote(l.File.Value), path.Base(where))
	}
	if own := c.Binaries.Sources[a.Name]; l.URL.Value != own {
		if own == "" {
			own = "upstream's"
		}
		fault(at(l.URL.At, l.Name.At, l.At), "is locked for another URL than the cluster file's: %s", own)
	}
}
