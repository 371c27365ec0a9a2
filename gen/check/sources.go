package check

import (
	"net/url"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/read"
)

// sourceRules are about what is fetched.
var sourceRules = []check{
	{within: (*machine).sources, rules: []rule{
		{ruleNoDigest, Error, "anyone who controls the server or the path to it can replace the file",
			"write its SHA-512 in verification.hash, or render again: hagen lock finds it"},
		{ruleUnresolvableSource, Warning, "files are fetched before the document's /etc/hosts is in place, so DNS has to know the name",
			"write an address, unless DNS knows the name"},
		{ruleURLCredentials, Warning, "anyone who reads the document can use the credentials",
			"let the server give out the file without them: the digest proves that it is the right one"},
	}},
	{within: (*machine).unpacked, rules: []rule{
		{ruleArchiveDigest, Error, "the machine refuses the archive at its first boot, and no daemon starts",
			"write one digest in both places, or render again"},
	}},
}

// goodHash is a digest that Ignition verifies (Ignition, "Configuration
// Specification v3.4.0", verification).
var goodHash = lazy.Regexp(`^(?:sha512-[0-9a-fA-F]{128}|sha256-[0-9a-fA-F]{64})$`)

// sources checks that a file that the machine fetches has a digest, and a host
// that resolves before the document's own files are there.
func (m *machine) sources() {
	for _, f := range m.Files {
		if !f.Remote() {
			continue
		}
		u, err := url.Parse(f.Source.URL)
		switch {
		case f.Source.Hash == "":
			m.find(ruleNoDigest, read.Whole(f.Path), "is fetched from %s without a digest", shown(u, f.Source.URL))
		case !goodHash().MatchString(f.Source.Hash):
			m.find(ruleNoDigest, read.Whole(f.Path), "is fetched with an invalid digest: %q", f.Source.Hash)
		}
		if err != nil {
			continue
		}
		if u.User != nil || u.RawQuery != "" {
			m.find(ruleURLCredentials, read.Whole(f.Path), "is fetched from %s with a user, a password or a query", u.Host)
		}
		if _, ours := m.hosts.Names[u.Hostname()]; ours {
			m.find(ruleUnresolvableSource, read.Whole(f.Path), "is fetched from %s, a name from this machine's own /etc/hosts", u.Hostname())
		}
	}
}

// shown returns a URL without credentials.
func shown(u *url.URL, text string) string {
	if u == nil {
		return text
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// unpacked checks that an archive that binaries.sh unpacks has the digest that
// it is fetched with, and that a fetched program can be executed.
func (m *machine) unpacked() {
	digests := map[string]string{} // by path; an archive that is not fetched may come from elsewhere
	for _, f := range m.Files {
		if digest, is512 := strings.CutPrefix(f.Source.Hash, "sha512-"); is512 {
			digests[f.Path] = digest
		}
	}
	for _, s := range m.steps {
		switch s.Does {
		case read.Fetch:
			digests[s.Place.Text] = s.Digest.Text
			if !goodHash().MatchString("sha512-" + s.Digest.Text) {
				m.find(ruleNoDigest, m.at(read.BinariesPath, s.Digest.At), "fetches %s with an invalid digest", s.Place.Text)
			}
		case read.Unpack:
			if digest, known := digests[s.Place.Text]; known && digest != s.Digest.Text {
				m.find(ruleArchiveDigest, m.at(read.BinariesPath, s.Digest.At), "expects another digest of %s than the file is fetched with", s.Place.Text)
			}
		}
	}
	for _, p := range m.processes {
		if f, brought := m.files[p.Path.Text]; brought && f.Mode&0o111 == 0 {
			m.find(ruleProgram, read.Whole(f.Path), "is run by %s, but mode %04o does not let it be executed", own(p.Unit.Name), f.Mode)
		}
	}
}
