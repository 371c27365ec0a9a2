package profiles

import (
	"fmt"
	"strings"
)

// since is a row: the oldest version of an earlier minor release that works together
// with a newer minor release.
type since struct {
	product string
	minor   string // the newer release
	oldest  Version
	source  string
}

var sinces = []since{
	{Etcd, "3.7", Version{3, 6, 11}, "etcd.io, Upgrade etcd from v3.6 to v3.7"},
}

// Skew returns why a running cluster must not go from one version of a product to
// another, or "". A product is a Product of an artefact, or a binary of Kubernetes.
// Sources: Kubernetes' version skew policy (API servers are within one minor release
// of each other, and are never downgraded); etcd's upgrade policy (one minor release
// at a time) and its guides.
func Skew(product string, from, to Version) string {
	shown := product
	switch {
	case product == Kubernetes:
		shown = "Kubernetes"
	case product != Etcd && !strings.HasPrefix(product, "kube-"):
		return ""
	}
	back := to.Compare(from) < 0 && to.Line() != from.Line()
	switch {
	case back:
		return fmt.Sprintf("%s goes back from %s to %s: upstream does not support that with data of the newer release", shown, from, to)
	case to.Major != from.Major || to.Minor > from.Minor+1:
		return fmt.Sprintf("%s leaps from %s to %s: upstream supports one minor release at a time", shown, from, to)
	}
	for _, s := range sinces {
		if s.product == product && s.minor == to.Line() && from.Line() != to.Line() && from.Compare(s.oldest) < 0 {
			return fmt.Sprintf("%s %s does not get along with %s: only %s and later of its line do (%s)", shown, from, to, s.oldest, s.source)
		}
	}
	return ""
}
