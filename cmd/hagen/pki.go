package main

import (
	"crypto/rand"
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

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/tree"
	"hagen/pki"
)

func pkiCommand(ui *ui) *cli.Command {
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
				return pkiInit(ui, ctx)
			case len(words) == 3 && words[0] == "rename" && !ctx.Bool("again"):
				return pkiRename(ui, ctx, words[1], words[2])
			case len(words) > 0 && words[0] == "rename":
				return usage("hagen pki rename takes the name that the cluster had and the one it has: hagen pki rename OLD NEW")
			}
			return usage("say what to do: hagen pki init, or hagen pki rename OLD NEW")
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
}

// pkiInit makes the keys of a cluster that has none, or with --again others.
func pkiInit(ui *ui, ctx *cli.Context) error {
	c, err := readCluster(ui, ctx.String("file"))
	if err != nil {
		return err
	}
	dir, rendered := pkiDir(ctx), filepath.Join(renderedDir, c.Name)
	if err := preflight(dir, ctx.String("file")); err != nil {
		return err
	}
	made := pkiMade{Cluster: c.Name, Directory: dir, Lock: lockPath(ctx.String("file"))}
	if ctx.Bool("again") {
		err = made.again(ui, ctx, c)
	} else {
		err = made.first(ui, ctx, c, rendered)
	}
	if err != nil {
		return err
	}
	return made.tell(ui, ctx, rendered)
}

// first makes keys where nothing says that the cluster has some.
func (made *pkiMade) first(ui *ui, ctx *cli.Context, c *cluster.Cluster, rendered string) error {
	if empty, err := isEmpty(made.Directory); err != nil {
		return err
	} else if !empty {
		return failed("%s: is there already: hagen render takes what is missing of certificates from its authorities; hagen pki init --again%s makes others", made.Directory, withFile(ctx.String("file")))
	}
	keys, err := openPKIToWrite(ui, ctx, c, rendered)
	if err != nil {
		return err
	}
	defer keys.close()
	return made.issue(ui, keys)
}

// again makes other keys, with what was there set aside. The lock file has to
// be one that can be written, before anything is moved.
func (made *pkiMade) again(ui *ui, ctx *cli.Context, c *cluster.Cluster) (err error) {
	keys := &clusterPKI{cluster: c}
	if keys.now, err = ui.time(); err != nil {
		return err
	}
	if keys.lock, err = readLock(ctx.String("file")); err != nil {
		return err
	}
	keys.lock.keys = nil
	if keys.staged, err = keys.lock.stage(); err != nil {
		return err
	}
	defer keys.staged.discard()
	if made.Aside, err = setAside(ui, made.Directory, keys.now); err != nil {
		return err
	}
	if keys.store, err = openStore(ui, ctx); err == nil {
		err = made.issue(ui, keys)
		keys.store.Close()
	}
	if err != nil && made.Aside != "" && os.Rename(made.Aside, made.Directory) != nil {
		err = fmt.Errorf("%w\nWhat was there is in %s", err, made.Aside)
	}
	return err
}

// issue makes the keys and writes them down.
func (made *pkiMade) issue(ui *ui, keys *clusterPKI) error {
	requests := slices.DeleteFunc(control.Requests(keys.cluster), func(r pki.Request) bool { return r.Kind == pki.Leaf })
	issued, err := pki.Issue(requests, nil, keys.now, pki.Generate, rand.Reader)
	if err != nil {
		return failed("%w", err)
	}
	made.Made = slices.Sorted(maps.Keys(issued.Set))
	return keys.save(ui, issued.Set)
}

// tell says what was made, and what that means.
func (made *pkiMade) tell(ui *ui, ctx *cli.Context, rendered string) error {
	if made.Aside != "" {
		ui.warn(fmt.Sprintf("cluster %s has other keys now: machines that run keep the old ones, and neither they nor kubeconfigs, tokens and backups of etcd go with machines of the new ones. What was there is in %s", made.Cluster, made.Aside))
	}
	if ctx.Bool("again") && len(authoritiesIn(tree.Files(rendered))) > 0 {
		ui.warn(rendered + " was made with the old keys: move it away before the next render")
	}
	if ctx.Bool("json") {
		made.Warnings, made.Notes = list(ui.warnings), list(ui.notes)
		ui.json(made)
		return nil
	}
	ui.say("wrote %s: %s", made.Directory, strings.Join(folded(made.Made), ", "))
	return nil
}

// isEmpty says whether a directory is missing or holds nothing.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, failed("%s: cannot be read: %w", dir, reason(err))
	}
	return len(entries) == 0, nil
}

// setAside gives a PKI directory another name, which it returns; "" if nothing
// was there.
func setAside(ui *ui, dir string, now time.Time) (string, error) {
	if empty, err := isEmpty(dir); err != nil || empty {
		return "", err
	}
	d, err := tree.Open(dir, waiting(ui, dir))
	if err != nil {
		return "", failed("%w", err)
	}
	defer d.Close()
	aside := filepath.Clean(dir)
	if isLink(dir) {
		aside = d.Path()
	}
	aside += asideMark + now.UTC().Format("20060102T150405Z")
	if _, err := os.Lstat(aside); err == nil {
		return "", failed("%s: is there already: wait a second", aside)
	}
	if err := os.Rename(d.Path(), aside); err != nil {
		return "", failed("%s: cannot be set aside: %w", dir, reason(err))
	}
	return aside, nil
}

// pkiRename hands a PKI directory over to a cluster of another name.
func pkiRename(ui *ui, ctx *cli.Context, old, name string) error {
	c, err := readCluster(ui, ctx.String("file"))
	if err != nil {
		return err
	}
	dir := pkiDir(ctx)
	switch empty, err := isEmpty(dir); {
	case c.Name != name:
		return usage("%s is of cluster %s, not of %s: write the new name there first", ctx.String("file"), c.Name, name)
	case err != nil:
		return err
	case empty:
		return failed("%s: there is no PKI directory that could be handed over", dir)
	}
	s, err := openStore(ui, ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if was := s.Cluster(); was == name {
		ui.say("%s is of cluster %s already", dir, name)
		return nil
	} else if was != "" && was != old {
		return failed("%s: is of cluster %s, not of %s: hagen pki rename %[2]s %[4]s", dir, was, old, name)
	}
	s.SetCluster(name)
	_, err = s.Save(s.Set())
	warnNotes(ui, s.Notes())
	if err != nil {
		return failed("%w", err)
	}
	ui.say("%s is of cluster %s now, with the keys that it had", dir, name)
	return nil
}
