package check

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// secretRules are about secrets, and who may read and write.
var secretRules = []check{
	{within: (*machine).secrets, rules: []rule{
		{ruleFileMode, Error, "everybody on the machine could read the secret",
			"give it mode 0400 or 0600 and its reader as the owner, or 0640 and its readers' group"},
		{ruleUndeclared, Error, "what is not known to be a secret is not treated as one",
			"mark the file as a secret in the table it is made from"},
		{ruleUnread, Error, "a key that nothing reads can only be stolen",
			"remove it, or name it in the unit that is to read it"},
		{ruleUnreadFile, Warning, "nothing comes of a file that no unit names",
			"remove it, or name it in the unit that is to read it"},
	}},
	{within: (*machine).readable, rules: []rule{
		{ruleUnreadable, Error, "the daemon is refused its own file and does not start",
			"give the file or directory to that user, or a group that the user is in"},
	}},
	{within: (*machine).writable, rules: []rule{
		{ruleUnwritable, Error, "the daemon cannot keep its data there and does not start",
			"give the directory to the unit's user, and name it in ReadWritePaths= under ProtectSystem=strict"},
	}},
	{within: (*machine).openToOthers, rules: []rule{
		{ruleLogin, Warning, "whoever breaks the daemon, or has that key, is on the machine",
			"leave a daemon's account without key and shell; logins are users of the cluster file"},
		{ruleUnusedAccount, Warning, "whose account it was may run as root instead, and reads more than it needs",
			"write User= in the unit that it is for, or remove the account"},
	}},
}

// secrets: marked as such, guarded by their mode, read by a unit of this
// machine. What no unit reads has no business here.
func (m *machine) secrets() {
	for _, f := range m.Files {
		if holds := node.HoldsSecret(f.Contents); holds != f.Secret {
			m.find(ruleUndeclared, read.Whole(f.Path), "is declared secret: %t, its contents say: %t", f.Secret, holds)
		}
		known := len(m.reached[f.Path]) > 0
		if !m.secret(f) {
			if !known && ours().MatchString(f.Path) && !m.assumed(f.Path) {
				m.find(ruleUnreadFile, read.Whole(f.Path), "is named by no unit of this machine, nor by a file that one reads")
			}
			continue
		}
		if f.Mode&0o027 != 0 || f.Mode&0o040 != 0 && f.Group == "" {
			m.find(ruleFileMode, read.Whole(f.Path), "holds a secret, but has mode %04o", f.Mode.Perm())
		}
		if !known {
			m.find(ruleUnread, read.Whole(f.Path), "holds a secret that no unit of this machine reads")
		}
	}
}

// openToOthers: nobody but its owner and group writes what daemons read, and nobody
// logs in as one.
func (m *machine) openToOthers() {
	all := func(path string, mode fs.FileMode) {
		if mode&0o002 != 0 && mode&fs.ModeSticky == 0 && mode&0o1000 == 0 {
			m.find(ruleFileMode, read.Whole(path), "can be written by everybody: mode %04o", mode.Perm()).Remedy = "take the others' right to write"
		}
	}
	for _, d := range m.Directories {
		all(d.Path, d.Mode)
	}
	for _, f := range m.Files {
		all(f.Path, f.Mode)
	}
	for _, u := range m.Users {
		if !u.System {
			continue
		}
		administers := slices.ContainsFunc(u.Groups, func(g string) bool { return slices.Contains(administratorGroups, g) })
		switch {
		case len(u.SSHKeys) > 0:
			m.find(ruleLogin, read.Whole(u.Name), "has a key to log in with, and is a daemon's")
		case administers:
			m.find(ruleLogin, read.Whole(u.Name), "is in a group of administrators, and is a daemon's")
		case u.Shell != "" && !slices.Contains(noShells, path.Base(u.Shell)):
			m.find(ruleLogin, read.Whole(u.Name), "has the shell %s, and is a daemon's", u.Shell)
		}
		if !m.runsAs(u.Name) {
			m.find(ruleUnusedAccount, read.Whole(u.Name), "is nobody's: no unit runs as it")
		}
	}
}

var (
	administratorGroups = []string{"root", "sudo", "wheel", "docker", "disk", "adm"}
	noShells            = []string{"nologin", "false"}
)

