package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/read"
)

// serviceRules are about how systemd runs daemons.
var serviceRules = []check{
	{within: (*machine).services, rules: []rule{
		{ruleServiceSettings, Warning, "the daemon may be down when it is needed",
			"write Restart=always, LimitNOFILE=65536, or leave the line out"},
	}},
}

// types are the Type= of each daemon. With notify, a daemon that does not
// notify systemd is killed after TimeoutStartSec=.
var types = []struct {
	daemon string
	types  []string
}{
	{etcd, []string{"notify", "simple", "exec", ""}},
	{apiServer, []string{"notify", "simple", "exec", ""}},
	{manager, []string{"simple", "exec", ""}},
	{scheduler, []string{"simple", "exec", ""}},
	{haproxy, []string{"notify", "simple", "exec", ""}}, // with -Ws
	{"keepalived", []string{"notify", "simple", "exec", ""}},
}

// leastFiles is how many files a daemon with many clients must be able to
// open.
const leastFiles = 1024

// leastStart is how long a daemon may wait for others until it is ready.
const leastStart = 10 * time.Second

// services checks that systemd gives daemons what they need, and restarts
// them.
func (m *machine) services() {
	for _, row := range types {
		p := m.process(row.daemon)
		if p == nil {
			continue
		}
		u := p.Unit
		at := func(key string) read.Place {
			d, _ := u.Directive("Service", key)
			return u.Place(d.ValueAt)
		}
		if kind := u.Value("Service", "Type"); !slices.Contains(row.types, kind) {
			notifies := " and does not notify"
			if slices.Contains(row.types, "notify") {
				notifies = ""
			}
			m.find(ruleValue, at("Type"), "Type= is %s, but %s stays in the foreground%s", kind, row.daemon, notifies).Remedy = "write Type=exec"
		}
		if u.Value("Service", "Restart") == "no" {
			m.find(ruleServiceSettings, at("Restart"), "Restart= is no: %s stays down when it exits", row.daemon)
		}
		if n, err := strconv.Atoi(u.Value("Service", "LimitNOFILE")); err == nil && n < leastFiles {
			m.find(ruleServiceSettings, at("LimitNOFILE"), "LimitNOFILE= is %d, but %s opens a file for every connection", n, row.daemon)
		}
		if t, ok := read.ParseUnitTime(u.Value("Service", "TimeoutStartSec")); ok && 0 < t && t < leastStart && u.Value("Service", "Type") == "notify" {
			m.find(ruleServiceSettings, at("TimeoutStartSec"), "TimeoutStartSec= is %s: systemd kills %s before it can be ready", t, row.daemon).Remedy = "write 5min, or infinity"
		}
		for _, key := range []string{"PrivateNetwork", "PrivateUsers"} {
			if on, _ := read.ParseUnitSwitch(u.Value("Service", key)); on {
				m.find(ruleServiceSettings, at(key), "%s= isolates %s from what it needs", own(key), own(row.daemon)).Severity = Error
			}
		}
		m.hides(u)
	}
}

// hides checks that systemd does not hide the files that a daemon reads.
func (m *machine) hides(u *read.Unit) {
	for _, key := range []string{"InaccessiblePaths", "TemporaryFileSystem"} {
		for _, w := range u.All("Service", key) {
			dir, _, _ := strings.Cut(strings.TrimLeft(w.Text, "-+"), ":")
			for path, readers := range m.reached {
				if below(path, dir) && slices.Contains(readers, u) {
					m.find(ruleUnreadable, u.Place(w.At), "%s= hides %s from the unit", own(key), dir).Remedy = "leave it out"
					break
				}
			}
		}
	}
}
