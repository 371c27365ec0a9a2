package check

// rule is a row: one thing that must hold, why it matters and what helps.
type rule struct {
	name        string
	severity    Severity
	why, remedy string
}

// rules lists all of them, in the order of docs/check.md, which a test holds
// against it.
var rules []*rule

func row(name string, severity Severity, why, remedy string) *rule {
	r := &rule{name, severity, why, remedy}
	rules = append(rules, r)
	return r
}

// Within a machine: files, users and secrets.
var (
	ruleOwner = row("owner", Error, "Ignition fails when an owner does not exist, and the machine never boots",
		"name a user or group of the document, or add it")
	ruleClash = row("clash", Error, "one of the two never is what its author meant, or the first boot fails",
		"leave one out, or give it another path")
	ruleReadOnly = row("read-only", Error, "the operating system keeps that directory read-only, so the first boot fails",
		"put it where the operating system allows: /etc, /var, or its directory for binaries")
	ruleReference = row("reference", Error, "the daemon fails when it opens the file",
		"correct the path, or add the file")
	ruleForeignReference = row("foreign-reference", Warning, "if the operating system does not bring it, the unit fails",
		"add the file, unless the operating system has it")
	ruleProgram = row("program", Error, "the unit cannot start without its program",
		"run the binary where /etc/hagen/binaries.sh asks for it, or change both")
	ruleNoDigest = row("no-digest", Error, "whoever answers there, or stands on the way, gives the machine what he likes",
		"name its SHA-512 in verification.hash; render again: hagen lock finds it")
	ruleUnpack = row("unpack", Error, "the machine refuses the archive at its first boot, and no daemon starts",
		"write one digest in both places, or render again")
	ruleEarlyName = row("early-name", Warning, "files are fetched before /etc/hosts is the document's, so DNS has to know the name",
		"write an address, unless DNS knows the name")
	ruleAdmission = row("admission", Warning, "everybody who reads the document can fetch the file, too",
		"let the server give the file without: the digest says whether it is the right one")
	ruleUnusedProgram = row("unused-program", Warning, "a machine without it fails hagen-binaries.service for nothing",
		"remove the line, or add the unit")
	ruleMode = row("mode", Error, "everybody on the machine could read the secret",
		"give it mode 0400 or 0600 and its reader as the owner, or 0640 and its readers' group")
	ruleUndeclared = row("undeclared-secret", Error, "what is not known to be a secret is not treated as one",
		"mark the file as a secret in the table it is made from")
	ruleUnread = row("unread-secret", Error, "a key that nothing reads can only be stolen",
		"remove it, or name it in the unit that is to read it")
	ruleUnreadFile = row("unread-file", Warning, "nothing comes of a file that no unit names",
		"remove it, or name it in the unit that is to read it")
	ruleUnreadable = row("unreadable", Error, "the daemon is refused its own file and does not start",
		"give the file or directory to that user, or a group that the user is in")
	ruleUnwritable = row("unwritable", Error, "the daemon cannot keep its data there and does not start",
		"give the directory to the unit's user, and name it in ReadWritePaths= under ProtectSystem=strict")
	ruleLogin = row("login", Warning, "whoever breaks the daemon, or has that key, is on the machine",
		"leave a daemon's account without key and shell; logins are users of the cluster file")
	ruleUnusedAccount = row("unused-account", Warning, "whose account it was may run as root instead, and reads more than it needs",
		"write User= in the unit that it is for, or remove the account")
	ruleOverwrite = row("overwrite", Error, "the operating system brings the file, and Ignition ends the first boot rather than replace it",
		"write overwrite: true")
	ruleHostname = row("hostname", Error, "members are told apart and certificates are verified by this name",
		"write the machine's name, which is that of its folder")
	ruleInstance = row("instance", Warning, "cloud-init applies everything anew for another instance-id, and nothing for the same: a machine that has booted would not see the change",
		"write the instance-id that follows, or render again")
	ruleFurther = row("further", Error, "it was not checked, and the next render takes it away",
		"remove it, or write it some other way")
	ruleFormats = row("formats", Error, "the machine does what the one says that it is given, and this check is about the other",
		"make both say the same, or remove one")
)

