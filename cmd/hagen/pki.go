package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

func pkiCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "pki",
		Usage:     "make a cluster's authorities, or hand its PKI directory over to the name it has now",
		ArgsUsage: "init | rename OLD NEW",
		Description: describe("init makes what machines never exchange by themselves: the authorities, the service-account\n"+
			"key and the key of Secrets. hagen render does that, too, unless anything says that the cluster\n"+
			"has some: its lock file, or what was rendered. With --again the directory that is there is\n"+
			"set aside, and the cluster begins anew: its machines have to be made anew, too.\n"+
			"rename writes down that the directory of cluster OLD belongs to NEW, as the cluster file calls it.",
			"hagen pki init",
			"hagen pki init --again    # only where nothing runs with the old keys",
			"hagen pki rename staging prod"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.BoolFlag{Name: "again", Usage: "with init: make other keys than the cluster has", DisableDefaultText: true},
			jsonFlag("print the summary as JSON on stdout"),
		},
		Action: func(ctx *cli.Context) error {
			switch words := ctx.Args().Slice(); {
			case len(words) == 1 && words[0] == "init":
				return pkiInit(ui, placeOf(ctx), ctx.Bool("again"), ctx.Bool("json"))
			case len(words) > 0 && words[0] == "rename" && ctx.Bool("json"):
				return exit.Usage("--json is for hagen pki init: leave it out")
			case len(words) == 3 && words[0] == "rename" && !ctx.Bool("again"):
				return pkiRename(ui, placeOf(ctx), words[1], words[2])
			case len(words) > 0 && words[0] == "rename":
				return exit.Usage("hagen pki rename takes the name that the cluster had and the one it has: hagen pki rename OLD NEW")
			}
			return exit.Usage("say what to do: hagen pki init, or hagen pki rename OLD NEW")
		},
	}
}

// pkiMade is what --json prints.
type pkiMade struct {
	Cluster   string   `json:"cluster"`
	Directory string   `json:"directory"`
	Lock      string   `json:"lock"`
	Aside     string   `json:"aside,omitempty"` // where the directory is now that was there
	Made      []string `json:"made"`
	Warnings  []string `json:"warnings"`
	Notes     []string `json:"notes"`

	others bool // the lock file told of other keys
}

// pkiInit makes the keys of a cluster that has none, or with --again others.
func pkiInit(ui *console.UI, at clusterfile.Place, again, asJSON bool) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	dir, rendered := at.Dir(), filepath.Join(trees.Dir, c.Name)
	if err := files.Preflight(dir, at.File); err != nil {
		return err
	}
	made := pkiMade{Cluster: c.Name, Directory: dir, Lock: clusterfile.LockPath(at.File)}
	if again {
		err = made.again(ui, at, c)
	} else {
		err = made.first(ui, at, c, rendered)
	}
	if err != nil {
		return err
	}
	return made.tell(ui, rendered, again, asJSON)
}

// first makes keys where nothing says that the cluster has some.
func (made *pkiMade) first(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, rendered string) error {
	keys, err := openPKIToWrite(ui, at, c, keyTrees{held: []string{rendered}})
	if err != nil {
		return err
	}
	defer keys.close()
	if len(keys.store.Recorded()) > 0 {
		return exit.Failed("%s: is there already: hagen render takes what is missing of certificates from its authorities; hagen pki init --again%s makes others", made.Directory, at.Flags())
	}
	return made.issue(ui, keys)
}

// again makes other keys, with what was there set aside. The lock file has to
// be one that can be written, before anything is moved.
func (made *pkiMade) again(ui *console.UI, at clusterfile.Place, c *cluster.Cluster) (err error) {
	keys := &clusterPKI{cluster: c}
	if keys.now, err = ui.Time(); err != nil {
		return err
	}
	if keys.lock, err = clusterfile.ReadLock(at.File); err != nil {
		return err
	}
	made.others = len(keys.lock.Keys) > 0
	keys.lock.Keys = nil
	if keys.staged, err = keys.lock.Stage(); err != nil {
		return err
	}
	defer keys.staged.Discard()
	if made.Aside, err = setAside(ui, at, c, keys.now); err != nil {
		return err
	}
	if keys.store, err = openStore(ui, at); err == nil {
		err = made.issue(ui, keys)
		keys.store.Close()
	}
	if err != nil && made.Aside != "" && putBack(made.Aside, made.Directory) != nil {
		err = fmt.Errorf("%w\nWhat was there is in %s", err, made.Aside)
	}
	return err
}

// issue makes the keys and writes them down.
func (made *pkiMade) issue(ui *console.UI, keys *clusterPKI) error {
	requests := slices.DeleteFunc(control.Requests(keys.cluster), func(r pki.Request) bool { return r.Kind == pki.Leaf })
	issued, err := pki.Issue(requests, nil, keys.now, pki.Generate, rand.Reader)
	if err != nil {
		return exit.Failed("%w", err)
	}
	made.Made = slices.Sorted(maps.Keys(issued.Set))
	return keys.save(ui, issued.Set)
}

