package clusterpki

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/pki"
	"hagen/pki/store"
)

// ring is all keys that an item has had, the present one first.
type ring []pki.Generation

// ringsOf returns the keys that a cluster keeps, by item: those of its authorities, and those that no
// authority signs.
func ringsOf(set pki.Set) map[string]ring {
	found := map[string]ring{}
	for name, item := range set {
		if item.Request.Kind == pki.Leaf {
			continue
		}
		if all := item.All(); all[0].ID != "" {
			found[name] = all
		}
	}
	return found
}

// ringOf returns the keys of an item that was looked at.
func ringOf(held store.Held) ring {
	return itemOf(held).All()
}

// itemOf returns an item that was looked at, without its parts but for certificates.
func itemOf(held store.Held) pki.Item {
	item := pki.Item{Request: held.Request, Marks: held.Marks, Cert: pemOf(held.Cert)}
	if len(held.Generations) == 0 {
		item.Generations = []pki.Generation{{Number: 1, State: pki.Present, ID: held.KeyID}}
	}
	for _, g := range held.Generations {
		one := g.Generation
		if one.State != pki.Present {
			one.Cert = pemOf(g.X509)
		}
		item.Generations = append(item.Generations, one)
	}
	return item
}

func pemOf(cert *x509.Certificate) []byte {
	if cert == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// id returns the id of the present key; "" if there is none.
func (r ring) id() string {
	if len(r) == 0 {
		return ""
	}
	return r[0].ID
}

// trusted returns the ids of the keys that machines trust or read, the present one first.
func (r ring) trusted() (ids []string) {
	for _, g := range r {
		if g.State != pki.Removed && g.State != pki.Retired {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// find returns the number of the generation with this id; 0 if there is none.
func (r ring) find(id string) int {
	if i := slices.IndexFunc(r, func(g pki.Generation) bool { return g.ID == id }); i >= 0 {
		return r[i].Number
	}
	return 0
}

// has reports whether one of the keys is that of a machine. An item that the PKI does not keep, and
// a key that only a twin shows, of which the PKI may have removed the parts, count as known.
func (r ring) has(k trees.SharedKey) bool {
	if k.ID != "" || len(r) == 0 {
		return len(r) == 0 || r.find(k.ID) > 0
	}
	return slices.ContainsFunc(r, func(g pki.Generation) bool {
		raw, _ := base64.StdEncoding.DecodeString(string(g.Key)) // skips the newline
		return len(raw) == 0 || pki.Fingerprint(raw) == k.SHA256
	})
}

// differs says how the keys differ from those of the cluster according to a lock file, which lists
// the present one first; "" if they do not. The lock file may be of an earlier phase of a rotation,
// since the PKI is written first. A PKI of an earlier one is refused: it would take the cluster back.
func (r ring) differs(known []string) string {
	for _, id := range known {
		switch {
		case r.find(id) > 0:
		case len(r) == 0:
			return fmt.Sprintf("is missing here, %s… there", short(id))
		default:
			return fmt.Sprintf("%s… here, %s… there", short(r.id()), short(id))
		}
	}
	used := r.find(known[0])
	if r[0].Number < used {
		return fmt.Sprintf("%s… is used here, and its successor %s… there: this directory is from before the rotation went on", short(r.id()), short(known[0]))
	}
	for _, id := range r.trusted() {
		if r.find(id) < used && !slices.Contains(known, id) {
			return fmt.Sprintf("%s… is still trusted here, and was retired there: this directory is from before the rotation went on", short(id))
		}
	}
	return ""
}

// IDs returns the ids of all keys of a set that a cluster keeps, also of those that were removed.
func IDs(set pki.Set) []string { return idsOf(ringsOf(set)) }

func idsOf(rings map[string]ring) (ids []string) {
	for _, r := range rings {
		for _, g := range r {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// LockedIDs returns the ids of the keys in a lock file, by item, in their order.
func LockedIDs(keys []cluster.LockedKey) map[string][]string {
	found := map[string][]string{}
	for _, k := range keys {
		found[k.Name] = append(found[k.Name], k.ID)
	}
	return found
}

// lockedRows returns the entries of a lock file for the keys of these requests, in place of those
// that it has for them; what the PKI does not hold keeps its entries.
func lockedRows(keys []cluster.LockedKey, requests []pki.Request, rings map[string]ring) []cluster.LockedKey {
	rows := slices.Clone(keys)
	for _, r := range requests {
		ids := rings[r.Name].trusted()
		if len(ids) == 0 {
			continue
		}
		rows = slices.DeleteFunc(rows, func(k cluster.LockedKey) bool { return k.Name == r.Name })
		for _, id := range ids {
			rows = append(rows, cluster.LockedKey{Name: r.Name, ID: id, Secret: r.Kind == pki.Secret})
		}
	}
	slices.SortStableFunc(rows, func(a, b cluster.LockedKey) int { return strings.Compare(a.Name, b.Name) })
	return rows
}
