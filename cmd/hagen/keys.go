package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/rendered"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

// keyring is a PKI directory that is the cluster's, as far as anything says
// which keys the cluster has.
type keyring struct {
	cluster *cluster.Cluster
	store   *store.Store
	now     time.Time
	lock    lockFile
	staged  *stagedFile // nil unless the lock file is to change
}

// openKeyring opens the PKI directory of a cluster and refuses another's, and
// one without keys where the cluster has some. What says so: the lock file, and
// trees, which are directories with documents or twins of the cluster. Nothing
// is written.
func openKeyring(ui *ui, ctx *cli.Context, c *cluster.Cluster, trees ...string) (_ *keyring, err error) {
	now, err := ui.time()
	if err != nil {
		return nil, err
	}
	if err := holdMissing(ctx, c, trees...); err != nil {
		return nil, err
	}
	s, err := openStore(ui, ctx)
	if err != nil {
		return nil, err
	}
	// Now that no other run can write to it.
	lock, err := readLock(ctx.String("file"))
	if err != nil {
		s.Close()
		return nil, err
	}
	p := possession{dir: pkiDir(ctx), file: ctx.String("file"), cluster: c, have: idsOf(s.Set())}
	if err = p.belongs(s); err == nil {
		err = p.hold(lock, trees)
	}
	if what, begin := s.Newest(); err == nil && now.Before(begin) {
		err = failed("%s: the clock says %s, and %s was made for %s and after: set the clock right; if it was wrong then, no machine takes that certificate before that time",
			p.dir, now.UTC().Format(time.RFC3339), what, begin.Format(time.RFC3339))
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return &keyring{cluster: c, store: s, now: now, lock: lock}, nil
}

// holdMissing refuses a PKI directory that is not there, or is empty, if the
// cluster has keys. Opened, it would be made.
func holdMissing(ctx *cli.Context, c *cluster.Cluster, trees ...string) error {
	lock, err := readLock(ctx.String("file"))
	if err != nil {
		return err
	}
	p := possession{dir: pkiDir(ctx), file: ctx.String("file"), cluster: c}
	entries, err := os.ReadDir(p.dir)
	if p.absent = errors.Is(err, fs.ErrNotExist); !p.absent && (err != nil || len(entries) > 0) {
		return nil // what is wrong with it, opening it tells
	}
	return p.hold(lock, trees)
}

// openToWrite is openKeyring for a run that goes on with save. A lock file that
// does not tell of all keys is made ready to be written: if it cannot be,
// nothing is issued.
func openToWrite(ui *ui, ctx *cli.Context, c *cluster.Cluster, trees ...string) (*keyring, error) {
	k, err := openKeyring(ui, ctx, c, trees...)
	if err != nil {
		return nil, err
	}
	known := ids(k.lock.keys)
	if slices.ContainsFunc(control.Requests(c), func(r pki.Request) bool { return r.Kind != pki.Leaf && known[r.Name] == "" }) {
		if k.staged, err = k.lock.stage(); err != nil {
			k.close()
			return nil, err
		}
	}
	return k, nil
}

func (k *keyring) close() {
	if k.staged != nil {
		k.staged.discard()
	}
	k.store.Close()
}

// save writes the PKI, then the lock file. In this order a killed run leaves
// what the next one goes on from: keys that no lock file tells of yet are the
// cluster's, while one that told of keys that nobody has would be refused.
func (k *keyring) save(ui *ui, set pki.Set, clients ...store.ClientRecord) error {
	keys, add := k.locked(set)
	if add {
		if err := k.staged.fill(cluster.LockText(k.cluster.Name, keys, k.lock.artefacts)); err != nil {
			return err
		}
	}
	k.store.SetCluster(k.cluster.Name)
	_, err := k.store.Save(set, clients...)
	warnNotes(ui, k.store.Notes())
	if err != nil {
		return failed("%w", err)
	}
	if !add {
		return nil
	}
	if err := k.staged.put(); err != nil {
		return err
	}
	ui.note(k.lock.path + " tells now which keys the cluster has: commit it beside the cluster file, so that no render ever makes others")
	return nil
}

// locked is what the lock file is to say of the keys of a set; add if it does
// not say all of it yet.
func (k *keyring) locked(set pki.Set) (keys []cluster.LockedKey, add bool) {
	known, have := ids(k.lock.keys), idsOf(set)
	keys = slices.Clone(k.lock.keys)
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if known[name] == "" {
			keys = append(keys, cluster.LockedKey{Name: name, ID: have[name], Secret: set[name].Request.Kind == pki.Secret})
		}
	}
	return keys, len(keys) > len(k.lock.keys)
}

