package bases

import (
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
)

// Hold holds measured images against those in a lock file. If it lists none, unlocked is
// true.
func (all Bases) Hold(lock clusterfile.Lock, file string) (unlocked bool, err error) {
	if len(lock.Bases) == 0 {
		return true, nil
	}
	var faults []string
	again := []string{}
	for _, b := range all {
		again = append(again, "--base", b.Path)
		named := func(l cluster.LockedBase) bool { return l.File == filepath.Base(b.Path) }
		switch {
		case slices.ContainsFunc(lock.Bases, func(l cluster.LockedBase) bool { return l.SHA256 == b.SHA256 }):
		case slices.ContainsFunc(lock.Bases, named):
			faults = append(faults, "--base "+b.Path+": is not the file that "+lock.Path+" has by this name")
		default:
			faults = append(faults, "--base "+b.Path+": is not among the bases in "+lock.Path)
		}
	}
	if len(faults) > 0 {
		return false, exit.No("%s\nIf it is the right one, %s records it. Nothing was written.", strings.Join(faults, "\n"), clusterfile.Of(file).Command("lock", again...))
	}
	return false, nil
}

// Lock writes images to the lock file of a cluster file, in place of those that are there.
// All else stays.
func Lock(ui *console.UI, file string, paths []string) error {
	c, err := clusterfile.Read(ui, file)
	if err != nil {
		return err
	}
	held, err := clusterfile.ReadLock(file)
	if err != nil {
		return err
	}
	all, err := Open(paths)
	if err != nil {
		return err
	}
	defer all.Close()
	if err := all.Measure(nil); err != nil {
		return err
	}
	var locked []cluster.LockedBase
	for _, b := range all {
		name := filepath.Base(b.Path)
		if slices.ContainsFunc(locked, func(l cluster.LockedBase) bool { return l.File == name }) {
			return exit.Usage("--base %s: another base has that name: rename one of them", b.Path)
		}
		locked = append(locked, cluster.LockedBase{File: name, SHA256: b.SHA256})
	}
	slices.SortFunc(locked, func(a, b cluster.LockedBase) int { return strings.Compare(a.File, b.File) })
	for _, b := range held.Bases {
		if !slices.ContainsFunc(locked, func(l cluster.LockedBase) bool { return l.File == b.File }) {
			ui.Say("%s is no longer a base", b.File)
		}
	}
	contents := held.LockContents
	contents.Bases = locked
	return held.Update(ui, c, contents, console.Number(len(all), "base"))
}
