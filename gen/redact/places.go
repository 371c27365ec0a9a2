package redact

import (
	"regexp"
	"strings"

	"hagen/gen/lazy"
)

// place is a row: where people put secrets, in programs and files that are not
// hagen's. Secrets there can be guessed, so not even their digest is shown.
type place struct {
	what  string
	hints []string              // one of them, in lower case, is in every text that the row is about
	find  func() *regexp.Regexp // the secret is the group "secret"
}

const (
	// named ends the names of settings, variables and flags that hold a secret.
	named = `(?:pass(?:word|wd|phrase)|token|secret|(?:api|access|private|secret|preshared|pre-shared)[_-]?key|[_-]pass|psk)`
	// setting is such a name, without the dashes of a flag.
	setting = `(?:[a-z0-9_][a-z0-9_.-]*?)?` + named
	// one is a value: quoted, or up to the next space. A value that begins with a
	// dollar is a variable that holds it.
	one = `(?P<secret>"[^"\n]+"|'[^'\n]+'|[^\s"'$-]\S*)`
)

var secretNames = []string{"pass", "token", "secret", "key", "psk"}

// places are tried in this order.
var places = []place{
	{"the header Authorization, with parameters", []string{"authorization"},
		lazy.Regexp(`(?i)authorization["']?[ \t]*[:=][ \t]*\\?["']?(?:digest|oauth|hawk|mac|signature)[ \t]+(?P<secret>(?:[a-z_]+=(?:\\?"[^"\n]*"|[^\s,"']+)(?:,[ \t]*)?)+)`)},
	{"the header Authorization, a list", []string{"authorization"}, lazy.Regexp(`(?i)authorization["']?[ \t]*[:=][ \t]*\[[ \t]*(?P<secret>(?:"(?:[^"\\\n]|\\.)*"|[^"\]\n])+)\]`)},
	{"a quoted assignment", secretNames, lazy.Regexp(`(?i)"` + setting + `=(?P<secret>[^"\n$][^"\n]*)"`)},
	{"a quoted assignment", secretNames, lazy.Regexp(`(?i)'` + setting + `=(?P<secret>[^'\n$][^'\n]*)'`)},
	{"a line of its own", secretNames, lazy.Regexp(`(?im)^[ \t;#]*(?:export[ \t]+)?` + setting + `[ \t]*=[ \t]*(?P<secret>[^\s$].*)$`)},
	{"a URL's query", []string{"?"}, lazy.Regexp(`(?i)[?&](?:[a-z0-9_-]*` + named + `|key|sig|[a-z0-9-]*signature)=(?P<secret>[^\s&"'#$]+)`)},
	{"an assignment", secretNames, lazy.Regexp(`(?i)(?:^|[^a-z0-9_.])` + setting + `=` + one)},
	{"a flag", secretNames, lazy.Regexp(`(?i)(?:^|\s)--?` + setting + `(?:=|[ \t]+(?:\\\r?\n[ \t]*)?)` + one)},
	{"user and password of a flag", []string{"-u", "--proxy-user"}, lazy.Regexp(`(?:^|\s)(?:-u|--user|--proxy-user)(?:=|[ \t]*)["']?[^\s:"'=]*[^\s:"'=0-9][^\s:"'=]*:(?P<secret>[^\s"'$]+)`)},
	{"sshpass", []string{"sshpass"}, lazy.Regexp(`\bsshpass[ \t]+-p[ \t]*` + one)},
	{"a URL", []string{"://"}, lazy.Regexp(`(?i)[a-z][a-z0-9+.-]*://[^\s/:@"'?#]*:(?P<secret>[^\s/"'?#]+)@`)},
	{"the header Authorization", []string{"authorization"}, lazy.Regexp(`(?i)authorization["']?[ \t]*[:=][ \t]*["']?(?:[a-z]+[ \t]+)?(?P<secret>[^\s"'$\[][^"'\n]*)`)},
	{"another header", []string{"-"}, lazy.Regexp(`(?i)\b[a-z0-9]+-(?:[a-z0-9]+-)*(?:token|key|secret|password|auth):[ \t]*(?P<secret>[^\s"'$][^"'\n]*)`)},
	{".netrc", []string{"login"}, lazy.Regexp(`(?:\bmachine\s+\S+|\bdefault)(?:\s+(?:login|account)\s+\S+)*\s+password\s+(?P<secret>\S+)`)},
	{".netrc, the account's", []string{"login"}, lazy.Regexp(`(?:\bmachine\s+\S+|\bdefault)(?:\s+(?:login|password)\s+\S+)*\s+account\s+(?P<secret>\S+)`)},
	{".pgpass", []string{":"}, lazy.Regexp(`(?m)^[^:\s#=]+:(?:[0-9]+|\*):[^:\s]+:[^:\s]+:(?P<secret>[^\s:]\S*)$`)},
	{"crypt(5)", []string{"$"}, lazy.Regexp(`(?P<secret>\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|apr1)\$[./A-Za-z0-9$=,-]{8,})`)},
	{"a token with a known prefix", []string{"gh", "glpat-", "xox", "akia", "asia", "aiza", "hvs.", "hvb.", "sk-", "sk_", "eyj", "npm_", "pypi-"},
		lazy.Regexp(`\b(?P<secret>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,}|hv[sb]\.[A-Za-z0-9_-]{20,}|sk[-_][A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)`)},
	{"a registry's auth", []string{`"auth"`}, lazy.Regexp(`"auth"[ \t]*:[ \t]*"(?P<secret>[^"\n]+)"`)},
	{"passwd, a field", []string{"passwd"}, lazy.Regexp(`(?im)^[\s#-]*["']?[a-z0-9_.-]*passwd["']?[ \t]*:[ \t]+(?P<secret>[^\s{\[|>].*)$`)},
	{"SetCredential=", []string{"setcredential"}, lazy.Regexp(`(?m)^[ \t]*SetCredential(?:Encrypted)?=[^:\n]+:(?P<secret>(?:[^\n]*\\\n)*[^\n]+)`)},
	{"a word of a configuration", []string{"requirepass", "masterauth", "bindpw", "rootpw", "community", "auth"},
		lazy.Regexp(`(?im)^[ \t]*(?:requirepass|masterauth|bindpw|rootpw|r[ow]community6?|auth_pass|stats[ \t]+auth)[ \t]+` + one)},
	{"a user of HAProxy", []string{"password"}, lazy.Regexp(`(?m)^[ \t]*user[ \t]+\S+[ \t]+(?:insecure-)?password[ \t]+` + one)},
	{"ipsec.secrets", []string{"psk", "xauth", "eap"}, lazy.Regexp(`\b(?:PSK|XAUTH|EAP)[ \t]+(?P<secret>"[^"\n]+"|0[sx]\S+)`)},
}