// possession is what a PKI directory holds, to be held against what a cluster
// has.
type possession struct {
	dir, file string
	cluster   *cluster.Cluster
	have      map[string]string // ids of keys, by item
	absent    bool              // there is no such directory
}

// idsOf are those of the keys that a cluster keeps for ever, by item: the ones
// of its authorities, and what authorities do not sign.
func idsOf(set pki.Set) map[string]string {
	found := map[string]string{}
	for name, item := range set {
		if id, err := pki.KeyID(item); err == nil && item.Request.Kind != pki.Leaf {
			found[name] = id
		}
	}
	return found
}

func ids(keys []cluster.LockedKey) map[string]string {
	found := map[string]string{}
	for _, k := range keys {
		found[k.Name] = k.ID
	}
	return found
}

// hold refuses the directory if the cluster has other keys, as a lock file or
// trees say.
func (p *possession) hold(lock lockFile, trees []string) error {
	if err := p.holdKeys(lock.path, ids(lock.keys)); err != nil {
		return err
	}
	for _, tree := range trees {
		if err := p.holdTree(tree); err != nil {
			return err
		}
	}
	return nil
}

func (p *possession) holdKeys(said string, known map[string]string) error {
	if len(known) == 0 {
		return nil
	}
	if len(p.have) == 0 {
		first := control.ClusterAuthority
		if known[first] == "" {
			first = slices.Sorted(maps.Keys(known))[0]
		}
		return failed("%s: %s, and cluster %s has keys, as %s says (%s, SHA-256 %s…): %s", p.dir, p.lack(), p.cluster.Name, said, first, known[first][:12], p.bring())
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		switch id := p.have[name]; id {
		case known[name]:
		case "":
			lines = append(lines, fmt.Sprintf("  %s: is missing here, %s… there", name, known[name][:12]))
		default:
			lines = append(lines, fmt.Sprintf("  %s: %s… here, %s… there", name, id[:12], known[name][:12]))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return failed("%s: holds other keys than cluster %s has, as %s says:\n%s\n%s", p.dir, p.cluster.Name, said, strings.Join(lines, "\n"), p.bring())
}

func (p *possession) lack() string {
	if p.absent {
		return "there is no such directory"
	}
	return "holds no keys"
}

// bring is what to do where the directory is not the cluster's.
func (p *possession) bring() string {
	remedy := "bring the cluster's PKI directory, from a backup or from whoever rendered it last, or name it with --pki"
	if aside := asideOf(p.dir); len(aside) > 0 {
		remedy += "; " + strings.Join(aside, ", ") + " is what hagen pki init --again has set aside"
	}
	return remedy + ". Only for a cluster that runs nowhere, hagen pki init --again" + withFile(p.file) + " makes other keys"
}

// holdTree refuses the directory if a tree or its twins were made with other
// keys. Where nothing can be read, nothing is said.
func (p *possession) holdTree(dir string) error {
	known := authoritiesIn(tree.Files(dir))
	if len(known) == 0 {
		return nil
	}
	here := slices.Collect(maps.Values(p.have))
	i := slices.IndexFunc(known, func(id string) bool { return !slices.Contains(here, id) })
	switch name := clusterIn(tree.Files(dir)); {
	case i < 0:
		return nil
	case name != "" && name != p.cluster.Name:
		return failed("%s: was made for cluster %s, with its keys, and %s is of cluster %s: name a directory of its own", dir, name, p.file, p.cluster.Name)
	case len(p.have) == 0:
		return failed("%s: %s, and %s was made with keys of the cluster (authority SHA-256 %s…): %s", p.dir, p.lack(), dir, known[i][:12], p.bring())
	}
	return failed("%s: holds other keys than %s was made with (%s SHA-256 %s… here, an authority SHA-256 %s… there): it would be the last to know those; name the PKI directory of that tree with --pki, or another tree; if nothing of it is in use any more, move it away",
		p.dir, dir, control.ClusterAuthority, short(p.have[control.ClusterAuthority]), known[i][:12])
}

func short(id string) string { return id[:min(len(id), 12)] }

// belongs refuses another cluster's directory.
func (p *possession) belongs(s *store.Store) error {
	rename := func(old string) string {
		return fmt.Sprintf("name the directory of %s with --pki; if %s was renamed, hagen pki rename %s %s%s hands it over; two clusters that have shared one until now take a copy each first (docs/pki.md)", p.cluster.Name, old, old, p.cluster.Name, withFile(p.file))
	}
	switch name := s.Cluster(); {
	case name == p.cluster.Name || name == "" && len(s.Recorded()) == 0:
		return nil
	case name != "":
		return failed("%s: is the PKI directory of cluster %s, and %s is of cluster %s: %s", p.dir, name, p.file, p.cluster.Name, rename(name))
	}
	// An index of version 1 names none, but tells.
	request, own := s.Recorded()[control.ClusterAuthority], control.Requests(p.cluster)
	i := slices.IndexFunc(own, func(r pki.Request) bool { return r.Name == control.ClusterAuthority })
	wanted := own[i].Subject.CommonName
	if was, named := strings.CutSuffix(request.Subject.CommonName, cluster.AuthorityEnding); named && wanted == p.cluster.Name+cluster.AuthorityEnding && was != p.cluster.Name {
		return failed("%s: is the PKI directory of cluster %s, to go by its authority, and %s is of cluster %s: %s", p.dir, was, p.file, p.cluster.Name, rename(was))
	}
	masters := mastersIn(s)
	if len(masters) > 0 && !slices.ContainsFunc(p.cluster.Masters, func(h cluster.Host) bool { return slices.Contains(masters, h.Name) }) {
		return failed("%s: has certificates for the masters %s and for none of cluster %s, so it may be another cluster's: name the directory of %[3]s with --pki; if this is it, hagen pki rename %[3]s %[3]s%s says so",
			p.dir, strings.Join(masters, ", "), p.cluster.Name, withFile(p.file))
	}
	return nil
}

// mastersIn are the hosts that a directory has certificates for.
func mastersIn(s *store.Store) (hosts []string) {
	for name := range s.Recorded() {
		if parts := strings.Split(name, "/"); parts[0] == "hosts" && !slices.Contains(hosts, parts[1]) {
			hosts = append(hosts, parts[1])
		}
	}
	slices.Sort(hosts)
	return hosts
}

var (
	authorityData = regexp.MustCompile(`(?m)^ +certificate-authority-data: (.+)$`)
	namedCluster  = regexp.MustCompile(`(?m)^clusters:\n- name: (\S+)$`)
	publicKeyOf   = regexp.MustCompile(`; public key \S+, SHA-256 ([0-9a-f]{64})$`)
)

// clusterIn is the name of the cluster that a tree or its twins were made for;
// "" if its kubeconfig does not say.
func clusterIn(dir fs.FS) string {
	text, _ := fs.ReadFile(dir, gen.AdminPath)
	if m := namedCluster.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// authoritiesIn are the ids of authorities that a tree or its twins tell of: of
// the one in the administrator's kubeconfig, or of all that machines have.
func authoritiesIn(dir fs.FS) (found []string) {
	text, _ := fs.ReadFile(dir, gen.AdminPath)
	if m := authorityData.FindSubmatch(text); m != nil {
		if twin := publicKeyOf.FindSubmatch(m[1]); twin != nil {
			return []string{string(twin[1])}
		}
		decoded, _ := base64.StdEncoding.DecodeString(string(m[1]))
		return authoritiesOf(decoded)
	}
	read, err := rendered.ReadMachines(dir)
	if err != nil {
		return nil
	}
	for _, h := range read.Hosts {
		for _, f := range h.Node.Files {
			for _, id := range authoritiesOf(f.Contents) {
				if !slices.Contains(found, id) {
					found = append(found, id)
				}
			}
		}
	}
	return found
}

// authoritiesOf are the ids of the authorities whose certificates a text is, or
// is the twin of.
func authoritiesOf(text []byte) (found []string) {
	summaries, _ := node.ReadSummaries(strings.Split(strings.TrimSpace(string(text)), "\n"))
	for _, s := range summaries {
		if slices.Contains(s.Usages, "authority") {
			found = append(found, s.Key)
		}
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.IsCA {
			found = append(found, pki.Fingerprint(cert.RawSubjectPublicKeyInfo))
		}
	}
	return found
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSymlink
}

// asideMark follows the name of a directory that was set aside.
const asideMark = ".before-"

// asideOf lists the directories that hagen pki init --again has set aside.
func asideOf(dir string) (found []string) {
	if real, err := tree.Resolve(dir); err == nil && isLink(dir) {
		dir = real
	}
	dir = filepath.Clean(dir)
	entries, _ := os.ReadDir(filepath.Dir(dir))
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), filepath.Base(dir)+asideMark) {
			found = append(found, filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
	return found
}
