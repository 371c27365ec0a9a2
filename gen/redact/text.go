// Package redact hides the secrets in a text, and describes keys and
// certificates by what identifies them. In files written by hand it hides the
// forms that docs/twins.md lists. It is used for twins, and wherever a line of
// a document is shown.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"unicode"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// What replaces a secret, and a text that cannot be taken apart.
const (
	Hidden     = "REDACTED"
	Everything = Hidden + ": a file whose secret cannot be told from the rest\n"
)

// What replaces keys and certificates. The twin of a twin must be the same, so
// these are recognized.
const (
	unreadable  = Hidden + ": PEM that cannot be read"
	cut         = Hidden + ": PEM that is cut short"
	nested      = Hidden + ": base64 of what has a twin with SHA-256 "
	privateKey  = node.PrivateKeyMark
	publicKey   = node.PublicKeyMark
	secretBytes = node.SecretMark
	ageKey      = "age secret key, SHA-256 "
)

const (
	// fact is one fact in a twin about what it does not show.
	fact = `(?:` + Hidden + `(?:: (?:PEM that (?:cannot be read|is cut short)|a certificate that cannot be read|[A-Z0-9 ]+|base64 of what has a twin with SHA-256 [0-9a-f]{64}))?` +
		`|(?:private key of the public key with|public key,|public key [A-Za-z0-9]+,|certificate,|secret,|age secret key,) SHA-256 [0-9a-f]{64}` +
		`|(?:subject|issuer|names|addresses|usage|valid) (?:\\.|[^;\\])*)`

	// Fields of kubeconfigs, encryption configurations and the like, in YAML or
	// JSON. The value of an encoded one is base64, of PEM or of a key. Values of
	// the others can be guessed, so not even their digest is shown.
	encodedNames   = `certificate-authority-data|client-certificate-data|client-key-data|secret`
	guessableNames = `(?i:[a-z0-9_.-]*(?:token|password|passphrase|(?:api|access|private|secret|pre-?shared)[_-]?key|[_-]pass|psk)|[a-z0-9_.-]+secret)`
	// A list or an object is one value, with those inside.
	quoted     = `"(?:[^"\\\n]|\\.)*"|'[^'\n]*'`
	scalars    = `(?:` + quoted + `|[^"'\[\]{}\n])*`
	flat       = `[\[{]` + scalars + `[\]}]`
	nestedOnce = `[\[{](?:` + scalars + `(?:` + flat + `)?)*[\]}]`
	several    = `[\[{](?:` + scalars + `(?:` + nestedOnce + `)?)*[\]}]`
)

var (
	blockType = lazy.Regexp(`^[A-Z0-9 ]+$`)
	// settled is a value that is a twin's already: facts, joined.
	settled = lazy.Regexp(`^` + fact + `(?:; ` + fact + `)*$`)

	// A PEM block may be indented or commented, have another system's line ends,
	// or be in a string with \n for its line ends.
	pemBlock = lazy.Regexp(`(?ms)(^[ \t#]*)?-----BEGIN ([^\n]*?)-----(.*?)-----END [^\n]*?-----(\r?\n)?`)
	noEnd    = lazy.Regexp(`(?s)-----BEGIN [^\n]*?PRIVATE KEY.*`)
	noBegin  = lazy.Regexp(`(?m)(?:^[ \t#]*[A-Za-z0-9+/=]*[ \t\r]*\n)*^.*-----END [^\n]*?PRIVATE KEY-----\r?$`)

	field     = lazy.Regexp(`^([\s#-]*["']?(` + encodedNames + `|` + guessableNames + `)["']?\s*:)(\s*)(.*)$`)
	inFlow    = lazy.Regexp(`([{,][ \t]*["']?(` + encodedNames + `|` + guessableNames + `)["']?[ \t]*:[ \t]*)(` + several + `|` + quoted + `|[^\s"'{}\[\],][^,}\n]*)`)
	isEncoded = lazy.Regexp(`^(?:` + encodedNames + `)$`)

	age = lazy.Regexp(`AGE-SECRET-KEY-[0-9A-Z-]*`)
	// run is base64 in one piece, long enough for a key of the shortest kind.
	run = lazy.Regexp(`[A-Za-z0-9+/]{60,}={0,2}`)
)

// Text returns the twin of a file's contents. It never holds what
// node.HoldsSecret finds: if a secret cannot be told from the text around it,
// nothing of the file is left.
func Text(contents []byte) []byte { return text(contents, "\n") }

// Line is Text with the facts about a block on one line, for units and
// comments.
func Line(contents []byte) []byte { return text(contents, "; ") }

// Shows reports whether Text leaves a text as it is.
func Shows(contents string) bool { return string(Text([]byte(contents))) == contents }

