package check

import (
	"strings"

	"hagen/gen/read"
)

// accountRules are about who owns files and runs units, and what the machine is called.
var accountRules = []check{
	{within: (*machine).owners, rules: []rule{
		{ruleUnknownAccount, Error, "Ignition fails when an owner does not exist, and the machine never boots",
			"name a user or group of the document, or add it"},
	}},
	{within: (*machine).hostname, rules: []rule{
		{ruleHostname, Error, "etcd members are identified and certificates verified by this name",
			"write the machine's name, which is the name of its directory"},
		{ruleInstanceID, Warning, "cloud-init reapplies everything for a new instance-id, and nothing for the same: a machine that has booted would not see the change",
			"write the expected instance-id, or render again"},
	}},
}

// owners checks that the users and groups of files and units exist.
func (m *machine) owners() {
	check := func(p read.Place, user, group string) {
		if !m.hasUser(user) {
			m.find(ruleUnknownAccount, p, "belongs to user %s, which the document does not create", user)
		}
		if !m.hasGroup(group) {
			m.find(ruleUnknownAccount, p, "belongs to group %s, which the document does not create", group)
		}
	}
	for _, d := range m.Directories {
		check(read.Whole(d.Path), d.User, d.Group)
	}
	for _, f := range m.Files {
		check(read.Whole(f.Path), f.User, f.Group)
	}
	for _, u := range m.units {
		dynamic := u.Value("Service", "DynamicUser")
		for _, key := range []string{"User", "Group"} {
			d, found := u.Directive("Service", key)
			switch {
			case dynamic == "yes" || dynamic == "true": // systemd makes them
			case found && strings.ContainsAny(d.Value, "%$"): // filled in by systemd
			case key == "User":
				check(u.Place(d.ValueAt), d.Value, "")
			default:
				check(u.Place(d.ValueAt), "", d.Value)
			}
		}
		for _, w := range u.All("Service", "SupplementaryGroups") {
			check(u.Place(w.At), "", w.Text)
		}
	}
	for _, u := range m.Users {
		if !u.System {
			continue
		}
		check(read.Whole(u.Name), "", u.Primary)
		for _, g := range u.Groups {
			check(read.Whole(u.Name), "", g)
		}
	}
}

// hostname checks the machine's name in its own files.
func (m *machine) hostname() {
	f, found := m.files["/etc/hostname"]
	if !found {
		m.find(ruleHostname, read.Whole("/etc/hostname"), "is missing")
	}
	if found && strings.TrimSpace(string(f.Contents)) != m.Name {
		m.find(ruleHostname, read.At(f, 0), "says %q, but the machine is %s", strings.TrimSpace(string(f.Contents)), own(m.Name))
	}
	if m.meta == nil {
		return
	}
	const metaData = "meta-data"
	if m.meta.LocalHostname != m.Name {
		m.find(ruleHostname, read.Whole(metaData), "says %q, but the machine is %s", m.meta.LocalHostname, own(m.Name))
	}
	if m.meta.Derived != "" && m.meta.InstanceID != m.meta.Derived {
		m.find(ruleInstanceID, read.Whole(metaData), "has the instance-id %q, but the files beside it give %s", m.meta.InstanceID, m.meta.Derived)
	}
}
