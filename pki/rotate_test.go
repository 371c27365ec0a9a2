package pki

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// rotate takes an item to phases, a day after each other.
func rotate(t testing.TB, item Item, names Names, phases ...Phase) Item {
	t.Helper()
	for n, phase := range phases {
		next, err := item.Rotate(phase, names, testNow.Add(time.Duration(n)*24*time.Hour), Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		item = next
	}
	return item
}

// states writes the generations of an item: "1 former, 2 present".
func states(item Item) string {
	var all []string
	for _, g := range item.Generations {
		all = append(all, string(rune('0'+g.Number))+" "+string(g.State))
	}
	return strings.Join(all, ", ")
}

func TestRotate(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	for _, test := range []struct {
		name, last string
	}{{"cluster/sa", "1 removed, 2 present"}, {"cluster/encryption", "1 retired, 2 present"}} {
		item := set[test.name]
		first := item.All()[0]
		if len(item.All()) != 1 || first.Number != 1 || first.State != Present || item.NextPhase() != PhaseTrust || item.Rotation() != nil {
			t.Error(test.name, item.All())
		}
		trust := rotate(t, item, Names{"key2", "secretbox"}, PhaseTrust)
		if got := states(trust); got != "1 present, 2 next" || !bytes.Equal(trust.Key, item.Key) || trust.NextPhase() != PhaseIssue {
			t.Error(test.name, got)
		}
		next := trust.Trusted()[1]
		if bytes.Equal(next.Key, item.Key) || next.ID == first.ID || (item.Request.Kind == Secret) != (next.KeyName == "key2") {
			t.Error(test.name, "no key of its own")
		}
		issued := rotate(t, trust, Names{}, PhaseIssue)
		if got := states(issued); got != "1 former, 2 present" || !bytes.Equal(issued.Key, next.Key) || !bytes.Equal(issued.Trusted()[1].Key, item.Key) || !bytes.Equal(issued.Public, next.Public) {
			t.Error(test.name, got)
		}
		retired := rotate(t, issued, Names{}, PhaseRetire)
		if got := states(retired); got != test.last || len(retired.Trusted()) != 1 || retired.NextPhase() != PhaseTrust {
			t.Error(test.name, got)
		}
		again := rotate(t, retired, Names{"key3", "secretbox"}, PhaseTrust, PhaseIssue, PhaseRetire)
		if got := states(again); got != test.last[:strings.Index(test.last, ",")]+strings.Replace(test.last[strings.Index(test.last, " "):strings.Index(test.last, ",")], " ", ", 2 ", 1)+", 3 present" {
			t.Error(test.name, got)
		}
		for _, pair := range [][2]Item{{trust, item}, {issued, trust}, {retired, issued}, {again, retired}} {
			if !pair[0].Keeps(pair[1]) || len(Verify(Set{test.name: pair[0]})) > 0 {
				t.Error(test.name, "lost a key:", states(pair[0]), "after", states(pair[1]))
			}
		}
		for _, pair := range [][2]Item{{item, trust}, {trust, issued.with(item.Key)}} {
			if pair[0].Keeps(pair[1]) {
				t.Error(test.name, "kept all keys:", states(pair[0]), "after", states(pair[1]))
			}
		}
		if states(item) != "" || states(trust) != "1 present, 2 next" || states(issued) != "1 former, 2 present" {
			t.Error(test.name, "changed what it was given")
		}
	}
}

// with returns the item with another key, as no phase leaves it.
func (i Item) with(key []byte) Item {
	i.Key = slices.Concat(key, []byte("x"))
	return i
}

func TestRotateRefuses(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	sa := set["cluster/sa"]
	for _, test := range []struct {
		item Item
		to   Phase
		want string
	}{
		{sa, PhaseIssue, "cluster/sa: the next phase is trust, not issue"},
		{sa, PhaseRetire, "cluster/sa: the next phase is trust, not retire"},
		{rotate(t, sa, Names{}, PhaseTrust), PhaseTrust, "cluster/sa: the next phase is issue, not trust"},
		{rotate(t, sa, Names{}, PhaseTrust), PhaseRetire, "cluster/sa: the next phase is issue, not retire"},
		{rotate(t, sa, Names{}, PhaseTrust, PhaseIssue), PhaseTrust, "cluster/sa: the next phase is retire, not trust"},
		{set["hosts/kubem00/server"], PhaseTrust, "hosts/kubem00/server: a leaf is renewed, not rotated"},
	} {
		if _, err := test.item.Rotate(test.to, Names{}, testNow, Generate, rand.Reader); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestRotationNotes(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	if _, changed := set["cluster/sa"].Rendered(testNow); changed {
		t.Error("noted that an item without a rotation was rendered")
	}
	trust := rotate(t, set["cluster/sa"], Names{}, PhaseTrust)
	second := testNow.UTC().Truncate(time.Second)
	rendered, changed := trust.Rendered(testNow.Add(time.Hour))
	again, twice := rendered.Rendered(testNow.Add(2 * time.Hour))
	if !changed || twice || again.Rotation().Rendered != second.Add(time.Hour) || !trust.Rotation().Rendered.IsZero() {
		t.Error(changed, twice, again.Rotation(), trust.Rotation())
	}
	delivered := rendered.Delivered(testNow.Add(3*time.Hour), "operator", "kubem01")
	want := Step{Phase: PhaseTrust, Began: second, Rendered: second.Add(time.Hour), Delivered: second.Add(3 * time.Hour), By: "operator", Without: []string{"kubem01"}}
	if got := *delivered.Rotation(); !reflect.DeepEqual(got, want) {
		t.Error(got)
	}
	issued := rotate(t, delivered, Names{}, PhaseIssue)
	if got := issued.Rotation(); got.Phase != PhaseIssue || !got.Rendered.IsZero() || len(issued.Generations[1].Steps) != 2 {
		t.Error(got)
	}
}

// Who is left out when a rotation begins may be replaced in the same phase.
func TestLeavesOut(t *testing.T) {
	trust := rotate(t, issue(t, testRequests(), nil, testNow).Set["cluster/sa"], Names{}, PhaseTrust)
	out := trust.LeavesOut("kubem01", "kubem02")
	if got := out.LeftOut(); !slices.Equal(got, []string{"kubem01", "kubem02"}) || len(trust.LeftOut()) > 0 || len(trust.LeavesOut().LeftOut()) > 0 {
		t.Error(got, trust.LeftOut())
	}
	replaced, changed := out.Replaced("kubem01")
	if got := replaced.LeftOut(); !changed || !slices.Equal(got, []string{"kubem02"}) || len(out.LeftOut()) != 2 {
		t.Error(changed, got, out.LeftOut())
	}
}

func TestWithoutRetired(t *testing.T) {
	secret := issue(t, testRequests(), nil, testNow).Set["cluster/encryption"]
	once := rotate(t, secret, Names{}, Phases()...)
	if same, removed, kept := once.WithoutRetired(testNow.Add(1000 * time.Hour)); removed != nil || !slices.Equal(kept, []int{1}) || states(same) != "1 retired, 2 present" {
		t.Error("removed what machines have", removed, kept, states(same))
	}
	rendered, _ := once.Rendered(testNow.Add(time.Hour))
	if at := rendered.RetiredAt(rendered.Generations[0]); !at.Equal(testNow.UTC().Truncate(time.Second).Add(time.Hour)) {
		t.Error(at)
	}
	// A phase that was never rendered is over with the next one that was.
	later, _ := rotate(t, once, Names{}, PhaseTrust).Rendered(testNow.Add(2 * time.Hour))
	if _, removed, kept := later.WithoutRetired(testNow.Add(3 * time.Hour)); !slices.Equal(removed, []int{1}) || kept != nil {
		t.Error(removed, kept)
	}
	twice, _ := rotate(t, rendered, Names{}, Phases()...).Rendered(testNow.Add(2 * time.Hour))
	if same, removed, kept := twice.WithoutRetired(testNow); removed != nil || kept != nil || states(same) != "1 retired, 2 retired, 3 present" {
		t.Error(removed, kept, states(same))
	}
	pruned, removed, _ := twice.WithoutRetired(testNow.Add(1000 * time.Hour))
	if !slices.Equal(removed, []int{1, 2}) || states(pruned) != "1 removed, 2 removed, 3 present" || len(pruned.Readable()) != 1 || !pruned.Keeps(twice) {
		t.Error(removed, states(pruned))
	}
	if len(twice.Readable()) != 3 || pruned.All()[1].ID == "" {
		t.Error("changed what it was given, or lost an id")
	}
}

// TestVerifyGenerations: all generations whose parts are kept are checked.
func TestVerifyGenerations(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	for name, want := range map[string]string{
		"cluster/sa":         "cluster/sa: key of generation 2: it is not the key of the public half beside it",
		"cluster/encryption": "cluster/encryption: key of generation 2: it is not one line of base64",
	} {
		item := rotate(t, set[name], Names{}, PhaseTrust)
		item.Generations[1].Key = rotate(t, set[name], Names{}, PhaseTrust).Generations[1].Key
		if item.Request.Kind == Secret {
			item.Generations[1].Key = set["hosts/kubem00/server"].Key
		}
		if faults := Verify(Set{name: item}); len(faults) != 1 || faults[0].Error() != want {
			t.Error(faults)
		}
	}
}

// TestRotateAuthority: the next authority has another key and another name; the former one signs it, if
// it may and its key is here. Leaves are verified against any authority that is trusted.
func TestRotateAuthority(t *testing.T) {
	const name, leaf = "authorities/a/ca", "hosts/kubem00/server"
	set := issue(t, testRequests(), nil, testNow).Set
	first := set[name]
	trust := rotate(t, first, Names{}, PhaseTrust)
	next := trust.Trusted()[1].of(trust.Request)
	was, is := certOf(t, set, name), certOf(t, Set{"x": next}, "x")
	if is.Subject.CommonName != was.Subject.CommonName+" 2" || bytes.Equal(is.RawSubjectPublicKeyInfo, was.RawSubjectPublicKeyInfo) || is.CheckSignatureFrom(is) != nil {
		t.Error(is.Subject)
	}
	if !bytes.Equal(trust.Bundle(), slices.Concat(first.Cert, next.Cert)) || trust.Signs(set[leaf]) != first.Signs(set[leaf]) || trust.Behind(set[leaf]) != nil {
		t.Error("the next authority is not trusted beside the present one")
	}
	set[name] = trust
	if faults := Verify(set); len(faults) > 0 {
		t.Error(faults)
	}
	issued := rotate(t, trust, Names{}, PhaseIssue)
	set[name] = issued
	if faults := Verify(set); len(faults) > 0 {
		t.Error("leaves of the former authority:", faults)
	}
	renewed, err := Renew([]Request{set[leaf].Request}, set, true, testNow.Add(48*time.Hour), Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain := issued.Behind(renewed.Set[leaf])
	if cross := certOf(t, Set{"x": {Cert: chain}}, "x"); cross.CheckSignatureFrom(was) != nil || cross.Subject.String() != is.Subject.String() || !cross.MaxPathLenZero || cross.NotAfter.After(was.NotAfter) || issued.Behind(set[leaf]) != nil {
		t.Error("what is shown behind a leaf")
	}
	if !bytes.Equal(issued.Bundle(), trust.Bundle()) {
		t.Error("the bundle changes when the next authority begins to sign")
	}
	retired := rotate(t, issued, Names{}, PhaseRetire)
	renewed.Set[name] = retired
	for _, fault := range Verify(renewed.Set) {
		if fault.Name == leaf || fault.Name == name {
			t.Error(fault)
		}
	}
	set[name] = retired
	if faults := Verify(set); len(faults) == 0 {
		t.Error("a leaf of the former authority is as good as ever")
	}
	if states(retired) != "1 removed, 2 present" || !retired.Keeps(issued) || retired.Behind(renewed.Set[leaf]) != nil || len(retired.Bundle()) == 0 {
		t.Error(states(retired))
	}
	third := rotate(t, retired, Names{}, PhaseTrust).Trusted()[1].of(retired.Request)
	if got := certOf(t, Set{"x": third}, "x").Subject.CommonName; got != was.Subject.CommonName+" 3" {
		t.Error(got)
	}

	// Without the former key, or if it may not sign authorities, all goes on without that.
	elsewhere := trust
	elsewhere.Key = nil
	if issued := rotate(t, elsewhere, Names{}, PhaseIssue); elsewhere.SignsSuccessor() || !trust.SignsSuccessor() || issued.Generations[0].Cross != nil {
		t.Error("signed without a key")
	}
	by, err := newIssuer(first)
	if err != nil {
		t.Fatal(err)
	}
	template := *by.cert
	template.MaxPathLen, template.MaxPathLenZero = 0, true
	limited := first
	limited.Cert = pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: certificate(t, &template, &template, by.cert.PublicKey, by.key).Raw})
	if issued := rotate(t, limited, Names{}, PhaseTrust, PhaseIssue); limited.SignsSuccessor() || issued.Generations[0].Cross != nil {
		t.Error("an authority of an earlier release signed another")
	}
}

// TestVerifyCross: what a former authority has signed is checked, too.
func TestVerifyCross(t *testing.T) {
	const name = "authorities/a/ca"
	set := issue(t, testRequests(), nil, testNow).Set
	item := rotate(t, set[name], Names{}, PhaseTrust, PhaseIssue)
	for want, cross := range map[string][]byte{
		"authorities/a/ca: certificate of its successor of generation 1: it is not PEM, or it is truncated":                      []byte("x"),
		"authorities/a/ca: certificate of its successor of generation 1: it is not of the present authority, signed by this one": item.Cert,
	} {
		changed := item
		changed.Generations = slices.Clone(item.Generations)
		changed.Generations[0].Cross = cross
		if faults := Verify(Set{name: changed}); len(faults) != 1 || faults[0].Error() != want {
			t.Error(faults)
		}
	}
}
