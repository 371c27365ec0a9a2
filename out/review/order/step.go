package order

import (
	"slices"
	"strings"

	"hagen/out/review/diff"
)

// Step is a step of the order in which machines may take a change.
type Step struct {
	Action     diff.Action `json:"action"`
	Unit       string      `json:"unit,omitempty"`
	Hosts      []string    `json:"hosts"`
	OneAtATime bool        `json:"oneAtATime"`
	AllAtOnce  bool        `json:"allAtOnce,omitempty"`   // on all hosts, which must not differ for long
	WaitFor    string      `json:"waitFor,omitempty"`     // what to wait for before the next host or step
	Commands   []string    `json:"commands,omitempty"`    // for etcd
	EtcdFlags  []string    `json:"etcdFlags,omitempty"`   // with which etcd has to start, although the document has others
	Before     []string    `json:"writeBefore,omitempty"` // files of other units that have to be there before the unit acts
	Note       string      `json:"note,omitempty"`
}

// Caution is what a reviewer should know before anything is done.
type Caution struct {
	Hosts []string `json:"hosts"`
	Text  string   `json:"text"`
}

// KeepData is what to know about etcd's data when a master is re-imaged.
const KeepData = "a master that keeps /var/lib/etcd rejoins by itself; for one that does not, remove its member from etcd and add it again"

// IDOf comes before the name of a member in a command that needs its ID, which only etcd
// knows.
const IDOf = "ID-OF-"

// promote begins the command that makes a member of a learner.
const promote = "promote "

// Promotes reports whether a step makes a member of a learner: then its machine has to work.
func (s Step) Promotes() bool {
	return slices.ContainsFunc(s.Commands, func(c string) bool { return strings.HasPrefix(c, "etcdctl member "+promote) })
}

// flagCluster begins the flag that lists the members.
const flagCluster = "--initial-cluster="

// HostsOf lists the machines of all steps with an action.
func HostsOf(steps []Step, action diff.Action) []string {
	hosts := []string{}
	for _, s := range steps {
		if s.Action == action {
			hosts = append(hosts, s.Hosts...)
		}
	}
	return hosts
}

// Joining lists the masters that need other documents to join existing members, in their
// order, and the --initial-cluster value of each; "" keeps that of its document.
func Joining(steps []Step) (hosts []string, lists map[string]string) {
	lists = map[string]string{}
	for _, s := range steps {
		if len(s.EtcdFlags) == 0 {
			continue
		}
		host := s.Hosts[0]
		hosts, lists[host] = append(hosts, host), ""
		for _, f := range s.EtcdFlags {
			if list, is := strings.CutPrefix(f, flagCluster); is {
				lists[host] = list
			}
		}
	}
	return hosts, lists
}
