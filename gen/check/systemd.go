package check

import (
	_ "embed"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hagen/gen/node"
)

// systemdKeys is what systemd knows, by section.
//
//go:embed systemd.txt
var systemdText string

var systemdKeys = sync.OnceValue(func() map[string]map[string]bool {
	sections := map[string]map[string]bool{}
	for line := range strings.Lines(systemdText) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		keys := map[string]bool{}
		for _, key := range words[1:] {
			keys[key] = true
		}
		sections[words[0]] = keys
	}
	return sections
})

// unitTypes are the suffixes of units, each with the section that it must have
// (systemd.unit(5)).
var unitTypes = map[string]string{
	".service": "Service", ".socket": "Socket", ".timer": "Timer", ".path": "Path", ".mount": "Mount", ".automount": "Automount",
	".swap": "Swap", ".target": "", ".slice": "", ".scope": "",
}

// enumerations are keys whose values are words of a list (systemd.service(5),
// systemd.kill(5), systemd.exec(5)).
var enumerations = map[string][]string{
	"Type":          {"simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"},
	"Restart":       {"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"},
	"KillMode":      {"control-group", "mixed", "process", "none"},
	"ProtectSystem": {"yes", "no", "true", "false", "1", "0", "on", "off", "full", "strict"},
	"ProtectHome":   {"yes", "no", "true", "false", "1", "0", "on", "off", "read-only", "tmpfs"},
}

// switches are keys that are on or off.
var switches = []string{"NoNewPrivileges", "PrivateTmp", "PrivateDevices", "RemainAfterExit", "DynamicUser"}

var onOff = []string{"yes", "no", "true", "false", "1", "0", "on", "off", "y", "n", "t", "f"}

// unitSyntax: systemd understands every line.
func (m *machine) unitSyntax() {
	known := systemdKeys()
	for _, u := range m.units {
		section, isUnit := unitTypes[path.Ext(u.Name)]
		if !isUnit {
			m.find(ruleSyntax, whole(u.Name), "is no name of a unit")
		}
		for _, p := range u.odd {
			m.find(ruleSyntax, p, "is neither a section nor an assignment")
		}
		if section != "" && u.Contents != "" && !slices.ContainsFunc(u.directives, func(d directive) bool { return d.section == section }) {
			m.find(ruleSyntax, whole(u.Name), "has no section [%s]", section)
		}
		for _, d := range u.directives {
			keys, sectionKnown := known[d.section]
			switch {
			case strings.HasPrefix(d.section, "X-") || strings.HasPrefix(d.key, "X-"):
			case d.section == node.ContainerSection && u.container(): // Podman's
			case !sectionKnown:
				m.find(ruleSyntax, u.place(d.at), "stands in the section [%s], which systemd does not know", d.section)
			case !keys[d.key]:
				m.unknownKey(u, d, keys)
			case d.section == "Service":
				m.unitValue(u, d)
			}
		}
	}
}

func (m *machine) unknownKey(u *unit, d directive, keys map[string]bool) {
	all := make([]string, 0, len(keys))
	for key := range keys {
		all = append(all, key)
	}
	slices.Sort(all)
	if meant := nearest(d.key, all); meant != "" {
		m.find(ruleMisspelledKey, u.place(d.at), "[%s] has no %s=", d.section, d.key).Remedy = "write " + meant + "="
		return
	}
	for section, keys := range systemdKeys() {
		if keys[d.key] && (section == "Unit" || section == "Service" || section == "Install") {
			m.find(ruleMisspelledKey, u.place(d.at), "[%s] has no %s=", d.section, d.key).Remedy = "move it to [" + section + "]"
			return
		}
	}
	m.find(ruleUnknownKey, u.place(d.at), "[%s] has no %s= in systemd 252", d.section, d.key)
}

