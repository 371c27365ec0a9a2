package order

import (
	"strings"

	"hagen/out/review/diff"
)

// Step is a part of the order in which machines may take a change.
type Step struct {
	Action     diff.Action `json:"action"`
	Unit       string      `json:"unit,omitempty"`
	Hosts      []string    `json:"hosts"`
	OneAtATime bool        `json:"oneAtATime"`
	AllAtOnce  bool        `json:"allAtOnce,omitempty"` // on all hosts, which must not differ for long
	WaitFor    string      `json:"waitFor,omitempty"`   // what to wait for before the next host or step
	Commands   []string    `json:"commands,omitempty"`  // for etcd
	EtcdFlags  []string    `json:"etcdFlags,omitempty"` // that etcd has to be started with, and the document does not say
	Note       string      `json:"note,omitempty"`
}

// Caution is what a reviewer should know before anything is done.
type Caution struct {
	Hosts []string `json:"hosts"`
	Text  string   `json:"text"`
}

// KeepData is what a master needs when its root is made anew.
const KeepData = "a master that keeps /var/lib/etcd rejoins by itself; for one that does not, etcd has to remove the member and add it again"

// IDOf stands before the name of a member in a command that wants its number,
// which only etcd knows.
const IDOf = "ID-OF-"

// flagCluster begins the flag with the members that one is to find.
const flagCluster = "--initial-cluster="

// HostsOf lists the machines of all steps of one action.
func HostsOf(steps []Step, action diff.Action) []string {
	hosts := []string{}
	for _, s := range steps {
		if s.Action == action {
			hosts = append(hosts, s.Hosts...)
		}
	}
	return hosts
}

// Joining lists the masters that steps have join members which are there, with
// documents that say something else, in their order, and what each has to have
// as --initial-cluster; "" is what its document says.
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
