package trees

import (
	"io/fs"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/pki"
)

// SharedKey is a key of a cluster that machines have: an authority's, that of service accounts, or
// one of Secrets. A twin shows of the last no id, but the SHA-256 of the key.
type SharedKey struct{ Item, ID, SHA256 string }

// SharedKeysIn returns the keys that the API servers' documents, or their twins, in a tree have. What
// cannot be read has none.
func SharedKeysIn(dir fs.FS, c *cluster.Cluster) (found []SharedKey) {
	for _, h := range c.APIServers() {
		if n, read := MachineIn(dir, h.Name); read {
			found = append(found, SharedKeysOn(n, c)...)
		}
	}
	return found
}

// MachineIn reads the machine that boots with the document of a host, or with its twin.
func MachineIn(dir fs.FS, host string) (n node.Node, read bool) {
	n, err := BootsWith(dir, host)
	return n, err == nil
}

// SharedKeysOn returns the keys of the cluster that a machine has, by the files that have them.
func SharedKeysOn(n node.Node, c *cluster.Cluster) (found []SharedKey) {
	for _, p := range control.Places(c) {
		if p.Host != n.Name || control.HostOf(p.Item) != "" {
			continue
		}
		i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == p.Path })
		if i < 0 {
			continue
		}
		found = append(found, keysIn(p.Item, p.Path, n.Files[i].Contents)...)
	}
	return found
}

// PrivateKeysOn returns the private keys and secrets that a machine has, its own, too, by the files that
// have them. Public halves are none.
func PrivateKeysOn(n node.Node, c *cluster.Cluster) (found []SharedKey) {
	for _, p := range control.Places(c) {
		i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == p.Path })
		if p.Host != n.Name || !p.Key || i < 0 {
			continue
		}
		text := n.Files[i].Contents
		if p.Item == control.SecretsKey {
			found = append(found, keysIn(p.Item, p.Path, text)...)
			continue
		}
		for _, k := range read.ParsePEM(p.Path, text).Keys {
			if k.Private {
				found = append(found, SharedKey{Item: p.Item, ID: k.Public})
			}
		}
	}
	return found
}

func keysIn(item, path string, text []byte) (found []SharedKey) {
	parsed := read.ParsePEM(path, text)
	for _, c := range parsed.Certificates {
		if c.IsCA {
			found = append(found, SharedKey{Item: item, ID: c.Public})
		}
	}
	if item == control.ServiceAccountKey {
		for _, k := range parsed.Keys {
			found = append(found, SharedKey{Item: item, ID: k.Public})
		}
	}
	if item != control.SecretsKey {
		return found
	}
	for _, g := range control.SecretsIn(string(text)) {
		secret := strings.TrimSpace(string(g.Key))
		if digest, twin := strings.CutPrefix(secret, node.SecretMark); twin {
			found = append(found, SharedKey{Item: item, SHA256: digest})
		} else if id, err := pki.KeyID(pki.Item{Request: pki.Request{Kind: pki.Secret}, Key: []byte(secret)}); err == nil {
			found = append(found, SharedKey{Item: item, ID: id})
		}
	}
	return found
}

// IssuersOn returns the subjects of the authorities that have signed the certificates on a machine which an
// authority of the cluster, by its item, is to sign.
func IssuersOn(n node.Node, c *cluster.Cluster, authority string) (found []string) {
	var items []string
	for _, r := range control.Requests(c) {
		if r.Authority == authority {
			items = append(items, r.Name)
		}
	}
	for _, p := range control.Places(c) {
		if p.Host != n.Name || p.Key || !slices.Contains(items, p.Item) {
			continue
		}
		for _, f := range n.Files {
			if f.Path != p.Path {
				continue
			}
			if shown := read.ParsePEM(p.Path, f.Contents).Certificates; len(shown) > 0 {
				found = append(found, shown[0].Issuer)
			}
		}
	}
	return found
}
