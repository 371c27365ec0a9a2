package encode

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/profiles"
)

// UserData writes a node as cloud-init's user-data: one #cloud-config, as readable as
// Butane. cloud-init runs its parts in this order: bootcmd, users, then in its last stage
// write_files with `defer` and runcmd. By then disks are mounted and owners exist, and a
// service that the distribution starts never sees half of our configuration.
func UserData(cluster string, n node.Node, system profiles.OS) Document {
	w := &writer{from: "the document's head"}
	w.line(0, "#cloud-config")
	w.line(0, "# Made by hagen. Do not edit: change the cluster file and render again.")
	w.line(0, "# cluster %s, host %s, role %s, os %s", cluster, n.Name, n.Role, system.Name)
	w.settings(n)
	w.bootcmd(n)
	w.logins(n)
	w.writeFiles(n)
	w.runcmd(n)
	return Document{Text: w.out.Bytes(), origins: w.origins}
}

// hostsPath is the file that cloud-init also writes, unless manage_etc_hosts is false.
const hostsPath = "/etc/hosts"

// mergeHow says how cloud-init joins this part with those before it, whose lists it would
// replace by default (cloudinit/handlers/cloud_config.py). How a later part is joined with
// this one is up to that part.
const mergeHow = "list(append)+dict(recurse_list,recurse_str)+str()"

// settings writes settings of cloud-init itself. Without locale, cloud-init sets the
// distribution's default and fails on a system without locales. Releases before 23 accept
// the value only as text.
func (w *writer) settings(n node.Node) {
	w.line(0, "merge_how: %s", mergeHow)
	w.line(0, "hostname: %s", scalar(n.Name))
	w.line(0, "fqdn: %s", scalar(n.Name))
	w.line(0, "prefer_fqdn_over_hostname: true")
	if manages(n) {
		w.line(0, "manage_etc_hosts: false")
	}
	if slices.ContainsFunc(n.Users, func(u node.User) bool { return u.Name == "root" }) {
		w.line(0, "disable_root: false")
	}
	w.line(0, "locale: 'false'")
	w.line(0, "# Only this document counts: no downloads, nothing from the provider.")
	w.line(0, "package_update: false")
	w.line(0, "package_upgrade: false")
	w.line(0, "vendor_data: {enabled: false}")
}

func manages(n node.Node) bool {
	return slices.ContainsFunc(n.Files, func(f node.File) bool { return f.Path == hostsPath })
}

// Commands in bootcmd. cloud-init's own groups are not system groups, and cloud-init warns
// if one exists.
const (
	groupCommand = "getent group %s >/dev/null || groupadd --system %[1]s"
	// emptyLoop creates missing files, in directories of root.
	emptyLoop = `for f; do [ -e "$f" ] || install -D -m 0600 /dev/null "$f"; done`
)

// emptyCommand begins a command that runs once for each instance; file paths follow.
var emptyCommand = []string{"cloud-init-per", "instance", "hagen-files", "sh", "-c", emptyLoop, "sh"}

