package control

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/pki"
)

// HasAuthority reports whether the kind is an authority's.
func (r Rotated) HasAuthority() bool { return path.Dir(path.Dir(r.Item)) == storeAuthorities }

// Keys that all API servers share, and that no authority signs: their places in the store.
const (
	ServiceAccountKey = storeCluster + "/sa"
	SecretsKey        = storeCluster + "/" + encryptionKey

	frontProxyAuthority = storeAuthorities + "/front-proxy/ca"
)

// Rotated is a row: a kind of key that hagen pki rotate replaces, and what machines and people do
// with it.
type Rotated struct {
	Kind string // the word of the command
	Item string
	// Rewrite reports that all that the former key protects has to be written again.
	Rewrite bool
	// Trust, Issue and Retire say what machines do in each phase.
	Trust, Issue, Retire string
	// Published reports that API servers tell aggregated ones of the authority.
	Published bool
	// Wait says what must have happened before the former key can go; "" if Rewrite is all.
	Wait string
	// Hold is how long what the former key has signed is in use by itself, from when all machines
	// sign with the next one; 0 if that is known otherwise.
	Hold time.Duration
	// ByHand reports that what the former key has signed is in use until somebody replaces it.
	ByHand bool
}

// rotated are the kinds, in the order in which people read them.
var rotated = []Rotated{
	{
		Kind: "kubernetes", Item: ClusterAuthority, Published: true,
		Trust:  "machines and kubeconfigs that are made from now on trust the next authority, too, and the present one still signs",
		Issue:  "the new authority signs API servers and their clients, and the former one is still trusted",
		Retire: "nothing trusts the former authority: kubeconfigs and client certificates that it signed are refused",
		Wait: "give users and kubelets what the new authority has signed, and its certificate: hagen kubeconfig for each of hagen pki list --users, " +
			"new certificates and ca.crt for kubelets (the ConfigMap kube-root-ca.crt of any namespace has both). Restart pods that dial API servers and have run since before the rotation",
	},
	{
		Kind: "etcd", Item: storeAuthorities + "/etcd/ca",
		Trust:  "etcd and its clients trust the next authority, too, and the present one still signs",
		Issue:  "the new authority signs etcd's members and clients, and the former one is still trusted",
		Retire: "nothing trusts the former authority",
		Wait:   "give clients of etcd that hagen does not know, such as a monitor, what the new authority has signed",
	},
	{
		Kind: "front-proxy", Item: frontProxyAuthority, Published: true,
		Trust:  "API servers, and aggregated APIs, which learn of it from them, trust the next authority, too",
		Issue:  "API servers show aggregated APIs certificates of the new authority, and the former one is still trusted",
		Retire: "nothing trusts the former authority",
	},
	{
		Kind: "service-account", Item: ServiceAccountKey,
		Trust:  "API servers accept the tokens of the next key, too, and the present one still signs",
		Issue:  "the new key signs tokens, and API servers still accept those of the former one",
		Retire: "API servers refuse the tokens of the former key",
		Wait: "wait a day: kubelets renew a pod's token when 80 % of its time are over, or after a day. Restart pods that read their token only once, and those that mount it with subPath. " +
			"Make tokens again that were made for longer (kubectl create token --duration), and Secrets of type kubernetes.io/service-account-token: delete them first",
		Hold: 24 * time.Hour,
	},
	{
		Kind: "secrets", Item: SecretsKey, Rewrite: true,
		Trust:  "API servers can read what the next key encrypts, and still encrypt with the present one",
		Issue:  "API servers encrypt with the new key, and still read what the former one encrypted",
		Retire: "API servers read only what the new key encrypted",
	},
}

// RewriteSecrets returns the command that has API servers encrypt each Secret again (kubernetes.io,
// Encrypting Confidential Data at Rest, "Ensure all relevant data are encrypted"). Earlier revisions
// in etcd need no compaction for that: API servers do not read them. The kubeconfig is quoted for
// a shell.
func RewriteSecrets(kubeconfig string) string {
	return fmt.Sprintf("kubectl --kubeconfig %[1]s get secrets --all-namespaces -o json | kubectl --kubeconfig %[1]s replace -f -", kubeconfig)
}

