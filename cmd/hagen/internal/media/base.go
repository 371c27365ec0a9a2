package media

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/bases"
	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/out/media"
	"hagen/profiles"
)

// take says which kinds are made from the bases, and refuses bases that are of no use for
// the hosts.
func (r *run) take(hosts []string) error {
	s := &r.from.Source
	s.Bases, s.PutFiles = r.bases.Images(), bases.PutFiles(scratch(r.to))
	if len(r.cluster.Fetched()) > 0 { // else nothing says what processor the machines have
		s.Arch = r.cluster.Binaries.Arch
	}
	if len(r.asked.Kinds) == 0 {
		for _, b := range s.Bases {
			if !slices.Contains(r.asked.Kinds, b.Kind) {
				r.asked.Kinds = append(r.asked.Kinds, b.Kind)
			}
		}
	}
	r.kinds = slices.Clone(r.asked.Kinds)
	for _, k := range profiles.Kinds() {
		if k.Base != "" && slices.Contains(r.kinds, k.Name) && !slices.ContainsFunc(s.Bases, func(b *media.Base) bool { return b.Kind == k.Name }) {
			return exit.Usage("--kind %s: is made from %s: name it with --base", k.Name, k.Base)
		}
	}
	if err := media.CheckBases(*s, r.kinds, hosts); err != nil {
		return exit.Usage("%w", err)
	}
	return nil
}

// measure reads the bases, and holds them against the lock file.
func (r *run) measure(ui *console.UI) error {
	if len(r.bases) == 0 {
		return nil
	}
	if err := r.bases.Measure(r.made); err != nil {
		return err
	}
	lock, err := clusterfile.ReadLock(r.asked.File)
	if err != nil {
		return err
	}
	unlocked, err := r.bases.Hold(lock, r.asked.File)
	if err != nil {
		return err
	}
	if unlocked {
		var flags []string
		for _, b := range r.bases {
			flags = append(flags, "--base", b.Path)
		}
		ui.Note(fmt.Sprintf("%s does not say which images media are made from: %s records it", lock.Path, clusterfile.Of(r.asked.File).Command("lock", flags...)))
	}
	return nil
}

// scratch returns the innermost directory above a target that exists.
func scratch(to string) string {
	for dir := filepath.Dir(to); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
	}
}
