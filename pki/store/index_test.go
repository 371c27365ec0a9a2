package store

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"hagen/pki"
)

func TestIndexText(t *testing.T) {
	dir, set := filled(t)
	found := snapshot(t, dir)
	fingerprints := regexp.MustCompile(`"[0-9a-f]{32,64}"`)
	text := func(path string) string {
		_, content, _ := strings.Cut(found[path], " ")
		return fingerprints.ReplaceAllString(content, `"…"`)
	}
	for path, want := range map[string]string{
		indexFile: "{\n  \"version\": 2,\n  \"cluster\": \"kubernetes\"\n}\n",
		"records/cluster/encryption.json": `{
  "request": {
    "name": "cluster/encryption",
    "kind": "secret"
  },
  "generations": [
    {
      "generation": 1,
      "key": "…"
    }
  ]
}
`,
		"records/cluster/admin.json": `{
  "request": {
    "name": "cluster/admin",
    "kind": "leaf",
    "authority": "authorities/kubernetes/ca",
    "subject": {
      "commonName": "admin",
      "organization": [
        "system:masters"
      ]
    },
    "profile": "client-authentication",
    "algorithm": "ecdsa-p256",
    "lifetime": "2160h0m0s"
  },
  "generations": [
    {
      "generation": 1,
      "key": "…",
      "certificates": [
        {
          "sha256": "…",
          "notBefore": "2026-03-14T14:09:26Z",
          "notAfter": "2026-06-12T15:09:26Z"
        }
      ]
    }
  ]
}
`,
	} {
		if text(path) != want {
			t.Errorf("%s is\n%s", path, text(path))
		}
	}
	for name, item := range set {
		for line := range strings.Lines(string(item.Key)) {
			for path, content := range found {
				if strings.HasSuffix(path, ".json") && strings.Contains(content, strings.TrimSpace(line)) {
					t.Errorf("%s holds key material of %s", path, name)
				}
			}
		}
	}
}