// Within a machine: disks.
var (
	ruleForeignDevice = row("foreign-device", Warning, "if the machine has no such device, or nothing on it, it cannot be mounted",
		"add the partition or the filesystem, unless the machine comes with it")
	ruleNotMounted = row("not-mounted", Error, "what the first boot writes there is not to be seen after it",
		"mount the same device, with its format, at the path that the filesystem names")
	ruleUnwaited = row("unwaited", Error, "a daemon that starts before its disk is there begins anew, on the system's own",
		"add RequiresMountsFor= with the directory to [Unit]")
	ruleErased = row("erased", Error, "a member that is made anew with its disk kept would come back without its data, and etcd refuses it",
		"leave out what wipes it: a filesystem that is there as described is kept")
)

// Within a machine: certificates.
var (
	rulePair = row("pair", Error, "no TLS connection comes about with another certificate's key",
		"take certificate and key from the same place, or render again")
	ruleHalfPair = row("half-pair", Error, "the daemon refuses one without the other",
		"give both flags, or neither")
	ruleNoCertificate = row("no-certificate", Error, "the daemon cannot load it",
		"put the certificate or key there in PEM")
	ruleAuthorityKey = row("authority-key", Error, "whoever reads it can be anybody in the cluster",
		"remove it: authorities' keys stay with the operator")
	ruleNoAuthority = row("no-authority", Error, "whoever checks a certificate against it refuses everybody",
		"put the authority's certificate there")
	ruleUnsigned = row("unsigned", Error, "nobody here believes the certificate",
		"render again, so that the authority of the PKI signs it")
	ruleExpired = row("expired", Error, "nobody accepts the certificate now",
		"delete its two files in the PKI directory, render again, and hand out the new documents; what an authority signed ends with it (docs/pki.md)")
	ruleExpiring = row("expiring", Warning, "when it has expired nobody accepts it",
		"in time, delete its two files in the PKI directory, render again, and hand out the new documents; what an authority signed ends with it (docs/pki.md)")
	ruleOutlives = row("outlives", Warning, "nobody accepts a leaf after its authority's end",
		"give the leaf a shorter life, or the authority a longer one")
	ruleClientName = row("client-name", Error, "Kubernetes tells its daemons by this name and gives no rights to another",
		"take the certificate that was issued for this daemon")
)

