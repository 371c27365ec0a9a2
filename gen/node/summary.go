package node

import "strings"

// What a twin (out/review/twin) has in the place of keys and certificates:
// each is followed by a SHA-256 in hexadecimal, of a public key or of the
// whole.
const (
	PrivateKeyMark  = "private key of the public key with SHA-256 "
	PublicKeyMark   = "public key, SHA-256 "
	CertificateMark = "certificate, SHA-256 "
	SecretMark      = "secret, SHA-256 "
)

// CertificateSummary is what a twin says about a certificate. All fields are
// texts, as in the twin.
type CertificateSummary struct {
	Fingerprint, Subject, Issuer string
	Names, Addresses, Usages     []string
	From, To                     string // RFC 3339
	Algorithm, Key               string // of the public key, and its SHA-256
}

// Lines returns a summary, one fact a line.
func (c CertificateSummary) Lines() []string {
	lines := []string{CertificateMark + c.Fingerprint, "subject " + c.Subject, "issuer " + c.Issuer}
	if len(c.Names) > 0 {
		lines = append(lines, "names "+strings.Join(c.Names, ", "))
	}
	if len(c.Addresses) > 0 {
		lines = append(lines, "addresses "+strings.Join(c.Addresses, ", "))
	}
	return append(lines, "usage "+strings.Join(c.Usages, ", "), "valid "+c.From+" to "+c.To, "public key "+c.Algorithm+", SHA-256 "+c.Key)
}

// ReadSummaries reads the lines that begin with summaries; rest begins with
// the first line that belongs to none.
func ReadSummaries(lines []string) (all []CertificateSummary, rest []string) {
	for i, line := range lines {
		if fingerprint, begins := strings.CutPrefix(line, CertificateMark); begins {
			all = append(all, CertificateSummary{Fingerprint: fingerprint})
			continue
		}
		if len(all) == 0 || !all[len(all)-1].read(line) {
			return all, lines[i:]
		}
	}
	return all, nil
}

// read records one fact, if the line is one. A key by itself is not.
func (c *CertificateSummary) read(line string) bool {
	if strings.HasPrefix(line, PublicKeyMark) {
		return false
	}
	word, fact, _ := strings.Cut(line, " ")
	switch word {
	case "subject":
		c.Subject = fact
	case "issuer":
		c.Issuer = fact
	case "names":
		c.Names = strings.Split(fact, ", ")
	case "addresses":
		c.Addresses = strings.Split(fact, ", ")
	case "usage":
		c.Usages = strings.Split(fact, ", ")
	case "valid":
		c.From, c.To, _ = strings.Cut(fact, " to ")
	case "public":
		c.Algorithm, c.Key, _ = strings.Cut(strings.TrimPrefix(fact, "key "), ", SHA-256 ")
	default:
		return false
	}
	return true
}
