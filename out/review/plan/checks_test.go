package plan

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestChecksCanFail runs the line of each check with programs that answer as those of a
// healthy cluster do, and as those of clusters that are not.
func TestChecksCanFail(t *testing.T) {
	const (
		// Programs remember in a file how often they were run.
		count = "n=$(($(cat n 2>/dev/null) + 1)); echo $n >n\n"

		long = "echo StateChangeTimestampMonotonic=1000000"
		now  = "echo StateChangeTimestampMonotonic=$(cut -d. -f1 /proc/uptime)000000"
	)
	ask := kubectl(netip.MustParseAddr("10.10.10.80"), 6443, "kubem00")
	leader := leaderStays(ask, "kube-scheduler", leaseLock)
	formerLeader := leaderStays(ask, "kube-scheduler", endpointLock)
	annotation := func(holder, renewed string) string {
		return count + `echo "{\"holderIdentity\":\"` + holder + `\",\"leaseDurationSeconds\":15,\"acquireTime\":\"then\",\"renewTime\":\"` + renewed + `\",\"leaderTransitions\":0}"`
	}
	list := func(lines ...string) string { return "cat <<E\n" + strings.Join(lines, "\n") + "\nE" }
	const (
		m0      = "8e9e05c52164694d, started, kubem00, https://10.10.10.80:2380, https://10.10.10.80:2379, false"
		m1      = "91bc3c398fb3c146, started, kubem01, https://10.10.10.81:2380, https://10.10.10.81:2379, false"
		waiting = "fd422379fda50e48, unstarted, , https://10.10.10.81:2380, , false"
	)
	systemctl := func(show, state string) map[string]string {
		return map[string]string{"systemctl": "case $1 in show) " + show + ";; is-active) " + state + ";; esac"}
	}
	served := serves("10.10.10.80:6443", "pki/hosts/kubem00/apiserver.pem", "")
	held := alone("lb0", "10.10.10.9", []netip.AddrPort{netip.MustParseAddrPort("10.10.10.3:6443"), netip.MustParseAddrPort("10.10.10.4:6443")})
	openssl := func(file, shown string) string {
		return `case "$1 $*" in "s_client "*) cat ` + shown + `;; *" -in "*) ` + file + `;; *) sed "s/^/sha256 Fingerprint=/";; esac`
	}
	for _, test := range []struct {
		what     string
		check    Command
		programs map[string]string
		fails    bool
	}{
		{"members", membersHealthy(), map[string]string{"etcdctl": "exit 0"}, false},
		{"a member that does not answer", membersHealthy(), map[string]string{"etcdctl": "exit 1"}, true},
		{"who is a member", membersStarted([]string{"kubem00", "kubem01"}), map[string]string{"etcdctl": list(m1, m0)}, false},
		{"a member that has not started", membersStarted([]string{"kubem00", "kubem01"}), map[string]string{"etcdctl": list(m0, waiting)}, true},
		{"a member that has not left", membersStarted([]string{"kubem00"}), map[string]string{"etcdctl": list(m0, m1)}, true},
		{"no answer", membersStarted([]string{"kubem00"}), map[string]string{"etcdctl": "exit 1"}, true},

		{"a unit", stays("m", "a.service", "b.service"), systemctl(long, "exit 0"), false},
		{"a unit that starts over and over", stays("m", "a.service"), systemctl(now, "exit 0"), true},
		{"a unit that waits for its next start", stays("m", "a.service"), systemctl(long, "exit 3"), true},
		{"one of two units", stays("m", "a.service", "b.service"), systemctl(long, "[ $3 = a.service ]"), true},
		{"one of two units started again", stays("m", "a.service", "b.service"), systemctl("case $4 in a.*) "+now+";; *) "+long+";; esac", "exit 0"), true},
		{"no systemd", stays("m", "a.service"), map[string]string{"systemctl": "exit 1"}, true},
		{"a systemd that does not say since when", stays("m", "a.service"), systemctl("exit 0", "exit 0"), true},
		{"a timer", active("a.timer", "m"), systemctl("", "echo active"), false},
		{"a timer that stands", active("a.timer", "m"), systemctl("", "echo inactive; exit 3"), true},

		{"a leader", leader, map[string]string{"kubectl": count + "echo kubem00_a $n"}, false},
		{"nobody renews the lease", leader, map[string]string{"kubectl": "echo kubem00_a 1"}, true},
		{"a leader that renewed it once more", leader, map[string]string{"kubectl": count + "[ $n = 1 ] || n=2; echo kubem00_a $n"}, true},
		{"each leader ends", leader, map[string]string{"kubectl": count + "echo kubem0$n $n"}, true},
		{"another one leads now", leader, map[string]string{"kubectl": count + "[ $n = 3 ] && echo kubem01 3 || echo kubem00 $n"}, true},
		{"nobody leads", leader, map[string]string{"kubectl": count + "echo ' '$n"}, true},
		{"an API server that fails", leader, map[string]string{"kubectl": count + "[ $n = 2 ] && exit 1; echo kubem00_a $n"}, true},
		{"a leader, classic", formerLeader, map[string]string{"kubectl": annotation("kubem00", "$n")}, false},
		{"nobody renews, classic", formerLeader, map[string]string{"kubectl": annotation("kubem00", "1")}, true},
		{"each leader ends, classic", formerLeader, map[string]string{"kubectl": annotation("kubem0$n", "$n")}, true},
		{"nobody leads, classic", formerLeader, map[string]string{"kubectl": annotation("", "$n")}, true},

		{"a certificate", served, map[string]string{"openssl": openssl("echo sha256 Fingerprint=AB", "new")}, false},
		{"the former certificate", served, map[string]string{"openssl": openssl("echo sha256 Fingerprint=AB", "old")}, true},
		{"nobody listens", served, map[string]string{"openssl": openssl("echo sha256 Fingerprint=AB", "/dev/null")}, true},
		{"no such file", served, map[string]string{"openssl": openssl("exit 1", "new")}, true},

		{"a port", answers200("m", "http://127.0.0.1:8404/alive", BalancerAlive), map[string]string{"curl": "exit 0"}, false},
		{"a port that refuses", answers200("m", "http://127.0.0.1:8404/alive", BalancerAlive), map[string]string{"curl": "exit 22"}, true},
		{"the only holder", held, map[string]string{"ip": "echo 10.10.10.9", "curl": "exit 0"}, false},
		{"the only holder, whose peers listen elsewhere", held, map[string]string{"ip": "echo 10.10.10.9", "curl": "exit 7"}, false},
		{"not the holder", held, map[string]string{"ip": "exit 0", "curl": "exit 28"}, false},
		{"two holders", held, map[string]string{"ip": "echo 10.10.10.9", "curl": count + "test $n = 1 || exit 28"}, true},
		{"no ip, and two holders", held, map[string]string{"ip": "exit 1", "curl": "exit 28"}, true},
		{"an API server", ready(ask, APIReady), map[string]string{"kubectl": "echo ok"}, false},
		{"an API server that is not ready", ready(ask, APIReady), map[string]string{"kubectl": "exit 1"}, true},
	} {
		dir := t.TempDir()
		test.programs["sleep"] = "exit 0"
		for name, text := range test.programs {
			write(t, filepath.Join(dir, name), "#!/bin/sh\n"+text+"\n")
		}
		write(t, filepath.Join(dir, "new"), "AB\n")
		write(t, filepath.Join(dir, "old"), "AC\n")
		run := exec.Command("sh", "-c", test.check.Text)
		run.Dir, run.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := run.CombinedOutput(); (err != nil) != test.fails {
			t.Errorf("%s: %v, %s\n%s", test.what, err, out, test.check.Text)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
