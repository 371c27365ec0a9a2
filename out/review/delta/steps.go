package delta

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/plan"
)

// step is a step of the plan as the scripts have it.
type step struct {
	Number      int
	Title       string
	Note        string
	Host        string
	Address     string
	Directories []place
	Files       []file
	Removed     []file
	Asked       []command // before it
	First       []command // on the workstation, before the machine's part
	Yours       []string  // what no script can do
	Commands    []plan.Command
	Then        []command // on the workstation, after it
	Checks      []command
	Together    bool // with the neighbouring steps that have it, too
	Membership  bool // it changes that of etcd
	Watched     bool // the last step of a machine that can say whether its certificates are good
}

// sendSeconds is how long the files of a step may take on their way.
const sendSeconds = 300

// Limit is how many seconds a machine's part of the step may take.
func (s step) Limit() int {
	seconds := sendSeconds
	for _, c := range s.Commands {
		seconds += c.Seconds
	}
	return seconds
}

// Sent reports whether the machine has a part in the step.
func (s step) Sent() bool { return len(s.Files)+len(s.Removed)+len(s.Commands) > 0 }

// Line is the step in a list.
func (s step) Line() string { return fmt.Sprintf("%d. %s", s.Number, s.Title) }

// command is a command of the plan, with the address of its host.
type command struct {
	plan.Command
	Address string
	Again   bool   // until it succeeds
	Begins  bool   // it is the first that changes something
	Once    string // is written down when it is done, and then not done again
}

// place is a directory, or where a file is and whose.
type place struct {
	Path, Mode, User, Group string
}

// file is a file that a machine gets or loses. The sums are texts: see none and unknown.
type file struct {
	place
	SHA256, Former string
	contents       []byte
}

// Payload is where the contents are, in the directory of the machine's script.
func (f file) Payload() string { return "files" + f.Path }

func placeOf(name, user, group string, mode fs.FileMode) place {
	return place{name, fmt.Sprintf("0%o", mode.Perm()|special(mode)), cmp.Or(user, "root"), cmp.Or(group, "root")}
}

// special has the bits that fs.FileMode keeps elsewhere than chmod.
func special(mode fs.FileMode) (bits fs.FileMode) {
	for _, b := range []struct{ is, bit fs.FileMode }{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if mode&b.is != 0 {
			bits |= b.bit
		}
	}
	return bits | mode&0o7000
}

// steps turns the plan's steps into those of the scripts.
func (g Given) steps() (steps []step, err error) {
	anew := map[string]bool{} // machines that have booted with their new document
	for i, planned := range g.Plan.Steps {
		s := step{Number: i + 1, Title: planned.Title(), Note: planned.Note, Host: planned.Host, Together: planned.AllAtOnce, Membership: planned.Action == diff.Membership}
		if planned.Document != "" {
			anew[s.Host] = true
		}
		s.Address = g.address(s.Host, anew)
		if err := g.place(&s, planned); err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", s.Number, s.Title, err)
		}
		s.Yours = append(s.Yours, byHand(planned)...)
		for _, c := range planned.Commands {
			switch {
			case c.Host != "" && planned.Action == diff.SwitchOff: // it is the operator's
			case c.Host != "":
				s.Commands = append(s.Commands, c)
			case s.Membership:
				s.First = append(s.First, membership(c))
			case len(s.Commands) == 0:
				s.First = append(s.First, command{Command: c})
			default:
				s.Then = append(s.Then, command{Command: c})
			}
		}
		for _, c := range planned.Checks {
			s.Checks = append(s.Checks, command{Command: c, Address: g.address(c.Host, anew)})
		}
		for _, c := range planned.Ask {
			s.Asked = append(s.Asked, command{Command: c})
		}
		steps = append(steps, s)
	}
	watched := map[string]bool{}
	for i := len(steps) - 1; i >= 0; i-- {
		s := &steps[i]
		s.Watched = !watched[s.Host] && slices.ContainsFunc(machineOf(g.After, s.Host).Units, func(u node.Unit) bool { return u.Name == watch })
		watched[s.Host] = true
	}
	return steps, nil
}

