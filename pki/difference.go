package pki

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Differences lists, field by field, how a recorded request must change to become the
// wanted one: "lifetime: 8760h → 4380h". The order of names and organizations does not
// count.
func Differences(recorded, wanted Request) []string {
	found := change(nil, "authority", recorded.Authority, wanted.Authority)
	found = append(found, subjectDifferences(recorded.Subject, wanted.Subject)...)
	if names := setDifference(recorded.names(), wanted.names()); names != "" {
		found = append(found, "names: "+names)
	}
	found = change(found, "signing profile", recorded.Profile, wanted.Profile)
	found = change(found, "algorithm", string(recorded.Algorithm), string(wanted.Algorithm))
	return change(found, "lifetime", hours(recorded.Lifetime), hours(wanted.Lifetime))
}

func subjectDifferences(recorded, wanted Subject) []string {
	found := change(nil, "common name", recorded.CommonName, wanted.CommonName)
	if organizations := setDifference(recorded.Organization, wanted.Organization); organizations != "" {
		found = append(found, "organization: "+organizations)
	}
	found = change(found, "organizational unit", recorded.OrganizationalUnit, wanted.OrganizationalUnit)
	found = change(found, "country", recorded.Country, wanted.Country)
	found = change(found, "province", recorded.Province, wanted.Province)
	return change(found, "locality", recorded.Locality, wanted.Locality)
}

func change(found []string, field, old, new string) []string {
	if old == new {
		return found
	}
	if old == "" {
		old = "none"
	}
	if new == "" {
		new = "none"
	}
	return append(found, fmt.Sprintf("%s: %s → %s", field, old, new))
}

// setDifference writes what must be added and removed: "+ new1 new2 − old"; "" if the sets
// are equal.
func setDifference(old, new []string) string {
	var parts []string
	if added := without(new, old); len(added) > 0 {
		parts = append(parts, "+ "+strings.Join(added, " "))
	}
	if removed := without(old, new); len(removed) > 0 {
		parts = append(parts, "− "+strings.Join(removed, " "))
	}
	return strings.Join(parts, " ")
}

func without(values, others []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(others, v) })
}

// names returns the subject alternative names as text, DNS names first, without duplicates.
func (r Request) names() []string {
	all := slices.Clone(r.DNSNames)
	for _, address := range r.IPAddresses {
		all = append(all, address.Unmap().String())
	}
	var once []string
	for _, name := range all {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// hours writes a duration without its empty units: 8760h, 1h30m, 90s.
func hours(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