// tell says what was made, and what that means.
func (made *pkiMade) tell(ui *console.UI, rendered string, again, asJSON bool) error {
	if made.Aside != "" || made.others {
		text := fmt.Sprintf("cluster %s has other keys now: machines that run keep the old ones, and neither they nor kubeconfigs, tokens and backups of etcd go with machines of the new ones", made.Cluster)
		if made.Aside != "" {
			text += ". What was there is in " + made.Aside
		}
		ui.Warn(text)
	}
	if files := tree.Files(rendered); again && (len(trees.AuthoritiesIn(files)) > 0 || len(trees.Hosts(files, ".")) > 0) {
		ui.Warn(rendered + " was made with other keys, and hagen render does not overwrite it: render elsewhere with -o, or move it away if nothing of it is in use")
	}
	if asJSON {
		made.Warnings, made.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(made)
		return nil
	}
	ui.Say("wrote %s: %s", made.Directory, strings.Join(folded(made.Made), ", "))
	return nil
}

// isEmpty says whether a directory is missing or holds nothing.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, exit.Failed("%s: cannot be read: %w", dir, exit.Reason(err))
	}
	return len(entries) == 0, nil
}

// setAside gives the cluster's PKI directory another name, which it returns; ""
// if nothing was there. It may be damaged, but not another's.
func setAside(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, now time.Time) (string, error) {
	dir := at.Dir()
	if empty, err := isEmpty(dir); err != nil || empty {
		return "", err
	}
	if err := ofCluster(ui, at, c); err != nil {
		return "", err
	}
	d, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	defer d.Close()
	aside := filepath.Clean(dir)
	if isLink(dir) {
		aside = d.Path()
	}
	aside += asideMark + now.UTC().Format("20060102T150405Z")
	if _, err := os.Lstat(aside); err == nil {
		return "", exit.Failed("%s: is there already: wait a second", aside)
	}
	if err := os.Rename(d.Path(), aside); err != nil {
		return "", exit.Failed("%s: cannot be set aside: %w", dir, exit.Reason(err))
	}
	if isLink(dir) { // which would lead nowhere
		err = os.Mkdir(d.Path(), 0o700)
	}
	if err != nil {
		return "", exit.Failed("%s: cannot be made anew: %w; what was there is in %s", dir, exit.Reason(err), aside)
	}
	return aside, nil
}

// putBack undoes setAside.
func putBack(aside, dir string) error {
	real, err := tree.Resolve(dir)
	if err != nil {
		return err
	}
	_ = os.Remove(real) // if it is empty
	return os.Rename(aside, real)
}

// ofCluster refuses a directory that is no PKI, or the one of another cluster. A
// damaged one is the cluster's unless its index says otherwise.
func ofCluster(ui *console.UI, at clusterfile.Place, c *cluster.Cluster) error {
	p := ownershipOf(at, c)
	s, err := store.Open(p.dir, ui.Waiting(p.dir))
	if err == nil {
		defer s.Close()
		if len(s.Recorded()) > 0 {
			return p.belongs(s)
		}
	}
	text, missing := fs.ReadFile(tree.Files(p.dir), store.IndexFile)
	if _, damaged := errors.AsType[store.Faults](err); err != nil && !damaged {
		return exit.Failed("%w", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "authorities")); missing != nil && err != nil {
		return exit.Failed("%s: is no PKI directory, and is not set aside: name another with --pki", p.dir)
	}
	var index struct{ Cluster string }
	_ = json.Unmarshal(text, &index) // damaged, it says nothing
	if index.Cluster != "" && index.Cluster != c.Name {
		return exit.Failed("%s: is the PKI directory of cluster %s, and %s is of cluster %s: name the directory of %[4]s with --pki", p.dir, index.Cluster, p.file, c.Name)
	}
	return nil
}

// pkiRename hands a PKI directory over to a cluster of another name.
func pkiRename(ui *console.UI, at clusterfile.Place, old, name string) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	dir := at.Dir()
	switch empty, err := isEmpty(dir); {
	case c.Name != name:
		return exit.Usage("%s is of cluster %s, not of %s: write the new name there first", at.File, c.Name, name)
	case err != nil:
		return err
	case empty:
		return exit.Failed("%s: there is no PKI directory that could be handed over", dir)
	}
	s, err := openStore(ui, at)
	if err != nil {
		return err
	}
	defer s.Close()
	if was := s.Cluster(); was == name {
		ui.Say("%s is of cluster %s already", dir, name)
		return nil
	} else if was != "" && was != old {
		return exit.Failed("%s: is of cluster %s, not of %s: hagen pki rename %[2]s %[4]s%s", dir, was, old, name, at.Flags())
	} else if former := formerName(s); was == "" && former != "" && old != former && old != name {
		return exit.Failed("%s: is of cluster %s, to go by its authority, not of %s: hagen pki rename %[2]s %[4]s%s", dir, former, old, name, at.Flags())
	}
	s.SetCluster(name)
	_, err = s.Save(s.Set())
	ui.WarnEach(s.Notes())
	if err != nil {
		return exit.Failed("%w", err)
	}
	ui.Say("%s is of cluster %s now, with the keys that it had", dir, name)
	if kept := s.Recorded()[control.ClusterAuthority].Subject.CommonName; kept != "" && kept != commonName(c) {
		ui.Say("its authorities keep their name; so that no render warns of that, write spec.pki.subject.commonName: %s", kept)
	}
	return nil
}
