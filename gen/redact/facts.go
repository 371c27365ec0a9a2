package redact

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"unicode"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// What stands for keys and certificates. The twin of a twin must be the same, so
// these are recognized.
const (
	sum = `SHA-256 [0-9a-f]{64}`
	// key is a fact by itself, begin and more are those about a certificate.
	key   = `(?:private key of the public key with|public key,|secret,) ` + sum
	begin = `certificate, ` + sum
	more  = `(?:(?:subject|issuer|names|addresses|usage|valid) (?:\\.|[^;\\\n])*|public key [A-Za-z0-9]+, ` + sum + `)`
	one   = `(?:` + key + `|` + begin + `(?:; ` + more + `)*)`
)

var (
	// settled is a value that is a twin's already: facts, joined.
	settled = lazy.Regexp(`^` + one + `(?:; ` + one + `)*$`)
	// detail is a line about the certificate of the lines before it.
	detail = lazy.Regexp(`^` + more + `$`)

	pemBlock = lazy.Regexp(`(?m)^-----BEGIN [A-Z0-9 ]+-----\n(?:[A-Za-z0-9+/=]+\n)+-----END [A-Z0-9 ]+-----$`)
	// encoded are fields of kubeconfigs and of an EncryptionConfiguration whose value
	// is base64, of PEM or of a key.
	encoded = lazy.Regexp(`(?m)^([ -]*(?:certificate-authority-data|client-certificate-data|client-key-data|secret): )([A-Za-z0-9+/]+=*)$`)
)

// Identified returns a text with what identifies its keys and certificates in their
// place. It may have other secrets: for comparisons, not to be shown.
func Identified(text []byte) []byte { return []byte(facts(string(text))) }

// facts replaces keys and certificates in a text by what identifies them, as far as
// they stand where hagen writes them.
func facts(text string) string {
	if strings.Contains(text, "-----BEGIN ") {
		text = pemBlock().ReplaceAllStringFunc(text, func(block string) string {
			if about, whole := describe([]byte(block + "\n")); whole {
				return strings.Join(about, "\n")
			}
			return block
		})
	}
	if !strings.Contains(text, "-data") && !strings.Contains(text, "secret") {
		return text
	}
	return encoded().ReplaceAllStringFunc(text, func(line string) string {
		m := encoded().FindStringSubmatch(line)
		data, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			return line
		}
		fact, known := identify(data)
		if !known {
			return line
		}
		return m[1] + fact
	})
}

// describe returns what the blocks of a PEM text are, a fact each; whole is false if
// there is more in it.
func describe(text []byte) (about []string, whole bool) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return about, len(about) > 0 && len(strings.TrimSpace(string(text))) == 0
		}
		of, known := describeBlock(block)
		if !known {
			return nil, false
		}
		about, text = append(about, of...), rest
	}
}

// identify describes bytes: PEM, or a key that cannot be guessed. A key that is
// readable text may be someone's idea.
func identify(data []byte) (fact string, known bool) {
	if about, whole := describe(data); whole {
		return strings.Join(about, "; "), true
	}
	words := !strings.ContainsFunc(string(data), func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) })
	if len(data) == 32 && !words {
		return node.SecretMark + fingerprint(data), true
	}
	return "", false
}