var (
	// harmless is a value that is not a secret, whatever its name: a twin's, a
	// switch, a file.
	harmless = lazy.Regexp(`(?i)^(?:REDACTED(?:: .*)?|true|false|yes|no|on|off|none|null|/(?:boot|dev|etc|home|lib|mnt|opt|proc|root|run|srv|sys|tmp|usr|var)/[\w./@-]+(?:[ \t]*\\)?|\\)$`)
	// notSecret are names that only look like a secret's.
	notSecret = lazy.Regexp(`initial-cluster-token[= \t]+$`)
)

// hidePlaces replaces the secrets in all places.
func hidePlaces(text string) string {
	lower := strings.ToLower(text)
	for _, p := range places {
		for _, hint := range p.hints {
			if strings.Contains(lower, hint) {
				text = p.hide(text)
				break
			}
		}
	}
	return text
}

func (p place) hide(text string) string {
	find := p.find()
	group := 2 * find.SubexpIndex("secret")
	var b strings.Builder
	done := 0
	for _, m := range find.FindAllStringSubmatchIndex(text, -1) {
		before, value := text[m[0]:m[group]], text[m[group]:m[group+1]]
		rest := ""
		// A quote after it may have been opened before the name.
		if last := value[len(value)-1:]; (last == `"` || last == "'") && strings.Count(value, last)%2 == 1 {
			value, rest = value[:len(value)-1], last
		}
		if value == "" || harmless().MatchString(strings.Trim(value, `"'`)) || settled().MatchString(strings.Trim(value, `"'`)) || notSecret().MatchString(before) {
			continue
		}
		// A continued line stays continued.
		if trimmed := strings.TrimRight(value, " \t"); strings.HasSuffix(trimmed, ` \`) || strings.HasSuffix(trimmed, "\t\\") {
			rest = ` \` + rest
		}
		b.WriteString(text[done:m[group]] + Hidden + rest)
		done = m[group+1]
	}
	return b.String() + text[done:]
}