// Within a machine: units.
var (
	ruleSyntax = row("unit-syntax", Error, "systemd ignores what it cannot read, or refuses the unit",
		"write Key=value below a [Section]; systemd.syntax(7)")
	ruleUnknownKey = row("unknown-key", Warning, "systemd ignores a key that it does not know",
		"correct the key, or remove the line")
	ruleMisspelledKey = row("misspelled-key", Error, "systemd ignores a key that it does not know, and what it would have said does not hold",
		"correct the key")
	ruleValue = row("unit-value", Error, "systemd ignores the line, or refuses the unit",
		"write a value that systemd knows")
	ruleOddService = row("odd-service", Warning, "the daemon is gone when it is needed",
		"write Restart=always, LimitNOFILE=65536, or leave the line out")
	ruleNoStart = row("no-start", Error, "systemd refuses a service that says not what to run, or twice",
		"write one ExecStart= with an absolute path")
	ruleNeverStarted = row("never-started", Warning, "nothing starts the unit",
		"enable it and say WantedBy= in [Install], or let another unit want it")
	ruleNoInstall = row("no-install", Error, "to enable a unit without [Install] does nothing",
		"add [Install] with WantedBy=multi-user.target")
	ruleMasked = row("masked", Error, "nothing can start a unit that is masked",
		"unmask it, or remove what needs it")
	ruleMissingUnit = row("missing-unit", Error, "the unit cannot start without it",
		"correct the name, or add the unit")
	ruleStrangeUnit = row("strange-unit", Warning, "systemd passes over a unit that it does not find, and the order is lost",
		"correct the name, unless the operating system has the unit")
	ruleCycle = row("cycle", Error, "systemd breaks the cycle by not starting one of them",
		"remove one After= or Before=")
	ruleUnknownFlag = row("unknown-flag", Error, "the daemon prints its usage and ends",
		"remove the flag; hagen releases RELEASE --flags lists those it has")
	ruleFlagTwice = row("flag-twice", Error, "the last one counts, without a word",
		"leave one out")
	ruleFlagValue = row("flag-value", Error, "the daemon cannot read the value and ends",
		"write a value of the flag's type")
	ruleOddFlag = row("odd-flag", Error, "the daemon refuses it, or does what nobody means",
		"write another value, or leave the flag out")
	ruleTimers = row("timers", Error, "etcd refuses an election timeout below five heartbeats",
		"write --election-timeout at ten times --heartbeat-interval")
	ruleUnknownRelease = row("unknown-release", Warning, "without a record of its flags they cannot be checked",
		"name a release that hagen knows in /etc/hagen/binaries.sh; hagen releases lists them")
	ruleCallers = row("callers", Error, "any client with a certificate of the authority, or none at all, would be let in",
		"write true, or leave the machine's flags as they were rendered")
)

// Within a machine: what listens, and configuration files.
var (
	ruleBindTwice = row("bind-twice", Error, "the second of them cannot start",
		"give one of them another port or address")
	ruleLowPort = row("low-port", Error, "a daemon that is not root may not bind a port below 1024",
		"add AmbientCapabilities=CAP_NET_BIND_SERVICE to the unit, or choose a higher port")
	ruleBindElsewhere = row("bind-elsewhere", Error, "a daemon cannot bind an address that its machine does not have",
		"write the machine's address, 0.0.0.0 or 127.0.0.1")
	ruleKeyfile = row("keyfile", Error, "NetworkManager ignores such a file, and the machine has no address",
		"give it to root with mode 0600")
	ruleGateway = row("gateway", Error, "a router that is in no network of the interface is not found, and nothing outside is reached",
		"write the router's address in the machine's network")
	ruleKind = row("kind", Error, "the daemon refuses a configuration of another kind",
		"write the kind that the flag wants")
	ruleUnreadableText = row("unreadable-text", Warning, "what it says could not be checked",
		"write it as YAML: keys with values, blanks for indentation")
	ruleKubeconfig = row("kubeconfig", Error, "a client finds nothing to dial, or nobody to be",
		"let current-context name a context, and the context a cluster and a user of the file")
	ruleEncryption = row("encryption", Error, "the API server refuses the key, or writes Secrets in plain text",
		"write 32 bytes in base64, under secretbox as the first provider")
	ruleProxyMode = row("proxy-mode", Error, "HAProxy would read TLS as HTTP and refuse every request",
		"write mode tcp")
	ruleProxyValue = row("proxy-value", Error, "HAProxy refuses the configuration",
		"write a value that HAProxy takes")
	ruleOddTime = row("odd-time", Warning, "connections would be cut that are sound, or kept that are dead; a number without unit is milliseconds",
		"write a time with its unit: 1s, 1m, 1d")
	ruleSlowCheck = row("slow-check", Error, "so long a dead master gets its share of connections",
		"check more often: inter 1s fall 2")
	ruleIdleServer = row("idle-server", Error, "an API server that gets no connections does no work, and is missed only when the others die",
		"remove the word")
	ruleHealthAnswer = row("health-answer", Error, "the check takes every healthy master for dead",
		"write http-check expect status 200")
	ruleConnections = row("connections", Error, "when clients have all connections HAProxy answers nobody who asks about itself",
		"write a global maxconn above those of the sections")
	ruleUnverified = row("unverified", Error, "the health check would believe anybody who answers",
		"write check-ssl verify required ca-file, and verifyhost with the master's name")
	ruleUnchecked = row("unchecked", Error, "a dead master would go on getting its share of connections",
		"write check on the server or default-server line")
	ruleHealthPath = row("health-path", Error, "the API server answers the check with 401, so every master is taken for dead",
		"ask for a path that the authentication configuration leaves to everybody")
	ruleOpenFiles = row("open-files", Error, "HAProxy refuses to start when it may not open two sockets a connection",
		"raise LimitNOFILE= above twice maxconn, or lower maxconn")
	ruleMonitor = row("monitor", Error, "keepalived takes a healthy HAProxy for dead and gives the address away",
		"let the script ask the port and path of HAProxy's monitor-uri")
)

