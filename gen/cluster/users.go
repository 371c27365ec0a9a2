package cluster

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"hagen/gen/lazy"
	"hagen/gen/spec"
)

// ServiceAccounts lists the accounts that hagen's units run as, the group for the
// one key that two of them read, and etcd, which operating systems have.
var ServiceAccounts = []string{"etcd", "kube-etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-sa", "haproxy"}

// systemAccounts lists users and groups of Fedora CoreOS, Flatcar and most others.
// The users have no shell, and for a name that is only a group useradd(8) fails, and
// with it the first boot. root and core are logins.
var systemAccounts = []string{
	"adm", "audio", "bin", "cdrom", "chrony", "clevis", "daemon", "dbus", "dialout", "disk", "dnsmasq", "docker", "floppy",
	"ftp", "games", "halt", "input", "kmem", "kvm", "lock", "lp", "mail", "man", "mem", "messagebus", "nobody", "nogroup",
	"ntp", "operator", "polkitd", "render", "rpc", "rpcuser", "sgx", "shadow", "shutdown", "sshd", "ssh_keys", "sssd", "staff",
	"sudo", "sync", "sys", "tape", "tss", "tty", "users", "utmp", "uucp", "video", "wheel",
}

// loginName is a name that useradd(8) accepts.
var loginName = lazy.Regexp(`^[a-z_][a-z0-9_-]{0,31}$`)

func (v *validation) users() {
	seen := map[string]int{}
	for _, field := range v.spec.Users.Items {
		if !field.At.Written() {
			continue
		}
		if field.Name.At.Written() {
			v.loginName(field.Name, seen)
			seen[field.Name.Value] = field.Name.At.Line
		}
		v.c.Users = append(v.c.Users, User{Name: field.Name.Value, SSHKeys: v.sshKeys(field.SSHKeys), At: field.Name.At})
	}
}

func (v *validation) loginName(field spec.String, seen map[string]int) {
	const another = "give the login another name"
	name := spec.Quote(field.Value)
	line, twice := seen[field.Value]
	switch {
	case !loginName().MatchString(field.Value):
		remedy := "write lower-case letters, digits, - and _, at most 32, beginning with a letter"
		if lower := strings.ToLower(field.Value); loginName().MatchString(lower) {
			remedy = "write " + lower
		}
		v.fault(field.At, name+" is not a valid login name", remedy)
	case slices.Contains(ServiceAccounts, field.Value):
		v.fault(field.At, name+" is the account of one of the cluster's daemons", another)
	case slices.Contains(systemAccounts, field.Value) || strings.HasPrefix(field.Value, "systemd-"):
		v.fault(field.At, name+" is an account or group of the operating system, not a login", another)
	case twice:
		v.fault(field.At, fmt.Sprintf("%s is written a second time (first on line %d)", name, line), "put all keys into one entry")
	}
}

func (v *validation) sshKeys(list spec.List[spec.String]) []string {
	if list.At.Written() && len(list.Items) == 0 {
		v.fault(list.At, "is empty: nobody could log in", "write the public keys, or remove the user")
	}
	var keys []string
	seen := map[string]int{}
	for _, field := range list.Items {
		if !field.At.Written() || !v.sshKey(field) {
			continue
		}
		key := strings.TrimSpace(field.Value)
		words := strings.Fields(key)
		if line, twice := seen[words[1]]; twice {
			v.fault(field.At, fmt.Sprintf("is the same key as in line %d", line), "keep one of the two")
		}
		seen[words[1]] = field.At.Line
		keys = append(keys, key)
	}
	return keys
}

// keyTypes maps each key type that sshd accepts (sshd(8), AUTHORIZED_KEYS FILE
// FORMAT) to checks of the parts that follow it in the key (RFC 4253, 6.6; RFC 5656,
// 3.1; RFC 8709, 4; PROTOCOL.u2f).
var keyTypes = map[string][]func(part string) bool{
	"ssh-ed25519":                        {ed25519Key},
	"ssh-rsa":                            {rsaExponent, rsaModulus},
	"ecdsa-sha2-nistp256":                {word("nistp256"), pointOn(ecdh.P256())},
	"ecdsa-sha2-nistp384":                {word("nistp384"), pointOn(ecdh.P384())},
	"ecdsa-sha2-nistp521":                {word("nistp521"), pointOn(ecdh.P521())},
	"sk-ssh-ed25519@openssh.com":         {ed25519Key, application},
	"sk-ecdsa-sha2-nistp256@openssh.com": {word("nistp256"), pointOn(ecdh.P256()), application},
}

