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
		{ruleNoDigest, Error, "whoever answers there, or stands on the way, gives the machine what he likes",
			"name its SHA-512 in verification.hash; render again: hagen lock finds it"},
		{ruleUnresolvableSource, Warning, "files are fetched before /etc/hosts is the document's, so DNS has to know the name",
			"write an address, unless DNS knows the name"},
		{ruleURLCredentials, Warning, "everybody who reads the document can fetch the file, too",
			"let the server give the file without: the digest says whether it is the right one"},
	}},
	{within: (*machine).unpacked, rules: []rule{
		{ruleArchiveDigest, Error, "the machine refuses the archive at its first boot, and no daemon starts",
			"write one digest in both places, or render again"},
	}},
}

// goodHash is a digest that Ignition verifies (Ignition, "Configuration
// Specification v3.4.0", verification).
var goodHash = lazy.Regexp(`^(?:sha512-[0-9a-fA-F]{128}|sha256-[0-9a-fA-F]{64})$`)

// sources: a file that the machine fetches has a digest, and a host that can
// be found before the document's own files are there.
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
			m.find(ruleNoDigest, read.Whole(f.Path), "is fetched with a digest that is none: %q", f.Source.Hash)
		}
		if err != nil {
			continue
		}
		if u.User != nil || u.RawQuery != "" {
			m.find(ruleURLCredentials, read.Whole(f.Path), "is fetched from %s with a user, a password or a query", u.Host)
		}
		if _, ours := m.hosts.Names[u.Hostname()]; ours {
			m.find(ruleUnresolvableSource, read.Whole(f.Path), "is fetched from %s, a name that this machine has from its own /etc/hosts", u.Hostname())
		}
	}
}

// shown is a URL without what lets somebody in.
func shown(u *url.URL, text string) string {
	if u == nil {
		return text
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// unpacked: an archive that binaries.sh unpacks is one that the document
// brings, with the same digest; a program that is fetched can be executed.
func (m *machine) unpacked() {
	digests := map[string]string{} // by path; what nobody fetches somebody else may put there
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
				m.find(ruleNoDigest, m.at(read.BinariesPath, s.Digest.At), "fetches %s with a digest that is none", s.Place.Text)
			}
		case read.Unpack:
			if digest, known := digests[s.Place.Text]; known && digest != s.Digest.Text {
				m.find(ruleArchiveDigest, m.at(read.BinariesPath, s.Digest.At), "wants another digest of %s than the file is fetched with", s.Place.Text)
			}
		}
	}
	for _, p := range m.processes {
		if f, brought := m.files[p.Path.Text]; brought && f.Mode&0o111 == 0 {
			m.find(ruleProgram, read.Whole(f.Path), "is what %s runs, and mode %04o lets nobody execute it", p.Unit.Name, f.Mode)
		}
	}
}
