package plan

import (
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
)

// undelivered stands for the SHA-256 of what nobody knows.
var undelivered = strings.Repeat("0", 64)

// Undelivered gives machines of which nobody knows which certificates they have unknown ones in
// the place of their own, with unknown keys: those of the other side then are to be delivered, all of
// them. Authorities stay.
func Undelivered(s diff.Side) diff.Side {
	s.Machines = slices.Clone(s.Machines)
	for i, n := range s.Machines {
		own := map[string]bool{} // fingerprints of public keys of leaves
		twins := make([]string, len(n.Files))
		for j, f := range n.Files {
			twins[j] = string(redact.Identified(f.Contents))
			for _, leaf := range leavesIn(twins[j]) {
				for _, key := range keyOf().FindAllStringSubmatch(leaf, -1) {
					own[key[1]] = true
				}
			}
		}
		n.Files = slices.Clone(n.Files)
		for j := range n.Files {
			text := certificate().ReplaceAllStringFunc(twins[j], func(c string) string {
				if authority().MatchString(c) {
					return c
				}
				return strings.Replace(c, digits().FindString(c), "SHA-256 "+undelivered, 1)
			})
			text = privateKey().ReplaceAllStringFunc(text, func(key string) string {
				if own[keyOf().FindStringSubmatch(key)[1]] {
					return node.PrivateKeyMark + undelivered
				}
				return key
			})
			if text != twins[j] {
				n.Files[j].Contents = []byte(text)
			}
		}
		s.Machines[i] = n
	}
	return s
}

// leavesIn lists the certificates of a twin that are no authorities.
func leavesIn(twin string) (leaves []string) {
	for _, c := range certificate().FindAllString(twin, -1) {
		if !authority().MatchString(c) {
			leaves = append(leaves, c)
		}
	}
	return leaves
}
