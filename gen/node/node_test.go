package node

import (
	"strings"
	"testing"
)

func TestHoldsSecret(t *testing.T) {
	for _, secret := range []string{
		"-----BEGIN EC PRIVATE KEY-----\nAA\n",
		"-----BEGIN PRIVATE KEY-----\n",
		"x\n-----BEGIN OPENSSH PRIVATE KEY-----\n",
		"users:\n- name: a\n  user:\n    client-key-data: QUJD\n",
		"    token: abc\n",
		"    \"password\": abc\n",
		"      - name: key1\n        secret: QUJD\n",
		"  - secret: QUJD\n",
		"AGE-SECRET-KEY-1QQQ\n",
	} {
		if !HoldsSecret([]byte(secret)) {
			t.Errorf("not seen as a secret: %q", secret)
		}
	}
	for _, open := range []string{
		"",
		"-----BEGIN CERTIFICATE-----\nAA\n",
		"-----BEGIN PUBLIC KEY-----\nAA\n",
		"    client-key: /etc/kubernetes/pki/admin-key.pem\n",
		"resources: [secrets]\n",
		"# a token: is named here\n",
		"    token:\n",
		"ExecStart=/bin/x --service-account-private-key-file=/etc/kubernetes/pki/sa.key\n",
	} {
		if HoldsSecret([]byte(open)) {
			t.Errorf("seen as a secret: %q", open)
		}
	}
}

func TestClashes(t *testing.T) {
	from := func(name string) Origin { return Origin{From: name} }
	for _, test := range []struct {
		name string
		node Node
		want string
	}{
		{"two files", Node{Files: []File{{Origin: from("a"), Path: "/x"}, {Origin: from("b"), Path: "/x"}}}, "/x comes from both a and b"},
		{"file and directory", Node{Files: []File{{Origin: from("a"), Path: "/x"}}, Directories: []Directory{{Origin: from("b"), Path: "/x"}}}, "/x comes from both b and a"},
		{"file and unit", Node{Files: []File{{Origin: from("a"), Path: UnitDir + "/x.service"}}, Units: []Unit{{Origin: from("b"), Name: "x.service"}}}, "x.service comes from both b and a"},
		{"two users", Node{Users: []User{{Origin: from("a"), Name: "u"}, {Origin: from("b"), Name: "u"}}}, "user u comes from both a and b"},
		{"two groups", Node{Groups: []Group{{Origin: from("a"), Name: "g"}, {Origin: from("b"), Name: "g"}}}, "group g comes from both a and b"},
		{"two units", Node{Units: []Unit{{Origin: from("a"), Name: "u.service"}, {Origin: from("b"), Name: "u.service"}}}, "unit u.service comes from both a and b"},
		{"file below a file", Node{Files: []File{{Origin: from("a"), Path: "/x"}, {Origin: from("b"), Path: "/x/y/z"}}}, "/x/y/z (b) leads through /x, which is not a directory"},
		{"file below a link", Node{Files: []File{{Origin: from("b"), Path: "/x/y"}}, Links: []Link{{Origin: from("a"), Path: "/x"}}}, "/x/y (b) leads through /x"},
	} {
		if got := strings.Join(test.node.Clashes(), "\n"); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	sound := Node{
		Users: []User{{Name: "etcd"}}, Groups: []Group{{Name: "etcd"}},
		Directories: []Directory{{Path: "/x"}}, Files: []File{{Path: "/x/y"}}, Units: []Unit{{Name: "x.service"}},
	}
	if got := sound.Clashes(); len(got) > 0 {
		t.Errorf("a sound node clashes: %v", got)
	}
}