func (m *machine) unitValue(u *unit, d directive) {
	list, isList := enumerations[d.key]
	if slices.Contains(switches, d.key) {
		list, isList = onOff, true
	}
	if isList && d.value != "" && !slices.Contains(list, d.value) {
		m.find(ruleValue, u.place(d.valueAt), "%s= is %q", d.key, d.value).Remedy = "write one of " + strings.Join(list[:min(len(list), 8)], ", ")
	}
	time := strings.HasSuffix(d.key, "Sec") && d.value != "infinity"
	if first := strings.TrimSpace(d.value); time && first != "" && !('0' <= first[0] && first[0] <= '9' || first[0] == '.') {
		m.find(ruleValue, u.place(d.valueAt), "%s= is %q, which is no time", d.key, d.value).Remedy = "write seconds, or a time such as 5min"
	}
	if strings.HasPrefix(d.key, "Limit") && d.value != "infinity" {
		soft, _, _ := strings.Cut(d.value, ":")
		if _, err := strconv.ParseUint(strings.TrimRight(soft, "KMGTPE"), 10, 64); err != nil {
			m.find(ruleValue, u.place(d.valueAt), "%s= is %q, which is no number", d.key, d.value).Remedy = "write a number, or infinity"
		}
	}
	if strings.HasPrefix(d.key, "Exec") && d.value != "" {
		if strings.Count(d.value, `"`)%2 == 1 {
			m.find(ruleSyntax, u.place(d.valueAt), "%s= has a quote without its end", d.key)
		}
	}
}

// starts: every service says what to run, and something starts it.
func (m *machine) starts() {
	for _, u := range m.units {
		if u.Masked {
			m.masked(u)
			continue
		}
		if u.Contents == "" {
			continue // one of the operating system's
		}
		m.runs(u)
		installed := slices.ContainsFunc(u.directives, func(d directive) bool { return d.section == "Install" && d.value != "" })
		switch {
		case u.Enabled && !installed:
			m.find(ruleNoInstall, whole(u.Name), "is enabled, but says not by what it is wanted")
		case !u.Enabled && !m.wanted(u.Name) && path.Ext(u.Name) != ".slice":
			found := m.find(ruleNeverStarted, whole(u.Name), "is not enabled, and no other unit wants it")
			if slices.ContainsFunc(m.processes, func(p *process) bool { return p.unit == u && p.main && daemons[p.name].flags }) {
				found.Severity = Error
			}
		}
	}
}

func (m *machine) runs(u *unit) {
	var commands []directive
	for _, d := range u.directives {
		if d.section != "Service" || !strings.HasPrefix(d.key, "Exec") {
			continue
		}
		if d.key == "ExecStart" {
			if d.value == "" {
				commands = nil // which is how a list is begun anew
				continue
			}
			commands = append(commands, d)
		}
		program := strings.TrimLeft(split(d.value+" .", 0)[0].text, "@-:+!|")
		if !strings.HasPrefix(program, "/") && (d.key == "ExecStart" || d.value != "") && !strings.HasPrefix(program, "%") {
			m.find(ruleNoStart, u.place(d.valueAt), "%s= runs %s, which is no absolute path", d.key, program)
		}
	}
	once := u.value("Service", "Type") == "oneshot"
	switch {
	case path.Ext(u.Name) != ".service":
	case u.container(): // Podman writes the command
	case len(commands) == 0 && !once:
		m.find(ruleNoStart, whole(u.Name), "has no ExecStart=")
	case len(commands) > 1 && !once:
		m.find(ruleNoStart, u.place(commands[1].at), "has %d ExecStart=, which only Type=oneshot may", len(commands))
	}
}

// wanted says whether another unit of the machine starts one.
func (m *machine) wanted(name string) bool {
	for _, u := range m.units {
		for _, d := range u.directives {
			if d.section == "Unit" && slices.Contains(pulls, d.key) || d.key == "Unit" || d.key == "Also" || d.key == "OnFailure" {
				if slices.Contains(strings.Fields(d.value), name) {
					return true
				}
			}
		}
	}
	stem := strings.TrimSuffix(name, path.Ext(name))
	return slices.ContainsFunc(m.units, func(u *unit) bool {
		return u.Name != name && strings.TrimSuffix(u.Name, path.Ext(u.Name)) == stem // a timer's or socket's service
	})
}

// pulls are keys that start another unit; those in needs fail without it.
var (
	pulls      = []string{"Wants", "Requires", "BindsTo", "Upholds", "Requisite", "PartOf", "OnFailure", "OnSuccess"}
	mustHave   = []string{"Requires", "BindsTo", "Requisite"}
	orderings  = []string{"After", "Before"}
	dependency = slices.Concat(pulls, orderings, []string{"Conflicts", "WantedBy", "RequiredBy"})
)

