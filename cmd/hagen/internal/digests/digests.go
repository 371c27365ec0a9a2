// Package digests finds the digests for the lock file.
package digests

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/out/outside/digest"
)

// Options are the options of hagen lock.
type Options struct {
	File     string // a cluster file
	From     string // "" is upstream or the mirror
	Timeout  string
	Upstream bool
	Flat     bool
	Version  string // of this hagen
}

// Lock finds the digests and writes them to the lock file.
func Lock(ui *console.UI, asked Options) error {
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	wanted := c.Fetched()
	limit, err := time.ParseDuration(asked.Timeout)
	switch {
	case len(wanted) == 0:
		return exit.Usage("%s: no machine fetches anything: the binaries must be on its image; docs/binaries.md explains how to have them fetched", asked.File)
	case asked.From != "" && asked.Upstream:
		return exit.Usage("--from and --upstream name two sources: leave one out")
	case asked.Flat && (!asked.Upstream || c.Binaries.Mirror == ""):
		return exit.Usage("--flat says where a mirror has what --upstream finds: it needs --upstream, and a mirror in the cluster file")
	case err != nil || limit <= 0:
		return exit.Usage("--timeout %s is not a duration above zero; write for example --timeout 10m", asked.Timeout)
	}
	held, err := clusterfile.ReadLock(asked.File)
	if err != nil {
		return err
	}
	found, err := digests(ui, asked, c, wanted, limit)
	if err != nil {
		return err
	}
	var artefacts []cluster.Locked
	for i, a := range wanted {
		ui.Say("%s: %s", a.Name, found[i].Note)
		file := found[i].File
		if asked.Upstream && c.Binaries.Mirror != "" && c.Binaries.Sources[a.Name] == "" {
			if asked.Flat {
				file = filepath.Base(file)
			}
			ui.Say("%s: put it on the mirror at %s/%s", a.Name, c.Binaries.Mirror, file)
		}
		artefacts = append(artefacts, cluster.Locked{Name: a.Name, Version: a.Version, Arch: a.Arch, URL: c.Binaries.Sources[a.Name], File: file, SHA512: found[i].SHA512})
	}
	return writeLock(ui, c, held, artefacts)
}

// digests looks for the digests in the source that the options name.
func digests(ui *console.UI, asked Options, c *cluster.Cluster, wanted []cluster.Artefact, limit time.Duration) ([]digest.Found, error) {
	until, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	until, cancel := context.WithTimeout(until, limit)
	defer cancel()
	client := digest.NewClient("hagen/"+asked.Version, func(text string) { ui.Say("%s", text) })
	var files []digest.File
	for _, a := range wanted {
		files = append(files, digest.File{Name: a.Name, Path: a.Path, URLs: places(c, a, asked.Upstream), Sums: sums(a)})
	}
	var found []digest.Found
	var err error
	from := asked.From
	info, statErr := os.Stat(from)
	switch {
	case from == "":
		found, err = client.FromServers(until, files)
	case errors.Is(statErr, fs.ErrNotExist):
		return nil, exit.Usage("--from %s: there is no such directory or file", from)
	case statErr != nil:
		return nil, exit.Failed("--from %s: cannot be read: %w", from, exit.Reason(statErr))
	case info.IsDir():
		found, err = digest.FromDirectory(from, files)
	case !info.Mode().IsRegular():
		return nil, exit.Usage("--from %s: is not a regular file; write the digests to one, and name that", from)
	default:
		found, err = client.FromSums(until, from, files)
	}
	if err != nil && from == "" {
		return nil, exit.Failed("%w\nNothing was written. Without a network, hagen lock --from DIR reads the files themselves.", err)
	}
	if err != nil {
		return nil, exit.Failed("%w\nNothing was written.", err)
	}
	return found, nil
}

// places returns the URLs where an artefact may be. A mirror may have
// upstream's directories, or none.
func places(c *cluster.Cluster, a cluster.Artefact, upstream bool) []string {
	switch {
	case c.Binaries.Sources[a.Name] != "":
		return []string{a.URL}
	case c.Binaries.Mirror == "" || upstream && a.Host != "":
		return []string{"https://" + a.Path}
	}
	flat := c.Binaries.Mirror + "/" + filepath.Base(a.Path)
	return slices.Compact([]string{a.URL, flat})
}

// sums returns where the digest of an artefact may be published.
func sums(a cluster.Artefact) []string {
	all := append(slices.Clone(a.Sums), ".sha512", "/SHA512SUMS", "/SHA256SUMS")
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// writeLock writes the lock file with these digests. All else in it stays.
func writeLock(ui *console.UI, c *cluster.Cluster, held clusterfile.Lock, artefacts []cluster.Locked) error {
	contents := held.LockContents
	contents.Artefacts = artefacts
	if _, err := gen.ReadLock(c, spec.Source{Name: held.Path, Text: cluster.LockText(c.Name, contents)}); err != nil {
		return exit.Failed("the digests that were found do not make a valid lock file:\n%w\nNothing was written.", err)
	}
	return held.Update(ui, c, contents, console.Number(len(artefacts), "digest"))
}
