package desk

import (
	"errors"
	"os"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/profiles"
)

// Options are what is asked of a render.
type Options struct {
	clusterfile.Place
	Output      string   // "" is the usual place
	Hosts       []string // none is all
	Formats     []string // besides those of the operating systems, as they were named
	Channel     string
	Wrap        *bool  // nil is what the channel needs
	Restore     string // a snapshot
	RestorePath string // "" is the usual place
	Replace     string // a master
	Join        bool
	From        string // "" is the usual place
	NodesFit    bool   // every Node's pod range lies in the new ones
	Redact      bool
	Prove       bool // Butane translates what is written as Butane, too
	JSON        bool
}

// oneDocument says whether -o asks for one document alone: in a pipe, or in a
// file, which is what one --host and one --format ask for, unless a directory
// of that name is there or the name ends as a directory's does.
func (asked Options) oneDocument() bool {
	path := asked.Output
	if path == "" || path == pipe {
		return path == pipe
	}
	info, err := os.Stat(path)
	return len(asked.Hosts) == 1 && len(asked.formats()) == 1 && !strings.HasSuffix(path, "/") && (err != nil || !info.IsDir())
}

// formats are those that are asked for, of which one name stands for several.
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

// Formats are all that can be asked for: documents, and kernel arguments.
func Formats() []string { return append(profiles.Formats(), profiles.CloudInit, document.Kargs) }

func knownFormats(names []string) error {
	return exit.AllKnown("format", names, Formats())
}

// fetchedOtherwise refuses cloud-init's documents for machines whose own format
// fetches files and holds them against digests, which cloud-init does not.
func fetchedOtherwise(c *cluster.Cluster, hosts, formats []string) error {
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

// NamesOf are the names of a cluster's machines.
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

// besideAlone refuses flags that say something else than --replace or --join
// does.
func besideAlone(asked Options) error {
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

// pipe is what -o names standard output with.
const pipe = "-"
