package diff

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"hagen/gen/node"
	"hagen/gen/read"
)

// byMeaning compares two twins whose lines it understands. If complete is false, the
// lines have to be shown.
func byMeaning(before, after string) (details []Detail, complete bool) {
	for _, compare := range []func(before, after string) ([]Detail, bool){keys, certificates, binaries, inline} {
		if details, complete = compare(before, after); complete {
			return details, true
		}
	}
	return nil, false
}

// keys compares files that consist of one key.
func keys(before, after string) ([]Detail, bool) {
	for _, k := range []struct{ line, what string }{{node.PrivateKeyMark, DetailPrivateKey}, {node.PublicKeyMark, DetailPublicKey}} {
		if isLine(after, k.line) && isLine(before, k.line) {
			return []Detail{{What: k.what, How: Replaced}}, true
		}
		if isLine(after, k.line) && before == "" {
			return []Detail{{What: k.what, How: Added}}, true
		}
	}
	return nil, false
}

func isLine(text, begin string) bool {
	return strings.HasPrefix(text, begin) && strings.Count(text, "\n") == 1
}

// readCertificates reads a twin that consists of certificates.
func readCertificates(lines []string) ([]node.CertificateSummary, bool) {
	all, rest := node.ReadSummaries(lines)
	return all, len(all) > 0 && len(rest) == 0
}

// certificates compares files of one or more certificates.
func certificates(before, after string) ([]Detail, bool) {
	b, ok := readCertificates(split(before))
	a, ok2 := readCertificates(split(after))
	if !ok2 || !ok && before != "" {
		return nil, false
	}
	details := []Detail{}
	if first := a[0]; len(b) > 0 && b[0].Fingerprint != first.Fingerprint && in(b, first) && in(a, b[0]) {
		details = append(details, Detail{What: "first certificate", How: Changed, From: b[0].Subject, To: first.Subject})
	}
	b, a = without(b, a), without(a, b)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(b):
			details = append(details, Detail{What: "certificate", How: Added, To: a[i].Subject},
				Detail{What: "expiry", How: Added, To: day(a[i].To)})
		case i >= len(a):
			details = append(details, Detail{What: "certificate", How: Removed, From: b[i].Subject})
		default:
			details = append(details, compareCertificates(b[i], a[i])...)
		}
	}
	return details, true
}

// without leaves out the certificates that others have.
func without(all, others []node.CertificateSummary) []node.CertificateSummary {
	return slices.DeleteFunc(slices.Clone(all), func(c node.CertificateSummary) bool { return in(others, c) })
}

func in(all []node.CertificateSummary, c node.CertificateSummary) bool {
	return slices.ContainsFunc(all, func(o node.CertificateSummary) bool { return o.Fingerprint == c.Fingerprint })
}

// compareCertificates returns what a reviewer wants to know about a certificate that
// replaces another.
func compareCertificates(c, with node.CertificateSummary) []Detail {
	if c.Fingerprint == with.Fingerprint {
		return nil
	}
	var details []Detail
	list := func(what string, from, to []string) {
		for _, e := range to {
			if !slices.Contains(from, e) {
				details = append(details, Detail{What: what, How: Added, To: e})
			}
		}
		for _, e := range from {
			if !slices.Contains(to, e) {
				details = append(details, Detail{What: what, How: Removed, From: e})
			}
		}
	}
	details = append(details, changed("subject", c.Subject, with.Subject)...)
	details = append(details, changed("issuer", c.Issuer, with.Issuer)...)
	list("name", c.Names, with.Names)
	list("address", c.Addresses, with.Addresses)
	list("usage", c.Usages, with.Usages)
	details = append(details, changed("expiry", day(c.To), day(with.To))...)
	details = append(details, changed("algorithm", c.Algorithm, with.Algorithm)...)
	if c.Key != with.Key {
		what := detailKey
		if slices.Contains(with.Usages, "authority") {
			what = DetailAuthority
		}
		details = append(details, Detail{What: what, How: Replaced})
	}
	if len(details) == 0 {
		details = append(details, changed("expiry", c.To, with.To)...)
	}
	if len(details) == 0 {
		details = append(details, Detail{What: "certificate", How: Replaced, To: "with the same fields"})
	}
	return details
}

