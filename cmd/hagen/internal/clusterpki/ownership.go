package clusterpki

import (
	"cmp"
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

// ownership compares the keys in a PKI directory with those of a cluster.
type ownership struct {
	dir, file string
	at        clusterfile.Place // of both
	cluster   *cluster.Cluster
	have      map[string]ring // keys by item
	absent    bool            // there is no such directory
}

// ownershipOf returns the ownership of a directory, as yet without keys.
func ownershipOf(at clusterfile.Place, c *cluster.Cluster) ownership {
	return ownership{dir: at.Dir(), file: at.File, at: at, cluster: c}
}

// Trees are directories with documents or twins that show which keys a cluster
// has.
type Trees struct {
	Always      []string // always compared: they are replaced, or the new files are used with them
	WithoutLock []string // compared if the lock file has no keys
}

// compare refuses the directory if the cluster has other keys according to the
// lock file or to trees.
func (p *ownership) compare(lock clusterfile.Lock, t Trees) error {
	if err := p.compareKeys(lock.Path, LockedIDs(lock.Keys)); err != nil {
		return err
	}
	dirs := t.Always
	if len(lock.Keys) == 0 {
		dirs = slices.Concat(dirs, t.WithoutLock)
	}
	for _, dir := range dirs {
		if err := p.compareTree(dir); err != nil {
			return err
		}
	}
	return nil
}

func (p *ownership) compareKeys(said string, known map[string][]string) error {
	if len(known) == 0 {
		return nil
	}
	if len(p.have) == 0 {
		first := control.ClusterAuthority
		if len(known[first]) == 0 {
			first = slices.Sorted(maps.Keys(known))[0]
		}
		return exit.Failed("%s: %s, but cluster %s has keys according to %s (%s, SHA-256 %s…): %s", p.dir, p.lack(), p.cluster.Name, said, first, known[first][0][:12], p.remedy())
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if problem := p.have[name].differs(known[name]); problem != "" {
			lines = append(lines, "  "+name+": "+problem)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return exit.Failed("%s: holds other keys than cluster %s has according to %s:\n%s\nif these are the cluster's, restore %[3]s; otherwise %[5]s", p.dir, p.cluster.Name, said, strings.Join(lines, "\n"), p.remedy())
}

func (p *ownership) lack() string {
	if p.absent {
		return "there is no such directory"
	}
	return "holds no keys"
}

// remedy returns the remedy for a directory that is not the cluster's.
func (p *ownership) remedy() string {
	remedy := "copy the cluster's PKI directory here, from a backup or from where it was last rendered, or name it with --pki"
	if aside := previousOf(p.dir); len(aside) > 0 {
		remedy += "; " + strings.Join(aside, ", ") + " is what hagen pki init --again moved aside"
	}
	remedy += ". If there is none any more, " + p.at.Command("pki recover", "TREE") + " makes it again from the documents of machines"
	return remedy + ". If the cluster runs nowhere, " + p.at.Command("pki init", "--again") + " makes new keys"
}

// compareTree refuses the directory if a tree or its twins were rendered with
// other keys; if the directory has none, also if the tree cannot be read.
func (p *ownership) compareTree(dir string) error {
	files := tree.Files(dir)
	known := trees.AuthoritiesIn(files)
	here := idsOf(p.have)
	i := slices.IndexFunc(known, func(id string) bool { return !slices.Contains(here, id) })
	if i < 0 && len(p.have) > 0 {
		return p.compareShared(dir, trees.SharedKeysIn(files, p.cluster))
	}
	documents, twins := out.Holds(files)
	unread := len(p.have) == 0 && (documents || twins)
	switch name := trees.ClusterIn(files); {
	case i < 0 && !unread:
		return nil
	case name != "" && name != p.cluster.Name:
		return exit.Failed("%s: was rendered for cluster %s, with its keys, but %s describes cluster %s: name another directory", dir, name, p.file, p.cluster.Name)
	case i < 0:
		return exit.Failed("%s: %s, but %s was rendered for the cluster: %s", p.dir, p.lack(), dir, p.remedy())
	case len(p.have) == 0:
		return exit.Failed("%s: %s, but %s was rendered with keys of the cluster (authority SHA-256 %s…): %s", p.dir, p.lack(), dir, known[i][:12], p.remedy())
	}
	return exit.Failed("%s: holds other keys than %s was rendered with (%s SHA-256 %s… here, an authority SHA-256 %s… there): the tree may be the last record of its keys; name its PKI directory with --pki, or name another tree; if nothing in it is in use any more, move it away",
		p.dir, dir, control.ClusterAuthority, short(p.have[control.ClusterAuthority].id()), known[i][:12])
}

// compareShared refuses the directory if machines of a tree, or twins, have a key of the cluster that
// it has never had: it is from before a rotation, and the tree may have the only copy of the key.
func (p *ownership) compareShared(dir string, there []trees.SharedKey) error {
	for _, k := range there {
		if p.have[k.Item].has(k) {
			continue
		}
		return exit.Failed("%s: does not hold a key of %s that %s was rendered with (SHA-256 %s…), which may be the only copy: the directory is from before a rotation. Restore it and the lock file as they were when that was rendered, or name the directory with --pki; if no machine has those documents, move %[3]s away",
			p.dir, k.Item, dir, short(cmp.Or(k.ID, k.SHA256)))
	}
	return nil
}

func short(id string) string { return id[:min(len(id), 12)] }

// checkCluster refuses another cluster's directory.
func (p *ownership) checkCluster(s *store.Store) error {
	switch name := s.Cluster(); {
	case name == p.cluster.Name || name == "" && len(s.Recorded()) == 0:
		return nil
	case name != "":
		return p.another(name)
	}
	// An index of version 1 has no name, but its authority may.
	if was := formerName(s); was != "" && was != p.cluster.Name && commonName(p.cluster) == p.cluster.Name+cluster.AuthorityEnding {
		return exit.Failed("%s: is the PKI directory of cluster %s, by its authority's name, but %s describes cluster %s: %s", p.dir, was, p.file, p.cluster.Name, p.rename(was))
	}
	theirs, ours := memberAddresses(slices.Collect(maps.Values(s.Recorded()))), memberAddresses(control.Requests(p.cluster))
	if len(theirs) > 0 && !slices.ContainsFunc(theirs, func(a netip.Addr) bool { return slices.Contains(ours, a) }) {
		return exit.Failed("%s: has certificates for masters at %s, but for none of cluster %s, so it may be another cluster's: name the directory of %[3]s with --pki; if this is it, run %s",
			p.dir, addressesOf(theirs), p.cluster.Name, p.at.Command("pki rename", p.cluster.Name, p.cluster.Name))
	}
	return nil
}

// another refuses the directory of another cluster.
func (p *ownership) another(name string) error {
	return exit.Failed("%s: is the PKI directory of cluster %s, but %s describes cluster %s: %s", p.dir, name, p.file, p.cluster.Name, p.rename(name))
}

// rename is the remedy for the directory of a cluster with an older name.
func (p *ownership) rename(old string) string {
	return fmt.Sprintf("name the directory of %s with --pki; if %s was renamed, run %s; if two clusters have shared the directory, give each a copy first (docs/pki.md)", p.cluster.Name, old, p.at.Command("pki rename", old, p.cluster.Name))
}

// checkClock refuses a time before the start of the newest certificate in the
// directory: the clock is, or was, wrong. Leaves that are replaced by this run do not count.
func (p *ownership) checkClock(s *store.Store, now time.Time, replaced func(name string) bool) error {
	name, begin := s.Newest(func(name string) bool { return s.Recorded()[name].Kind == pki.Leaf && replaced(name) })
	if !now.Before(begin) {
		return nil
	}
	remedy := "no machine accepts what it signed before that time"
	if s.Recorded()[name].Kind == pki.Leaf {
		remedy = p.at.Command("pki renew", name)
	}
	return exit.Failed("%s: the clock says %s, but %s is valid only from %s: set the clock right; if it was wrong when that was issued, %s",
		p.dir, now.UTC().Format(time.RFC3339), name, begin.Format(time.RFC3339), remedy)
}

// formerName returns the cluster's name according to the authority's common
// name; "" if that is not derived from one.
func formerName(s *store.Store) string {
	was, named := strings.CutSuffix(s.Recorded()[control.ClusterAuthority].Subject.CommonName, cluster.AuthorityEnding)
	if !named {
		return ""
	}
	return was
}

// commonName returns the common name that the cluster requests for its
// authority.
func commonName(c *cluster.Cluster) string {
	for _, r := range control.Requests(c) {
		if r.Name == control.ClusterAuthority {
			return r.Subject.CommonName
		}
	}
	return ""
}

// memberAddresses returns the addresses in the certificates of etcd's members,
// which no other cluster has.
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

// EtcdLeaf names the certificate that shows which masters there have been.
const EtcdLeaf = "etcd-server"

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSymlink
}

// previousMark follows the name of a directory that was moved aside.
const previousMark = ".before-"

// previousOf lists the directories that hagen pki init --again moved aside.
func previousOf(dir string) (found []string) {
	if real, err := tree.Resolve(dir); err == nil && isLink(dir) {
		dir = real
	}
	dir = filepath.Clean(dir)
	entries, _ := os.ReadDir(filepath.Dir(dir))
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), filepath.Base(dir)+previousMark) {
			found = append(found, filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
	return found
}

// checkProfile refuses a PKI with other authorities than the profile has: an
// authority for one group of clients would sign for another.
func checkProfile(dir string, c *cluster.Cluster, requests []pki.Request, have pki.Set) error {
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
	return exit.Failed("%s: was made for another profile than %s: its authorities are %s, not %s; restore the former profile, or name the PKI directory of this cluster with --pki",
		dir, c.Profile.Name, strings.Join(there, ", "), strings.Join(wanted, ", "))
}
