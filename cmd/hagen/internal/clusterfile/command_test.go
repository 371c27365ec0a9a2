package clusterfile

import "testing"

// TestCommand: what a message says to type can be pasted, whatever files are called.
func TestCommand(t *testing.T) {
	for want, test := range map[string]struct {
		at    Place
		verb  string
		words []string
	}{
		"hagen render":                                            {Place{File: DefaultName}, "render", nil},
		"hagen pki renew --host kubem00":                          {Place{File: DefaultName, Named: true}, "pki renew", []string{"--host", "kubem00"}},
		"hagen plan rendered/a . -f prod/a.yaml":                  {Place{File: "prod/a.yaml"}, "plan", []string{"rendered/a", "."}},
		`hagen render -f 'my file.yaml' --pki '~k'`:               {Place{File: "my file.yaml", PKI: "~k"}, "render", nil},
		`hagen kubeconfig --user 'it'\''s; x' --group '' --pki p`: {Place{File: DefaultName, PKI: "p"}, "kubeconfig", []string{"--user", "it's; x", "--group", ""}},
		`hagen pki forget '*.example.com' fd00::1`:                {Of(DefaultName), "pki forget", []string{"*.example.com", "fd00::1"}},
	} {
		if got := test.at.Command(test.verb, test.words...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
