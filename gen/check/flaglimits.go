package check

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/read"
	"hagen/profiles"
)

// limitRules are about values of flags that nobody means.
var limitRules = []check{
	{within: (*machine).limits, rules: []rule{
		{ruleFlagLimit, Error, "the daemon refuses it, or does what nobody means",
			"write another value, or leave the flag out"},
	}},
	{across: (*set).unready},
}

// limit is a row: what a flag's value must be like, beyond its type.
type limit struct {
	daemon, flag string
	rule         string
	severity     Severity
	holds        func(string) bool
	problem      string // "--flag is value, " and this; an empty value is told as such
	remedy       string
}

// limits are those that daemons have, and values that are no fault and never
// meant. Who is let in is among them.
var limits = []limit{
	// server/storage/quota.go: 0 is the default, less than 0 no quota.
	{etcd, "quota-backend-bytes", ruleFlagLimit, Warning, atLeast(0), "which takes the limit away: etcd grows until its disk is full", "leave the flag out: etcd takes 2 GiB"},
	{etcd, "quota-backend-bytes", ruleFlagLimit, Error, either(atMost(0), atLeast(100<<20)), "which a cluster fills in hours: then etcd refuses every write", "leave the flag out: etcd takes 2 GiB"},
	{etcd, "quota-backend-bytes", ruleFlagLimit, Warning, atMost(8 << 30), "more than the 8 GiB that etcd advises: it gets slow, and so does every member that starts", "write 8589934592 or less"},
	{etcd, "max-request-bytes", ruleFlagLimit, Error, atLeast(1 << 20), "less than API servers write at once", "leave it out: etcd takes 1572864"},
	// server/etcdmain/config.go: words of which one is taken, and none is empty.
	{etcd, "initial-cluster-state", ruleFlagValue, Error, complete, "and etcd wants a word", "write new or existing, or leave the flag out"},
	{etcd, "discovery-fallback", ruleFlagValue, Error, complete, "and etcd wants a word", "write exit, or leave the flag out"},
	{etcd, "proxy", ruleFlagValue, Error, complete, "and etcd wants a word", "write off, or leave the flag out"},
	{etcd, "v2-deprecation", ruleFlagValue, Error, complete, "and etcd wants words", "leave the flag out"},
	{etcd, "auto-compaction-mode", ruleFlagValue, Error, complete, "and etcd wants a word", "write periodic or revision, or leave the flag out"},
	{etcd, "log-outputs", ruleFlagValue, Error, complete, "of which etcd opens every item, an empty one, too", "write default, stderr, stdout or a file, or leave the flag out"},
	{etcd, "cors", ruleFlagValue, Error, complete, "and etcd wants URLs or *", "write *, or leave the flag out"},
	// server/embed: what it takes for its default says nothing.
	{etcd, "metrics", ruleFlagLimit, Error, oneOf("", "basic", "extensive"), "which etcd takes for basic, without a word", "write basic or extensive"},
	{etcd, "backend-bbolt-freelist-type", ruleFlagLimit, Error, oneOf("", "array", "map"), "which etcd takes for map, without a word", "write map or array"},
	{etcd, "logger", ruleFlagValue, Error, oneOf("zap"), "and etcd has zap alone", "leave it out"},
	// server/auth/store.go, NewTokenProvider.
	{etcd, "auth-token", ruleFlagValue, Error, either(oneOf("", "simple"), begins("jwt,")), "which is no kind of token", "write simple, or jwt with its options"},
	{etcd, "cipher-suites", ruleFlagValue, Error, suites, "with a cipher suite that Go does not know", "write names such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, with commas between"},
	{etcd, "compact-hash-check-time", ruleFlagLimit, Error, longerThan(0), "and etcd wants more than 0", "write 1m"},
	{etcd, "corrupt-check-time", ruleFlagLimit, Error, longerThan(-1), "and etcd wants 0, for never, or more", "write 0s"},
	{etcd, "max-learners", ruleFlagLimit, Error, atLeast(0), "and etcd wants 0 or more", "write 1"},
	{etcd, "config-file", ruleFlagLimit, Error, oneOf(""), "so etcd passes over all other flags, and nothing here is about what it does", "leave it out"},
	{etcd, "version", ruleFlagLimit, Error, isOff, "so etcd prints its version and ends", "leave it out"},
	{etcd, "heartbeat-interval", ruleFlagLimit, Error, atLeast(10), "milliseconds: members would do nothing else", "write 100"},
	// server/embed/config.go, maxElectionMs.
	{etcd, "election-timeout", ruleFlagLimit, Error, atMost(50_000), "and etcd takes 50000 at most", "write 1000"},
	{etcd, "force-new-cluster", ruleFlagLimit, Error, isOff, "which throws the other members out", "leave it out: it is for one start after a catastrophe"},
	{etcd, "unsafe-no-fsync", ruleFlagLimit, Error, isOff, "so what etcd has acknowledged is lost when the machine stops", "leave it out"},
	{etcd, "strict-reconfig-check", ruleFlagLimit, Warning, isOn, "so a wrong change of members can stop the cluster", "leave it out"},
	{etcd, "auto-tls", ruleAuthentication, Error, isOff, "so etcd shows a certificate of its own making", "name its certificate with --cert-file"},
	{etcd, "peer-auto-tls", ruleAuthentication, Error, isOff, "so etcd shows a certificate of its own making", "name its certificate with --peer-cert-file"},
	// k8s.io/apiserver, pkg/server/options/server_run_options.go.
	{apiServer, "goaway-chance", ruleFlagLimit, Error, atMost(0.02), "and the API server takes 0.02 at most", "write 0.001"},
	{apiServer, "audit-log-maxage", ruleFlagLimit, Error, atLeast(0), "and may not be negative", "write days"},
	{apiServer, "audit-log-maxbackup", ruleFlagLimit, Error, atLeast(0), "and may not be negative", "write how many files are kept"},
	{apiServer, "audit-log-maxsize", ruleFlagLimit, Error, atLeast(0), "and may not be negative", "write megabytes"},
	{apiServer, "service-account-issuer", ruleFlagLimit, Warning, begins("https://"), "which is no https:// URL: nobody can discover the keys of its tokens", "write a URL"},
	{apiServer, "insecure-bind-address", ruleAuthentication, Error, isLoopback, "where whoever comes may do anything, without a certificate", "write 127.0.0.1"},
	{apiServer, "disable-admission-plugins", ruleAuthentication, Warning, freeOf("ServiceAccount", "NodeRestriction", "PodSecurity", "NamespaceLifecycle"), "so what the plugin forbids is let in", "leave it out"},
	{apiServer, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and nobody needs", "write VersionTLS12"},
	{manager, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and nobody needs", "write VersionTLS12"},
	{scheduler, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and nobody needs", "write VersionTLS12"},
	// k8s.io/kube-aggregator, pkg/apiserver/handler_proxy.go: the names are fixed.
	{apiServer, "requestheader-username-headers", ruleFlagLimit, Error, lists("X-Remote-User"), "where API servers name the user in X-Remote-User: aggregated APIs would know nobody", "write X-Remote-User"},
	{apiServer, "requestheader-group-headers", ruleFlagLimit, Error, lists("X-Remote-Group"), "where API servers name the groups in X-Remote-Group: aggregated APIs would know none", "write X-Remote-Group"},
	{apiServer, "requestheader-extra-headers-prefix", ruleFlagLimit, Warning, lists("X-Remote-Extra-"), "where API servers begin with X-Remote-Extra-", "write X-Remote-Extra-"},
	{manager, "bind-address", ruleFlagLimit, Warning, isLoopback, "so the whole network reaches it, and nobody outside the machine has to", "write 127.0.0.1, unless something outside gathers its metrics"},
	{scheduler, "bind-address", ruleFlagLimit, Warning, isLoopback, "so the whole network reaches it, and nobody outside the machine has to", "write 127.0.0.1, unless something outside gathers its metrics"},
	{manager, "controllers", ruleFlagLimit, Error, someController, "which leaves none", "begin with *"},
	{manager, "use-service-account-credentials", ruleFlagLimit, Warning, isOn, "so every controller has the rights of all", "write true"},
}

// number reads a number, a whole one in the base that it names.
func number(text string) (float64, bool) {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return float64(n), true
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// What is no number or switch is said elsewhere.
func atLeast(least float64) func(string) bool {
	return func(v string) bool { n, ok := number(v); return !ok || n >= least }
}
func atMost(most float64) func(string) bool {
	return func(v string) bool { n, ok := number(v); return !ok || n <= most }
}
func isOn(v string) bool       { b, err := strconv.ParseBool(v); return err != nil || b }
func isOff(v string) bool      { b, err := strconv.ParseBool(v); return err != nil || !b }
func isLoopback(v string) bool { a, err := netip.ParseAddr(v); return err != nil || a.IsLoopback() }

// longerThan: a time is longer than another; what is none is said elsewhere.
func longerThan(other time.Duration) func(string) bool {
	return func(v string) bool { t, err := time.ParseDuration(v); return err != nil || t > other }
}

// complete: neither a value nor an item of it is empty.
func complete(v string) bool { return !slices.Contains(strings.Split(v, ","), "") }

func oneOf(words ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(words, v) }
}

func either(a, b func(string) bool) func(string) bool {
	return func(v string) bool { return a(v) || b(v) }
}

// suites: Go's names of cipher suites, and two that etcd has for old ones
// (client/pkg/tlsutil, GetCipherSuite).
func suites(v string) bool {
	known := []string{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known = append(known, suite.Name)
	}
	return !slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return !slices.Contains(known, w) })
}

func begins(with string) func(string) bool {
	return func(v string) bool { return strings.HasPrefix(v, with) }
}

func freeOf(words ...string) func(string) bool {
	return func(v string) bool {
		return !slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return slices.Contains(words, w) })
	}
}

