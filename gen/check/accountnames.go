package check

import (
	"slices"

	"hagen/gen/node"
)

// systemAccounts and systemGroups exist on every Linux, or a row of profiles
// uses them for logins.
var systemAccounts = []string{"", "root", "nobody", "daemon", "bin", "adm", "sys", "core", "systemd-network", "systemd-resolve", "systemd-timesync"}

var systemGroups = []string{"", "root", "nobody", "nogroup", "daemon", "bin", "adm", "sys", "core", "wheel", "sudo", "docker", "tty", "disk", "systemd-journal"}

func (m *facts) hasUser(name string) bool {
	return slices.Contains(systemAccounts, name) || slices.ContainsFunc(m.Users, func(u node.User) bool { return u.Name == name })
}

func (m *facts) hasGroup(name string) bool {
	return slices.Contains(systemGroups, name) || slices.ContainsFunc(m.Groups, func(g node.Group) bool { return g.Name == name })
}
