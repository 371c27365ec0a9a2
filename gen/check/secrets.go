package check

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// secretRules are about secrets, and who may read and write files.
var secretRules = []check{
	{within: (*machine).secrets, rules: []rule{
		{ruleFileMode, Error, "any account on the machine could read the secret, or change the file",
			"set mode 0400 or 0600 with its reader as the owner, or 0640 with its readers' group"},
		{ruleUndeclared, Error, "a secret that is not marked as one is not treated as one",
			"mark the file as a secret in the table it is made from"},
		{ruleUnread, Error, "a key that nothing reads can only be stolen",
			"remove it, or name it in the unit that should read it"},
		{ruleUnreadFile, Warning, "a file that no unit names has no effect",
			"remove it, or name it in the unit that should read it"},
	}},
	{within: (*machine).readable, rules: []rule{
		{ruleUnreadable, Error, "the daemon cannot read its own file and does not start",
			"give the file or directory to that user, or a group that the user is in"},
	}},
	{within: (*machine).writable, rules: []rule{
		{ruleUnwritable, Error, "the daemon cannot keep its data there and does not start",
			"give the directory to the unit's user, and name it in ReadWritePaths= under ProtectSystem=strict"},
	}},
	{within: (*machine).openToOthers, rules: []rule{
		{ruleLogin, Warning, "anyone who breaks into the daemon, or has that key, gets onto the machine",
			"remove key, shell and group from a daemon's account; logins are users in the cluster file"},
		{ruleUnusedAccount, Warning, "the daemon that it was made for may run as root instead",
			"write User= in that daemon's unit, or remove the account"},
	}},
}

// secrets checks that each secret is marked as one, has a safe mode and is
// read by a unit of this machine; and that no other file of ours is unread.
func (m *machine) secrets() {
	for _, f := range m.Files {
		if holds := node.HoldsSecret(f.Contents); holds != f.Secret {
			m.find(ruleUndeclared, read.Whole(f.Path), "is marked as a secret: %t, but holds one: %t", f.Secret, holds)
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

// openToOthers checks that only owner and group may write what daemons read,
// and that no one logs in as a daemon.
func (m *machine) openToOthers() {
	all := func(path string, mode fs.FileMode) {
		if mode&0o002 != 0 && mode&fs.ModeSticky == 0 && mode&0o1000 == 0 {
			m.find(ruleFileMode, read.Whole(path), "is world-writable: mode %04o", mode.Perm()).Remedy = "remove write permission for others"
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
			m.find(ruleLogin, read.Whole(u.Name), "is a daemon's account, but has a key to log in with")
		case administers:
			m.find(ruleLogin, read.Whole(u.Name), "is a daemon's account, but is in a group of administrators")
		case u.Shell != "" && !slices.Contains(noShells, path.Base(u.Shell)):
			m.find(ruleLogin, read.Whole(u.Name), "is a daemon's account, but has the shell %s", u.Shell)
		}
		if !m.runsAs(u.Name) {
			m.find(ruleUnusedAccount, read.Whole(u.Name), "is unused: no unit runs as it")
		}
	}
}

var (
	administratorGroups = []string{"root", "sudo", "wheel", "docker", "disk", "adm"}
	noShells            = []string{"nologin", "false"}
)

// runsAs reports whether something runs as a user. An image may have its
// program's own user.
func (m *facts) runsAs(user string) bool {
	return len(m.units) == 0 || m.scriptUser() == user || slices.ContainsFunc(m.units, func(u *read.Unit) bool { return u.User() == user }) ||
		slices.ContainsFunc(m.processes, func(p *read.Process) bool { return p.Unit.Container() && p.Name == user })
}

// assumed reports whether a program of this machine reads a file that no unit
// names.
func (m *facts) assumed(path string) bool {
	return len(m.Units) == 0 || strings.HasPrefix(path, "/etc/kubernetes/manifests/")
}

// readable checks that the users of the units that read a file may read it,
// and enter every directory above it.
func (m *machine) readable() {
	closed := map[string]bool{}
	for _, f := range m.Files {
		reported := map[string]bool{}
		for _, u := range m.reached[f.Path] {
			user := m.readerOf(u, f.Path)
			switch {
			case reported[user]:
			case !m.may(user, f.User, f.Group, f.Mode, 4):
				m.find(ruleUnreadable, read.Whole(f.Path), "cannot be read by user %s of %s", user, own(u.Name))
			default:
				if d, shut := m.closed(user, f.Path); shut && !closed[d+" "+user] {
					closed[d+" "+user] = true
					m.find(ruleUnreadable, read.Whole(d), "keeps user %s of %s from reaching %s", user, own(u.Name), f.Path)
				}
			}
			reported[user] = true
		}
	}
}

// readerOf returns the user that reads a file for a unit. keepalived reads its
// check script as another user.
func (m *facts) readerOf(u *read.Unit, file string) string {
	if strings.HasSuffix(file, ".sh") && !strings.Contains(u.Text(), file) {
		if user := m.scriptUser(); user != "" {
			return user
		}
	}
	return u.User()
}

// closed returns a directory above a path that a user may not enter.
func (m *facts) closed(user, file string) (string, bool) {
	for _, d := range m.Directories {
		if below(path.Dir(file), d.Path) && !m.may(user, d.User, d.Group, d.Mode, 1) {
			return d.Path, true
		}
	}
	return "", false
}

// may reports whether a user, "" for root, may read (4), write (2) or enter
// (1) something with this owner and mode.
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

// writable checks that a daemon may write where it keeps its data, by the
// directory's owner and by what the unit leaves writable.
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
				m.find(ruleUnwritable, p.Where(row.flag), "--%s keeps its data in %s, which the document does not create", own(row.flag), dir)
			}
		} else if d := m.Directories[i]; !m.may(user, d.User, d.Group, d.Mode, 2) {
			m.find(ruleUnwritable, read.Whole(dir), "cannot be written by user %s of %s", user, own(p.Unit.Name))
		}
		for _, key := range []string{"ReadOnlyPaths", "InaccessiblePaths"} {
			for _, w := range p.Unit.All("Service", key) {
				if below(dir, strings.TrimLeft(w.Text, "-+")) {
					m.find(ruleUnwritable, p.Unit.Place(w.At), "%s= makes --%s, %s, read-only", own(key), own(row.flag), dir)
				}
			}
		}
		strict := p.Unit.Value("Service", "ProtectSystem") == "strict"
		open := slices.ContainsFunc(p.Unit.All("Service", "ReadWritePaths"), func(w read.Word) bool { return below(dir, strings.TrimLeft(w.Text, "-+")) })
		if strict && !open && !m.stateful(dir) {
			m.find(ruleUnwritable, p.Where(row.flag), "--%s is in %s, which ProtectSystem=strict keeps read-only", own(row.flag), dir)
		}
	}
}