// watch is the unit of a machine that fails when one of its certificates ends soon.
const watch = "hagen-certificates.service"

// address is where a machine answers: at its former address until it boots anew.
func (g Given) address(host string, anew map[string]bool) string {
	if host == "" {
		return ""
	}
	sides := []plan.Side{g.Before, g.After}
	if anew[host] {
		slices.Reverse(sides)
	}
	for _, side := range sides {
		for _, h := range side.Cluster.Hosts() {
			if h.Name == host && h.Address().IsValid() {
				return h.Address().String()
			}
		}
	}
	return host // for DNS
}

// byHand says what of a step no script can do.
func byHand(s plan.Step) (lines []string) {
	for _, b := range s.Install {
		lines = append(lines, fmt.Sprintf("on %s, install %s %s at %s", s.Host, b.Name, b.Version, b.Path))
	}
	switch {
	case s.Document != "":
		lines = append(lines, fmt.Sprintf("%s %s with the document in %s", s.Action, s.Host, s.Document))
	case s.Action == diff.SwitchOff:
		lines = append(lines, fmt.Sprintf("switch %s off", s.Host))
	}
	return lines
}

// place adds the files of a step.
func (g Given) place(s *step, planned plan.Step) error {
	was, is := machineOf(g.Before, s.Host), machineOf(g.After, s.Host)
	for _, name := range withDropIns(is, planned.Write) {
		f, has := fileAt(is, name)
		switch {
		case !has:
			return fmt.Errorf("%s is not in the new document of %s", name, s.Host)
		case f.Remote():
			s.Yours = append(s.Yours, fmt.Sprintf("on %s, fetch %s to %s (%s)", s.Host, f.Source.URL, name, f.Source.Hash))
			continue
		}
		s.Files = append(s.Files, file{placeOf(name, f.User, f.Group, f.Mode), sum(f.Contents), g.former(was, name, f.Overwrite), f.Contents})
	}
	for _, name := range withDropIns(was, planned.Remove) {
		if !slices.Contains(planned.Write, name) {
			s.Removed = append(s.Removed, file{place: place{Path: name}, SHA256: none, Former: g.former(was, name, false)})
		}
	}
	s.Directories = directories(is, s.Files)
	return nil
}

// withDropIns adds the drop-ins of the units among some files.
func withDropIns(n node.Node, files []string) (all []string) {
	for _, name := range files {
		all = append(all, name)
		for _, u := range n.Units {
			if path.Join(node.UnitDir, u.Name) != name {
				continue
			}
			for _, d := range u.DropIns {
				all = append(all, d.Path(u.Name))
			}
		}
	}
	return all
}

// former is the sum of what a machine has at a path; an image may have brought a file that
// the document replaces.
func (g Given) former(was node.Node, name string, replaces bool) string {
	f, has := fileAt(was, name)
	switch {
	case !g.Known, has && f.Remote(), !has && replaces:
		return unknown
	case !has:
		return none
	}
	return sum(f.Contents)
}

// directories lists those above files, the outermost first, as the document has them.
func directories(n node.Node, files []file) (all []place) {
	var names []string
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			names = append(names, dir)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if i := slices.IndexFunc(n.Directories, func(d node.Directory) bool { return d.Path == name }); i >= 0 {
			d := n.Directories[i]
			all = append(all, placeOf(name, d.User, d.Group, d.Mode))
		} else if strings.Count(name, "/") > 1 {
			all = append(all, placeOf(name, "", "", 0o755))
		}
	}
	return all
}

func machineOf(s plan.Side, name string) node.Node {
	if i := slices.IndexFunc(s.Machines, func(n node.Node) bool { return n.Name == name }); i >= 0 {
		return s.Machines[i]
	}
	return node.Node{}
}