// text is Text with a separator between the facts about a block on lines of
// its own.
func text(contents []byte, between string) []byte {
	if fact, isKey := describeKey(contents); isKey {
		return []byte(fact + "\n")
	}
	shown := replaceBlocks(string(contents), between)
	shown = replaceFields(shown)
	shown = inFlow().ReplaceAllStringFunc(shown, func(match string) string {
		m := inFlow().FindStringSubmatch(match)
		if settled().MatchString(strings.Trim(m[3], `"'`)) {
			return match
		}
		return m[1] + `"` + replacement(m[2], m[3:]) + `"`
	})
	shown = hidePlaces(shown)
	shown = age().ReplaceAllStringFunc(shown, func(key string) string {
		if len(key) < 58 { // bech32 of 32 bytes with the prefix has 74
			return Hidden
		}
		return ageKey + fingerprint([]byte(key))
	})
	shown = run().ReplaceAllStringFunc(shown, replaceRun)
	if node.HoldsSecret([]byte(withoutSettled(plainer.Replace(shown)))) {
		return []byte(Everything)
	}
	return []byte(shown)
}

// plainer turns UTF-16, roughly, and foreign line ends into what HoldsSecret
// reads.
var plainer = strings.NewReplacer("\x00", "", "\r\n", "\n", "\r", "\n")

// replaceBlocks replaces PEM, and the rest of it when a part is cut off.
func replaceBlocks(text, between string) string {
	text = pemBlock().ReplaceAllStringFunc(text, func(match string) string {
		m := pemBlock().FindStringSubmatchIndex(match)
		prefix, end := "", ""
		separator := "; "
		if m[2] >= 0 {
			prefix, separator = match[m[2]:m[3]], between
		}
		if m[8] >= 0 {
			end = "\n"
		}
		if strings.HasPrefix(separator, "\n") {
			separator += prefix
		}
		return prefix + strings.Join(describe(unwrapped(match)), separator) + end
	})
	text = noEnd().ReplaceAllString(text, cut+"\n")
	return noBegin().ReplaceAllString(text, cut)
}

// unwrapped returns a PEM block without indentation, comment signs and quotes.
func unwrapped(block string) []byte {
	var lines []string
	for line := range strings.SplitSeq(strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(block), "\n") {
		lines = append(lines, strings.Trim(line, " \t\r#\"'"))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// replaceFields replaces the values of fields that begin a line, with the
// lines that continue such a value: those that are indented more.
func replaceFields(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	for i := 0; i < len(lines); i++ {
		m := field().FindStringSubmatch(lines[i])
		if m == nil {
			out = append(out, lines[i])
			continue
		}
		more := continuation(lines[i+1:], column(m[1]))
		if m[4] == "" && len(more) == 0 || settled().MatchString(strings.Trim(m[4], `"',`)) && len(more) == 0 {
			out = append(out, lines[i])
			continue
		}
		i += len(more)
		if m[3] == "" {
			m[3] = " "
		}
		out = append(out, m[1]+m[3]+replacement(m[2], append([]string{m[4]}, more...)))
	}
	return strings.Join(out, "\n")
}

// column returns the column of a field's name, after the signs of lists.
func column(before string) int {
	return len(before) - len(strings.TrimLeft(before, " \t\r\v\f#-"))
}

// continuation returns the lines that are indented more than a column, with
// the empty ones between them.
func continuation(lines []string, column int) []string {
	last := 0
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " \t#")
		if strings.TrimSpace(trimmed) == "" {
			continue
		}
		if len(line)-len(trimmed) <= column {
			break
		}
		last = i + 1
	}
	return lines[:last]
}

// replacement returns what is shown for a field's value.
func replacement(name string, value []string) string {
	if !isEncoded().MatchString(name) {
		return Hidden
	}
	if len(value) > 1 && strings.HasPrefix(value[0], "|") || strings.HasPrefix(value[0], ">") {
		value = value[1:] // the head of a block scalar
	}
	joined := strings.Join(strings.Fields(strings.Join(value, "")), "")
	data, err := base64.StdEncoding.DecodeString(strings.Trim(joined, `"',`))
	if err != nil {
		return Hidden
	}
	return identify(data)
}

// identify describes bytes: PEM, or a key that cannot be guessed. A key that
// is readable text may be someone's idea.
func identify(data []byte) string {
	if block, _ := pem.Decode(data); block != nil {
		return strings.Join(describe(data), "; ")
	}
	if fact, isKey := describeKey(data); isKey {
		return fact
	}
	words := !bytes.ContainsFunc(data, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) })
	if len(data) >= 32 && !words {
		return secretBytes + fingerprint(data)
	}
	return Hidden
}

// replaceRun replaces base64 of a secret, or of a text that holds one.
func replaceRun(encoded string) string {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		// The first character may belong to the text before.
		if data, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "=")); err != nil {
			return encoded
		}
	}
	if fact, isKey := describeKey(data); isKey {
		return fact
	}
	if shown := Text(data); !bytes.Equal(shown, data) {
		return nested + fingerprint(shown)
	}
	return encoded
}

// withoutSettled returns a text without the fields that are a twin's already.
func withoutSettled(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if m := field().FindStringSubmatch(line); m == nil || !settled().MatchString(strings.Trim(m[4], `"',`)) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
