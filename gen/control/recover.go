package control

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/pki"
)

// Source is a machine as a document has it, or a kubeconfig of a person: what Recover reads.
type Source struct {
	From string // for messages
	// Node is the machine, with the host's name; the zero value is a kubeconfig's.
	Node node.Node
	// Of a kubeconfig, all PEM: the authorities, the certificate and its key.
	Authorities, Cert, Key []byte
	Admin                  bool // it is the administrator's, whose certificate the PKI keeps
	Server                 Server
}

// Recovered is what documents have of a PKI.
type Recovered struct {
	Set     pki.Set
	From    map[string]string // where an item was found
	Clients []Client          // of people who were given kubeconfigs
	Missing []string          // items that the cluster asks for, and nothing has
	// Changed says of items how they differ from what the cluster asks for by now.
	Changed map[string][]string
	Strange []string // sources of hosts that the cluster does not have
	Refused []string // kubeconfigs that no authority of the cluster has signed
}

// Client is a certificate that somebody was given.
type Client struct {
	pki.Item
	Server Server
}

// piece is a text that documents have of an item, and the first document that has it.
type piece struct{ from, text string }

// pieceOf names a piece: of an authority all its certificates, of a leaf the certificate with what is behind
// it, and the key.
type pieceOf struct {
	item string
	key  bool
}

// recovery collects what documents have.
type recovery struct {
	cluster *cluster.Cluster
	pieces  map[pieceOf]piece
	publics map[string]piece // of key pairs, all public halves
	clients []Source
	strange []string
	faults  []error
	// differing are the pairs of documents that contradict each other.
	differing [][2]string
}

// fault notes what is wrong, once.
func (r *recovery) fault(format string, args ...any) {
	fault := fmt.Errorf(format, args...)
	if !slices.ContainsFunc(r.faults, func(other error) bool { return other.Error() == fault.Error() }) {
		r.faults = append(r.faults, fault)
	}
}

// Recover returns what documents of a cluster's machines, and kubeconfigs, have of its PKI: all but the keys
// of authorities, which are on no machine. The lock file says which names certificates carry. The error
// lists all that contradicts itself or the cluster.
func Recover(c *cluster.Cluster, lock cluster.LockContents, sources []Source, now time.Time) (Recovered, error) {
	r := recovery{cluster: c, pieces: map[pieceOf]piece{}, publics: map[string]piece{}}
	for _, s := range sources {
		if s.Cert == nil {
			r.machine(s)
		} else {
			r.kubeconfig(s)
		}
	}
	found := Recovered{Set: pki.Set{}, From: map[string]string{}, Strange: r.strange, Changed: map[string][]string{}}
	if len(r.faults) == 0 {
		r.leaves(&found)
		r.authorities(&found)
		r.shared(&found, now)
	}
	if len(r.faults) == 0 {
		r.requests(&found, lock)
		r.people(&found)
	}
	if len(r.faults) == 0 {
		for _, fault := range pki.Verify(found.Set) {
			r.fault("%s: %w", found.From[fault.Name], fault)
		}
	}
	return found, errors.Join(r.faults...)
}

// machine takes the pieces that a machine has.
func (r *recovery) machine(s Source) {
	c := r.cluster
	hosts := c.Hosts()
	i := slices.IndexFunc(hosts, func(h cluster.Host) bool { return h.Name == s.Node.Name })
	if i < 0 {
		r.strange = append(r.strange, s.From)
		return
	}
	tables, host := tablesOf[c.Profile.Name], hosts[i]
	rows := tables.role(host.Role).certificates
	if !r.belongs(s, host, rows) {
		return
	}
	for _, row := range rows {
		for _, p := range row.placed {
			r.placed(s, row.name(host.Name), row.kind, p)
		}
	}
	for _, row := range tables.certificates {
		if text, has := fileOf(s.Node, row.within); has {
			if keys := SecretsIn(text); len(keys) > 0 && !isTwin(text) { // comments do not count
				text = encryptionConfig(keys)
			}
			r.take(s.From, row.within, pieceOf{row.name(host.Name), true}, text)
		}
	}
	if text, has := fileOf(s.Node, balancerCA); has {
		r.take(s.From, balancerCA, pieceOf{ClusterAuthority, false}, text)
	}
}