// lists: a list holds an HTTP header, whose case does not matter.
func lists(header string) func(string) bool {
	return func(v string) bool {
		return slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return strings.EqualFold(w, header) })
	}
}

func someController(v string) bool {
	return slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return !strings.HasPrefix(w, "-") })
}

// limits: flags say what somebody can mean.
func (m *machine) limits() {
	for _, row := range limits {
		p := m.process(row.daemon)
		f, given := p.Flag(row.flag)
		value := f.Value
		if given && !f.Given {
			value = "true"
		}
		if !given || row.holds(value) {
			continue
		}
		found := m.find(row.rule, p.Unit.Place(f.ValueAt), "%s is %s, %s", f.Said(), cmp.Or(value, "empty"), row.problem)
		found.Severity, found.Remedy = row.severity, row.remedy
	}
	m.leases()
	m.nodeRanges()
	m.restriction()
	m.shutdown()
	for _, l := range m.listeners {
		if l.process == etcd && !l.tls && l.serves != peers && !l.address.IsLoopback() {
			found := m.find(ruleAuthentication, l.at, "etcd listens for %s at %s without TLS, for the whole network", l.serves, socketText(l.address, l.port))
			found.Remedy = "write https://, or an address of the loopback"
			if l.serves != clients {
				found.Severity = Warning
			}
		}
	}
}