// day returns the date of a time in a twin.
func day(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.Format(time.DateOnly)
}

// needs lists the binaries that a machine is to have, with their versions.
func needs(steps []read.Step) (names []string, versions map[string]string) {
	versions = map[string]string{}
	for _, s := range steps {
		if s.Does == read.Need {
			names = append(names, s.Product)
			versions[s.Product] = s.Version
		}
	}
	return names, versions
}

// binaries compares scripts that check binaries and differ in nothing else.
func binaries(before, after string) ([]Detail, bool) {
	is, rest := read.ParseSteps(after)
	was, oldRest := read.ParseSteps(before)
	names, wanted := needs(is)
	old, had := needs(was)
	if len(names) == 0 || len(old) == 0 || rest != oldRest {
		return nil, false
	}
	details := []Detail{}
	for _, name := range names {
		if from, there := had[name]; !there {
			details = append(details, Detail{What: "binary " + name, How: Added, To: wanted[name]})
		} else if from != wanted[name] {
			details = append(details, Detail{What: "binary " + name, How: Changed, From: from, To: wanted[name]})
		}
	}
	details = append(details, archives(was, is)...)
	for _, name := range old {
		if _, there := wanted[name]; !there {
			details = append(details, Detail{What: "binary " + name, How: Removed, From: had[name]})
		}
	}
	return details, len(details) > 0
}

// archives compares the archives and images that scripts fetch, unpack or check. One with
// the same URL or path has new contents.
func archives(before, after []read.Step) []Detail {
	details := []Detail{}
	from := func(s read.Step) string { return cmp.Or(s.URL, s.Place.Text) }
	among := func(steps []read.Step, like read.Step) bool {
		return slices.ContainsFunc(steps, func(s read.Step) bool { return s.Does == like.Does && from(s) == from(like) })
	}
	for _, s := range after {
		switch {
		case s.Does == read.Need, slices.ContainsFunc(before, func(old read.Step) bool { return old.Line == s.Line }):
		case among(before, s):
			details = append(details, Detail{What: from(s), How: Replaced})
		default:
			details = append(details, Detail{What: "takes binaries from", How: Added, To: from(s)})
		}
	}
	for _, s := range before {
		if s.Does != read.Need && !among(after, s) {
			details = append(details, Detail{What: "takes binaries from", How: Removed, From: from(s)})
		}
	}
	return details
}

// inline compares texts that differ only in secrets and certificates within a line, as in
// a kubeconfig or an EncryptionConfiguration.
func inline(before, after string) ([]Detail, bool) {
	b, a := split(before), split(after)
	if len(b) != len(a) {
		return nil, false
	}
	details := []Detail{}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		name, to, _ := strings.Cut(a[i], ": ")
		sameName, from, _ := strings.Cut(b[i], ": ")
		if name != sameName {
			return nil, false
		}
		name = strings.Trim(strings.TrimLeft(name, " -"), `"`)
		both := func(begin string) bool { return strings.HasPrefix(from, begin) && strings.HasPrefix(to, begin) }
		switch {
		case both(node.PrivateKeyMark), both(node.SecretMark):
			details = append(details, Detail{What: name, How: Replaced})
		case both(node.CertificateMark):
			of := func(facts string) string { return strings.ReplaceAll(facts, "; ", "\n") + "\n" }
			found, ok := certificates(of(from), of(to))
			if !ok {
				return nil, false
			}
			for _, d := range found {
				d.What = name + " " + d.What
				details = append(details, d)
			}
		default:
			return nil, false
		}
	}
	return details, true
}
