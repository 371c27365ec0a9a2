package node

import (
	"bytes"
	"regexp"
	"slices"

	"hagen/gen/lazy"
)

// secrets are the marks of a secret in a file, each on a line of its own.
// Kubeconfigs: client-go's clientcmd/api/v1 types (inline key, token,
// password). EncryptionConfiguration: apiserver.config.k8s.io/v1, where every
// provider but kms has its keys as `secret:`.
var secrets = []struct {
	words []string // one of them is in every text with the mark
	mark  func() *regexp.Regexp
}{
	{[]string{"PRIVATE KEY-----"}, lazy.Regexp(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`)},
	{[]string{"client-key-data", "token", "password"}, lazy.Regexp(`(?m)^[\s-]*"?(client-key-data|token|password)"?\s*:\s*\S`)},
	{[]string{"secret"}, lazy.Regexp(`(?m)^[\s-]*"?secret"?\s*:\s*\S`)},
}

// HoldsSecret reports whether the contents of a file hold a private key, a
// kubeconfig's key, token or password, or an encryption key. Nothing else
// decides this for documents that are read back, and render compares it with
// what the control plane's rows declare.
func HoldsSecret(contents []byte) bool {
	for _, s := range secrets {
		if slices.ContainsFunc(s.words, func(word string) bool { return bytes.Contains(contents, []byte(word)) }) && s.mark().Match(contents) {
			return true
		}
	}
	return bytes.Contains(contents, []byte("AGE-SECRET-KEY-"))
}
