package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/pki"
)

var testNow = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

const (
	authority = "authorities/kubernetes/ca"
	server    = "hosts/kubem00/apiserver"
	admin     = "cluster/admin"
	sa        = "cluster/sa"
	secret    = "cluster/encryption"
)

func testRequests() []pki.Request {
	return []pki.Request{
		{Name: authority, Kind: pki.Authority, Subject: pki.Subject{CommonName: "Test CA"}, Algorithm: pki.ECDSAP256, Lifetime: 87600 * time.Hour},
		{Name: server, Kind: pki.Leaf, Authority: authority, Subject: pki.Subject{CommonName: "apiserver"}, Algorithm: pki.ECDSAP256, Lifetime: 8760 * time.Hour,
			Profile: pki.ServerAuthentication, DNSNames: []string{"kubem00"}, IPAddresses: []netip.Addr{netip.MustParseAddr("10.10.10.80")}},
		{Name: admin, Kind: pki.Leaf, Authority: authority, Subject: pki.Subject{CommonName: "admin", Organization: []string{"system:masters"}},
			Algorithm: pki.ECDSAP256, Lifetime: 2160 * time.Hour, Profile: pki.ClientAuthentication},
		{Name: sa, Kind: pki.KeyPair, Algorithm: pki.ECDSAP256},
		{Name: secret, Kind: pki.Secret},
	}
}

func issue(t testing.TB, have pki.Set, requests ...pki.Request) pki.Result {
	t.Helper()
	result, err := pki.Issue(requests, have, testNow, pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if s.Cluster() == "" {
		s.SetCluster("kubernetes")
	}
	return s
}

// filled returns a directory with the items of testRequests, and what it holds.
func filled(t testing.TB) (string, pki.Set) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	s := open(t, dir)
	set := issue(t, s.Set(), testRequests()...).Set
	if changed, err := s.Save(set); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, set
}

