package plan

import (
	"crypto"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"hagen/pki"
)

// TestMain lets garbage wait: tests of this package make much of it, and keep little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// Keys is a source of keys for tests. RSA keys take long to make: there are four of a size,
// which it gives in turn.
func Keys(request pki.KeyRequest) (crypto.Signer, error) {
	if !strings.HasPrefix(string(request.Algorithm), "rsa") {
		return pki.Generate(request)
	}
	made.Lock()
	defer made.Unlock()
	if keys := made.keys[request]; len(keys) == 4 {
		made.keys[request] = append(keys[1:], keys[0])
		return keys[0], nil
	}
	key, err := pki.Generate(request)
	made.keys[request] = append(made.keys[request], key)
	return key, err
}

var made = struct {
	sync.Mutex
	keys map[pki.KeyRequest][]crypto.Signer
}{keys: map[pki.KeyRequest][]crypto.Signer{}}