// Unpublish returns the command after which aggregated APIs no longer trust former authorities. API
// servers add what they trust to this ConfigMap, take only what has expired out of it, and make it
// again at once (kubernetes 1.37.2, clusterauthenticationtrust). The kubeconfig is quoted for a shell.
func Unpublish(kubeconfig string) string {
	return fmt.Sprintf("kubectl --kubeconfig %s -n kube-system delete configmap extension-apiserver-authentication", kubeconfig)
}

// EtcdctlEnvironment returns the variables, as words of a shell, with which etcdctl asks members. The files
// are those of EtcdAccess, quoted for a shell.
func EtcdctlEnvironment(c *cluster.Cluster, members []cluster.Host, authority, certificate, key string) string {
	var urls []string
	for _, m := range members {
		urls = append(urls, EtcdURL(c, m))
	}
	version := ""
	if AsksAPI3(c.Etcd) {
		version = " ETCDCTL_API=3"
	}
	return fmt.Sprintf("ETCDCTL_ENDPOINTS=%s ETCDCTL_CACERT=%s ETCDCTL_CERT=%s ETCDCTL_KEY=%s%s", strings.Join(urls, ","), authority, certificate, key, version)
}

// StoredKeys returns the command that counts the Secrets in etcd by the key that encrypted them.
func StoredKeys(environment string) string {
	return environment + " etcdctl get " + storedSecrets + " --prefix --print-value-only | LC_ALL=C grep -aoE 'k8s:enc:[a-z]+:v1:[^:]+:' | sort | uniq -c"
}

// storedSecrets is where API servers keep Secrets in etcd.
const storedSecrets = "/registry/secrets/"

// RemoveSecrets returns the command that removes all Secrets from etcd which none of these keys has encrypted.
func RemoveSecrets(environment string, but []pki.Names) string {
	var begins []string
	for _, names := range but {
		begins = append(begins, fmt.Sprintf("startswith(\"k8s:enc:%s:v1:%s:\")", names.Provider, names.Key))
	}
	etcdctl := environment + " etcdctl"
	return fmt.Sprintf("%s get %s --prefix -w json | jq -r '.kvs[]? | select(.value | @base64d | [%s] | any | not) | .key | @base64d' | while read -r key; do %s del \"$key\"; done",
		etcdctl, storedSecrets, strings.Join(begins, ", "), etcdctl)
}

// secretTokens is what to wait for in profile classic: all tokens are in Secrets, do not end, and are
// made once.
const secretTokens = "delete all Secrets of type kubernetes.io/service-account-token (the controller manager makes them again, with the new key), and then all pods that use one: no pod gets the new token before it is made again"

// Rotatable lists the kinds of keys of a cluster that can be rotated.
func Rotatable(c *cluster.Cluster) []Rotated {
	requests := Requests(c)
	rows := slices.DeleteFunc(slices.Clone(rotated), func(r Rotated) bool {
		return !slices.ContainsFunc(requests, func(q pki.Request) bool { return q.Name == r.Item })
	})
	for i, r := range rows {
		if r.Item == ServiceAccountKey && tablesOf[c.Profile.Name].secretTokens {
			rows[i].Wait, rows[i].Hold, rows[i].ByHand = secretTokens, 0, true
		}
	}
	return rows
}

// Verifiers reports which servers of masters verify clients with the authority of a kind.
func (r Rotated) Verifiers(c *cluster.Cluster) (api, etcd bool) {
	servers := ServersOf(c, c.APIServers()[0].Name)
	for _, q := range Requests(c) {
		api = api || q.Name == servers.API && q.Authority == r.Item
		etcd = etcd || q.Name == servers.Etcd && q.Authority == r.Item
	}
	return api || r.Item == frontProxyAuthority, etcd
}

