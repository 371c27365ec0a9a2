package render

import (
	"errors"
	"os"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/out/snapshot"
	"hagen/profiles"
)

// Options are the options of a render.
type Options struct {
	clusterfile.Place
	Output      string   // "" is the default
	Hosts       []string // none is all
	Formats     []string // besides those of the operating systems, as the user wrote them
	Channel     string
	Wrap        *bool  // nil is what the channel needs
	Restore     string // a snapshot's file
	RestorePath string // "" is the default
	LoseSecrets bool   // go on although no key opens some of its Secrets
	Replace     string // a master
	Join        bool
	From        string // "" is the default
	NodesFit    bool   // every Node's pod range is in the new ones
	Redact      bool
	Prove       bool // have Butane translate the Butane documents and compare
	JSON        bool

	encrypted []snapshot.Encrypted // the Secrets of the snapshot
}

// oneDocument reports whether -o names a pipe or a file for one document. It is
// a file with one --host and one --format, unless it is a directory or its name
// ends in a slash.
func (asked Options) oneDocument() bool {
	path := asked.Output
	if path == "" || path == pipe {
		return path == pipe
	}
	info, err := os.Stat(path)
	return len(asked.Hosts) == 1 && len(asked.formats()) == 1 && !strings.HasSuffix(path, "/") && (err != nil || !info.IsDir())
}

// formats returns the requested formats; some names stand for several.
func (o Options) formats() []string {
	var all []string
	for _, name := range o.Formats {
		if several := profiles.FormatsOf(name); several != nil {
			all = append(all, several...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// Formats lists the formats that can be requested: documents, and kernel
// arguments.
func Formats() []string { return append(profiles.Formats(), profiles.CloudInit, document.Kargs) }

func knownFormats(names []string) error {
	return exit.AllKnown("format", names, Formats())
}

// refuseUnverified refuses cloud-init's documents for machines that fetch files
// in another format and verify their digests, which cloud-init cannot do.
func refuseUnverified(c *cluster.Cluster, hosts, formats []string) error {
	asked := slices.ContainsFunc(formats, func(f string) bool {
		return f == profiles.UserData || f == profiles.MetaData || f == profiles.NetworkConfig || f == profiles.CloudInit
	})
	var names []string
	for _, h := range c.Hosts() {
		fetches := slices.ContainsFunc(c.Artefacts(h), func(a cluster.Artefact) bool { return a.URL != "" })
		if asked && fetches && h.OS.Family() != profiles.CloudInit && (len(hosts) == 0 || slices.Contains(hosts, h.Name)) {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return exit.Usage("--format: Ignition fetches the binaries of %s, and cloud-init cannot verify a digest; give such a machine an os that cloud-init configures, or put the binaries on its image", strings.Join(names, ", "))
}

func knownHosts(c *cluster.Cluster, asked []string) error {
	var faults []error
	var names []string
	for _, name := range asked {
		if strings.Contains(name, ",") {
			faults = append(faults, exit.Usage("--host %s: name one host with each --host", name))
		} else {
			names = append(names, name)
		}
	}
	return errors.Join(append(faults, exit.AllKnown("host", names, NamesOf(c)))...)
}

// NamesOf returns the names of a cluster's machines.
func NamesOf(c *cluster.Cluster) []string {
	var names []string
	for _, h := range c.Hosts() {
		names = append(names, h.Name)
	}
	return names
}

func knownChannel(name string) error {
	if name != "" {
		if _, known := profiles.FindChannel(name); !known {
			return exit.Unknown("channel", name, profiles.ChannelNames())
		}
	}
	return nil
}

// refuseConflicts refuses flags that contradict --replace or --join.
func refuseConflicts(asked Options) error {
	flag := ""
	switch {
	case asked.Replace != "" && asked.Join:
		return exit.Usage("--replace is for a lost master and --join for new ones: use one of them")
	case asked.Replace != "":
		flag = "--replace"
	case asked.Join:
		flag = "--join"
	case asked.From != "":
		return exit.Usage("--from names the tree that machines had before --replace or --join: leave it out, or add one of them")
	default:
		return nil
	}
	switch {
	case len(asked.Hosts) > 0:
		return exit.Usage("%s finds its hosts itself: leave --host out", flag)
	case asked.Redact:
		return exit.Usage("%s writes documents for machines, with their keys: leave --redact out", flag)
	case asked.Output == pipe:
		return exit.Usage("%s writes documents and a runbook: name a directory with -o, or leave it out for %s/<cluster>", flag, flag[2:])
	}
	return nil
}

// pipe is the value of -o for standard output.
const pipe = "-"
