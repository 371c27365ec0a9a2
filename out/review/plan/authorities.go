package plan

import (
	"fmt"
	"slices"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/facts"
)

// held is a row: a flag that names a file with keys that all machines have to share, and what
// happens if a machine has others: the former key, its name and its own key are put in. What machines
// use is in the file of another flag: a key, or a certificate of one of the authorities; else it is the
// first key of this. ahead says what happens if one uses a key that another does not have. The
// machine that uses it, its key, and the one without are put in.
type held struct{ unit, flag, problem, uses, ahead string }

// trusts returns the problem of other authorities.
func trusts(whose string) string {
	return "the running machines trust the authority SHA-256 %.12s… for " + whose + ", and %s would trust SHA-256 %.12s…: hagen pki rotate leads a running cluster from one authority to another"
}

const shows = "%s would show certificates of the authority SHA-256 %.12s…, which %s does not trust"

var holds = []held{
	{facts.APIUnit, "--client-ca-file", trusts("clients of API servers"), "--tls-cert-file", shows},
	{facts.EtcdUnit, "--trusted-ca-file", trusts("clients of etcd"), "--cert-file", shows},
	{facts.EtcdUnit, "--peer-trusted-ca-file", trusts("etcd's members"), "--peer-cert-file", shows},
	{facts.APIUnit, "--requestheader-client-ca-file", trusts("the front proxy"), "--proxy-client-cert-file", shows},
	{facts.APIUnit, "--service-account-key-file", "the running API servers accept the tokens of service accounts that the key SHA-256 %.12s… has signed, and %s would accept those of SHA-256 %.12s…: it would refuse the tokens that pods have, and others those that it issues",
		"--service-account-signing-key-file", "%s would sign the tokens of service accounts with the key SHA-256 %.12s…, which %s does not accept"},
	{facts.APIUnit, "--encryption-provider-config", "the running API servers encrypt Secrets with the key SHA-256 %.12s…, and %s would have SHA-256 %.12s…: it could read none of those in etcd, and others none that it writes",
		"", "%s would encrypt Secrets with the key SHA-256 %.12s…, which %s does not have"},
}

// otherKeys refuses machines that share no authority, and no key for tokens or Secrets, with
// the former ones: those that have changed and those that have not would not understand each
// other.
func otherKeys(p planner) []Refusal {
	if p.before.Cluster.Name != p.after.Cluster.Name || p.before.Cluster.Profile != p.after.Cluster.Profile {
		return nil // another cluster, which other rows refuse
	}
	var pairs [][2]node.Node
	if p.before.Cluster.Keyed && p.after.Cluster.Keyed { // another host has others of a trial
		pairs = append(pairs, [2]node.Node{firstMaster(p.before), firstMaster(p.after)})
	}
	for _, n := range p.after.Machines {
		if was := p.before.machine(n.Name); was.Name != "" {
			pairs = append(pairs, [2]node.Node{was, n})
		}
	}
	for _, row := range holds {
		for _, pair := range pairs {
			was, is := row.keys(&pair[0]), row.keys(&pair[1])
			if len(was) == 0 || len(is) == 0 {
				continue
			}
			if slices.ContainsFunc(was, func(key string) bool { return slices.Contains(is, key) }) {
				if problem := row.skipped(pair, was, is); problem != "" {
					return []Refusal{{"metadata.name", problem, skippedRemedy}}
				}
				continue
			}
			return []Refusal{{"metadata.name", fmt.Sprintf(row.problem, was[0], pair[1].Name, is[0]),
				"plan with the PKI that the running machines have, which --pki names (hagen pki init --again moved it aside); with others it is a new cluster with the old name: install all its machines again"}}
		}
	}
	return nil
}

// skipped says what happens while machines with two lists of keys run beside each other; "" if each
// reads what the other writes.
func (h held) skipped(pair [2]node.Node, was, is []string) string {
	if h.ahead == "" {
		return ""
	}
	name, used, uses := pair[1].Name, h.used(&pair[0], was), h.used(&pair[1], is)
	switch {
	case !slices.Contains(was, uses):
		return fmt.Sprintf(h.ahead, name, uses, "a machine that has not changed yet")
	case !slices.Contains(is, used):
		return fmt.Sprintf(h.ahead, "a machine that has not changed yet", used, name)
	}
	return ""
}

// used returns the key that a machine uses, whose file has these.
func (h held) used(n *node.Node, keys []string) string {
	if h.uses == "" {
		return keys[0]
	}
	if leaf, is := issuedAt(n, h.unit, h.uses); is {
		for _, by := range summariesAt(n, h.unit, h.flag) {
			if by.Subject == leaf.Issuer {
				return by.Key
			}
		}
		return keys[0] // an authority that this machine does not have: gen/check reports it
	}
	if own := (held{unit: h.unit, flag: h.uses}).keys(n); len(own) > 0 {
		return own[0]
	}
	return keys[0]
}

const skippedRemedy = "a phase of the rotation is skipped: plan from the documents that the machines have, and deliver each phase to all of them before the next (hagen pki rotate KIND says where it stands)"

// keys lists the SHA-256 of the public keys and secrets in a machine's file.
func (h held) keys(n *node.Node) (keys []string) {
	f := facts.FileAt(*n, facts.Flag(*n, h.unit, h.flag))
	for _, found := range sharedKey().FindAllStringSubmatch(string(redact.Identified(f.Contents)), -1) {
		keys = append(keys, found[1])
	}
	return keys
}

// sharedKey is a key in a file of certificates, of public keys or of secrets.
var sharedKey = lazy.Regexp(`(?:public key(?:, | [A-Za-z0-9]+, | with )|secret, )SHA-256 ([0-9a-f]{64})`)