// leases: client-go's own rule (tools/leaderelection, NewLeaderElector).
func (m *machine) leases() {
	for _, daemon := range []string{manager, scheduler} {
		p := m.process(daemon)
		time := func(flag string, otherwise time.Duration) time.Duration {
			if t, err := time.ParseDuration(p.Value(flag)); err == nil {
				return t
			}
			return otherwise
		}
		lease, renew, retry := time("leader-elect-lease-duration", 15e9), time("leader-elect-renew-deadline", 10e9), time("leader-elect-retry-period", 2e9)
		if lease <= renew || float64(renew) <= 1.2*float64(retry) {
			m.find(ruleFlagLimit, p.Where("leader-elect-lease-duration"), "a lease of %s, renewed within %s, tried every %s: each must be longer than the next", lease, renew, retry).
				Remedy = "write 15s, 10s and 2s, or leave the flags out"
		}
	}
}

// nodeRanges: a range of pods holds ranges of nodes
// (pkg/controller/nodeipam/ipam/cidrset).
func (m *machine) nodeRanges() {
	p := m.process(manager)
	if p == nil || p.Value("allocate-node-cidrs") != "true" {
		return
	}
	for _, w := range read.List(p.Value("cluster-cidr"), 0) {
		prefix, err := netip.ParsePrefix(w.Text)
		if err != nil {
			continue
		}
		bits, flag := 24, "node-cidr-mask-size-ipv4"
		if prefix.Addr().Is6() {
			bits, flag = 64, "node-cidr-mask-size-ipv6"
		}
		for _, name := range []string{"node-cidr-mask-size", flag} {
			if n, err := strconv.Atoi(p.Value(name)); err == nil {
				bits = n
			}
		}
		if prefix.Bits() > bits {
			m.find(ruleRangeOverlap, p.Where("cluster-cidr"), "--cluster-cidr %s has no room for one node's /%d", prefix, bits).Remedy = "choose a larger range"
		}
	}
}

