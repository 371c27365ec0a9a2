package control

import (
	"reflect"
	"strings"
	"testing"

	"hagen/pki"
)

// TestSecretsIn: what an API server reads is read back, with the numbers and names of the keys.
func TestSecretsIn(t *testing.T) {
	key := func(number int, name, provider string) pki.Generation {
		return pki.Generation{Number: number, KeyName: name, Provider: provider, Key: []byte(strings.Repeat("A", 43) + "=\n")}
	}
	for _, keys := range [][]pki.Generation{
		{key(1, "", "")},
		{key(2, "key2", "secretbox"), key(1, "", "")},
		{key(11, "key11", "secretbox"), key(12, "key12", "secretbox")},
		{key(3, "mine", "secretbox"), key(2, "key2", "secretbox")}, // somebody's own
		{key(1, "key1", "aescbc")},
	} {
		if got := SecretsIn(encryptionConfig(keys)); !reflect.DeepEqual(got, keys) {
			t.Errorf("%v", got)
		}
	}
	if got := SecretsIn("kind: EncryptionConfiguration\nproviders:\n- identity: {}\n"); got != nil {
		t.Error(got)
	}
}

func TestNumberOf(t *testing.T) {
	for name, want := range map[string]int{"key1": 1, "key12": 12, "key0": 0, "key01": 0, "key": 0, "2": 0, "key-1": 0, "key1x": 0, "": 0} {
		if got := NumberOf(pki.Names{Key: name, Provider: "secretbox"}); got != want {
			t.Errorf("%q: %d", name, got)
		}
		if names := GivenNames(want); want > 1 && NumberOf(names) != want {
			t.Errorf("%d is named %v", want, names)
		}
	}
	if got := NumberOf(pki.Names{Key: "key1", Provider: "aescbc"}); got != 0 {
		t.Error(got)
	}
}