// Across machines.
var (
	ruleNames = row("unique-names", Error, "members are told apart by their names",
		"give each machine a name of its own")
	ruleAddressTwice = row("address-twice", Error, "one of the two is not reached, and which one changes",
		"give each machine its own address and MAC address")
	ruleElsewhere = row("other-address", Error, "the machine is not there where others look for it",
		"write the same address into /etc/hosts and into the interface's file")
	ruleSameAuthority = row("same-authority", Error, "one machine does not believe the others",
		"render again, so that all have the authority of the PKI")
	ruleHosts = row("hosts", Error, "a name leads to another machine than the one that is meant",
		"write the same lines on every machine, one an address with its names")
	ruleMembers = row("members", Error, "etcd forms no cluster, or two",
		"write on every master the same --initial-cluster with exactly the masters, and the same token")
	ruleAgreement = row("agreement", Error, "what one daemon does with this value, another undoes or does not understand",
		"write the same value everywhere")
	ruleRanges = row("ranges", Error, "an address would mean two things",
		"choose ranges that lie apart, and outside of the machines' network")
	ruleLeader = row("leader", Error, "each of them acts, and they undo each other's work",
		"write true")
	ruleFamilies = row("families", Error, "the API server refuses to start, or services lead to no pod",
		"write one range of each family, and the machine's address of the first one's")
	ruleUnresolved = row("unresolved", Error, "nobody can dial a name that does not resolve",
		"write a name of /etc/hosts or an address, or add the name there")
	ruleNowhere = row("nowhere", Error, "nobody answers there",
		"write the address of the machine that is meant")
	ruleNotBound = row("not-bound", Error, "the machine refuses the connection",
		"write the port that the daemon listens on")
	ruleScheme = row("scheme", Error, "one side speaks TLS and the other does not",
		"write https:// where the daemon has a certificate, http:// where it has none")
	ruleNotCovered = row("not-covered", Error, "a client refuses a certificate that is not valid for what it dialled",
		"issue the certificate with that name or address, or dial one that it has")
	ruleNotBelieved = row("not-believed", Error, "a client refuses a server whose certificate another authority signed",
		"name the authority that signed the server's certificate")
	ruleNotAccepted = row("not-accepted", Error, "the server refuses the client",
		"offer a certificate that the server's client authority signed")
	ruleUsage = row("usage", Error, "TLS refuses a certificate that was issued for the other side",
		"take a certificate with the usage that is needed")
	ruleNoClient = row("no-client", Error, "the server wants a certificate and gets none",
		"offer the client certificate that was issued for it")
	ruleBackends = row("backends", Error, "an API server that no balancer knows gets no connection",
		"name every master's API server in haproxy.cfg once")
	ruleVirtual = row("virtual-address", Error, "the machines would not agree on who holds the address",
		"write on each machine the others as peers, its own address as source, a priority of its own, and the same number and address")
	ruleDrift = row("drift", Warning, "machines of one kind should behave alike, whichever answers",
		"write the same on all of them, unless the difference is meant")
)

// Names lists all rules, for the documentation.
func Names() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}
