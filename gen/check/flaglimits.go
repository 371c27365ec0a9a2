package check

import (
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

// limitRules are about flag values that a daemon rejects, or that are never
// intended.
var limitRules = []check{
	{within: (*machine).limits, rules: []rule{
		{ruleFlagLimit, Error, "the daemon rejects the value, or it has an unwanted effect",
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
	problem      string // "--flag is value, " and this; an empty value is shown as "empty"
	remedy       string
}

// limits are values that daemons reject, and values that are valid but never
// intended, including weak authentication.
var limits = []limit{
	// server/storage/quota.go: 0 is the default, less than 0 no quota.
	{etcd, "quota-backend-bytes", ruleFlagLimit, Warning, atLeast(0), "which removes the limit: etcd grows until its disk is full", "leave the flag out: the default is 2 GiB"},
	{etcd, "quota-backend-bytes", ruleFlagLimit, Error, either(atMost(0), atLeast(100<<20)), "which a cluster fills in hours: then etcd refuses every write", "leave the flag out: the default is 2 GiB"},
	{etcd, "quota-backend-bytes", ruleFlagLimit, Warning, atMost(8 << 30), "more than the 8 GiB that etcd recommends: it becomes slow, and so does the start of a member", "write 8589934592 or less"},
	{etcd, "max-request-bytes", ruleFlagLimit, Error, atLeast(1 << 20), "less than API servers write at once", "leave the flag out: the default is 1572864"},
	// server/etcdmain/config.go: flags whose value is never empty.
	{etcd, "initial-cluster-state", ruleFlagValue, Error, complete, "but etcd expects a word", "write new or existing, or leave the flag out"},
	{etcd, "discovery-fallback", ruleFlagValue, Error, complete, "but etcd expects a word", "write exit, or leave the flag out"},
	{etcd, "proxy", ruleFlagValue, Error, complete, "but etcd expects a word", "write off, or leave the flag out"},
	{etcd, "v2-deprecation", ruleFlagValue, Error, complete, "but etcd expects words", "leave the flag out"},
	{etcd, "auto-compaction-mode", ruleFlagValue, Error, complete, "but etcd expects a word", "write periodic or revision, or leave the flag out"},
	{etcd, "log-outputs", ruleFlagValue, Error, complete, "but etcd opens every item, empty ones too", "write default, stderr, stdout or a file, or leave the flag out"},
	{etcd, "cors", ruleFlagValue, Error, complete, "but etcd expects URLs or *", "write *, or leave the flag out"},
	// server/embed: it replaces these by its default without a message.
	{etcd, "metrics", ruleFlagLimit, Error, oneOf("", "basic", "extensive"), "which etcd silently replaces by basic", "write basic or extensive"},
	{etcd, "backend-bbolt-freelist-type", ruleFlagLimit, Error, oneOf("", "array", "map"), "which etcd silently replaces by map", "write map or array"},
	{etcd, "logger", ruleFlagValue, Error, oneOf("zap"), "but etcd has only zap", "leave it out"},
	// server/auth/store.go, NewTokenProvider.
	{etcd, "auth-token", ruleFlagValue, Error, either(oneOf("", "simple"), begins("jwt,")), "which is not a token type", "write simple, or jwt with its options"},
	{etcd, "cipher-suites", ruleFlagValue, Error, suites, "with a cipher suite that Go does not know", "write names such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, separated by commas"},
	{etcd, "compact-hash-check-time", ruleFlagLimit, Error, longerThan(0), "but etcd requires more than 0", "write 1m"},
	{etcd, "corrupt-check-time", ruleFlagLimit, Error, longerThan(-1), "but etcd requires 0 (never) or more", "write 0s"},
	{etcd, "max-learners", ruleFlagLimit, Error, atLeast(0), "but etcd requires 0 or more", "write 1"},
	{etcd, "config-file", ruleFlagLimit, Error, oneOf(""), "so etcd ignores all other flags, and this check does not see what it does", "leave it out"},
	{etcd, "version", ruleFlagLimit, Error, isOff, "so etcd prints its version and exits", "leave it out"},
	{etcd, "heartbeat-interval", ruleFlagLimit, Error, atLeast(10), "in milliseconds: members would do nothing else", "write 100"},
	// server/embed/config.go, maxElectionMs.
	{etcd, "election-timeout", ruleFlagLimit, Error, atMost(50_000), "but etcd accepts at most 50000", "write 1000"},
	{etcd, "force-new-cluster", ruleFlagLimit, Error, isOff, "which removes the other members", "leave it out: it is for one start after a disaster"},
	{etcd, "unsafe-no-fsync", ruleFlagLimit, Error, isOff, "so acknowledged writes are lost when the machine stops", "leave it out"},
	{etcd, "strict-reconfig-check", ruleFlagLimit, Warning, isOn, "so a wrong membership change can stop the cluster", "leave it out"},
	{etcd, "auto-tls", ruleAuthentication, Error, isOff, "so etcd presents a self-signed certificate", "name its certificate with --cert-file"},
	{etcd, "peer-auto-tls", ruleAuthentication, Error, isOff, "so etcd presents a self-signed certificate", "name its certificate with --peer-cert-file"},
	// k8s.io/apiserver, pkg/server/options/server_run_options.go.
	{apiServer, "goaway-chance", ruleFlagLimit, Error, atMost(0.02), "but the API server accepts at most 0.02", "write 0.001"},
	{apiServer, "audit-log-maxage", ruleFlagLimit, Error, atLeast(0), "but must not be negative", "write a number of days"},
	{apiServer, "audit-log-maxbackup", ruleFlagLimit, Error, atLeast(0), "but must not be negative", "write the number of files to keep"},
	{apiServer, "audit-log-maxsize", ruleFlagLimit, Error, atLeast(0), "but must not be negative", "write a number of megabytes"},
	{apiServer, "service-account-issuer", ruleFlagLimit, Warning, begins("https://"), "which is not an https:// URL: clients cannot discover the keys of its tokens", "write an https:// URL"},
	{apiServer, "insecure-bind-address", ruleAuthentication, Error, isLoopback, "where any client may do anything, without a certificate", "write 127.0.0.1"},
	{apiServer, "disable-admission-plugins", ruleAuthentication, Warning, freeOf("ServiceAccount", "NodeRestriction", "PodSecurity", "NamespaceLifecycle"), "so what the plugin forbids is allowed", "leave it out"},
	{apiServer, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and obsolete", "write VersionTLS12"},
	{manager, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and obsolete", "write VersionTLS12"},
	{scheduler, "tls-min-version", ruleFlagLimit, Warning, freeOf("VersionTLS10", "VersionTLS11"), "which is broken and obsolete", "write VersionTLS12"},
	// k8s.io/kube-aggregator, pkg/apiserver/handler_proxy.go: the names are fixed.
	{apiServer, "requestheader-username-headers", ruleFlagLimit, Error, lists("X-Remote-User"), "but API servers name the user in X-Remote-User: aggregated APIs would see no user", "write X-Remote-User"},
	{apiServer, "requestheader-group-headers", ruleFlagLimit, Error, lists("X-Remote-Group"), "but API servers name the groups in X-Remote-Group: aggregated APIs would see none", "write X-Remote-Group"},
	{apiServer, "requestheader-extra-headers-prefix", ruleFlagLimit, Warning, lists("X-Remote-Extra-"), "but API servers begin with X-Remote-Extra-", "write X-Remote-Extra-"},
	{manager, "bind-address", ruleFlagLimit, Warning, isLoopback, "so the whole network reaches it, though only the machine itself needs to", "write 127.0.0.1, unless its metrics are collected from outside"},
	{scheduler, "bind-address", ruleFlagLimit, Warning, isLoopback, "so the whole network reaches it, though only the machine itself needs to", "write 127.0.0.1, unless its metrics are collected from outside"},
	{manager, "controllers", ruleFlagLimit, Error, someController, "which leaves no controller", "begin the list with *"},
	{manager, "use-service-account-credentials", ruleFlagLimit, Warning, isOn, "so every controller has the rights of all", "write true"},
}

// number parses a number; an integer may have a base prefix.
func number(text string) (float64, bool) {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return float64(n), true
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// Malformed values are reported by flagValue.
func atLeast(least float64) func(string) bool {
	return func(v string) bool { n, ok := number(v); return !ok || n >= least }
}
func atMost(most float64) func(string) bool {
	return func(v string) bool { n, ok := number(v); return !ok || n <= most }
}
func isOn(v string) bool       { b, err := strconv.ParseBool(v); return err != nil || b }
func isOff(v string) bool      { b, err := strconv.ParseBool(v); return err != nil || !b }
func isLoopback(v string) bool { a, err := netip.ParseAddr(v); return err != nil || a.IsLoopback() }

// longerThan accepts durations that are longer than another, and malformed
// ones.
func longerThan(other time.Duration) func(string) bool {
	return func(v string) bool { t, err := time.ParseDuration(v); return err != nil || t > other }
}

// complete reports whether neither a value nor an item of it is empty.
func complete(v string) bool { return !slices.Contains(strings.Split(v, ","), "") }

func oneOf(words ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(words, v) }
}

func either(a, b func(string) bool) func(string) bool {
	return func(v string) bool { return a(v) || b(v) }
}

// suites accepts Go's names of cipher suites, and two older ones of etcd's
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

// lists accepts lists that hold an HTTP header, in upper or lower case.
func lists(header string) func(string) bool {
	return func(v string) bool {
		return slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return strings.EqualFold(w, header) })
	}
}

func someController(v string) bool {
	return slices.ContainsFunc(strings.Split(v, ","), func(w string) bool { return !strings.HasPrefix(w, "-") })
}

// limits checks flags against the table, and those that depend on each other.
func (m *machine) limits() {
	for _, row := range limits {
		p := m.process(row.daemon)
		for _, f := range m.counted(p, row.flag) {
			value := f.Value
			if !f.Given {
				value = "true"
			}
			if row.holds(value) {
				continue
			}
			found := m.find(row.rule, p.Unit.Place(f.ValueAt), "%s is %s, %s", own(f.Said()), orEmpty(value), own(row.problem))
			found.Severity, found.Remedy = row.severity, row.remedy
		}
	}
	m.issuers()
	m.leases()
	m.nodeRanges()
	m.restriction()
	m.shutdown()
	for _, l := range m.listeners {
		if l.process == etcd && !l.tls && l.serves != peers && !l.address.IsLoopback() {
			found := m.find(ruleAuthentication, l.at, "etcd listens for %s at %s without TLS, open to the whole network", own(l.serves), socketText(l.address, l.port))
			found.Remedy = "write https://, or a loopback address"
			if l.serves != clients {
				found.Severity = Warning
			}
		}
	}
}

// issuers checks that no issuer of tokens is named twice (kubernetes,
// pkg/kubeapiserver/options, BuiltInAuthenticationOptions.Validate).
func (m *machine) issuers() {
	p := m.process(apiServer)
	seen := map[string]bool{}
	for _, f := range p.Named("service-account-issuer") {
		if seen[f.Value] {
			m.find(ruleFlagLimit, p.Unit.Place(f.ValueAt), "--service-account-issuer has %s twice, which the API server refuses", f.Value).Remedy = "remove one of the two"
		}
		seen[f.Value] = true
	}
}

// leases checks client-go's own rule (tools/leaderelection, NewLeaderElector).
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
			m.find(ruleFlagLimit, p.Where("leader-elect-lease-duration"), "lease duration %s, renew deadline %s, retry period %s: each must be longer than the next", lease, renew, retry).
				Remedy = "write 15s, 10s and 2s, or leave the flags out"
		}
	}
}

// nodeRanges checks that a pod range has room for node ranges
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

// restriction checks that the Node authorizer has its admission plugin:
// without it, a node may change all others. Releases before 1.10 name plugins
// in another flag.
func (m *machine) restriction() {
	p := m.process(apiServer)
	v, _, known := m.version(apiServer)
	if p == nil || !known || v.Compare(profiles.Version{Major: 1, Minor: 10}) < 0 {
		return
	}
	nodes := slices.Contains(strings.Split(p.Value("authorization-mode"), ","), "Node")
	if nodes && !slices.Contains(strings.Split(p.Value("enable-admission-plugins"), ","), "NodeRestriction") {
		found := m.find(ruleAuthentication, p.Where("enable-admission-plugins"), "--authorization-mode has Node, but without NodeRestriction a node may change the others")
		found.Severity, found.Remedy = Warning, "write --enable-admission-plugins=NodeRestriction"
	}
}

// shutdown checks that systemd gives an API server the time that it needs to
// end.
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
		m.find(ruleFlagLimit, p.Where("shutdown-delay-duration"), "--shutdown-delay-duration is %s, but systemd kills the API server after %s", delay, limit).
			Remedy = "write 10s, or a longer TimeoutStopSec="
	}
}

// unready checks that an API server that ends waits until every load balancer
// has noticed.
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
						other.find(ruleFlagLimit, api.Where("shutdown-delay-duration"), "--shutdown-delay-duration is %s, but %s notices only after %s", delay, m.Name, notices).
							Remedy = fmt.Sprintf("write more than %s, such as 10s", quoted{notices})
					}
				}
			}
		}
	}
}
