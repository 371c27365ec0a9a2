package check

// rule is a row: one thing that must hold, why it matters and what helps.
type rule struct {
	name        string
	severity    Severity
	why, remedy string
}

// Names of rules. docs/check.md groups them by subject.

// Within a machine: files, users and secrets.
const (
	ruleOwner            = "owner"
	ruleClash            = "clash"
	ruleReadOnly         = "read-only"
	ruleReference        = "reference"
	ruleForeignReference = "foreign-reference"
	ruleProgram          = "program"
	ruleNoDigest         = "no-digest"
	ruleUnpack           = "unpack"
	ruleEarlyName        = "early-name"
	ruleAdmission        = "admission"
	ruleUnusedProgram    = "unused-program"
	ruleMode             = "mode"
	ruleUndeclared       = "undeclared-secret"
	ruleUnread           = "unread-secret"
	ruleUnreadFile       = "unread-file"
	ruleUnreadable       = "unreadable"
	ruleUnwritable       = "unwritable"
	ruleLogin            = "login"
	ruleUnusedAccount    = "unused-account"
	ruleOverwrite        = "overwrite"
	ruleHostname         = "hostname"
	ruleInstance         = "instance"
	ruleFurther          = "further"
	ruleFormats          = "formats"
	ruleTranslation      = "translation"
)

// Within a machine: disks.
const (
	ruleForeignDevice = "foreign-device"
	ruleNotMounted    = "not-mounted"
	ruleUnwaited      = "unwaited"
	ruleErased        = "erased"
)

// Within a machine: certificates.
const (
	rulePair          = "pair"
	ruleHalfPair      = "half-pair"
	ruleNoCertificate = "no-certificate"
	ruleAuthorityKey  = "authority-key"
	ruleNoAuthority   = "no-authority"
	ruleUnsigned      = "unsigned"
	ruleExpired       = "expired"
	ruleExpiring      = "expiring"
	ruleOutlives      = "outlives"
	ruleClientName    = "client-name"
)

// Within a machine: units.
const (
	ruleSyntax         = "unit-syntax"
	ruleUnknownKey     = "unknown-key"
	ruleMisspelledKey  = "misspelled-key"
	ruleValue          = "unit-value"
	ruleOddService     = "odd-service"
	ruleNoStart        = "no-start"
	ruleNeverStarted   = "never-started"
	ruleNoInstall      = "no-install"
	ruleMasked         = "masked"
	ruleMissingUnit    = "missing-unit"
	ruleStrangeUnit    = "strange-unit"
	ruleCycle          = "cycle"
	ruleUnknownFlag    = "unknown-flag"
	ruleFlagTwice      = "flag-twice"
	ruleFlagValue      = "flag-value"
	ruleOddFlag        = "odd-flag"
	ruleTimers         = "timers"
	ruleUnknownRelease = "unknown-release"
	ruleCallers        = "callers"
)

// Within a machine: what listens, and configuration files.
const (
	ruleBindTwice      = "bind-twice"
	ruleLowPort        = "low-port"
	ruleBindElsewhere  = "bind-elsewhere"
	ruleKeyfile        = "keyfile"
	ruleGateway        = "gateway"
	ruleKind           = "kind"
	ruleUnreadableText = "unreadable-text"
	ruleKubeconfig     = "kubeconfig"
	ruleEncryption     = "encryption"
	ruleProxyMode      = "proxy-mode"
	ruleProxyValue     = "proxy-value"
	ruleOddTime        = "odd-time"
	ruleSlowCheck      = "slow-check"
	ruleIdleServer     = "idle-server"
	ruleHealthAnswer   = "health-answer"
	ruleConnections    = "connections"
	ruleUnverified     = "unverified"
	ruleUnchecked      = "unchecked"
	ruleHealthPath     = "health-path"
	ruleOpenFiles      = "open-files"
	ruleMonitor        = "monitor"
)

// Across machines.
const (
	ruleNames         = "unique-names"
	ruleAddressTwice  = "address-twice"
	ruleElsewhere     = "other-address"
	ruleSameAuthority = "same-authority"
	ruleHosts         = "hosts"
	ruleMembers       = "members"
	ruleAgreement     = "agreement"
	ruleRanges        = "ranges"
	ruleLeader        = "leader"
	ruleFamilies      = "families"
	ruleUnresolved    = "unresolved"
	ruleNowhere       = "nowhere"
	ruleNotBound      = "not-bound"
	ruleScheme        = "scheme"
	ruleNotCovered    = "not-covered"
	ruleNotBelieved   = "not-believed"
	ruleNotAccepted   = "not-accepted"
	ruleUsage         = "usage"
	ruleNoClient      = "no-client"
	ruleBackends      = "backends"
	ruleVirtual       = "virtual-address"
	ruleDrift         = "drift"
)

// check is a function with the rules whose findings it makes. A rule that several
// make stands with the first.
type check struct {
	within func(*machine)      // one machine
	across func(*set)          // all of them
	notes  func(*set) []string // what is no fault where it is meant
	warns  bool                // no finding is an error
	rules  []rule
}
