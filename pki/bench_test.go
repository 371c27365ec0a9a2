package pki

import (
	"crypto/rand"
	"fmt"
	"testing"
)

// ecdsaRequests are thirty certificates of three authorities, as a cluster of three masters
// asks for.
func ecdsaRequests() []Request {
	var requests []Request
	for a := range 3 {
		requests = append(requests, authorityRequest(fmt.Sprintf("authorities/a%d/ca", a)))
	}
	for leaf := range 27 {
		requests = append(requests, serverRequest(fmt.Sprintf("hosts/kubem%d/l%d", leaf%3, leaf), requests[leaf%3].Name))
	}
	return requests
}

// rsaRequests are nine RSA keys under one authority: one certificate authority, seven leaves
// and a key pair.
func rsaRequests() []Request {
	requests := []Request{authorityRequest("ca")}
	for leaf := range 7 {
		requests = append(requests, serverRequest(fmt.Sprintf("cluster/l%d", leaf), "ca"))
	}
	requests = append(requests, Request{Name: "cluster/sa", Kind: KeyPair})
	for i := range requests {
		requests[i].Algorithm = RSA2048
	}
	return requests
}

func BenchmarkIssueECDSA(b *testing.B) {
	for b.Loop() {
		issue(b, ecdsaRequests(), nil, testNow)
	}
}

func BenchmarkIssueRSA(b *testing.B) {
	for b.Loop() {
		issue(b, rsaRequests(), nil, testNow)
	}
}

// BenchmarkBareRSA makes the keys of BenchmarkIssueRSA and nothing else: the floor.
func BenchmarkBareRSA(b *testing.B) {
	for b.Loop() {
		err := inParallel(len(rsaRequests()), func(int) error {
			_, err := Generate(KeyRequest{Algorithm: RSA2048})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssueKept(b *testing.B) {
	set := issue(b, ecdsaRequests(), nil, testNow).Set
	for b.Loop() {
		if _, err := Issue(ecdsaRequests(), set, testNow, Generate, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyRSA(b *testing.B) {
	set := issue(b, rsaRequests(), nil, testNow).Set
	for b.Loop() {
		if faults := Verify(set); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
