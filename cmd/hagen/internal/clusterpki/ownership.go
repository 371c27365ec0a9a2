package clusterpki

import (
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

// ownership tells whether a PKI directory is a cluster's: what the directory
// holds is held against what the cluster has.
type ownership struct {
	dir, file string
	flags     string // that name both, in a command
	cluster   *cluster.Cluster
	have      map[string]string // ids of keys, by item
	absent    bool              // there is no such directory
}

// ownershipOf is that of a directory without keys.
func ownershipOf(at clusterfile.Place, c *cluster.Cluster) ownership {
	return ownership{dir: at.Dir(), file: at.File, flags: at.Flags(), cluster: c}
}

// IdsOf are those of the keys that a cluster keeps for ever, by item: the ones
// of its authorities, and what authorities do not sign.
func IdsOf(set pki.Set) map[string]string {
	found := map[string]string{}
	for name, item := range set {
		if item.Request.Kind == pki.Leaf {
			continue
		}
		if id, err := pki.KeyID(item); err == nil {
			found[name] = id
		}
	}
	return found
}

// IDs are those of keys that a lock file tells of, by item.
func IDs(keys []cluster.LockedKey) map[string]string {
	found := map[string]string{}
	for _, k := range keys {
		found[k.Name] = k.ID
	}
	return found
}

// Trees are directories with documents or twins that tell which keys a cluster
// has.
type Trees struct {
	Held   []string // always: they are replaced, or what is made goes with them
	Beside []string // where the lock file does not say
}

// hold refuses the directory if the cluster has other keys, as a lock file or
// trees say.
func (p *ownership) hold(lock clusterfile.Lock, t Trees) error {
	if err := p.holdKeys(lock.Path, IDs(lock.Keys)); err != nil {
		return err
	}
	dirs := t.Held
	if len(lock.Keys) == 0 {
		dirs = slices.Concat(dirs, t.Beside)
	}
	for _, dir := range dirs {
		if err := p.holdTree(dir); err != nil {
			return err
		}
	}
	return nil
}

func (p *ownership) holdKeys(said string, known map[string]string) error {
	if len(known) == 0 {
		return nil
	}
	if len(p.have) == 0 {
		first := control.ClusterAuthority
		if known[first] == "" {
			first = slices.Sorted(maps.Keys(known))[0]
		}
		return exit.Failed("%s: %s, and cluster %s has keys, as %s says (%s, SHA-256 %s…): %s", p.dir, p.lack(), p.cluster.Name, said, first, known[first][:12], p.bring())
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
	return exit.Failed("%s: holds other keys than cluster %s has, as %s says:\n%s\nif these are the cluster's, restore %[3]s; else %[5]s", p.dir, p.cluster.Name, said, strings.Join(lines, "\n"), p.bring())
}

func (p *ownership) lack() string {
	if p.absent {
		return "there is no such directory"
	}
	return "holds no keys"
}

// bring is what to do where the directory is not the cluster's.
func (p *ownership) bring() string {
	remedy := "bring the cluster's PKI directory, from a backup or from whoever rendered it last, or name it with --pki"
	if aside := asideOf(p.dir); len(aside) > 0 {
		remedy += "; " + strings.Join(aside, ", ") + " is what hagen pki init --again has set aside"
	}
	return remedy + ". Only for a cluster that runs nowhere, hagen pki init --again" + p.flags + " makes other keys"
}

// holdTree refuses the directory if a tree or its twins were made with other
// keys; if it has none, also where the tree cannot be read.
func (p *ownership) holdTree(dir string) error {
	files := tree.Files(dir)
	known := trees.AuthoritiesIn(files)
	here := slices.Collect(maps.Values(p.have))
	i := slices.IndexFunc(known, func(id string) bool { return !slices.Contains(here, id) })
	documents, twins := out.Holds(files)
	unread := len(p.have) == 0 && (documents || twins)
	switch name := trees.ClusterIn(files); {
	case i < 0 && !unread:
		return nil
	case name != "" && name != p.cluster.Name:
		return exit.Failed("%s: was made for cluster %s, with its keys, and %s is of cluster %s: name a directory of its own", dir, name, p.file, p.cluster.Name)
	case i < 0:
		return exit.Failed("%s: %s, and %s was rendered for the cluster: %s", p.dir, p.lack(), dir, p.bring())
	case len(p.have) == 0:
		return exit.Failed("%s: %s, and %s was made with keys of the cluster (authority SHA-256 %s…): %s", p.dir, p.lack(), dir, known[i][:12], p.bring())
	}
	return exit.Failed("%s: holds other keys than %s was made with (%s SHA-256 %s… here, an authority SHA-256 %s… there): it would be the last to know those; name the PKI directory of that tree with --pki, or another tree; if nothing of it is in use any more, move it away",
		p.dir, dir, control.ClusterAuthority, short(p.have[control.ClusterAuthority]), known[i][:12])
}

func short(id string) string { return id[:min(len(id), 12)] }

// belongs refuses another cluster's directory.
func (p *ownership) belongs(s *store.Store) error {
	rename := func(old string) string {
		return fmt.Sprintf("name the directory of %s with --pki; if %s was renamed, hagen pki rename %s %s%s hands it over; two clusters that have shared one until now take a copy each first (docs/pki.md)", p.cluster.Name, old, old, p.cluster.Name, p.flags)
	}
	switch name := s.Cluster(); {
	case name == p.cluster.Name || name == "" && len(s.Recorded()) == 0:
		return nil
	case name != "":
		return exit.Failed("%s: is the PKI directory of cluster %s, and %s is of cluster %s: %s", p.dir, name, p.file, p.cluster.Name, rename(name))
	}
	// An index of version 1 names none, but tells.
	if was := formerName(s); was != "" && was != p.cluster.Name && commonName(p.cluster) == p.cluster.Name+cluster.AuthorityEnding {
		return exit.Failed("%s: is the PKI directory of cluster %s, to go by its authority, and %s is of cluster %s: %s", p.dir, was, p.file, p.cluster.Name, rename(was))
	}
	theirs, ours := memberAddresses(slices.Collect(maps.Values(s.Recorded()))), memberAddresses(control.Requests(p.cluster))
	if len(theirs) > 0 && !slices.ContainsFunc(theirs, func(a netip.Addr) bool { return slices.Contains(ours, a) }) {
		return exit.Failed("%s: has certificates for masters at %s and for none of cluster %s, so it may be another cluster's: name the directory of %[3]s with --pki; if this is it, hagen pki rename %[3]s %[3]s%s says so",
			p.dir, addressesOf(theirs), p.cluster.Name, p.flags)
	}
	return nil
}

// began refuses a time before the newest certificate of the directory begins:
// no clock that is right says it.
func (p *ownership) began(s *store.Store, now time.Time) error {
	name, begin := s.Newest()
	if !now.Before(begin) {
		return nil
	}
	remedy := "no machine takes what it signed before that time"
	if s.Recorded()[name].Kind == pki.Leaf {
		remedy = "delete both its files, so that it is issued anew"
	}
	return exit.Failed("%s: the clock says %s, and %s was made for %s and after: set the clock right; if it was wrong then, %s",
		p.dir, now.UTC().Format(time.RFC3339), name, begin.Format(time.RFC3339), remedy)
}

// formerName is the cluster that the authority's name tells of, if it has its
// name from one.
func formerName(s *store.Store) string {
	was, named := strings.CutSuffix(s.Recorded()[control.ClusterAuthority].Subject.CommonName, cluster.AuthorityEnding)
	if !named {
		return ""
	}
	return was
}

// commonName is the one that the cluster asks for its authority.
func commonName(c *cluster.Cluster) string {
	for _, r := range control.Requests(c) {
		if r.Name == control.ClusterAuthority {
			return r.Subject.CommonName
		}
	}
	return ""
}

// memberAddresses are those in the certificates of etcd's members, which no
// other cluster has.
func memberAddresses(requests []pki.Request) (found []netip.Addr) {
	for _, r := range requests {
		for _, a := range r.IPAddresses {
			if path.Base(r.Name) == EtcdLeaf && !a.IsLoopback() && !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return found
}

func addressesOf(addresses []netip.Addr) string {
	var texts []string
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}

// EtcdLeaf is the certificate that tells which masters there have been.
const EtcdLeaf = "etcd-server"

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

// otherProfile refuses a PKI whose authorities are not those that the profile
// has: an authority that signed one set of clients would come to sign another.
func otherProfile(dir string, c *cluster.Cluster, requests []pki.Request, have pki.Set) error {
	var wanted []string
	for _, r := range requests {
		if r.Kind == pki.Authority {
			wanted = append(wanted, r.Name)
		}
	}
	var there []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if have[name].Request.Kind == pki.Authority {
			there = append(there, name)
		}
	}
	slices.Sort(wanted)
	if len(there) == 0 || slices.Equal(there, wanted) {
		return nil
	}
	return exit.Failed("%s: was made for another profile than %s: its authorities are %s, not %s; write the profile back, or name the PKI directory of this cluster with --pki",
		dir, c.Profile.Name, strings.Join(there, ", "), strings.Join(wanted, ", "))
}
