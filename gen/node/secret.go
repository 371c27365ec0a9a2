package node

import (
	"bytes"
	"regexp"
)

// secrets are the marks of a secret in a file, each on a line of its own.
// Kubeconfigs: client-go's clientcmd/api/v1 types (inline key, token,
// password). EncryptionConfiguration: apiserver.config.k8s.io/v1, where every
// provider but kms holds its keys as `secret:`.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`),
	regexp.MustCompile(`(?m)^[\s-]*"?(client-key-data|token|password)"?\s*:\s*\S`),
	regexp.MustCompile(`(?m)^[\s-]*"?secret"?\s*:\s*\S`),
}

// HoldsSecret derives from the contents of a file whether it holds a private
// key, a kubeconfig's key, token or password, or a key that encrypts. It is
// the only judge when a document is read back, and render holds what the
// control plane's rows declare against it.
func HoldsSecret(contents []byte) bool {
	for _, mark := range secrets {
		if mark.Match(contents) {
			return true
		}
	}
	return bytes.Contains(contents, []byte("AGE-SECRET-KEY-"))
}
