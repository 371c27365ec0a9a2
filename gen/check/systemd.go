package check

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// unitRules are about units.
var unitRules = []check{
	{within: (*machine).unitSyntax, rules: []rule{
		{ruleSyntax, Error, "systemd ignores what it cannot read, or refuses the unit",
			"write Key=value below a [Section]; systemd.syntax(7)"},
		{ruleUnknownKey, Warning, "systemd ignores a key that it does not know",
			"correct the key, or remove the line"},
		{ruleMisspelledKey, Warning, "systemd ignores a key that it does not know, so the setting has no effect",
			"correct the key"},
		{ruleValue, Error, "systemd ignores the line, or refuses the unit",
			"write a value that systemd accepts"},
	}},
	{within: (*machine).starts, rules: []rule{
		{ruleNoExecStart, Error, "systemd refuses a service without a command, or with two",
			"write one ExecStart= with an absolute path"},
		{ruleUnitNotStarted, Warning, "nothing starts the unit",
			"enable it with WantedBy= in [Install], or let another unit want it"},
		{ruleNoInstall, Error, "enabling a unit without [Install] does nothing",
			"add [Install] with WantedBy=multi-user.target"},
		{ruleMasked, Error, "a masked unit cannot be started",
			"unmask it, or remove what needs it"},
	}},
	{within: (*machine).ordering, rules: []rule{
		{ruleMissingUnit, Error, "the unit cannot start without it",
			"correct the name, or add the unit"},
		{ruleUnknownUnit, Warning, "systemd ignores a unit that it does not find, and the order is lost",
			"correct the name, unless the operating system has the unit"},
		{ruleOrderingCycle, Error, "systemd breaks the cycle by not starting one of them",
			"remove one After= or Before="},
	}},
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

// switches are keys that are on or off, and onOff the values that they take.
var (
	switches = []string{"NoNewPrivileges", "PrivateTmp", "PrivateDevices", "RemainAfterExit", "DynamicUser"}
	onOff    = []string{"yes", "no", "true", "false", "1", "0", "on", "off"}
)

// unitSyntax checks that systemd understands every line.
func (m *machine) unitSyntax() {
	known := systemdKeys()
	for _, u := range m.units {
		section, isUnit := read.UnitTypes[path.Ext(u.Name)]
		if !isUnit {
			m.find(ruleSyntax, read.Whole(u.Name), "is not a valid unit name")
		}
		for _, p := range u.Odd {
			m.find(ruleSyntax, p, "is neither a section nor an assignment")
		}
		if section != "" && u.Contents != "" && !slices.ContainsFunc(u.Directives, func(d read.Directive) bool { return d.Section == section }) {
			m.find(ruleSyntax, read.Whole(u.Name), "has no section [%s]", section)
		}
		for _, d := range u.Directives {
			keys, sectionKnown := known[d.Section]
			switch {
			case strings.HasPrefix(d.Section, "X-") || strings.HasPrefix(d.Key, "X-"):
			case d.Section == node.ContainerSection && u.Container(): // Podman's
			case !sectionKnown:
				m.find(ruleSyntax, u.Place(d.At), "is in the section [%s], which systemd does not know", d.Section)
			case !keys[d.Key]:
				m.unknownKey(u, d, keys)
			case d.Section == "Service":
				m.unitValue(u, d)
			}
		}
	}
}

func (m *machine) unknownKey(u *read.Unit, d read.Directive, keys map[string]bool) {
	if meant := nearest(d.Key, slices.Sorted(maps.Keys(keys))); meant != "" {
		m.find(ruleMisspelledKey, u.Place(d.At), "[%s] has no %s=", own(d.Section), own(d.Key)).Remedy = "write " + meant + "="
		return
	}
	for section, keys := range systemdKeys() {
		if keys[d.Key] && (section == "Unit" || section == "Service" || section == "Install") {
			m.find(ruleMisspelledKey, u.Place(d.At), "[%s] has no %s=", own(d.Section), own(d.Key)).Remedy = "move it to [" + section + "]"
			return
		}
	}
	m.find(ruleUnknownKey, u.Place(d.At), "[%s] has no %s= in systemd 252", own(d.Section), d.Key)
}

func (m *machine) unitValue(u *read.Unit, d read.Directive) {
	list, known := enumerations[d.Key]
	known = !known || d.Value == "" || slices.Contains(list, d.Value)
	if slices.Contains(switches, d.Key) {
		_, isSwitch := read.ParseUnitSwitch(d.Value)
		list, known = onOff, isSwitch || d.Value == ""
	}
	if !known {
		m.find(ruleValue, u.Place(d.ValueAt), "%s= is %q", own(d.Key), d.Value).Remedy = "write one of " + strings.Join(list, ", ")
	}
	time := strings.HasSuffix(d.Key, "Sec") && d.Value != "infinity"
	if first := strings.TrimSpace(d.Value); time && first != "" && !('0' <= first[0] && first[0] <= '9' || first[0] == '.') {
		m.find(ruleValue, u.Place(d.ValueAt), "%s= is %q, which is not a time", own(d.Key), d.Value).Remedy = "write seconds, or a time such as 5min"
	}
	if strings.HasPrefix(d.Key, "Limit") && d.Value != "infinity" {
		soft, _, _ := strings.Cut(d.Value, ":")
		if _, err := strconv.ParseUint(strings.TrimRight(soft, "KMGTPE"), 10, 64); err != nil {
			m.find(ruleValue, u.Place(d.ValueAt), "%s= is %q, which is not a number", own(d.Key), d.Value).Remedy = "write a number, or infinity"
		}
	}
	if strings.HasPrefix(d.Key, "Exec") && d.Value != "" {
		if strings.Count(d.Value, `"`)%2 == 1 {
			m.find(ruleSyntax, u.Place(d.ValueAt), "%s= has a quote that is not closed", own(d.Key))
		}
	}
}

// starts checks that every service has a command, and that something starts
// it.
func (m *machine) starts() {
	for _, u := range m.units {
		if u.Masked {
			m.masked(u)
			continue
		}
		if u.Contents == "" {
			continue // it is the operating system's
		}
		m.runs(u)
		installed := slices.ContainsFunc(u.Directives, func(d read.Directive) bool { return d.Section == "Install" && d.Value != "" })
		switch {
		case u.Enabled && !installed:
			m.find(ruleNoInstall, read.Whole(u.Name), "is enabled, but has no WantedBy= or the like")
		case !u.Enabled && !m.wanted(u.Name) && path.Ext(u.Name) != ".slice":
			found := m.find(ruleUnitNotStarted, read.Whole(u.Name), "is not enabled, and no other unit wants it")
			if slices.ContainsFunc(m.processes, func(p *read.Process) bool { return p.Unit == u && p.Main && daemons[p.Name].flags }) {
				found.Severity = Error
			}
		}
	}
}

func (m *machine) runs(u *read.Unit) {
	var commands []read.Directive
	for _, d := range u.Directives {
		if d.Section != "Service" || !strings.HasPrefix(d.Key, "Exec") || d.Value == "" {
			continue
		}
		if d.Key == "ExecStart" {
			commands = append(commands, d)
		}
		program := strings.TrimLeft(read.Split(d.Value+" .", 0)[0].Text, "@-:+!|")
		if !strings.HasPrefix(program, "/") && !strings.HasPrefix(program, "%") {
			m.find(ruleNoExecStart, u.Place(d.ValueAt), "%s= runs %s, which is not an absolute path", own(d.Key), program)
		}
	}
	once := u.Value("Service", "Type") == "oneshot"
	switch {
	case path.Ext(u.Name) != ".service":
	case u.Container(): // Podman writes the command
	case len(commands) == 0 && !once:
		m.find(ruleNoExecStart, read.Whole(u.Name), "has no ExecStart=")
	case len(commands) > 1 && !once:
		m.find(ruleNoExecStart, u.Place(commands[1].At), "has %d ExecStart=, which only Type=oneshot allows", len(commands))
	}
}

// wanted reports whether another unit of the machine starts this one.
func (m *facts) wanted(name string) bool {
	for _, u := range m.units {
		for _, d := range u.Directives {
			if d.Section == "Unit" && slices.Contains(read.Pulls, d.Key) || d.Key == "Unit" || d.Key == "Also" || d.Key == "OnFailure" {
				if slices.Contains(strings.Fields(d.Value), name) {
					return true
				}
			}
		}
	}
	stem, service := strings.CutSuffix(name, ".service")
	return service && slices.ContainsFunc(m.units, func(u *read.Unit) bool {
		return u.Name != name && strings.TrimSuffix(u.Name, path.Ext(u.Name)) == stem // a timer's or socket's service
	})
}

// mustHave are keys that name units without which a unit fails.
var mustHave = []string{"Requires", "BindsTo", "Requisite"}

// ordering checks that units that are named exist, and that their order has no
// cycle.
func (m *machine) ordering() {
	after := map[string][]read.Word{} // by unit: those that it starts after, and where it says so
	names := map[string]*read.Unit{}
	for _, u := range m.units {
		names[u.Name] = u
	}
	for _, u := range m.units {
		for _, d := range u.Directives {
			if !slices.Contains(read.Dependencies, d.Key) || d.Section != "Unit" && d.Section != "Install" {
				continue
			}
			for _, w := range read.Split(d.Value, d.ValueAt) {
				m.depends(u, d.Key, w, names)
				switch {
				case d.Key == "After":
					after[u.Name] = append(after[u.Name], w)
				case d.Key == "Before":
					after[w.Text] = append(after[w.Text], read.Word{Text: u.Name, At: -1})
				}
			}
		}
	}
	m.cycles(after, names)
}

func (m *machine) depends(u *read.Unit, key string, w read.Word, names map[string]*read.Unit) {
	if _, ours := names[w.Text]; ours || strings.ContainsAny(w.Text, "%@") || w.Text == "" {
		return
	}
	ext := path.Ext(w.Text)
	_, isUnit := read.UnitTypes[ext]
	switch {
	case !isUnit && ext != ".device":
		m.find(ruleValue, u.Place(w.At), "%s= names %q, which is not a unit", own(key), w.Text).Remedy = "write the unit's full name, such as etcd.service"
	case slices.Contains(systemUnits, w.Text) || ext == ".slice" || ext == ".device" || ext == ".mount":
	case slices.Contains(mustHave, key) && ext == ".service":
		m.find(ruleMissingUnit, u.Place(w.At), "%s= names %s, which is not in the document", own(key), w.Text)
	default:
		found := m.find(ruleUnknownUnit, u.Place(w.At), "%s= names %s, which is neither in the document nor a known unit of the operating system", own(key), w.Text)
		if meant := nearest(w.Text, slices.Concat(systemUnits, slices.Sorted(maps.Keys(names)))); meant != "" {
			found.Severity, found.Remedy = Error, "write "+quote(meant)
		}
	}
}

// systemUnits are units of the operating system that documents name
// (systemd.special(7), and what Fedora CoreOS and Flatcar have).
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
func (m *machine) cycles(after map[string][]read.Word, names map[string]*read.Unit) {
	const busy, done = 1, 2
	state, reported := map[string]int{}, map[string]bool{}
	var visit func(name string, trail []string)
	visit = func(name string, trail []string) {
		state[name] = busy
		for _, w := range after[name] {
			other, ours := names[w.Text]
			switch {
			case !ours:
			case state[w.Text] == busy && reported[w.Text]: // reported once
			case state[w.Text] == busy:
				reported[w.Text] = true
				cycle := append(trail[slices.Index(trail, w.Text):], w.Text)
				at := other.Place(-1)
				if d, found := other.Directive("Unit", "After"); found {
					at = other.Place(d.At)
				} else if d, found := other.Directive("Unit", "Before"); found {
					at = other.Place(d.At)
				}
				m.find(ruleOrderingCycle, at, "waits for itself: %s", strings.Join(cycle, " after "))
			case state[w.Text] == 0:
				visit(w.Text, append(trail, w.Text))
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

// masked reports a masked unit that should run, or that another unit names.
func (m *machine) masked(u *read.Unit) {
	if u.Contents != "" {
		m.find(ruleMasked, read.Whole(u.Name), "is masked")
		return
	}
	for _, other := range m.units {
		for _, d := range other.Directives {
			if d.Section != "Unit" || !slices.Contains(read.Pulls, d.Key) {
				continue
			}
			for _, w := range read.Split(d.Value, d.ValueAt) {
				if w.Text == u.Name {
					m.find(ruleMasked, other.Place(w.At), "%s= names %s, which is masked", own(d.Key), own(u.Name))
				}
			}
		}
	}
}