// filledFirst is filled with an index of version 1, as hagen no longer writes it.
func filledFirst(t testing.TB) (string, pki.Set) {
	t.Helper()
	dir, set := filled(t)
	if err := os.RemoveAll(filepath.Join(dir, recordsDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFile), firstIndex(t, set), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, set
}

// firstIndex writes an index of version 1.
func firstIndex(t testing.TB, set pki.Set, clients ...ClientRecord) []byte {
	t.Helper()
	written := struct {
		Version int            `json:"version"`
		Items   []record       `json:"items"`
		Clients []ClientRecord `json:"clients"`
	}{1, []record{}, append([]ClientRecord{}, clients...)}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		item, err := describe(set[name], 1)
		if err != nil {
			t.Fatal(err)
		}
		written.Items = append(written.Items, item)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(written); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// snapshot reads all that is in a directory, with modes.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		found[rel] = info.Mode().String() + " "
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrPermission) {
				return nil
			}
			found[rel] += string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRoundTrip(t *testing.T) {
	dir, set := filled(t)
	modes := map[string]string{
		".": "drwx------", "authorities": "drwx------", "authorities/kubernetes": "drwx------",
		authority + ".pem": "-rw-r--r--", authority + "-key.pem": "-rw-------",
		server + ".pem": "-rw-r--r--", server + "-key.pem": "-rw-------",
		admin + ".pem": "-rw-r--r--", admin + "-key.pem": "-rw-------",
		sa + ".key": "-rw-------", sa + ".pub": "-rw-r--r--", secret + ".key": "-rw-------",
		"cluster": "drwx------", "hosts": "drwx------", "hosts/kubem00": "drwx------",
		"index.json": "-rw-------", ".gitignore": "-rw-r--r--",
		"records": "drwx------", "records/authorities": "drwx------", "records/authorities/kubernetes": "drwx------", "records/cluster": "drwx------", "records/hosts": "drwx------", "records/hosts/kubem00": "drwx------",
		"records/" + authority + ".json": "-rw-------", "records/" + server + ".json": "-rw-------", "records/" + admin + ".json": "-rw-------", "records/" + sa + ".json": "-rw-------", "records/" + secret + ".json": "-rw-------",
	}
	before := snapshot(t, dir)
	for path, content := range before {
		if mode, _, _ := strings.Cut(content, " "); mode != modes[path] {
			t.Errorf("%s: mode %s, want %s", path, mode, modes[path])
		}
	}
	if len(before) != len(modes) {
		t.Errorf("%d entries, want %d", len(before), len(modes))
	}

	s := open(t, dir)
	if !sameSet(s.Set(), set) {
		t.Error("what is read is not what was written")
	}
	if len(s.Warnings()) > 0 || len(s.Clients()) > 0 {
		t.Error(s.Warnings(), s.Clients())
	}
	again := issue(t, s.Set(), testRequests()...)
	if changed, err := s.Save(again.Set); changed || err != nil {
		t.Errorf("saved without need: %v, %v", changed, err)
	}
	if after := snapshot(t, dir); !reflect.DeepEqual(before, after) {
		t.Error("the directory changed")
	}
}

// TestKeyElsewhere: without the key of an authority all can be read and written but what it would
// have to sign, and a key that is brought back must be the same.
func TestKeyElsewhere(t *testing.T) {
	dir, set := filled(t)
	key := filepath.Join(dir, authority+"-key.pem")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	s := open(t, dir)
	result := issue(t, s.Set(), testRequests()...)
	if changed, err := s.Save(result.Set); changed || err != nil || len(result.Warnings)+len(s.Warnings()) > 0 {
		t.Error(changed, err, result.Warnings, s.Warnings())
	}
	if _, err := s.Save(s.Set(), ClientRecord{User: "jane", Serial: "0a"}); err != nil {
		t.Error(err)
	}
	delete(before, "records/clients")
	after := snapshot(t, dir)
	delete(after, "records/clients")
	delete(after, "records/clients/0a.json")
	if !reflect.DeepEqual(before, after) {
		t.Error("the directory changed")
	}
	without := s.Set()
	delete(without, server)
	delete(without, admin)
	var elsewhere pki.KeysElsewhere
	_, err := pki.Issue(testRequests(), without, testNow, pki.Generate, rand.Reader)
	if !errors.As(err, &elsewhere) || !slices.Equal(elsewhere[authority], []string{server, admin}) {
		t.Error(err)
	}
	if want := authority + ": its key is not here, but has to sign " + server + ", " + admin; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	s.Close()
	other := issue(t, nil, testRequests()...).Set
	if err := os.WriteFile(key, other[authority].Key, 0o600); err != nil {
		t.Fatal(err)
	}
	holdFault(t, dir, "DIR/authorities/kubernetes/ca-key.pem is wrong: it is not the key of the certificate beside it; restore it from a backup: running machines use no other, and an existing authority is never replaced")
	if err := os.WriteFile(key, set[authority].Key, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// TestRenewedAuthority: an authority may be renewed, and nothing else of it be replaced; the
// generation counts keys.
func TestRenewedAuthority(t *testing.T) {
	dir, set := filled(t)
	s := open(t, dir)
	renew := func(newKeys bool, names ...string) pki.Set {
		t.Helper()
		var requests []pki.Request
		for _, name := range names {
			requests = append(requests, s.Set()[name].Request)
		}
		result, err := pki.Renew(requests, s.Set(), newKeys, testNow.Add(time.Hour), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return result.Set
	}
	if changed, err := s.Save(renew(false, authority, server)); err != nil || !changed {
		t.Fatal(changed, err)
	}
	for _, name := range []string{authority, server} {
		if r := s.recorded[name]; r.Generation != 1 || r.NotAfter.Equal(testNow.Add(r.Request.Lifetime)) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := s.Save(set); err == nil || !strings.Contains(err.Error(), "never replaced") {
		t.Error("the former authority took the place of the renewed one:", err)
	}
	if _, err := s.Save(renew(true, server)); err != nil || s.recorded[server].Generation != 2 {
		t.Error(err, s.recorded[server])
	}
	s.Close()
	open(t, dir)
}

// TestDrop: leaves go with their records, and nothing else does.
func TestDrop(t *testing.T) {
	dir, _ := filled(t)
	remove(admin+".pem", admin+"-key.pem")(t, dir, nil)
	s := open(t, dir)
	set := s.Set()
	delete(set, server)
	s.Drop(server, admin, sa)
	if changed, err := s.Save(set); err != nil || !changed {
		t.Fatal(changed, err)
	}
	for path := range snapshot(t, dir) {
		if strings.Contains(path, "hosts") || strings.Contains(path, "admin") {
			t.Error(path, "is still there")
		}
	}
	s.Close()
	s = open(t, dir)
	if names := slices.Sorted(maps.Keys(s.Recorded())); !slices.Equal(names, []string{authority, secret, sa}) {
		t.Error(names)
	}
	delete(set, authority)
	s.Drop(authority)
	if _, err := s.Save(set); err == nil {
		t.Error("an authority was removed")
	}
}

// TestExpiredClients: what expired before a new certificate was issued goes, so
// that the records do not grow for ever.
func TestExpiredClients(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)
	record := func(user string, from, to time.Duration) ClientRecord {
		return ClientRecord{User: user, Serial: "0a" + user, NotBefore: testNow.Add(from), NotAfter: testNow.Add(to)}
	}
	for _, r := range []ClientRecord{record("short", 0, time.Hour), record("long", 0, 100*time.Hour), record("new", 2*time.Hour, 3*time.Hour)} {
		if _, err := s.Save(s.Set(), r); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if got := open(t, dir).Clients(); len(got) != 2 || got[0].User != "long" || got[1].User != "new" {
		t.Errorf("got %v", got)
	}
}

// TestTooLargeRecord: what could not be read again is not written.
func TestTooLargeRecord(t *testing.T) {
	dir, _ := filled(t)
	before := snapshot(t, dir)
	s := open(t, dir)
	large := ClientRecord{User: "jane", Serial: "0a", Groups: []string{strings.Repeat("x", maxFile)}, NotAfter: testNow}
	if changed, err := s.Save(s.Set(), large); changed || err == nil || !strings.Contains(err.Error(), "records/clients/0a.json would be larger than 1 MiB") {
		t.Error(changed, err)
	}
	if !reflect.DeepEqual(before, snapshot(t, dir)) {
		t.Error("the directory was changed")
	}
}

func TestClients(t *testing.T) {
	dir, set := filled(t)
	s := open(t, dir)
	request := testRequests()[2]
	request.Name = "clients/jane"
	item, _, err := pki.Client(set[authority], request, testNow, pki.Generate)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClientRecord(item)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Save(s.Set(), client); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if changed, err := s.Save(s.Set()); changed || err != nil {
		t.Errorf("saved without need: %v, %v", changed, err)
	}
	s.Close()
	s = open(t, dir)
	cert, _ := item.X509()
	want := ClientRecord{User: "admin", Groups: []string{"system:masters"}, Serial: hex.EncodeToString(cert.SerialNumber.Bytes()), Fingerprint: pki.Fingerprint(cert.Raw),
		NotBefore: testNow.Add(-time.Hour), NotAfter: testNow.Add(2160 * time.Hour), Authority: authority}
	if got := s.Clients(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for path, content := range snapshot(t, dir) {
		if strings.Contains(content, string(item.Key)) {
			t.Errorf("%s holds the key of a client certificate", path)
		}
	}
}

func TestMissingLeafIsIssuedAnew(t *testing.T) {
	dir, set := filled(t)
	for _, file := range []string{server + ".pem", server + "-key.pem"} {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	result := issue(t, s.Set(), testRequests()...)
	for _, change := range result.Changes {
		if made := change.Action == pki.Made; made != (change.Name == server) {
			t.Error(change)
		}
	}
	if changed, err := s.Save(result.Set); !changed || err != nil {
		t.Fatal(changed, err)
	}
	s.Close()
	if got := open(t, dir).Set(); bytes.Equal(got[server].Key, set[server].Key) || !bytes.Equal(got[authority].Key, set[authority].Key) {
		t.Error("not the server's pair alone was made again")
	}
}

func TestSaveRefuses(t *testing.T) {
	dir, set := filled(t)
	s := open(t, dir)
	without := s.Set()
	delete(without, authority)
	delete(without, secret)
	if _, err := s.Save(without); err == nil || strings.Count(err.Error(), "is never replaced or removed") != 2 {
		t.Errorf("dropped an authority and a secret: %v", err)
	}
	replaced := s.Set()
	item := replaced[sa]
	item.Key = set[server].Key
	replaced[sa] = item
	if _, err := s.Save(replaced); err == nil || !strings.Contains(err.Error(), "cluster/sa: an existing key-pair is never replaced or removed") {
		t.Errorf("replaced a key pair: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster/more-key.pem"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	more := testRequests()[2]
	more.Name = "cluster/more"
	result := issue(t, s.Set(), append(testRequests(), more)...)
	if _, err := s.Save(result.Set); err == nil || !strings.HasSuffix(err.Error(), "records/cluster/more.json from a backup; if not, move it away") {
		t.Errorf("wrote over a file that is not hagen's: %v", err)
	}
}

func TestForeignFilesAreKept(t *testing.T) {
	dir, _ := filled(t)
	for path, text := range map[string]string{".gitignore": "mine\n", "README": "x", "hosts/kubem00/notes.pem": "x"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	more := testRequests()[2]
	more.Name = "cluster/more"
	if changed, err := s.Save(issue(t, s.Set(), append(testRequests(), more)...).Set); !changed || err != nil {
		t.Fatal(changed, err)
	}
	after := snapshot(t, dir)
	if after[".gitignore"] != "-rw-r--r-- mine\n" || after["README"] != "-rw-r----- x" || after["hosts/kubem00/notes.pem"] != "-rw-r----- x" {
		t.Errorf("%q %q %q", after[".gitignore"], after["README"], after["hosts/kubem00/notes.pem"])
	}
}

func TestReadableKeyIsWarnedOf(t *testing.T) {
	dir, _ := filled(t)
	if err := os.Chmod(filepath.Join(dir, sa+".key"), 0o640); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	want := []pki.Warning{{Name: sa, Text: filepath.Join(dir, sa) + ".key can be read by others (mode 0640): hagen sets it to 0600 when it next writes; if somebody has read it, it is no longer secret"}}
	if got := s.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if changed, err := s.Save(s.Set()); !changed || err != nil {
		t.Fatal(changed, err)
	}
	s.Close()
	if got := open(t, dir).Warnings(); len(got) > 0 {
		t.Error(got)
	}
}

func TestEmptyStore(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "pki")
	s := open(t, dir)
	if len(s.Set()) > 0 {
		t.Error(s.Set())
	}
	s.Close()
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("an unused store leaves %v", left)
	}
}

func sameSet(a, b pki.Set) bool {
	return maps.EqualFunc(a, b, func(x, y pki.Item) bool { return same(x, y) && reflect.DeepEqual(x.Request, y.Request) })
}