// belongs refuses a machine that is of another cluster or profile, or lacks files of its host.
func (r *recovery) belongs(s Source, host cluster.Host, rows []certificate) bool {
	c := r.cluster
	if named := clusterOf(s.Node); named != "" && named != c.Name {
		r.fault("%s: is of cluster %s, and the cluster file describes %s: name the documents of one cluster; if it was renamed since, give it the old name, recover, and then let hagen pki rename hand the directory over", s.From, named, c.Name)
		return false
	}
	if is := profileWith(host.Role, pathsOf(s.Node)); is != "" && is != c.Profile.Name {
		r.fault("%s: is of profile %s, and the cluster file has %s: restore the cluster file as it was when this was rendered", s.From, is, c.Profile.Name)
		return false
	}
	lacks := lacking(s.Node, rows)
	for _, row := range tablesOf[c.Profile.Name].certificates {
		_, has := fileOf(s.Node, row.within)
		if row.within != "" && !has && slices.ContainsFunc(c.APIServers(), func(h cluster.Host) bool { return h.Name == host.Name }) {
			lacks = append(lacks, row.within)
		}
	}
	if len(lacks) > 0 {
		r.fault("%s: has no %s, which a %s of profile %s has: it is of another profile, or was edited", s.From, strings.Join(lacks, ", "), host.Role, c.Profile.Name)
	}
	return len(lacks) == 0
}

func pathsOf(n node.Node) (paths []string) {
	for _, f := range n.Files {
		paths = append(paths, f.Path)
	}
	return paths
}

var ownCluster = lazy.Regexp(`(?m)^  name: (\S+)\ncontexts:$`)

// clusterOf returns the name of the cluster of a master, by the kubeconfig of its controller manager; "" if
// there is none.
func clusterOf(n node.Node) string {
	text, _ := fileOf(n, managerConfig)
	if m := ownCluster().FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func fileOf(n node.Node, path string) (string, bool) {
	i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path })
	if i < 0 {
		return "", false
	}
	return string(n.Files[i].Contents), true
}

// lacking lists the files of rows that a machine does not have.
func lacking(n node.Node, rows []certificate) (paths []string) {
	for _, row := range rows {
		for _, p := range row.placed {
			if _, has := fileOf(n, p.path); !has {
				paths = append(paths, p.path)
			}
		}
	}
	return paths
}

// placed takes what a file of a machine has.
func (r *recovery) placed(s Source, item string, kind pki.Kind, p placement) {
	text, _ := fileOf(s.Node, p.path)
	switch {
	case kind == pki.KeyPair && p.part == thePublicHalf:
		r.takePublics(s.From, p.path, item, text)
	case kind == pki.KeyPair && p.part == theKeyThenPublicHalves:
		key, publics := text, ""
		if at := strings.Index(text, "-----BEGIN PUBLIC KEY"); at >= 0 {
			key, publics = text[:at], text[at:]
		}
		r.take(s.From, p.path, pieceOf{item, true}, key)
		r.takePublics(s.From, p.path, item, publics)
	default:
		r.take(s.From, p.path, pieceOf{item, p.part.holdsKey()}, text)
	}
}

// take notes a piece. All documents that have it must have the same.
func (r *recovery) take(from, path string, of pieceOf, text string) {
	if isTwin(text) {
		r.fault("%s: is a twin, in which keys are redacted: name the documents that machines boot with", from)
		return
	}
	was, known := r.pieces[of]
	switch {
	case !known:
		r.pieces[of] = piece{from, text}
	case was.text != text && !of.key && isRenewal(was.text, text):
		if endsLater(text, was.text) {
			r.pieces[of] = piece{from, text}
		}
	case was.text != text:
		r.differ(was, piece{from, text}, of.item, path)
	}
}

