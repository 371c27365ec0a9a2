package redact

import (
	"slices"
	"strings"
	"testing"
)

// TestPlaces: a password of somebody's own program is hidden wherever a row
// knows that one stands there, what surrounds it is not, and each row is
// needed for one of the texts.
func TestPlaces(t *testing.T) {
	const secret = "S3cr3t-Hunter2" // where § stands
	known := "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
	texts := []struct{ text, want string }{
		// Units and shell.
		{"Environment=PASSWORD=§\n", "Environment=PASSWORD=REDACTED\n"},
		{"Environment=\"DB_PASSWORD=§ with spaces\" HOME=/x\n", "Environment=\"DB_PASSWORD=REDACTED\" HOME=/x\n"},
		{"Environment='DB_PASSWORD=§ \"x' A=b\n", "Environment='DB_PASSWORD=REDACTED' A=b\n"},
		{"Environment=\"A=b X_TOKEN=§\" HOME=/x\n", "Environment=\"A=b X_TOKEN=REDACTED\" HOME=/x\n"},
		{"Environment=A=1 AWS_SECRET_ACCESS_KEY=§ B=2\n", "Environment=A=1 AWS_SECRET_ACCESS_KEY=REDACTED B=2\n"},
		{"MYSQL_ROOT_PASSWORD=§ and more\n", "MYSQL_ROOT_PASSWORD=REDACTED\n"},
		{"export VAULT_TOKEN='§'\n", "export VAULT_TOKEN=REDACTED\n"},
		{"FTP_PASS=§\n", "FTP_PASS=REDACTED\n"},
		{"x TOKEN=§ \\\n y\n", "x TOKEN=REDACTED \\\n y\n"},
		{"SetCredential=db:§\n", "SetCredential=db:REDACTED\n"},
		{"SetCredential=db:a \\\n  §\nUser=x\n", "SetCredential=db:REDACTED\nUser=x\n"},
		{"ExecStart=/bin/agent --token § --v=2\n", "ExecStart=/bin/agent --token REDACTED --v=2\n"},
		{"ExecStart=/bin/agent \\\n  --join-token \\\n    § \\\n  --v=2\n", "ExecStart=/bin/agent \\\n  --join-token \\\n    REDACTED \\\n  --v=2\n"},
		{"ExecStart=/bin/agent --api-key=§ -client-secret=\"§\"\n", "ExecStart=/bin/agent --api-key=REDACTED -client-secret=REDACTED\n"},
		{"ExecStart=/bin/agent -db.password=§\n", "ExecStart=/bin/agent -db.password=REDACTED\n"},
		{"curl -u admin:§ https://x/\n", "curl -u admin:REDACTED https://x/\n"},
		{"curl --user=\"admin:§\" x\n", "curl --user=\"admin:REDACTED\" x\n"},
		{"curl -H \"Authorization: Bearer §\" x\n", "curl -H \"Authorization: Bearer REDACTED\" x\n"},
		{"curl -H 'Authorization: Digest username=\"x\", uri=/, response=\"§\"' x\n", "curl -H 'Authorization: Digest REDACTED' x\n"},
		{"curl -H \"Authorization: OAuth oauth_token=\\\"a\\\", oauth_signature=\\\"§\\\"\" x\n", "curl -H \"Authorization: OAuth REDACTED\" x\n"},
		{"{\"Authorization\": [\"Bearer a\", \"Bearer ]§\"], \"x\": 1}\n", "{\"Authorization\": [REDACTED], \"x\": 1}\n"},
		{"curl -H 'X-Vault-Token: §' x\n", "curl -H 'X-Vault-Token: REDACTED' x\n"},
		{"sshpass -p § ssh x\n", "sshpass -p REDACTED ssh x\n"},
		// URLs.
		{"proxy=http://bob:§@proxy:3128/\n", "proxy=http://bob:REDACTED@proxy:3128/\n"},
		{"Environment=HTTPS_PROXY=http://:§@proxy\n", "Environment=HTTPS_PROXY=http://:REDACTED@proxy\n"},
		{"get https://x/?a=b&sig=§&c=d\n", "get https://x/?a=b&sig=REDACTED&c=d\n"},
		{"get https://x/?access_token=§\n", "get https://x/?access_token=REDACTED\n"},
		// Files of their own.
		{"machine example.com login bob password §\n", "machine example.com login bob password REDACTED\n"},
		{"machine example.com\n  login bob\n  password §\n  account §\n", "machine example.com\n  login bob\n  password REDACTED\n  account REDACTED\n"},
		{"default login bob password §\n", "default login bob password REDACTED\n"},
		{"db.example.com:5432:*:bob:§\n", "db.example.com:5432:*:bob:REDACTED\n"},
		{"bob:$6$rounds=5000$§§:19000:0\n", "bob:REDACTED:19000:0\n"},
		{"bob:$apr1$§\n", "bob:REDACTED\n"},
		{"{\"auths\": {\"r.example.com\": {\"auth\": \"§\"}}}\n", "{\"auths\": {\"r.example.com\": {\"auth\": \"REDACTED\"}}}\n"},
		{"[Interface]\nPrivateKey = §/+=\nAddress = 10.0.0.1\n", "[Interface]\nPrivateKey = REDACTED\nAddress = 10.0.0.1\n"},
		{"PresharedKey=§\n", "PresharedKey=REDACTED\n"},
		{"[wifi-security]\npsk=§\n", "[wifi-security]\npsk=REDACTED\n"},
		{": PSK \"§\"\n", ": PSK REDACTED\n"},
		{"[mysql]\npassword = § # old\n", "[mysql]\npassword = REDACTED\n"},
		{"requirepass §\n", "requirepass REDACTED\n"},
		{"bindpw §\nrocommunity § 10.0.0.0/8\n", "bindpw REDACTED\nrocommunity REDACTED 10.0.0.0/8\n"},
		{"  user bob password §\n", "  user bob password REDACTED\n"},
		{"    apiKey: §\n    bindPassword: '§'\n    clientSecret: §\n", "    apiKey: REDACTED\n    bindPassword: REDACTED\n    clientSecret: REDACTED\n"},
		{"    db_pass: §\n  preSharedKey: §\n", "    db_pass: REDACTED\n  preSharedKey: REDACTED\n"},
		{"    passwd: §\n    passwd:\n      next: x\n", "    passwd: REDACTED\n    passwd:\n      next: x\n"},
		{"{\"apiKey\": \"§\", \"x\": 1}\n", "{\"apiKey\": \"REDACTED\", \"x\": 1}\n"},
		{"{\"password\": [\"§\", \"]§\"], \"x\": 1}\n", "{\"password\": \"REDACTED\", \"x\": 1}\n"},
		{"{\"token\": {\"value\": \"}§\", \"old\": [{\"value\": \"§\"}]}, \"x\": 1}\n", "{\"token\": \"REDACTED\", \"x\": 1}\n"},
		{"{token: [a, '§'], x: [1, 2]}\n", "{token: \"REDACTED\", x: [1, 2]}\n"},
		// Tokens that say what they are.
		{"clone with ghp_" + known + " please\n", "clone with REDACTED please\n"},
		{"glpat-" + known + "\n", "REDACTED\n"},
		{"id AKIAIOSFODNN7EXAMPLE here\n", "id REDACTED here\n"},
		{"x eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0." + known + "\n", "x REDACTED\n"},
		// What sounds like one and is none.
		{"--initial-cluster-token=etcd-kubernetes \\\n", ""},
		{"--initial-cluster-token etcd-kubernetes\n", ""},
		{"--use-token=true\nREQUIRE_PASSWORD=yes\n", ""},
		{"--token-auth-file=/etc/tokens\nTOKEN_FILE=/etc/token\n", ""},
		{"ssl_private_key=/etc/ssl/key.pem\n--private-key /etc/key\n", ""},
		{"run --token $TOKEN --password ${PASSWORD} TOKEN=$(cat x)\n", ""},
		{"podman run -u 1000:1000 x\n", ""},
		{"https://10.10.10.80:2379,https://x:1/?a=b\nssh://git@example.com/x\n", ""},
		{"root:x:0:0:root:/root:/bin/sh\n10.0.0.1 kubem00\n::1 localhost\n", ""},
		{"# Without credentials: health, and nothing else. The token is not here\n", ""},
		{"the default password has to be changed by who logs in\n", ""},
	}
	needed := map[string]bool{}
	for _, test := range texts {
		text := strings.ReplaceAll(test.text, "§", secret)
		want := strings.ReplaceAll(test.want, "§", secret)
		if want == "" {
			want = text
		}
		shown := string(Text([]byte(text)))
		if shown != want {
			t.Errorf("%q: got %q, want %q", text, shown, want)
		}
		if again := string(Text([]byte(shown))); again != shown {
			t.Errorf("%q: the twin's twin is %q, the twin %q", text, again, shown)
		}
		unit := string(Line([]byte("[Service]\n" + text)))
		if strings.Contains(shown, Hidden) && (strings.Contains(unit, secret) || strings.Contains(unit, known)) {
			t.Errorf("%q: in a unit it is %q", text, unit)
		}
		for i, p := range places {
			all := places
			places = slices.Delete(slices.Clone(places), i, i+1)
			if string(Text([]byte(text))) != shown {
				needed[p.find().String()] = true
			}
			places = all
		}
	}
	for _, p := range places {
		if !needed[p.find().String()] {
			t.Errorf("%s: no text needs this row", p.what)
		}
	}
}