// KindOf returns the kind of an item that can be rotated; "" for another one.
func KindOf(item string) string {
	for _, r := range rotated {
		if r.Item == item {
			return r.Kind
		}
	}
	return ""
}

// RotatedKinds lists the kinds of all profiles.
func RotatedKinds() (kinds []string) {
	for _, r := range rotated {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// The first key of Secrets has this name and provider in etcd. Upstream's table calls the
// provider secretbox strong and fast; its random nonces need no rotation schedule
// (kubernetes.io, Encrypting Confidential Data at Rest).
const (
	secretsKeyName  = "key" // before the number
	firstSecretsKey = secretsKeyName + "1"
	secretbox       = "secretbox"
)

// NextNames returns how etcd's Secrets name the key that follows in a rotation. etcd stores the
// name beside what the key encrypted, so no other key ever has it.
func NextNames(item pki.Item) pki.Names {
	highest := 0
	for _, g := range item.All() {
		highest = max(highest, g.Number)
	}
	return pki.Names{Key: fmt.Sprintf("%s%d", secretsKeyName, highest+1), Provider: secretbox}
}

// NamesOf returns how etcd's Secrets name a key.
func NamesOf(g pki.Generation) pki.Names {
	if g.KeyName == "" {
		return pki.Names{Key: firstSecretsKey, Provider: secretbox}
	}
	return pki.Names{Key: g.KeyName, Provider: g.Provider}
}

// NumberOf returns the number of the key of Secrets that has these names in etcd; 0 if they are none that hagen
// gives.
func NumberOf(names pki.Names) int {
	count, is := strings.CutPrefix(names.Key, secretsKeyName)
	number, err := strconv.Atoi(count)
	if !is || err != nil || number < 1 || strconv.Itoa(number) != count || names.Provider != secretbox {
		return 0
	}
	return number
}

// GivenNames returns the names that a generation with this number records: none of the first.
func GivenNames(number int) pki.Names {
	if number == 1 {
		return pki.Names{}
	}
	return pki.Names{Key: fmt.Sprintf("%s%d", secretsKeyName, number), Provider: secretbox}
}

// KeyNameOf returns how etcd's Secrets name a key; "" if it is none of theirs. The first one's name is
// not recorded.
func KeyNameOf(item string, g pki.Generation) string {
	if item != SecretsKey {
		return ""
	}
	return NamesOf(g).Key
}

// secretsKeys returns the keys of Secrets that an API server has: the present one encrypts, and all
// of them decrypt. A snapshot may be from before a rotation, so a restore needs those that
// were retired.
func secretsKeys(s hostContext, item pki.Item) []pki.Generation {
	if s.Restore.SHA256 != "" {
		return item.Readable()
	}
	return item.Trusted()
}

// encryptionConfig lists keys under their names and providers; the first of all encrypts. A key is
// base64 with a newline. There is no identity provider: this cluster never wrote unencrypted
// Secrets to etcd.
func encryptionConfig(keys []pki.Generation) string {
	var b strings.Builder
	b.WriteString(`apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources:
  - secrets
  providers:
`)
	last := ""
	for _, g := range keys {
		names := NamesOf(g)
		if names.Provider != last {
			fmt.Fprintf(&b, "  - %s:\n      keys:\n", names.Provider)
			last = names.Provider
		}
		fmt.Fprintf(&b, "      - name: %s\n        secret: %s", names.Key, g.Key)
	}
	return b.String()
}

// trustedAuthorities returns the certificates of all generations of an authority that are trusted, the
// oldest first: so the file stays as it is when the next one begins to sign, and nothing restarts.
func trustedAuthorities(item pki.Item) (text []byte) { return item.Bundle() }

// publicHalves returns the public halves of the keys whose signatures are accepted, that of the key
// which signs first or not at all.
func publicHalves(item pki.Item, all bool) (text []byte) {
	if len(item.Generations) == 0 && all {
		return item.Public
	}
	for _, g := range item.Trusted() {
		if all || g.State != pki.Present {
			text = append(text, g.Public...)
		}
	}
	return text
}
