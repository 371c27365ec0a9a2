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
	back    bool // members may go back to it, after etcdctl downgrade enable
	source  string
}

// Going back: etcd.io, Downgrade etcd from v3.7 to v3.6.
var sinces = []since{
	{Etcd, "3.7", Version{3, 6, 11}, true, "etcd.io, Upgrade etcd from v3.6 to v3.7"},
}

// Skew returns why a running cluster must not go from one version of a product to
// another, or "". A product is a Product of an artefact, or a binary of Kubernetes;
// emulated is the minor release that Kubernetes behaves like before, "" for its own.
// Sources: Kubernetes' version skew policy (API servers are within one minor release
// of each other, and are never downgraded) and KEP-4330 (unless the newer one has only
// behaved like the older one); etcd's upgrade policy (one minor release at a time) and
// its guides.
func Skew(product string, from, to Version, emulated string) string {
	if product == Etcd {
		emulated = ""
	}
	shown := product
	switch {
	case product == Kubernetes:
		shown = "Kubernetes"
	case product != Etcd && !strings.HasPrefix(product, "kube-"):
		return ""
	}
	back := to.Compare(from) < 0 && to.Line() != from.Line()
	switch {
	case emulated == to.Line() || goesBack(product, from, to):
	case emulated != "" && !back && to.Line() != from.Line():
		return fmt.Sprintf("%s leaps from %s, which %s behaves like, to %s: upstream supports one minor release at a time", shown, emulated, from, to)
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

// goesBack reports whether members of a product go back to the minor release before, and
// may.
func goesBack(product string, from, to Version) bool {
	for _, s := range sinces {
		if s.back && s.product == product && s.minor == from.Line() && s.oldest.Line() == to.Line() && to.Compare(s.oldest) >= 0 {
			return true
		}
	}
	return false
}

// Emulation returns why a running cluster must not behave like another minor release than
// before, or "". What it behaved like before and then is "" for its own release.
func Emulation(from Version, was, is string) string {
	if was == "" {
		was = from.Line()
	}
	before, _ := ParseVersion(was + ".0")
	after, ok := ParseVersion(is + ".0")
	if !ok || after.Compare(before) >= 0 {
		return ""
	}
	return fmt.Sprintf("Kubernetes behaves like %s so far, and cannot like %s again: upstream does not support that with data of the newer release", was, is)
}
