package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/lazy"
	"hagen/out/review/replace"
	"hagen/out/snapshot"
	"hagen/out/tree"
	"hagen/profiles"
)

// RestorePlace is the default path of the snapshot on masters, in a directory
// that the document makes.
const RestorePlace = cluster.RestoreDir + "/snapshot.db"

// plainPath matches paths that need no quoting in shells and units.
var plainPath = lazy.Regexp(`^(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)+$`)

// readRestore returns the restore that the flags ask for. It reads the whole
// snapshot now, so that a damaged one does not show only on the masters.
func readRestore(asked Options, c *cluster.Cluster) (none control.Restore, encrypted []snapshot.Encrypted, err error) {
	file, place := asked.Restore, asked.RestorePath
	if place == "" {
		place = RestorePlace
	}
	switch {
	case file == "" && asked.RestorePath != "":
		return none, nil, exit.Usage("--restore-path says where masters find the snapshot: also name its file with --restore")
	case file == "" && asked.LoseSecrets:
		return none, nil, exit.Usage("--lose-secrets is about the Secrets of a snapshot: name its file with --restore")
	case file == "":
		return none, nil, nil
	case len(asked.Hosts) > 0:
		return none, nil, exit.Usage("--restore is for all masters at once: one that is restored alone is not a member of the others' cluster; leave --host out")
	case asked.Replace != "" || asked.Join:
		return none, nil, exit.Usage("--restore restores etcd on all masters, and --replace and --join let some join the others: use one of them")
	case c.Profile.Name == profiles.Classic:
		return none, nil, exit.Usage("--restore needs etcdutl, which etcd %s of the profile classic does not have", c.Etcd)
	case !plainPath().MatchString(place) || path.Clean(place) != place:
		return none, nil, exit.Usage("--restore-path %s: write an absolute path of plain characters, for example %s", place, RestorePlace)
	case !reachable(c, path.Dir(place)):
		return none, nil, exit.Usage("--restore-path %s: is in a directory of the system that the documents do not make, or that a reboot empties; write for example %s, or on etcd's own disk %s", place, RestorePlace, cluster.EtcdData+"/snapshot.db")
	case strings.HasPrefix(place, cluster.EtcdData+"/member"):
		return none, nil, exit.Usage("--restore-path %s: is where etcd's own data is, or was moved aside; write for example %s", place, cluster.EtcdData+"/snapshot.db")
	default:
		sum, encrypted, err := readSnapshot(file)
		return control.Restore{SHA256: sum, Path: place}, encrypted, err
	}
}

// systemDirs are the system's own directories, which only it writes or which a
// boot empties (file-hierarchy(7)).
var systemDirs = []string{
	"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr",
	"/var/cache", "/var/lib", "/var/lock", "/var/log", "/var/run", "/var/tmp",
}

// reachable reports whether a directory exists when etcd starts: one that the
// documents make, or one that may be on an operator's disk.
func reachable(c *cluster.Cluster, dir string) bool {
	if slices.Contains([]string{cluster.RestoreDir, cluster.EtcdData, c.Snapshots.Directory}, dir) {
		return true
	}
	return !slices.ContainsFunc(systemDirs, func(own string) bool { return strings.HasPrefix(dir+"/", own+"/") })
}

// readSnapshot returns the SHA-256 of a snapshot and what has encrypted its Secrets, and refuses one that etcd
// would refuse: etcdctl appends the SHA-256 of the database to it, and the
// database is a number of whole pages (etcd, client/v3/snapshot).
func readSnapshot(name string) (string, []snapshot.Encrypted, error) {
	f, err := tree.OpenRegular(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, exit.Usage("%s: there is no such file; name a snapshot with --restore", name)
	case errors.Is(err, tree.ErrNotFile):
		return "", nil, exit.Usage("%s: is not a file; name a snapshot with --restore", name)
	case err != nil:
		return "", nil, exit.Failed("%s: cannot be opened: %w", name, exit.Reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", nil, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	if info.Size()%512 != sha256.Size {
		return "", nil, exit.No("%s: is not a complete snapshot: it has no checksum at its end; use one that hagen's timer or etcdctl snapshot save wrote, not a copy of etcd's data", name)
	}
	whole, database := sha256.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(whole, database), io.LimitReader(f, info.Size()-sha256.Size)); err != nil {
		return "", nil, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	end := make([]byte, sha256.Size)
	if _, err := io.ReadFull(f, end); err != nil {
		return "", nil, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	if !bytes.Equal(database.Sum(nil), end) {
		return "", nil, exit.No("%s: is damaged: its contents do not match the checksum at its end; use another", name)
	}
	whole.Write(end)
	encrypted, err := secretsOf(f, name, info.Size()-sha256.Size)
	return hex.EncodeToString(whole.Sum(nil)), encrypted, err
}

// restoreSteps prints the steps of a restore.
func (w *work) restoreSteps(ui *console.UI, dir string) {
	if w.options.Restore.SHA256 == "" {
		return
	}
	secrets := w.issued.Set[control.SecretsKey]
	for _, g := range secrets.Readable() {
		if _, marked := secrets.MarkOf(g.ID); marked {
			ui.Note(fmt.Sprintf("%s of %s is one that others have had. Masters get it all the same, until the documents without --restore: it reads the Secrets of snapshots", control.NamesOf(g).Key, control.SecretsKey))
		}
	}
	ui.Line("To restore:", fmt.Sprintf(" %s, SHA-256 %s", w.asked.Restore, w.options.Restore.SHA256))
	steps := control.RestoreSteps(w.cluster, w.options.Restore, control.Restoring{
		Snapshot: replace.Word(w.asked.Restore), Tree: replace.Word(dir), Rights: w.giveRights(dir),
		Stored: clusterpki.StoredKeys(w.cluster, w.asked.Place), Keys: secrets.Readable(), Remove: w.remove(),
	})
	for i, step := range steps {
		ui.Say("%d. %s", i+1, step)
	}
}