// TestFirstVersion: an index of version 1 is read, and written only as one of version 2 that names
// the cluster; certificates and keys stay.
func TestFirstVersion(t *testing.T) {
	dir, set := filledFirst(t)
	jane := ClientRecord{User: "jane", Serial: "0a", NotBefore: testNow, NotAfter: testNow.Add(time.Hour)}
	if err := os.WriteFile(filepath.Join(dir, indexFile), firstIndex(t, set, jane), 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !sameSet(s.Set(), set) || s.Cluster() != "" || len(s.Clients()) != 1 {
		t.Error("what is read is not what was written", s.Cluster(), s.Clients())
	}
	if changed, err := s.Save(s.Set()); changed || err == nil || !strings.Contains(err.Error(), "before its cluster is known") {
		t.Error(changed, err)
	}
	s.SetCluster("prod")
	if changed, err := s.Save(s.Set()); !changed || err != nil {
		t.Fatal(changed, err)
	}
	s.Close()
	again := open(t, dir)
	if again.Cluster() != "prod" || !sameSet(again.Set(), set) || !reflect.DeepEqual(again.Clients(), []ClientRecord{jane}) {
		t.Error(again.Cluster(), again.Clients())
	}
	for path, content := range before {
		if path != indexFile && path != "." && snapshot(t, dir)[path] != content {
			t.Errorf("%s changed", path)
		}
	}
}

// TestGenerations: each new key of an item counts, also after its files were deleted.
func TestGenerations(t *testing.T) {
	for name, fill := range map[string]func(testing.TB) (string, pki.Set){"2": filled, "1": filledFirst} {
		dir, _ := fill(t)
		s := open(t, dir)
		requests := testRequests()
		requests[1].DNSNames = append(requests[1].DNSNames, "more")
		result := issue(t, s.Set(), requests...)
		if _, err := s.Save(result.Set); err != nil {
			t.Fatal(err)
		}
		s.Close()
		for _, file := range []string{admin + ".pem", admin + "-key.pem"} {
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		}
		s = open(t, dir)
		result = issue(t, s.Set(), requests...)
		if _, err := s.Save(result.Set); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for name, r := range s.recorded {
			got[name] = r.Generation
		}
		if want := (map[string]int{authority: 1, server: 2, admin: 2, sa: 1, secret: 1}); !maps.Equal(got, want) {
			t.Errorf("version %s: %v", name, got)
		}
	}
}

// TestTwoPeople: what two people did to two copies merges file by file.
func TestTwoPeople(t *testing.T) {
	dir, set := filled(t)
	copied := filepath.Join(t.TempDir(), "pki")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	for i, where := range []string{dir, copied} {
		s := open(t, where)
		requests := testRequests()
		requests[1+i].Lifetime /= 2
		client := ClientRecord{User: where, Serial: fmt.Sprintf("0%d", i), NotBefore: testNow, NotAfter: testNow.Add(time.Hour)}
		if _, err := s.Save(issue(t, s.Set(), requests...).Set, client); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	theirs := snapshot(t, copied)
	for path, content := range theirs {
		if before[path] == content || strings.HasPrefix(content, "d") {
			continue
		}
		if snapshot(t, dir)[path] != before[path] {
			t.Errorf("both changed %s", path)
		}
		_, text, _ := strings.Cut(content, " ")
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700), os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	if len(s.Clients()) != 2 || bytes.Equal(s.Set()[server].Key, set[server].Key) || bytes.Equal(s.Set()[admin].Key, set[admin].Key) {
		t.Error("not all of both is there")
	}
}

func TestRenewed(t *testing.T) {
	dir, _ := filled(t)
	for _, file := range []string{server + ".pem", server + "-key.pem"} {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	if _, err := s.Save(s.Set()); err != nil { // as hagen kubeconfig does in between
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	more := testRequests()[2]
	more.Name = "cluster/more"
	for _, change := range s.Renewed(issue(t, s.Set(), append(testRequests(), more)...).Changes) {
		want := map[string]pki.Action{server: pki.Renewed, "cluster/more": pki.Made}[change.Name]
		if want == "" {
			want = pki.Kept
		}
		if change.Action != want {
			t.Error(change)
		}
	}
	if request := s.Recorded()[server]; !reflect.DeepEqual(request, testRequests()[1]) {
		t.Error(request)
	}
}

func TestNewest(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)
	if name, begin := s.Newest(); name != authority || !begin.Equal(testNow.Add(-time.Hour)) {
		t.Error(name, begin)
	}
	// What users were given, and leaves whose files are gone, stand in nobody's way.
	later := testNow.Add(time.Hour)
	if _, err := s.Save(s.Set(), ClientRecord{User: "jane", Serial: "0a", NotBefore: later, NotAfter: later}); err != nil {
		t.Fatal(err)
	}
	if name, _ := s.Newest(); name != authority {
		t.Error(name)
	}
	if name, _ := open(t, filepath.Join(t.TempDir(), "none")).Newest(); name != "" {
		t.Error(name)
	}
}

// TestAsked: what the cluster does not ask for any more is remembered as such, until it asks again.
func TestAsked(t *testing.T) {
	dir, _ := filled(t)
	for _, step := range []struct {
		asked []string
		want  bool
	}{{nil, true}, {[]string{authority, server}, false}, {nil, false}, {[]string{authority, server, admin}, true}} {
		s := open(t, dir)
		s.SetCluster("kubernetes", step.asked...)
		if _, err := s.Save(s.Set()); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if s = open(t, dir); s.Asked(admin) != step.want || !s.Asked(server) || s.Asked("none") {
			t.Errorf("after %v: %v", step.asked, s.Asked(admin))
		}
		s.Close()
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, item := range issue(f, nil, testRequests()...).Set {
		r, err := describe(item, indexVersion)
		text, encoding := json.Marshal(r.file())
		if err := errors.Join(err, encoding); err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, name := range []string{authority, sa, secret} {
		item := issue(f, nil, testRequests()...).Set[name]
		for _, phase := range pki.Phases() {
			next, err := item.Rotate(phase, pki.Names{Key: "key2", Provider: "secretbox"}, testNow, pki.Generate, rand.Reader)
			r, unread := describe(next, indexVersion)
			text, encoding := json.Marshal(r.file())
			if err := errors.Join(err, unread, encoding); err != nil {
				f.Fatal(err)
			}
			f.Add(text)
			item = next
		}
	}
	f.Add([]byte(`{"user": "jane", "serial": "00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, ofClient := decodeClient(data)
		r, ofItem := decodeRecord(data)
		for _, fault := range []*indexFault{ofClient, ofItem} {
			if fault == nil {
				continue
			}
			if line, column := position(data, fault.offset); line < 1 || column < 1 || strings.Contains(fault.text, "\n") {
				t.Errorf("fault at %d:%d: %s", line, column, fault.text)
			}
		}
		if ofItem != nil {
			return
		}
		if !filepath.IsLocal(recordPath(r.Request.Name)) {
			t.Errorf("%s leads outside", r.Request.Name)
		}
		text, err := json.Marshal(r.file())
		again, fault := decodeRecord(text)
		if err != nil || fault != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%v is read back as %v: %v", r, again, err)
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(firstIndex(f, issue(f, nil, testRequests()...).Set, ClientRecord{User: "jane"}))
	for _, text := range []string{"", "{}", "[]", `{"version":1}`, `{"version":1,"items":[{"request":{}}]}`, `{"version":1,"clients":[null]}`, `{"version":1e9}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, faults := decodeIndex(data)
		for _, fault := range faults {
			if line, column := position(data, fault.offset); line < 1 || column < 1 || strings.Contains(fault.text, "\n") {
				t.Errorf("fault at %d:%d: %s", line, column, fault.text)
			}
		}
		for _, item := range read.Items {
			for _, p := range parts(item.Request) {
				if !filepath.IsLocal(p.path) {
					t.Errorf("%s leads outside", p.path)
				}
			}
			text, err := json.Marshal(item)
			var again record
			if err == nil {
				err = json.Unmarshal(text, &again)
			}
			if err != nil || !reflect.DeepEqual(item, again) {
				t.Errorf("%v is read back as %v: %v", item, again, err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "pki")
	requests := testRequests()
	for i := range 27 {
		leaf := testRequests()[1]
		leaf.Name = fmt.Sprintf("hosts/kubem0%d/leaf%d", i%3, i)
		requests = append(requests, leaf)
	}
	s := open(b, dir)
	if _, err := s.Save(issue(b, nil, requests...).Set); err != nil {
		b.Fatal(err)
	}
	s.Close()
	for b.Loop() {
		s, err := Open(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
