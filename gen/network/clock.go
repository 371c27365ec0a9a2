package network

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// clock is a row: a file that gives a time daemon its servers.
type clock struct {
	of               []string // values of profiles.OS.Clock
	path, unit       string   // unit reads the file when it starts
	server, contents string   // how a server is written; %s in contents is all of them
	overwrite        bool
}

// clocks: Fedora's chrony reads only its own file, so that is written whole,
// with Fedora's other lines (chrony, chrony.conf.default; a machine that boots
// with a wrong clock steps it once, since no certificate is valid then).
// timesyncd's is read in addition to the system's, and so is that of Debian's
// chrony (sourcedir in its chrony.conf), which has its own servers: ours go
// first.
var clocks = []clock{
	{
		of: []string{profiles.Chrony}, path: "/etc/chrony.conf", unit: "chronyd.service", overwrite: true, server: "server %s iburst\n",
		contents: "%sdriftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nntsdumpdir /var/lib/chrony\nlogdir /var/log/chrony\n",
	},
	{
		of: []string{profiles.Timesyncd, profiles.TimesyncdOrChrony}, path: "/etc/systemd/timesyncd.conf.d/hagen.conf", unit: "systemd-timesyncd.service",
		server: " %s", contents: "[Time]\nNTP=%s\n",
	},
	{
		of: []string{profiles.TimesyncdOrChrony}, path: "/etc/chrony/sources.d/hagen.sources", unit: "chrony.service",
		server: "server %s iburst prefer\n", contents: "%s",
	},
}

// ClockFiles returns the files that give the time daemon, a value of
// profiles.OS.Clock, its servers, each a name or an address. The caller sets
// their Origin.
func ClockFiles(servers []string, program string) []node.File {
	var files []node.File
	for _, c := range clocks {
		if !slices.Contains(c.of, program) {
			continue
		}
		var list strings.Builder
		for _, s := range servers {
			fmt.Fprintf(&list, c.server, s)
		}
		files = append(files, node.File{
			Path: c.path, Mode: 0o644, Overwrite: c.overwrite,
			Contents: fmt.Appendf(nil, c.contents, strings.TrimPrefix(list.String(), " ")),
		})
	}
	return files
}

// ClockUnit returns the operating system's unit that reads a file with NTP
// servers; "" for another file.
func ClockUnit(path string) string {
	if i := slices.IndexFunc(clocks, func(c clock) bool { return c.path == path }); i >= 0 {
		return clocks[i].unit
	}
	return ""
}