// isRenewal reports whether two texts are certificates of the same authorities, of which some were renewed.
func isRenewal(one, other string) bool {
	a, b := authoritiesIn(one), authoritiesIn(other)
	return len(a) > 0 && slices.EqualFunc(a, b, func(x, y *x509.Certificate) bool { return x.IsCA && y.IsCA && pki.KeyIDOf(x) == pki.KeyIDOf(y) })
}

// endsLater reports whether the certificates of one text end later than those of the other.
func endsLater(one, other string) bool {
	a, b := authoritiesIn(one), authoritiesIn(other)
	for i := range a {
		if a[i].NotAfter.After(b[i].NotAfter) {
			return true
		}
	}
	return false
}

func authoritiesIn(text string) (certs []*x509.Certificate) {
	blocks, _ := pki.Blocks([]byte(text), "CERTIFICATE")
	for _, block := range blocks {
		if cert, err := (pki.Item{Cert: block}).X509(); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs
}

func (r *recovery) takePublics(from, path, item, text string) {
	was, known := r.publics[item]
	switch {
	case !known:
		r.publics[item] = piece{from, text}
	case was.text != text:
		r.differ(was, piece{from, text}, item, path)
	}
}

// isTwin reports whether a text has what a twin has in the place of keys and certificates.
func isTwin(text string) bool {
	return slices.ContainsFunc([]string{node.PrivateKeyMark, node.PublicKeyMark, node.CertificateMark, node.SecretMark, "REDACTED"}, func(mark string) bool { return strings.Contains(text, mark) })
}

// differ says how two documents contradict each other, by the first item in which they do.
func (r *recovery) differ(one, other piece, item, path string) {
	pair := [2]string{one.from, other.from}
	if slices.Contains(r.differing, pair) {
		return
	}
	r.differing = append(r.differing, pair)
	a, b := keyLines(one.text), keyLines(other.text)
	common := slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
	switch {
	case one.from == other.from:
		r.fault("%s: contradicts itself in %s: it was edited", one.from, item)
	case HostOf(item) != "":
		r.fault("%s and %s: have different %s: they are of different renders; name those that machines have now", one.from, other.from, item)
	case common:
		r.fault("%s and %s: have different %s in %s, with keys in common: they are of different phases of a rotation, or one was made before a renewal; name the documents of one render", one.from, other.from, item, path)
	default:
		r.fault("%s and %s: have different %s, without a key in common: they are of two clusters, or of one before and after hagen pki init --again; name the documents of one", one.from, other.from, item)
	}
}

// keyLines returns what identifies the keys in a text: the public key of each certificate, each public half,
// and each secret.
func keyLines(text string) (keys []string) {
	for _, k := range SecretsIn(text) {
		keys = append(keys, string(k.Key))
	}
	certs, _ := pki.Blocks([]byte(text), "CERTIFICATE")
	for _, cert := range certs {
		if id, err := pki.KeyID(pki.Item{Request: pki.Request{Kind: pki.Leaf}, Cert: cert}); err == nil {
			keys = append(keys, id)
		}
	}
	publics, _ := pki.Blocks([]byte(text), "PUBLIC KEY")
	for _, public := range publics {
		keys = append(keys, string(public))
	}
	return keys
}

// kubeconfig takes the certificate of a person.
func (r *recovery) kubeconfig(s Source) {
	if !s.Admin { // given out at any time: its authorities may be of another phase
		r.clients = append(r.clients, s)
		return
	}
	r.take(s.From, "certificate-authority-data", pieceOf{ClusterAuthority, false}, string(s.Authorities))
	r.take(s.From, "client-certificate-data", pieceOf{Admin, false}, string(s.Cert))
	r.take(s.From, "client-key-data", pieceOf{Admin, true}, string(s.Key))
}