// runsAs says whether something runs as a user. An image may have its
// program's own.
func (m *facts) runsAs(user string) bool {
	return len(m.units) == 0 || m.scriptUser() == user || slices.ContainsFunc(m.units, func(u *read.Unit) bool { return u.User() == user }) ||
		slices.ContainsFunc(m.processes, func(p *read.Process) bool { return p.Unit.Container() && p.Name == user })
}

// assumed are files that a program of this machine reads without being told.
func (m *facts) assumed(path string) bool {
	return len(m.Units) == 0 || strings.HasPrefix(path, "/etc/kubernetes/manifests/")
}

// readable: a file is readable by the users of the units that read it, with
// every directory on the way.
func (m *machine) readable() {
	closed := map[string]bool{}
	for _, f := range m.Files {
		told := map[string]bool{}
		for _, u := range m.reached[f.Path] {
			user := m.readerOf(u, f.Path)
			switch {
			case told[user]:
			case !m.may(user, f.User, f.Group, f.Mode, 4):
				m.find(ruleUnreadable, read.Whole(f.Path), "cannot be read by user %s of %s", user, u.Name)
			default:
				if d, shut := m.closed(user, f.Path); shut && !closed[d+" "+user] {
					closed[d+" "+user] = true
					m.find(ruleUnreadable, read.Whole(d), "lets user %s of %s not reach %s", user, u.Name, f.Path)
				}
			}
			told[user] = true
		}
	}
}

// readerOf is the user as whom a unit reads a file; keepalived reads its check
// script as another than itself.
func (m *facts) readerOf(u *read.Unit, file string) string {
	if strings.HasSuffix(file, ".sh") && !strings.Contains(u.Text(), file) {
		if user := m.scriptUser(); user != "" {
			return user
		}
	}
	return u.User()
}

// closed gives a directory on the way to a path that a user may not enter.
func (m *facts) closed(user, file string) (string, bool) {
	for _, d := range m.Directories {
		if below(path.Dir(file), d.Path) && !m.may(user, d.User, d.Group, d.Mode, 1) {
			return d.Path, true
		}
	}
	return "", false
}

// may holds an owner and a mode against a user, "" for root, who wants to
// read (4), write (2) or enter (1).
func (m *facts) may(user, owner, group string, mode fs.FileMode, want fs.FileMode) bool {
	switch {
	case user == "" || user == "root":
		return true
	case user == owner:
		return mode&(want<<6) != 0
	case group != "" && slices.ContainsFunc(m.Users, func(u node.User) bool {
		return u.Name == user && (u.Primary == group || slices.Contains(u.Groups, group))
	}):
		return mode&(want<<3) != 0
	}
	return mode&want != 0
}

// writable: a daemon may write where it keeps its data, by the directory's
// owner and by what the unit leaves it of the file system.
func (m *machine) writable() {
	for _, row := range dataPaths {
		p := m.process(row.daemon)
		if p == nil || !strings.HasPrefix(p.Value(row.flag), "/") {
			continue
		}
		dir := p.Value(row.flag)
		if row.file {
			dir = path.Dir(dir)
		}
		user := p.Unit.User()
		i := slices.IndexFunc(m.Directories, func(d node.Directory) bool { return d.Path == dir })
		if i < 0 {
			if !m.stateful(dir) && m.provides(dir) {
				m.find(ruleUnwritable, p.Where(row.flag), "--%s keeps its data in %s, which the document does not make", row.flag, dir)
			}
		} else if d := m.Directories[i]; !m.may(user, d.User, d.Group, d.Mode, 2) {
			m.find(ruleUnwritable, read.Whole(dir), "cannot be written by user %s of %s", user, p.Unit.Name)
		}
		for _, key := range []string{"ReadOnlyPaths", "InaccessiblePaths"} {
			for _, w := range p.Unit.All("Service", key) {
				if below(dir, strings.TrimLeft(w.Text, "-+")) {
					m.find(ruleUnwritable, p.Unit.Place(w.At), "%s= keeps --%s, %s, from being written", key, row.flag, dir)
				}
			}
		}
		strict := p.Unit.Value("Service", "ProtectSystem") == "strict"
		open := slices.ContainsFunc(p.Unit.All("Service", "ReadWritePaths"), func(w read.Word) bool { return below(dir, strings.TrimLeft(w.Text, "-+")) })
		if strict && !open && !m.stateful(dir) {
			m.find(ruleUnwritable, p.Where(row.flag), "--%s lies in %s, which ProtectSystem=strict keeps read-only", row.flag, dir)
		}
	}
}
