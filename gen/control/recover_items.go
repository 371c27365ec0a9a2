package control

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/lazy"
	"hagen/pki"
)

// leaves makes the leaves, with requests that their certificates fulfil.
func (r *recovery) leaves(found *Recovered) {
	for _, q := range Requests(r.cluster) {
		cert, has := r.pieces[pieceOf{q.Name, false}]
		if q.Kind != pki.Leaf || !has {
			continue
		}
		blocks, err := pki.Blocks([]byte(cert.text), "CERTIFICATE")
		if err != nil || len(blocks) == 0 {
			r.fault("%s: %s: its certificate is damaged", cert.from, q.Name)
			continue
		}
		item := pki.Item{Request: q, Cert: blocks[0], Key: []byte(r.pieces[pieceOf{q.Name, true}].text)}.Parsed()
		is, err := item.X509()
		if err != nil {
			r.fault("%s: %w", cert.from, err)
			continue
		}
		item.Request = q.Describing(is)
		found.Set[q.Name], found.From[q.Name] = item, cert.from
	}
}

// authorities makes the authorities, by their certificates and by what they have signed.
func (r *recovery) authorities(found *Recovered) {
	for _, q := range Requests(r.cluster) {
		bundle, has := r.pieces[pieceOf{q.Name, false}]
		if q.Kind != pki.Authority || !has {
			continue
		}
		trusted, err := pki.Blocks([]byte(bundle.text), "CERTIFICATE")
		if err != nil {
			r.fault("%s: %s: %w", bundle.from, q.Name, err)
			continue
		}
		var leaves []pki.Item
		var crossed [][]byte
		for _, name := range slices.Sorted(maps.Keys(found.Set)) {
			leaf := found.Set[name]
			if leaf.Request.Authority != q.Name {
				continue
			}
			leaves = append(leaves, leaf)
			behind, _ := pki.Blocks([]byte(r.pieces[pieceOf{name, false}].text), "CERTIFICATE")
			for _, cross := range behind[1:] {
				if !slices.ContainsFunc(crossed, func(other []byte) bool { return string(other) == string(cross) }) {
					crossed = append(crossed, cross)
				}
			}
		}
		item, err := pki.RecoverAuthority(q, trusted, leaves, crossed)
		if err != nil {
			r.fault("%s: %s: %w", bundle.from, q.Name, err)
			continue
		}
		found.Set[q.Name], found.From[q.Name] = item, bundle.from
	}
}

// shared makes the keys that no authority signs.
func (r *recovery) shared(found *Recovered, now time.Time) {
	for _, q := range Requests(r.cluster) {
		key, has := r.pieces[pieceOf{q.Name, true}]
		if !has {
			continue
		}
		var item pki.Item
		var err error
		switch q.Kind {
		case pki.KeyPair:
			var others [][]byte
			if others, err = pki.Blocks([]byte(r.publics[q.Name].text), "PUBLIC KEY"); err == nil {
				item, err = pki.RecoverKeyPair(q, []byte(key.text), others)
			}
		case pki.Secret:
			item, err = pki.RecoverSecret(q, SecretsIn(key.text), pki.Step{Began: now.UTC().Truncate(time.Second)})
		default:
			continue
		}
		if err != nil {
			r.fault("%s: %s: %w", key.from, q.Name, err)
			continue
		}
		found.Set[q.Name], found.From[q.Name] = item, key.from
	}
}

var providerLine, keyNameLine = lazy.Regexp(`^ *- ([a-z]+):$`), lazy.Regexp(`^ *- name: (\S+)$`)

// SecretsIn returns the keys in an EncryptionConfiguration as encryptionConfig writes it, in their order. A twin
// has marks in their places.
func SecretsIn(text string) (keys []pki.Generation) {
	provider, name := "", ""
	highest := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := providerLine().FindStringSubmatch(line); m != nil {
			provider = m[1]
		} else if m := keyNameLine().FindStringSubmatch(line); m != nil {
			name = m[1]
		} else if secret, is := strings.CutPrefix(strings.TrimSpace(line), "secret: "); is {
			g := pki.Generation{KeyName: name, Provider: provider, Key: []byte(secret + "\n")}
			g.Number = NumberOf(pki.Names{Key: name, Provider: provider})
			highest = max(highest, g.Number)
			keys = append(keys, g)
		}
	}
	for i := range keys {
		if keys[i].Number == 0 { // a name of somebody else's
			highest++
			keys[i].Number = highest
		}
		if keys[i].Number == 1 && NumberOf(NamesOf(keys[i])) == 1 {
			keys[i].KeyName, keys[i].Provider = "", ""
		}
	}
	return keys
}

// requests gives each leaf the request that the cluster asks for, if its certificate fulfils it, and
// notes which items are missing, and which are others than the cluster asks for.
func (r *recovery) requests(found *Recovered, lock cluster.LockContents) {
	issued := map[string]pki.Request{}
	for name, item := range found.Set {
		issued[name] = item.Request
	}
	kept := r.cluster.Keep(CarriedNames(lock, RecordedNames(r.cluster, issued))).KeepGroups(FormerGroups(r.cluster, issued))
	for _, q := range Requests(kept) {
		item, has := found.Set[q.Name]
		if !has {
			found.Missing = append(found.Missing, q.Name)
			continue
		}
		if changes := pki.Differences(item.Request, q); len(changes) > 0 {
			found.Changed[q.Name] = changes
		} else {
			item.Request = q
			found.Set[q.Name] = item
		}
	}
}

// people makes the clients that were given out and have not ended.
func (r *recovery) people(found *Recovered) {
	authority := found.Set[ClusterAuthority]
	for _, s := range r.clients {
		item := pki.Item{Cert: s.Cert, Key: s.Key}
		is, err := item.X509()
		if err != nil {
			r.fault("%s: its certificate is damaged", s.From)
			continue
		}
		item.Request = ClientRequest(r.cluster, is.Subject.CommonName, is.Subject.Organization).Describing(is)
		if len(pki.Verify(pki.Set{ClusterAuthority: authority, item.Request.Name: item})) > 0 {
			found.Refused = append(found.Refused, s.From)
			continue
		}
		found.Clients = append(found.Clients, Client{item, s.Server})
	}
	slices.SortStableFunc(found.Clients, func(a, b Client) int { return cmp.Compare(a.Request.Name, b.Request.Name) })
}
