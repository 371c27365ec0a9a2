package diff

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hagen/gen/node"
)

// Side is one of the two trees. Its machines may be twins.
type Side struct {
	Machines   []node.Node
	Systems    map[string]System // of machines by name, as far as they are known
	Kubeconfig []byte            // the administrator's; nil if the tree has none
}

// System is the operating system of a machine, as far as it is known: its name,
// its family (profiles.OS.Family), or neither.
type System struct{ Name, Family string }

// change is from one to another, if that is sure.
func (s System) change(to System) (from, into string, differs bool) {
	if s.Name != "" && to.Name != "" {
		return s.Name, to.Name, s.Name != to.Name
	}
	return s.Family, to.Family, s.Family != "" && to.Family != "" && s.Family != to.Family
}

// Change is one item that changes in the same way on all of Hosts.
type Change struct {
	Hosts   []string `json:"hosts"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	How     string   `json:"how"`
	Also    []string `json:"also,omitempty"` // keys that change with the certificate
	Details []Detail `json:"details"`
	Hunks   []Hunk   `json:"hunks"`             // as on the first host
	Context bool     `json:"context,omitempty"` // the lines around are others on other hosts
	Effects []Effect `json:"effects"`
}

// Detail is a part of a change that can be told by name.
type Detail struct {
	What    string   `json:"what"`
	How     string   `json:"how"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Added   []string `json:"added,omitempty"` // of a list
	Removed []string `json:"removed,omitempty"`
}

// Caution is what a reviewer should know before anything is done.
type Caution struct {
	Hosts []string `json:"hosts"`
	Text  string   `json:"text"`
}

// machines is one host of both trees; nil where it is not.
type machines struct {
	name          string
	before, after *node.Node
	changes       []Change
	judge         *judge   // of a machine that changes
	effects       []Effect // of all changes
}

// fact is a property of an item with few of them.
type fact struct{ name, value string }

func userFacts(u node.User) []fact {
	return []fact{
		{"primary group", u.Primary}, {"groups", strings.Join(u.Groups, ", ")}, {"home", u.Home}, {"shell", u.Shell},
		{"system account", fmt.Sprint(u.System)}, {"SSH keys", strings.Join(u.SSHKeys, ", ")},
	}
}

func access(user, group string, mode fs.FileMode) []fact {
	return []fact{{"owner", cmp.Or(user, "root")}, {"group", cmp.Or(group, "root")}, {"mode", fmt.Sprintf("%04o", mode)}}
}

// existing is what happens to a file of that path that the system brings: at a
// first boot it is replaced, or Ignition fails.
func existing(f *node.File) fact {
	if f.Overwrite {
		return fact{detailExisting, "replaced"}
	}
	return fact{detailExisting, "kept, and a fault"}
}

// compareFacts gives a detail for each fact that differs.
func compareFacts(before, after []fact) []Detail {
	details := []Detail{}
	for i := range after {
		if before[i].value == after[i].value {
			continue
		}
		d := Detail{What: after[i].name, How: Changed, From: before[i].value, To: after[i].value}
		switch {
		case d.From == "":
			d.How = Added
		case d.To == "":
			d.How = Removed
		default:
			d.Added, d.Removed = listChange(d.From, d.To, ", ")
		}
		details = append(details, d)
	}
	return details
}

// items compares items that a few facts describe, by their names.
func items[T any](kind string, before, after []T, name func(T) string, facts func(T) []fact) []Change {
	var changes []Change
	add := func(name, how string, details []Detail) {
		changes = append(changes, Change{Kind: kind, Name: name, How: how, Details: details, Hunks: []Hunk{}})
	}
	each(before, after, name, func(b, a *T) {
		switch {
		case b == nil:
			add(name(*a), Added, shown(facts(*a), kind))
		case a == nil:
			add(name(*b), Removed, []Detail{})
		default:
			if details := compareFacts(facts(*b), facts(*a)); len(details) > 0 {
				add(name(*a), Changed, details)
			}
		}
	})
	return changes
}

// shown is what is said of a new item: owner and mode of a directory or file,
// and of a user all that is not left to the system.
func shown(facts []fact, kind string) []Detail {
	details := []Detail{}
	for _, f := range facts {
		if f.value != "" && (kind != KindUser || f.value != "false") {
			details = append(details, Detail{What: f.name, How: Added, To: f.value})
		}
	}
	return details
}

// each calls do for every name of two sorted lists; nil stands for none.
func each[T any](before, after []T, name func(T) string, do func(b, a *T)) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && name(before[0]) < name(after[0]):
			do(&before[0], nil)
			before = before[1:]
		case len(before) == 0 || name(after[0]) < name(before[0]):
			do(nil, &after[0])
			after = after[1:]
		default:
			do(&before[0], &after[0])
			before, after = before[1:], after[1:]
		}
	}
}

// What a Change is about.
const (
	KindMachine    = "machine"
	KindSystem     = "operating system"
	KindDelivery   = "delivery of binaries"
	KindGroup      = "group"
	KindUser       = "user"
	KindDisk       = "disk"
	KindFilesystem = "filesystem"
	KindMount      = "mount"
	KindDirectory  = "directory"
	KindFile       = "file"
	KindLink       = "link"
	KindUnit       = "unit"
	KindKubeconfig = "kubeconfig" // the administrator's, which no machine has
)

// How something changes.
const (
	Added    = "added"
	Removed  = "removed"
	Changed  = "changed"
	Replaced = "replaced" // a key: there is nothing to be said of the old and the new one
)

// Action is what a change does to a machine.
type Action string

var actions = []Action{Nothing, ByItself, Reload, Restart, Start, Stop, Membership, Reimage, Boot, SwitchOff}

func (a Action) weight() int { return slices.Index(actions, a) }

// Effect is what a change does, to which unit, and why.
type Effect struct {
	Action Action `json:"action"`
	Unit   string `json:"unit,omitempty"`
	Why    string `json:"why"`
}

// Actions on a machine that runs, as far as it takes a change in place, from
// the least to the most; and those that are about the whole machine.
const (
	Nothing    Action = "nothing"
	ByItself   Action = "taken up by itself"
	Reload     Action = "reload"
	Restart    Action = "restart"
	Start      Action = "start"
	Stop       Action = "stop"
	Membership Action = "etcd membership" // etcd has to be told, whatever happens to files
	Reimage    Action = "re-image"        // cannot be had in place
	Boot       Action = "boot"            // a new machine
	SwitchOff  Action = "switch off"      // a machine that is gone
)

// comparison remembers what many machines have in common.
type comparison struct {
	twins map[string]string
}
