package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/pki"
)

// phaseFiles are what the masters of a phase have of the keys that are rotated.
type phaseFiles struct{ encryption, restored, saKey, saPub string }

// rotatedFiles returns those before a rotation, in each of its phases, and in those of another one.
func rotatedFiles(t *testing.T) (all []phaseFiles) {
	t.Helper()
	c := readCluster(t, "standard")
	issued, err := pki.Issue(Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := issued.Set
	for _, phase := range append([]pki.Phase{""}, slices.Concat(pki.Phases(), pki.Phases())...) {
		for _, row := range Rotatable(c) {
			if phase == "" {
				continue
			}
			if set[row.Item], err = set[row.Item].Rotate(phase, NextNames(set[row.Item]), time.Now(), pki.Generate, rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		var files phaseFiles
		for _, o := range []Options{{}, {Restore: Restore{SHA256: strings.Repeat("0f", 32), Path: "/var/lib/x.db"}}} {
			n, err := Node(c, c.APIServers()[0], set, o)
			if err != nil {
				t.Fatal(err)
			}
			if o.Restore.SHA256 != "" {
				files.restored = contents(t, n, encryptionPath)
				continue
			}
			files = phaseFiles{encryption: contents(t, n, encryptionPath), saKey: contents(t, n, kubernetesPKI+"/sa.key"), saPub: contents(t, n, kubernetesPKI+"/sa.pub")}
		}
		all = append(all, files)
	}
	return all
}

var secretsKey = regexp.MustCompile(`(?m)^      - name: (\S+)\n        secret: (\S+)$`)

// encrypt is what an API server does with an encryption.yaml: the first key encrypts, and its name
// stands before the result. Which cipher it is does not matter here.
func encrypt(t *testing.T, config, text string) string {
	t.Helper()
	first := secretsKey.FindStringSubmatch(config)
	return first[1] + ":" + string(sealer(t, first[2]).Seal(nil, make([]byte, 12), []byte(text), nil))
}

// decrypt finds the key by the name, as an API server does.
func decrypt(t *testing.T, config, stored string) (string, bool) {
	t.Helper()
	name, sealed, _ := strings.Cut(stored, ":")
	for _, key := range secretsKey.FindAllStringSubmatch(config, -1) {
		if key[1] == name {
			text, err := sealer(t, key[2]).Open(nil, make([]byte, 12), []byte(sealed), nil)
			return string(text), err == nil
		}
	}
	return "", false
}

func sealer(t *testing.T, key string) cipher.AEAD {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// TestRotatedSecrets: what masters of one phase encrypt, those of the phases beside it read; a master
// that is restored reads all that was ever encrypted. No two keys have one name.
func TestRotatedSecrets(t *testing.T) {
	all := rotatedFiles(t)
	for from, writer := range all {
		stored := encrypt(t, writer.encryption, "text")
		for to, reader := range all {
			text, read := decrypt(t, reader.encryption, stored)
			if beside := from-to <= 1 && to-from <= 1; beside && (!read || text != "text") {
				t.Errorf("what was encrypted in phase %d cannot be read in phase %d", from, to)
			}
			if to < from {
				continue
			}
			if text, read := decrypt(t, reader.restored, stored); !read || text != "text" {
				t.Errorf("what was encrypted in phase %d cannot be read by masters that are restored in phase %d", from, to)
			}
		}
	}
	if _, read := decrypt(t, all[3].encryption, encrypt(t, all[1].encryption, "text")); read {
		t.Error("the former key is still read when it is retired")
	}
	names := map[string]string{}
	for _, files := range all {
		for _, key := range secretsKey.FindAllStringSubmatch(files.restored, -1) {
			if was, known := names[key[1]]; known && was != key[2] {
				t.Errorf("%s names two keys", key[1])
			}
			names[key[1]] = key[2]
		}
	}
	if len(names) != 3 || names[firstSecretsKey] == "" {
		t.Errorf("%d names", len(names))
	}
}

// TestRotatedServiceAccounts: tokens that masters of one phase sign are accepted in the phases beside
// it, and those of the former key are not when it is retired.
func TestRotatedServiceAccounts(t *testing.T) {
	all := rotatedFiles(t)
	accepted := func(signer, verifier phaseFiles) bool {
		block, _ := pem.Decode([]byte(signer.saKey))
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("token"))
		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode([]byte(verifier.saPub)); block != nil; block, rest = pem.Decode(rest) {
			public, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], signature) {
				return true
			}
		}
		return false
	}
	for from, signer := range all {
		for to, verifier := range all {
			if beside := from-to <= 1 && to-from <= 1; beside && !accepted(signer, verifier) {
				t.Errorf("a token of phase %d is refused in phase %d", from, to)
			}
		}
	}
	if accepted(all[1], all[3]) || accepted(all[2], all[0]) {
		t.Error("a token is accepted by those who do not have its key")
	}
}