// restriction: the authorizer of nodes without its plugin lets each node change
// all others. Releases before 1.10 name plugins in another flag.
func (m *machine) restriction() {
	p := m.process(apiServer)
	v, _, known := m.version(apiServer)
	if p == nil || !known || v.Compare(profiles.Version{Major: 1, Minor: 10}) < 0 {
		return
	}
	nodes := slices.Contains(strings.Split(p.Value("authorization-mode"), ","), "Node")
	if nodes && !slices.Contains(strings.Split(p.Value("enable-admission-plugins"), ","), "NodeRestriction") {
		found := m.find(ruleAuthentication, p.Where("enable-admission-plugins"), "--authorization-mode knows nodes, but no NodeRestriction keeps one from changing the others")
		found.Severity, found.Remedy = Warning, "write --enable-admission-plugins=NodeRestriction"
	}
}

// shutdown: systemd gives an API server the time that it wants to end in.
func (m *machine) shutdown() {
	p := m.process(apiServer)
	delay, err := time.ParseDuration(p.Value("shutdown-delay-duration"))
	if err != nil {
		return
	}
	limit := 90 * time.Second // systemd's default
	if p.Unit.Value("Service", "TimeoutStopSec") == "infinity" {
		return
	} else if t, ok := read.ParseUnitTime(p.Unit.Value("Service", "TimeoutStopSec")); ok {
		limit = t
	}
	if delay >= limit {
		m.find(ruleFlagLimit, p.Where("shutdown-delay-duration"), "--shutdown-delay-duration is %s, and systemd kills the API server after %s", delay, limit).
			Remedy = "write 10s, or a longer TimeoutStopSec="
	}
}

// unready: an API server that ends waits until every balancer has noticed.
func (s *set) unready() {
	for _, m := range s.machines {
		for _, p := range m.proxies {
			if p.Line("option", "httpchk") == nil {
				continue
			}
			for _, server := range p.Servers() {
				address, port, ok := read.Socket(server.Address.Text)
				notices, _ := server.Notices()
				for _, other := range s.machines {
					api := other.process(apiServer)
					if api == nil || !ok || !slices.Contains(other.known, address) || !slices.ContainsFunc(other.listeners, func(l *listener) bool { return l.process == apiServer && l.port == port }) {
						continue
					}
					delay, err := time.ParseDuration(api.Value("shutdown-delay-duration"))
					if _, given := api.Flag("shutdown-delay-duration"); given && err == nil && delay < notices {
						other.find(ruleFlagLimit, api.Where("shutdown-delay-duration"), "--shutdown-delay-duration is %s, and %s notices after %s", delay, m.Name, notices).
							Remedy = fmt.Sprintf("write more than %s, such as 10s", notices)
					}
				}
			}
		}
	}
}
