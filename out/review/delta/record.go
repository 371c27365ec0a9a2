package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
)

// Record says what a delta brings: of each machine, the SHA-256 of files by path.
type Record struct {
	Version int                          `json:"version"`
	Cluster string                       `json:"cluster"`
	Hosts   map[string]map[string]string `json:"hosts"`

	ID       string            `json:"id"`  // is another one if any file of the delta is
	Old      string            `json:"old"` // as the sides were named
	New      string            `json:"new"`
	Steps    int               `json:"steps"`
	Machines map[string]string `json:"machines"`          // a digest of each in NEW
	Without  []string          `json:"without,omitempty"` // machines that were off, and are not in Machines
}

const version = 1

// What stands in the place of a SHA-256.
const (
	none    = "none"    // there is no such file
	unknown = "unknown" // whatever is there
)

func (r Record) text() []byte {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // strings
	}
	return append(text, '\n')
}

// ReadRecord reads the record of a delta.
func ReadRecord(text []byte) (r Record, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, errors.New("is not as hagen wrote it")
	}
	if r.Version != version {
		return r, fmt.Errorf("has version %d, and this hagen knows %d", r.Version, version)
	}
	return r, nil
}

// Brings reports whether all that a delta brings is what machines have.
func (r Record) Brings(machines []node.Node) bool {
	for name, files := range r.Hosts {
		at := slices.IndexFunc(machines, func(n node.Node) bool { return n.Name == name })
		if at < 0 {
			return false
		}
		for place, want := range files {
			is := none
			if f, has := fileAt(machines[at], place); has {
				is = sum(f.Contents)
			}
			if is != want {
				return false
			}
		}
	}
	return true
}

// Stale lists the machines that NEW no longer has as they were when the delta was made.
func (r Record) Stale(machines []node.Node) (names []string) {
	now := map[string]string{}
	for _, n := range machines {
		if slices.Contains(r.Without, n.Name) {
			continue
		}
		if now[n.Name] = digest(n); r.Machines[n.Name] != now[n.Name] {
			names = append(names, n.Name)
		}
	}
	for name := range r.Machines {
		if now[name] == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// digest identifies all that a machine gets.
func digest(n node.Node) string {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // texts and numbers
	}
	return sum(text)
}

// ProgressPath is the file of a delta in which deliver.sh writes down what is done.
const ProgressPath = "progress"

// Progress is how far a delta has been delivered.
type Progress struct {
	Begun, Done bool
	Next        int // the first step that is not done
}

// Progress reads what deliver.sh has written down. That of another delta says nothing.
func (r Record) Progress(text []byte) (p Progress) {
	lines := strings.Split(string(text), "\n")
	if lines[0] != r.ID || r.ID == "" {
		return p
	}
	p.Begun, p.Done = slices.Contains(lines, "begun"), slices.Contains(lines, "all done")
	for p.Next = 1; slices.Contains(lines, fmt.Sprintf("step %d", p.Next)); p.Next++ {
	}
	return p
}
