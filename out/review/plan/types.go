package plan

import (
	"time"

	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/profiles"
)

// Options control how the plan is carried out.
type Options struct {
	Reimage  bool     // machines are re-imaged; otherwise they take changes in place
	Without  []string // machines that are off, and take no part
	NodesFit bool     // no Node has a pod range outside the new ones
	File     string   // path of the new cluster file, for commands
	PKI      string   // the directory of certificates and keys; "" is pki/ beside the file
	PKIFlag  bool     // commands have to name it
	// Directories that hold the documents of the new and of the former machines already;
	// "" is that of a render, which then is to be done.
	Documents, Former string
	Now               time.Time // certificates that have ended by then serve nobody; zero: none has
}

// Versions are the versions that the machines of a cluster run.
type Versions struct {
	Kubernetes profiles.Version `json:"kubernetes"`
	Etcd       profiles.Version `json:"etcd"`
	Emulated   string           `json:"emulated,omitempty"` // minor release that Kubernetes behaves like, if not its own
}

func versions(c Cluster) Versions { return Versions{c.Kubernetes, c.Etcd, c.Emulated} }

// Plan leads from one cluster file to another. The JSON fields of its types are an
// interface: fields may be added, never renamed.
type Plan struct {
	Cluster     string     `json:"cluster"`
	Possible    bool       `json:"possible"`
	Complete    bool       `json:"complete"` // it can be followed; otherwise the first command finds what is missing, and it has to be made again
	From        Versions   `json:"from"`
	To          Versions   `json:"to"`
	Refused     []Refusal  `json:"refused"`     // why it is not possible
	Unknown     []string   `json:"unknown"`     // what a side cannot know, in sentences
	UpgradePath []Versions `json:"upgradePath"` // what to plan for instead, one after the other; the last is To
	// CertificatesFirst: the plan must not be followed, since etcd cannot answer before machines
	// have the certificates that a plan with nothing else brings.
	CertificatesFirst bool       `json:"certificatesFirst,omitempty"`
	Without           []string   `json:"without,omitempty"` // machines that are off, and take no part
	Reimage           bool       `json:"reimage"`           // machines are re-imaged; otherwise they take changes in place
	Environment       []Variable `json:"environment"`       // of all commands on the workstation
	Prepare           []Check    `json:"prepare"`           // on the workstation, before the first step
	Steps             []Step     `json:"steps"`
	Verify            []Check    `json:"verify"`  // on the workstation, after the last step
	CleanUp           []Check    `json:"cleanup"` // on the workstation, when no client dials the names that the cluster file has dropped
	order.Order
}

// Refusal is a reason why the change cannot be made in one step.
type Refusal struct {
	Field   string `json:"field"` // of the new cluster file
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// Variable is an environment variable of commands on the workstation.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Check is a command that has to succeed.
type Check struct {
	Command
	Why string `json:"why,omitempty"`
}

// Command is a line for a shell, run on the workstation, beside the cluster file, or as root on a
// host. It has succeeded if it ends with ExitCode.
type Command struct {
	Host        string     `json:"host,omitempty"` // "" is the workstation
	Text        string     `json:"command"`
	Environment []Variable `json:"environment,omitempty"` // of this command, before those of the plan
	Asks        Asks       `json:"check,omitempty"`       // what a check asks; "" if it is no check of a step
	Expected    string     `json:"expected,omitempty"`    // what a check finds in a cluster that works
	ExitCode    int        `json:"exitCode"`
	Seconds     int        `json:"seconds"` // how long it may take; a check is repeated until it succeeds, for at most as long
}

// Binary is a binary, or an image of several, that replaces the one on the host.
type Binary struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"`
}

// Step is about one machine. The next step follows when all its checks succeed.
type Step struct {
	Action    diff.Action `json:"action"`
	Host      string      `json:"host"`
	Unit      string      `json:"unit,omitempty"`
	Install   []Binary    `json:"install"`
	Write     []string    `json:"write"`              // files and units, with the contents of the host's new document
	Remove    []string    `json:"remove"`             // files and units that the new document no longer has
	Document  string      `json:"document,omitempty"` // directory of the documents that the machine boots with
	Commands  []Command   `json:"commands"`
	WaitFor   string      `json:"waitFor,omitempty"`
	Checks    []Command   `json:"checks"`
	Note      string      `json:"note,omitempty"`
	Ask       []Command   `json:"-"`                   // before the step, when nobody has just seen the checks of the one before
	AllAtOnce bool        `json:"allAtOnce,omitempty"` // together with the neighbouring steps that have it, too
}

// newStep returns a step whose lists are empty, as JSON shows them.
func newStep(action diff.Action, host, unit string) Step {
	return Step{Action: action, Host: host, Unit: unit,
		Install: []Binary{}, Write: []string{}, Remove: []string{}, Commands: []Command{}, Checks: []Command{}}
}
