package control

import (
	"bytes"
	goflag "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/profiles"
)

var update = goflag.Bool("update", false, "rewrite docs/flags.md")

// TestFlagsDoc keeps docs/flags.md, which is made from the rows.
func TestFlagsDoc(t *testing.T) {
	const path = "../../docs/flags.md"
	var b bytes.Buffer
	b.WriteString("# Every flag and its reason\n\nMade from the tables in `gen/control` by `make golden`; values are those of the first master of the\nexample cluster.\n")
	for _, profile := range []struct {
		name    string
		daemons []daemon
	}{{"standard", standardDaemons}, {"classic", classicDaemons}} {
		c := readCluster(t, profile.name)
		s := hostContext{Cluster: c, host: c.Hosts()[0]}
		fmt.Fprintf(&b, "\n## %s: Kubernetes %s, etcd %s\n", profile.name, c.Kubernetes, c.Etcd)
		for _, d := range profile.daemons {
			fmt.Fprintf(&b, "\n### %s\n\n| flag | value | reason |\n| --- | --- | --- |\n", d.name)
			for _, f := range d.flags {
				if f.why == "" {
					t.Errorf("%s: %s --%s has no reason", profile.name, d.name, f.name)
				}
				value := "not set"
				if text := f.value(s); text != "" {
					value = "`" + text + "`"
				}
				fmt.Fprintf(&b, "| `--%s` | %s | %s |\n", f.name, value, f.why)
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s does not say what the rows say: make golden rewrites it", path)
	}
}

// TestMasters: system:masters is in no certificate that hagen issues for a new cluster, but in
// those of the guide's, and no authority's key is placed anywhere.
func TestMasters(t *testing.T) {
	for name, p := range tablesOf {
		var masters []string
		var rows []certificate
		for _, r := range p.roles {
			rows = append(rows, r.certificates...)
		}
		for _, row := range append(rows, p.certificates...) {
			if row.org == SystemMasters {
				masters = append(masters, row.stem)
			}
			for _, placed := range row.placed {
				if placed.part == theKey && row.kind == "authority" {
					t.Errorf("%s: the key of authority %s is placed on machines", name, row.stem)
				}
			}
		}
		want := map[string]string{profiles.Classic: "kubelet-client admin"}[name]
		if got := strings.Join(masters, " "); got != want {
			t.Errorf("%s: %s is on %s", name, SystemMasters, got)
		}
	}
}

// TestHostsFile: one line per address, names folded, short names only where
// they mean one machine.
func TestHostsFile(t *testing.T) {
	c := readCluster(t, "small")
	want := "127.0.0.1 localhost\n::1 localhost\n192.0.2.10 m0.edge-7.example.com m0\n192.0.2.2 lb0.edge-7.example.com lb0 api.edge-7.example.com\n192.0.2.3 lb1.edge-7.example.com lb1 api.edge-7.example.com\n"
	if got := hostsFile(c); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	c.Machines[2].Name = "lb0.other.example.com"
	if got := hostsFile(c); slices.Contains(strings.Fields(got), "lb0") {
		t.Errorf("lb0 is two machines:\n%s", got)
	}
}

// TestExternalDNS: no /etc/hosts when DNS is somebody else's.
func TestExternalDNS(t *testing.T) {
	c := readCluster(t, "standard")
	c.HostsFile = false
	for _, f := range basics(hostContext{Cluster: c, host: c.Machines[0]}).Files {
		if f.Path == "/etc/hosts" {
			t.Error("/etc/hosts is written")
		}
	}
}

func TestHAProxyTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1500ms", time.Minute: "1m", 90 * time.Second: "90s", time.Hour: "1h", 48 * time.Hour: "2d",
	} {
		if got := haproxyTime(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}

// TestEscape: systemd expands nothing in a flag's value.
func TestEscape(t *testing.T) {
	if got := escape("a%b$c"); got != "a%%b$$c" {
		t.Error(got)
	}
}

// TestLowPorts: an unprivileged daemon gets the capability for a port below
// 1024, and for no other.
func TestLowPorts(t *testing.T) {
	for _, test := range []struct {
		port uint16
		want bool
	}{{443, true}, {1023, true}, {1024, false}, {6443, false}} {
		c := readCluster(t, "standard")
		c.APIServer.Port, c.Endpoint.Port = test.port, test.port
		for _, d := range []daemon{standardDaemons[1], haproxyDaemon} {
			text := d.serviceText(hostContext{Cluster: c, host: c.Machines[0]})
			if got := strings.Contains(text, "AmbientCapabilities=CAP_NET_BIND_SERVICE"); got != test.want {
				t.Errorf("%s on port %d: %t", d.name, test.port, got)
			}
		}
	}
}

// TestFlagsAccepted holds every row of every release against what that
// release's binaries say that they accept, whichever cluster gets the flag.
// Deprecated is as bad as unknown: it will be unknown.
func TestFlagsAccepted(t *testing.T) {
	flagsAccepted(t, "standard", standardDaemons, true)
	flagsAccepted(t, "classic", classicDaemons, false) // which is of its time
}

func flagsAccepted(t *testing.T, profile string, daemons []daemon, current bool) {
	used := map[string]bool{}
	for _, release := range profiles.ReleasesOf(profile) {
		accepted := map[string]profiles.Flag{}
		record, known := profiles.Flags(release.Minor)
		if !known {
			t.Errorf("release %s has no record", release.Minor)
		}
		for _, f := range record {
			accepted[f.Component+" "+f.Name] = f
		}
		c := readCluster(t, profile)
		c.Release, c.Kubernetes, c.Etcd = release, release.Proven, release.Etcd
		s := hostContext{Cluster: c, host: c.Machines[0]}
		for _, d := range daemons {
			rows := 0
			for i, row := range d.flags {
				row.when = nil
				if !row.applies(s, d.product.row(s)) {
					continue
				}
				rows++
				used[fmt.Sprint(d.name, i)] = true
				switch f, found := accepted[d.name+" "+row.name]; {
				case !found:
					t.Errorf("%s of release %s knows no flag --%s", d.name, release.Minor, row.name)
				case f.Deprecated && current:
					t.Errorf("%s of release %s calls --%s deprecated", d.name, release.Minor, row.name)
				}
			}
			if rows < 4 || d.args != "" {
				t.Errorf("%s has %d flags, and %q that no row holds", d.name, rows, d.args)
			}
		}
	}
	for _, d := range daemons {
		for i, row := range d.flags {
			if !used[fmt.Sprint(d.name, i)] {
				t.Errorf("%s --%s, since %q until %q, is for no release", d.name, row.name, row.since, row.until)
			}
		}
	}
}

// TestSinceUntil: a row counts from its first release to its last.
func TestSinceUntil(t *testing.T) {
	s := hostContext{Cluster: readCluster(t, "standard"), host: readCluster(t, "standard").Machines[0]}
	for _, test := range []struct{ since, until, in string }{
		{"", "", "1.34 1.35 1.36 1.37"},
		{"1.36", "", "1.36 1.37"},
		{"", "1.35", "1.34 1.35"},
		{"1.35", "1.36", "1.35 1.36"},
	} {
		var in []string
		for patch, line := range []string{"1.34", "1.35", "1.36", "1.37"} {
			v := minor(line)
			v.Patch = patch
			if (flag{since: test.since, until: test.until}).applies(s, v) {
				in = append(in, line)
			}
		}
		if got := strings.Join(in, " "); got != test.in {
			t.Errorf("since %q until %q: in %s, want %s", test.since, test.until, got, test.in)
		}
	}
	for _, d := range standardDaemons {
		for _, f := range d.flags {
			for _, mark := range []string{f.since, f.until} {
				if mark != "" {
					minor(mark) // panics when it is none
				}
			}
		}
	}
}

// TestEmulated: all daemons of Kubernetes behave like the same release, and an API server
// gets no flag that it refuses then.
func TestEmulated(t *testing.T) {
	for _, test := range []struct {
		emulated, line string
		asksPeers      bool
	}{{"", "1.37", true}, {"1.36", "1.37", true}, {"1.35", "1.36", false}, {"", "1.36", true}, {"", "1.35", false}} {
		c := readCluster(t, "standard")
		c.Emulated, c.Kubernetes = test.emulated, minor(test.line)
		s := hostContext{Cluster: c, host: c.Machines[0]}
		for _, d := range standardDaemons {
			has := map[string]string{}
			for _, f := range d.flags {
				if f.applies(s, minor(test.line)) {
					has[f.name] = f.value(s)
				}
			}
			if d.name != "etcd" && has["emulated-version"] != test.emulated {
				t.Errorf("%+v: %s has --emulated-version=%s", test, d.name, has["emulated-version"])
			}
			if _, asks := has["peer-ca-file"]; d.name == "kube-apiserver" && asks != test.asksPeers {
				t.Errorf("%+v: --peer-ca-file is set: %v", test, asks)
			}
		}
	}
}