func word(w string) func(string) bool { return func(part string) bool { return part == w } }

func ed25519Key(part string) bool { return len(part) == ed25519.PublicKeySize }

func application(part string) bool { return part != "" }

func pointOn(curve ecdh.Curve) func(string) bool {
	return func(part string) bool {
		_, err := curve.NewPublicKey([]byte(part))
		return err == nil
	}
}

// rsaExponent and rsaModulus check a number against the limits of OpenSSH and
// OpenSSL (sshkey.h, SSH_RSA_MINIMUM_MODULUS_SIZE; openssl/rsa.h,
// OPENSSL_RSA_MAX_MODULUS_BITS and OPENSSL_RSA_MAX_PUBEXP_BITS).
func rsaExponent(part string) bool {
	e, ok := positive(part)
	return ok && e.Bit(0) == 1 && e.BitLen() > 1 && e.BitLen() <= 64
}

const leastRSABits = 1024

func rsaModulus(part string) bool {
	n, ok := positive(part)
	return ok && n.Bit(0) == 1 && n.BitLen() >= leastRSABits && n.BitLen() <= 16384
}

// positive reads a number of RFC 4251, 5 ("mpint").
func positive(part string) (*big.Int, bool) {
	shortest := len(part) > 0 && (part[0] != 0 || len(part) > 1 && part[1] >= 0x80)
	return new(big.Int).SetBytes([]byte(part)), shortest && part[0] < 0x80
}

// sshKey checks that a line has the form of authorized_keys (sshd(8)) without
// options: type, base64 of the key, comment. The key repeats its type.
func (v *validation) sshKey(field spec.String) bool {
	const remedy = "write the line of a .pub file: ssh-ed25519 AAAA… you@desk"
	text := strings.TrimSpace(field.Value)
	words := strings.Fields(text)
	bad := func(problem, remedy string) bool {
		v.fault(field.At, problem, remedy)
		return false
	}
	switch {
	case strings.ContainsAny(text, "\n\r"):
		return bad("is not an SSH public key but several lines", "write each key as an item of its own, on one line")
	case strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }):
		return bad("holds a character that cannot be printed", remedy)
	case len(words) > 0 && words[0] == "ssh-dss":
		return bad("is a DSA key, which OpenSSH no longer accepts", "make a new one: ssh-keygen -t ed25519")
	case len(words) > 2 && keyTypes[words[0]] == nil && slices.ContainsFunc(words, func(w string) bool { return keyTypes[w] != nil }):
		return bad("has options before the key, which hagen does not support", remedy)
	case len(words) < 2 || keyTypes[words[0]] == nil:
		return bad("is not an SSH public key: it does not begin with a key type and the key", remedy)
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	fields, whole := sshFields(blob)
	switch {
	case err != nil || !whole:
		return bad("is not an SSH public key: its second word is cut off or damaged", remedy)
	case smallRSA(fields):
		return bad(fmt.Sprintf("is an RSA key of less than %d bits, which OpenSSH does not accept", leastRSABits), "make a new one: ssh-keygen -t ed25519")
	case !holdsKey(fields, words[0]):
		return bad(fmt.Sprintf("is not an SSH public key: its type is %s, but it holds something else", words[0]), remedy)
	}
	return true
}

// holdsKey reports whether the parts are a key of the type.
func holdsKey(fields []string, keyType string) bool {
	parts := keyTypes[keyType]
	if fields[0] != keyType || len(fields) != 1+len(parts) {
		return false
	}
	for i, good := range parts {
		if !good(fields[1+i]) {
			return false
		}
	}
	return true
}

func smallRSA(fields []string) bool {
	if len(fields) != 3 || fields[0] != "ssh-rsa" {
		return false
	}
	n, ok := positive(fields[2])
	return ok && n.BitLen() > 64 && n.BitLen() < leastRSABits
}

// sshFields splits a key into its strings (RFC 4251, 5). whole reports whether
// nothing is missing or left over.
func sshFields(blob []byte) (fields []string, whole bool) {
	for len(blob) >= 4 {
		n := binary.BigEndian.Uint32(blob)
		if uint64(n) > uint64(len(blob)-4) {
			return nil, false
		}
		fields = append(fields, string(blob[4:4+n]))
		blob = blob[4+n:]
	}
	return fields, len(fields) > 0 && len(blob) == 0
}