// private returns files that no one else may read, not even for a moment: cloud-init
// writes a file readable by all and restricts it afterwards (cloudinit/util.py,
// write_file), and newer releases give the directories that they create to the file's
// owner (ensure_dir).
func private(n node.Node) []string {
	var paths []string
	for _, f := range n.Files {
		if node.HoldsSecret(f.Contents) || cmp.Or(f.User, f.Group) != "" {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func (w *writer) bootcmd(n node.Node) {
	files := private(n)
	if len(n.Disks)+len(n.Filesystems)+len(n.Groups)+len(files) == 0 {
		return
	}
	w.group(0, "bootcmd")
	w.bootDisks(n)
	for _, g := range n.Groups {
		w.item(1, g.Origin)
		w.line(1, "- %s", command(fmt.Sprintf(groupCommand, shellWord(g.Name))))
	}
	if len(files) == 0 {
		return
	}
	w.from = "files with an owner or a secret"
	w.line(1, "# Created empty and private first: cloud-init restricts a file only after writing it.")
	for i, word := range append(slices.Clone(emptyCommand), files...) {
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		w.line(1, "%s- %s", lead, command(word))
	}
}

// logins writes users, without the distribution's default user: every release accepts an
// empty name for that. Users of daemons come first: if one cannot be created, cloud-init
// skips those after it.
func (w *writer) logins(n node.Node) {
	if len(n.Users) == 0 {
		w.from = "users"
		w.line(0, "users: ['']")
		return
	}
	w.group(0, "users")
	users := slices.Clone(n.Users)
	slices.SortStableFunc(users, func(a, b node.User) int {
		switch {
		case a.System == b.System:
			return 0
		case a.System:
			return -1
		}
		return 1
	})
	for _, u := range users {
		w.item(1, u.Origin)
		w.line(1, "- name: %s", scalar(u.Name))
		if u.System {
			w.line(2, "system: true")
			w.line(2, "no_create_home: true")
		}
		w.optional(2, "primary_group", u.Primary)
		w.optional(2, "homedir", u.Home)
		w.optional(2, "shell", u.Shell)
		w.list(2, "groups", u.Groups)
		w.list(2, "ssh_authorized_keys", u.SSHKeys)
	}
}

// unitMode is the mode of unit files, which root owns.
const unitMode fs.FileMode = 0o644

func (w *writer) writeFiles(n node.Node) {
	if len(n.Files)+len(n.Units) == 0 {
		return
	}
	w.group(0, "write_files")
	file := func(o node.Origin, path, user, group string, mode fs.FileMode, contents []byte) {
		w.item(1, o)
		w.line(1, "- path: %s", scalar(path))
		w.line(2, "owner: %s:%s", cmp.Or(user, "root"), cmp.Or(group, "root"))
		w.line(2, "permissions: '0%o'", mode.Perm())
		w.line(2, "defer: true")
		if len(contents) > 0 && !blockable(contents) {
			w.line(2, "encoding: b64")
			contents = []byte(base64.StdEncoding.EncodeToString(contents))
		}
		w.contents(2, "content", contents)
	}
	for _, f := range n.Files {
		file(f.Origin, f.Path, f.User, f.Group, f.Mode, f.Contents)
	}
	for _, u := range n.Units {
		if u.Contents != "" {
			file(u.Origin, path.Join(node.UnitDir, u.Name), "", "", unitMode, []byte(u.Contents))
		}
		for _, d := range u.DropIns {
			file(node.Origin{Section: w.section, From: u.From}, d.Path(u.Name), "", "", unitMode, []byte(d.Contents))
		}
	}
}

// Commands in runcmd, a shell script whose lines do not depend on each other. It does not
// wait for units: etcd is ready only when a majority of the masters is, and cloud-init
// would hang until then. It restarts units, since the distribution may already run one of
// the same name.
const (
	runPreamble    = "run() { \"$@\" || { echo \"hagen: this failed: $*\" >&2; failed=1; }; }\n"
	runEnd         = "trap 'exit ${failed:-$?}' EXIT" // commands of another part may follow
	runEndBefore   = "exit ${failed:-0}"              // in documents of earlier releases: what follows is not run
	runOne         = "run"                            // runs a command, and remembers if it failed
	runReload      = "run systemctl daemon-reload"
	runEnable      = "run systemctl reenable"
	runStart       = "run systemctl restart --no-block"
	runClocks      = "systemctl try-restart"
	runWhichever   = " 2>/dev/null || true" // no error for units that the system lacks
	runMask        = "run systemctl mask --now"
	runDisable     = "run systemctl disable --now"
	linkScript     = `mkdir -p "${2%/*}" && ln -sfnT "$1" "$2"`
	directoryWords = 10 // of the command that makes a directory
	linkWords      = 7
)

func (w *writer) runcmd(n node.Node) {
	enabled := units(n, func(u node.Unit) bool { return u.Enabled })
	masked := units(n, func(u node.Unit) bool { return u.Masked })
	disabled := units(n, func(u node.Unit) bool { return !u.Enabled && !u.Masked && u.Contents == "" && len(u.DropIns) == 0 })
	if len(n.Directories)+len(n.Links)+len(n.Units) == 0 && network.Activate(n, runOne) == "" {
		return
	}
	w.group(0, "runcmd")
	w.from = "runcmd"
	w.line(1, "# A failing command stops no other; cloud-init status --long reports it.")
	w.line(1, "- |")
	w.line(2, "%s", strings.TrimSuffix(runPreamble, "\n"))
	for _, d := range n.Directories {
		w.item(1, d.Origin)
		w.line(1, "- %s", command(directoryCommand(d)))
	}
	for _, l := range n.Links {
		w.item(1, l.Origin)
		w.line(1, "- %s", command(linkCommand(l)))
	}
	w.from = "units"
	if len(n.Units) > 0 {
		w.line(1, "- %s", runReload)
	}
	if activate := network.Activate(n, runOne); activate != "" {
		w.line(1, "# The network started before its files were written, perhaps without network-config.")
		w.line(1, "- %s", command(activate))
	}
	if clocks := clocks(n); clocks != "" {
		w.line(1, "# The NTP client started before its servers were written.")
		w.line(1, "- %s", command(clocks))
	}
	if len(masked) > 0 {
		w.line(1, "- %s", command(runMask+" "+strings.Join(masked, " ")))
	}
	if len(disabled) > 0 {
		w.line(1, "- %s", command(runDisable+" "+strings.Join(disabled, " ")))
	}
	if len(enabled) > 0 {
		w.line(1, "- %s", command(runEnable+" "+strings.Join(enabled, " ")))
		w.line(1, "# Without waiting: etcd is ready only when a majority of the masters runs.")
		w.line(1, "- %s", command(runStart+" "+strings.Join(enabled, " ")))
	}
	w.line(1, "- %s", command(runEnd))
}

// clocks returns the command that restarts the system's NTP clients, which start before
// cloud-init's last stage; "" if the document has no NTP servers.
func clocks(n node.Node) string {
	var units []string
	for _, f := range n.Files {
		if u := network.ClockUnit(f.Path); u != "" {
			units = append(units, u)
		}
	}
	if len(units) == 0 {
		return ""
	}
	return runClocks + " " + strings.Join(units, " ") + runWhichever
}

// units returns the names of the chosen units, quoted for a command.
func units(n node.Node, which func(node.Unit) bool) []string {
	var names []string
	for _, u := range n.Units {
		if which(u) {
			names = append(names, shellWord(u.Name))
		}
	}
	return names
}

func directoryCommand(d node.Directory) string {
	return fmt.Sprintf("run install -d -m 0%o -o %s -g %s %s", d.Mode.Perm(),
		shellWord(cmp.Or(d.User, "root")), shellWord(cmp.Or(d.Group, "root")), shellWord(d.Path))
}

func linkCommand(l node.Link) string {
	return fmt.Sprintf("run sh -c %s sh %s %s", shellWord(linkScript), shellWord(l.Target), shellWord(l.Path))
}

// Commands that YAML reads as plain scalars, and words that need no quotes in a shell.
var (
	plainCommand = lazy.Regexp(`^[A-Za-z/-][A-Za-z0-9 /._@+=,|>&:-]*$`)
	plainWord    = lazy.Regexp(`^[A-Za-z0-9/._@%+=:,-]+$`)
)

// command writes a command as a scalar. Single-quoted scalars need only one escape.
func command(s string) string {
	if plainCommand().MatchString(s) && !hasMeaning(s) && !strings.Contains(s, ": ") && !strings.HasSuffix(s, ":") && !strings.HasPrefix(s, "- ") && s != "-" && !strings.HasPrefix(s, "---") {
		return s
	}
	if blockable([]byte("x"+s)) && !strings.Contains(s, "\n") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return scalar(s)
}

// shellWord quotes a word for a POSIX shell if necessary.
func shellWord(s string) string {
	if plainWord().MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// MetaData writes cloud-init's meta-data. The instance-id is a hash of the other texts:
// cloud-init applies everything again if it changes, and nothing while it stays.
func MetaData(name string, others ...[]byte) []byte {
	return fmt.Appendf(nil, `# Made by hagen. cloud-init applies the files beside this once for each instance-id.
instance-id: %s
local-hostname: %s
`, scalar(InstanceID(name, others...)), scalar(name))
}

// InstanceID returns the machine's name with the first twelve hex digits of the
// SHA-256 of the texts.
func InstanceID(name string, texts ...[]byte) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d\n", len(t))
		h.Write(t)
	}
	return name + "-" + hex.EncodeToString(h.Sum(nil))[:12]
}
