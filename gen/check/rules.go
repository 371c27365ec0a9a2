package check

// rule is a row: something that must hold, why it matters, and what to do.
type rule struct {
	name        string
	severity    Severity
	why, remedy string
}

// Names of rules. docs/check.md groups them by subject.

// Within a machine: files, users and secrets.
const (
	ruleUnknownAccount     = "unknown-account"
	ruleClash              = "clash"
	ruleReadOnly           = "read-only"
	ruleMissingFile        = "missing-file"
	ruleForeignFile        = "foreign-file"
	ruleProgram            = "program"
	ruleNoDigest           = "no-digest"
	ruleArchiveDigest      = "archive-digest"
	ruleUnresolvableSource = "unresolvable-source"
	ruleURLCredentials     = "url-credentials"
	ruleUnusedProgram      = "unused-program"
	ruleFileMode           = "file-mode"
	ruleUndeclared         = "undeclared-secret"
	ruleUnread             = "unread-secret"
	ruleUnreadFile         = "unread-file"
	ruleUnreadable         = "unreadable"
	ruleUnwritable         = "unwritable"
	ruleLogin              = "login"
	ruleUnusedAccount      = "unused-account"
	ruleOverwrite          = "overwrite"
	ruleHostname           = "hostname"
	ruleInstanceID         = "instance-id"
	ruleUncheckedContent   = "unchecked-content"
	ruleDocumentsDiffer    = "documents-differ"
	ruleTranslation        = "translation"
)

// Within a machine: disks.
const (
	ruleForeignDevice   = "foreign-device"
	ruleNotMounted      = "not-mounted"
	ruleMountNotAwaited = "mount-not-awaited"
	ruleDiskWiped       = "disk-wiped"
)

// Within a machine: certificates.
const (
	ruleKeyMismatch       = "key-mismatch"
	ruleIncompletePair    = "incomplete-pair"
	ruleNoCertificate     = "no-certificate"
	ruleAuthorityKey      = "authority-key"
	ruleNotAnAuthority    = "not-an-authority"
	ruleAuthorityMissing  = "authority-missing"
	ruleExpired           = "expired"
	ruleExpiring          = "expiring"
	ruleOutlivesAuthority = "outlives-authority"
	ruleUnwatched         = "certificate-unwatched"
	ruleClientName        = "client-name"
	ruleUnbound           = "unbound-client"
)

// Within a machine: units.
const (
	ruleSyntax          = "unit-syntax"
	ruleUnknownKey      = "unknown-key"
	ruleMisspelledKey   = "misspelled-key"
	ruleValue           = "unit-value"
	ruleServiceSettings = "service-settings"
	ruleNoExecStart     = "no-exec-start"
	ruleUnitNotStarted  = "unit-not-started"
	ruleNoInstall       = "no-install"
	ruleMasked          = "masked"
	ruleMissingUnit     = "missing-unit"
	ruleUnknownUnit     = "unknown-unit"
	ruleOrderingCycle   = "ordering-cycle"
	ruleUnknownFlag     = "unknown-flag"
	ruleDuplicateFlag   = "duplicate-flag"
	ruleFlagValue       = "flag-value"
	ruleFlagLimit       = "flag-limit"
	ruleEtcdTimers      = "etcd-timers"
	ruleUnknownRelease  = "unknown-release"
	ruleAuthentication  = "authentication"
)

// Within a machine: what listens, and configuration files.
const (
	rulePortConflict     = "port-conflict"
	rulePrivilegedPort   = "privileged-port"
	ruleBindAddress      = "bind-address"
	ruleKeyfileMode      = "keyfile-mode"
	ruleGateway          = "gateway"
	ruleConfigKind       = "config-kind"
	ruleInvalidYAML      = "invalid-yaml"
	ruleKubeconfig       = "kubeconfig"
	ruleEncryption       = "encryption"
	ruleProxyMode        = "proxy-mode"
	ruleProxyValue       = "proxy-value"
	ruleProxyTimeouts    = "proxy-timeouts"
	ruleSlowCheck        = "slow-check"
	ruleServerDisabled   = "server-disabled"
	ruleHealthAnswer     = "health-answer"
	ruleConnectionLimits = "connection-limits"
	ruleTLSNotVerified   = "tls-not-verified"
	ruleNoHealthCheck    = "no-health-check"
	ruleHealthPath       = "health-path"
	ruleOpenFiles        = "open-files"
	ruleKeepalivedCheck  = "keepalived-check"
)

// Across machines.
const (
	ruleDuplicateName        = "duplicate-name"
	ruleDuplicateAddress     = "duplicate-address"
	ruleWrongAddress         = "wrong-address"
	ruleSameAuthority        = "same-authority"
	ruleHostsFile            = "hosts-file"
	ruleEtcdMembers          = "etcd-members"
	ruleSettingsDiffer       = "settings-differ"
	ruleRangeOverlap         = "range-overlap"
	ruleLeaderElection       = "leader-election"
	ruleAddressFamilies      = "address-families"
	ruleUnresolved           = "unresolved"
	ruleUnknownAddress       = "unknown-address"
	ruleNoListener           = "no-listener"
	ruleTLSMismatch          = "tls-mismatch"
	ruleNameNotInCertificate = "name-not-in-certificate"
	ruleServerNotTrusted     = "server-not-trusted"
	ruleClientNotTrusted     = "client-not-trusted"
	ruleCertificateUsage     = "certificate-usage"
	ruleNoClientCertificate  = "no-client-certificate"
	ruleBackends             = "backends"
	ruleVirtualIP            = "virtual-ip"
	ruleMachinesDiffer       = "machines-differ"
)

// check is a function with the rules that it reports. A rule that several
// functions report is listed with the first.
type check struct {
	within func(*machine)      // one machine
	across func(*set)          // all of them
	notes  func(*set) []string // what is right only if it is intended
	warns  bool                // no finding is an error
	rules  []rule
}