// ordering: units that are named exist, and their order is one.
func (m *machine) ordering() {
	after := map[string][]word{} // by unit: those that it starts after, and where it says so
	names := map[string]*unit{}
	for _, u := range m.units {
		names[u.Name] = u
	}
	for _, u := range m.units {
		for _, d := range u.directives {
			if !slices.Contains(dependency, d.key) || d.section != "Unit" && d.section != "Install" {
				continue
			}
			for _, w := range split(d.value, d.valueAt) {
				m.depends(u, d.key, w, names)
				switch {
				case d.key == "After":
					after[u.Name] = append(after[u.Name], w)
				case d.key == "Before":
					after[w.text] = append(after[w.text], word{u.Name, -1})
				}
			}
		}
	}
	m.cycles(after, names)
}

func (m *machine) depends(u *unit, key string, w word, names map[string]*unit) {
	if _, ours := names[w.text]; ours || strings.ContainsAny(w.text, "%@") || w.text == "" {
		return
	}
	ext := path.Ext(w.text)
	_, isUnit := unitTypes[ext]
	switch {
	case !isUnit && ext != ".device":
		m.find(ruleValue, u.place(w.at), "%s= names %q, which is no unit", key, w.text).Remedy = "write the unit's whole name, such as etcd.service"
	case slices.Contains(systemUnits, w.text) || ext == ".slice" || ext == ".device" || ext == ".mount":
	case slices.Contains(mustHave, key) && ext == ".service":
		m.find(ruleMissingUnit, u.place(w.at), "%s= names %s, which is not in the document", key, w.text)
	default:
		found := m.find(ruleStrangeUnit, u.place(w.at), "%s= names %s, which is neither in the document nor known of the operating system", key, w.text)
		if meant := nearest(w.text, slices.Concat(systemUnits, slices.Sorted(maps.Keys(names)))); meant != "" {
			found.Severity, found.Remedy = Error, "write "+meant
		}
	}
}

// systemUnits are what documents name of the operating system's units
// (systemd.special(7), and what Fedora CoreOS and Flatcar bring).
var systemUnits = strings.Fields(`
	basic.target boot-complete.target cryptsetup.target default.target emergency.target first-boot-complete.target getty.target
	graphical.target local-fs.target local-fs-pre.target multi-user.target network.target network-online.target network-pre.target
	nss-lookup.target nss-user-lookup.target paths.target poweroff.target reboot.target remote-fs.target remote-fs-pre.target
	rescue.target rpcbind.target shutdown.target slices.target sockets.target swap.target sysinit.target system-update.target
	time-set.target time-sync.target timers.target umount.target initrd.target ignition-complete.target ignition-diskful.target
	NetworkManager.service NetworkManager-wait-online.service systemd-networkd.service systemd-networkd-wait-online.service
	systemd-resolved.service systemd-journald.service systemd-udevd.service systemd-sysctl.service systemd-tmpfiles-setup.service
	systemd-timesyncd.service systemd-time-wait-sync.service systemd-modules-load.service systemd-sysusers.service
	systemd-hostnamed.service systemd-logind.service systemd-user-sessions.service systemd-machine-id-commit.service
	chronyd.service chrony.service ntpd.service sshd.service sshd.socket ssh.service dbus.service dbus.socket dbus-broker.service docker.service
	docker.socket containerd.service crio.service podman.service podman.socket firewalld.service nftables.service iptables.service
	auditd.service rsyslog.service zincati.service rpm-ostreed.service update-engine.service locksmithd.service
	coreos-metadata.service afterburn.service afterburn-sshkeys.target iscsid.service multipathd.service console-login-helper-messages-gensnippet-ssh-keys.service`)

// cycles looks for units that wait for each other.
func (m *machine) cycles(after map[string][]word, names map[string]*unit) {
	const busy, done = 1, 2
	state, told := map[string]int{}, map[string]bool{}
	var visit func(name string, trail []string)
	visit = func(name string, trail []string) {
		state[name] = busy
		for _, w := range after[name] {
			other, ours := names[w.text]
			switch {
			case !ours:
			case state[w.text] == busy && told[w.text]: // one way round is enough
			case state[w.text] == busy:
				told[w.text] = true
				cycle := append(trail[slices.Index(trail, w.text):], w.text)
				at := other.place(-1)
				if d, found := other.directive("Unit", "After"); found {
					at = other.place(d.at)
				} else if d, found := other.directive("Unit", "Before"); found {
					at = other.place(d.at)
				}
				m.find(ruleCycle, at, "waits for itself: %s", strings.Join(cycle, " after "))
			case state[w.text] == 0:
				visit(w.text, append(trail, w.text))
			}
		}
		state[name] = done
	}
	for _, u := range m.units {
		if state[u.Name] == 0 {
			visit(u.Name, []string{u.Name})
		}
	}
}
