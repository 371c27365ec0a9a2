package encode

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"hagen/gen/lazy"
	"hagen/gen/network"
	"hagen/gen/node"
)

// ReadUserData reads cloud-init's user-data as a node, with the sections and
// comments that UserData wrote. Further lists what a node cannot hold.
// cloud-init replaces existing files, so every file has Overwrite.
func ReadUserData(text []byte) (node.Node, error) {
	if !bytes.HasPrefix(text, []byte("#cloud-config\n")) {
		return node.Node{}, errors.New("does not begin with the line #cloud-config; cloud-init ignores it without that line")
	}
	top, err := mapping(text)
	if err != nil {
		return node.Node{}, err
	}
	var r userData
	is := func(value string) func(*yaml.Node) { return r.exactly("", value) }
	r.fields("", top, keys{
		"merge_how": is(mergeHow),
		"hostname":  r.text("", &r.hostname), "fqdn": r.text("", &r.fqdn), "prefer_fqdn_over_hostname": is("true"),
		"manage_etc_hosts": is("false"), "disable_root": is("false"), "locale": is("false"),
		"package_update": is("false"), "package_upgrade": is("false"),
		"vendor_data": func(n *yaml.Node) { r.fields("vendor_data", n, keys{"enabled": is("false")}) },
		"bootcmd":     r.each("bootcmd", r.bootcmd), "users": r.each("users", r.user),
		"write_files": r.each("write_files", r.file), "runcmd": r.each("runcmd", r.command),
	})
	r.agree()
	r.node.Name, r.node.Further = r.hostname, r.further
	restoreUserData(&r.node, text)
	return r.node, nil
}

// userData is what has been read so far.
type userData struct {
	reader
	node           node.Node
	hostname, fqdn string
	private        []string // files that bootcmd creates empty
	commands       int      // of runcmd
	enabled        []string
	started        []string
	ended          bool
	clocks         string // the command that restarts NTP clients
	activated      string // the command that makes the system use the files of interfaces
}

const aCommand = "a command"

// activatePrefix begins the command that makes the system use the files of interfaces.
const activatePrefix = "if [ -e "

func (r *userData) bootcmd(n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		var words []string
		r.texts("bootcmd", &words)(n)
		if r.bootDisk(words) {
			return
		}
		if r.private != nil || len(words) <= len(emptyCommand) || !slices.Equal(words[:len(emptyCommand)], emptyCommand) {
			r.note("bootcmd", n, aCommand)
			return
		}
		r.private = words[len(emptyCommand):]
		return
	}
	line := r.word("bootcmd", n)
	words, ok := shellWords(line)
	if !ok || len(words) < 3 || line != fmt.Sprintf(groupCommand, shellWord(words[2])) {
		r.note("bootcmd", n, aCommand)
		return
	}
	r.node.Groups = append(r.node.Groups, node.Group{Name: words[2]})
}

func (r *userData) user(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value == "" {
		return // no user, not even the default one
	}
	var u node.User
	noHome := false
	item := "user " + valueOf(n, "name")
	r.fields(item, n, keys{
		"name": r.text(item, &u.Name), "system": r.exactly(item, "true", &u.System), "no_create_home": r.exactly(item, "true", &noHome),
		"primary_group": r.text(item, &u.Primary), "homedir": r.text(item, &u.Home), "shell": r.text(item, &u.Shell),
		"groups": r.texts(item, &u.Groups), "ssh_authorized_keys": r.texts(item, &u.SSHKeys),
	})
	if u.System != noHome {
		r.note(item, n, "no_create_home: %t, with system: %t", noHome, u.System)
	}
	if u.Name != "" {
		r.node.Users = append(r.node.Users, u)
	}
}

// valueOf returns the text of a field that identifies a mapping.
func valueOf(n *yaml.Node, key string) string {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key && n.Content[i+1].Kind == yaml.ScalarNode {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// octal matches a mode: in quotes, since YAML would read another number.
var octal = lazy.Regexp(`^0[0-7]{3}$`)

func (r *userData) file(n *yaml.Node) {
	owner, permissions, encoding, contents := "root:root", "0644", "", ""
	f := node.File{Overwrite: true}
	deferred := false
	item := valueOf(n, "path")
	r.fields(item, n, keys{
		"path": r.text(item, &f.Path), "owner": r.text(item, &owner), "permissions": r.text(item, &permissions),
		"encoding": r.text(item, &encoding), "content": r.text(item, &contents), "defer": r.exactly(item, "true", &deferred),
	})
	if f.Path == "" {
		r.note("write_files", n, "a file without a path")
		return
	}
	if !deferred {
		r.note(item, n, "no defer: true, so it is written before its owner exists")
	}
	if permissions != "" && !octal().MatchString(permissions) {
		r.note(item, n, "permissions that are not four octal digits")
	}
	user, group, _ := strings.Cut(owner, ":")
	mode, _ := strconv.ParseUint(permissions, 8, 9)
	f.User, f.Group, f.Mode, f.Contents = notRoot(user), notRoot(group), fs.FileMode(mode), []byte(contents)
	if encoding != "" {
		plain, err := base64.StdEncoding.DecodeString(contents)
		if f.Contents = plain; encoding != "b64" || err != nil {
			r.note(item, n, "an encoding other than base64")
		}
	}
	if owner == "root:root" && f.Mode == unitMode && r.unit(f) {
		return
	}
	f.Secret = node.HoldsSecret(f.Contents)
	r.node.Files = append(r.node.Files, f)
}

func notRoot(name string) string {
	if name == "root" {
		return ""
	}
	return name
}

// unit adds a file that is a unit or a drop-in, and reports whether it is one.
func (r *userData) unit(f node.File) bool {
	dir, name := path.Split(path.Clean(f.Path))
	dir = path.Clean(dir)
	if dir == node.UnitDir && len(f.Contents) > 0 {
		if u := r.named(name); u.Contents == "" {
			u.Contents = string(f.Contents)
			return true
		}
		return false
	}
	if unit, isDropIn := strings.CutSuffix(path.Base(dir), ".d"); isDropIn && path.Dir(dir) == node.UnitDir && unit != "" {
		u := r.named(unit)
		u.DropIns = append(u.DropIns, node.DropIn{Name: name, Contents: string(f.Contents)})
		return true
	}
	return false
}

// named returns the unit of a name; it adds a missing one.
func (r *userData) named(name string) *node.Unit {
	i := slices.IndexFunc(r.node.Units, func(u node.Unit) bool { return u.Name == name })
	if i < 0 {
		i = len(r.node.Units)
		r.node.Units = append(r.node.Units, node.Unit{Name: name})
	}
	return &r.node.Units[i]
}

// command reads a command of runcmd. The first is the preamble, the last the end.
func (r *userData) command(n *yaml.Node) {
	line := r.word("runcmd", n)
	words, ok := shellWords(line)
	r.commands++
	switch {
	case r.ended || (r.commands == 1) != (line == runPreamble):
		r.note("runcmd", n, aCommand)
	case line == runPreamble, line == runReload:
	case strings.HasPrefix(line, activatePrefix) && r.activated == "":
		r.activated = line
	case strings.HasPrefix(line, runClocks+" "):
		r.clocks = line
	case line == runEnd, line == runEndBefore:
		r.ended = true
	case ok && r.units(words), ok && r.directory(words, line), ok && r.link(words, line):
	default:
		r.note("runcmd", n, aCommand)
	}
}

// units reads a command about units.
func (r *userData) units(words []string) bool {
	if masked := after(words, runMask); masked != nil {
		for _, name := range masked {
			r.named(name).Masked = true
		}
		return true
	}
	if disabled := after(words, runDisable); disabled != nil {
		for _, name := range disabled {
			r.named(name)
		}
		return true
	}
	if enabled := after(words, runEnable); enabled != nil && r.enabled == nil {
		r.enabled = enabled
		return true
	}
	if started := after(words, runStart); started != nil && r.started == nil {
		r.started = started
		return true
	}
	return false
}

func (r *userData) directory(words []string, line string) bool {
	if len(words) != directoryWords {
		return false
	}
	mode, err := strconv.ParseUint(words[4], 8, 9)
	d := node.Directory{Path: words[9], User: notRoot(words[6]), Group: notRoot(words[8]), Mode: fs.FileMode(mode)}
	if err != nil || line != directoryCommand(d) {
		return false
	}
	r.node.Directories = append(r.node.Directories, d)
	return true
}

func (r *userData) link(words []string, line string) bool {
	if len(words) != linkWords {
		return false
	}
	l := node.Link{Target: words[5], Path: words[6]}
	if line != linkCommand(l) {
		return false
	}
	r.node.Links = append(r.node.Links, l)
	return true
}

// agree checks that parts of the document agree.
func (r *userData) agree() {
	for _, name := range r.enabled {
		r.named(name).Enabled = true
	}
	if r.hostname == "" || r.hostname != r.fqdn {
		r.note("", nil, "hostname and fqdn that are not both the machine's name")
	}
	if slices.ContainsFunc(r.node.Files, func(f node.File) bool {
		return f.Path == "/etc/hostname" && strings.TrimSpace(string(f.Contents)) != r.hostname
	}) {
		r.note("", nil, "a hostname other than that in /etc/hostname")
	}
	if r.commands > 0 && !r.ended {
		r.note("runcmd", nil, "another end than the one with which cloud-init reports a failed command")
	}
	if !slices.Equal(r.enabled, r.started) {
		r.note("runcmd", nil, "units that are enabled but not restarted, or the other way round")
	}
	// Documents of earlier releases have no such command.
	if r.activated != "" && r.activated != network.Activate(r.node, runOne) {
		r.note("runcmd", nil, "a command for other interfaces than those whose files are written")
	}
	if r.clocks != clocks(r.node) {
		r.note("runcmd", nil, "restarts of other NTP clients than those whose servers are written")
	}
	for _, p := range private(r.node) {
		if !slices.Contains(r.private, p) {
			r.note(p, nil, "no command in bootcmd that creates it private, so anyone can read it for a moment")
		}
	}
	for _, p := range r.private {
		if !slices.ContainsFunc(r.node.Files, func(f node.File) bool { return f.Path == p }) {
			r.note(p, nil, "a file in bootcmd that write_files does not write")
		}
	}
}

// restoreUserData sets the comments of a node's items from the text.
func restoreUserData(n *node.Node, text []byte) {
	found := commentsAt(text, 0)
	boot := found["bootcmd"]
	take := func(count int) (taken []node.Origin) {
		taken = first(boot, count)
		boot = boot[len(taken):]
		return taken
	}
	give(take(len(n.Disks)), n.Disks, func(d *node.Disk) *node.Origin { return &d.Origin })
	give(take(len(n.Filesystems)), n.Filesystems, func(f *node.Filesystem) *node.Origin { return &f.Origin })
	give(take(len(n.Groups)), n.Groups, func(g *node.Group) *node.Origin { return &g.Origin })
	give(found["users"], n.Users, func(u *node.User) *node.Origin { return &u.Origin })
	if written, units := found["write_files"], plainUnits(n.Units); len(written) == len(n.Files)+units {
		give(written[:len(n.Files)], n.Files, func(f *node.File) *node.Origin { return &f.Origin })
		give(written[len(n.Files):], n.Units[:units], func(u *node.Unit) *node.Origin { return &u.Origin })
	}
	if run := found["runcmd"]; len(run) > 0 {
		run = run[1:]
		give(first(run, len(n.Directories)), n.Directories, func(d *node.Directory) *node.Origin { return &d.Origin })
		give(first(run[min(len(run), len(n.Directories)):], len(n.Links)), n.Links, func(l *node.Link) *node.Origin { return &l.Origin })
	}
}

func first(origins []node.Origin, n int) []node.Origin { return origins[:min(n, len(origins))] }

// plainUnits counts the leading units that consist of one file.
func plainUnits(units []node.Unit) int {
	i := slices.IndexFunc(units, func(u node.Unit) bool { return u.Contents == "" || len(u.DropIns) > 0 })
	if i < 0 {
		return len(units)
	}
	return i
}

// Meta holds the fields of meta-data.
type Meta struct{ InstanceID, LocalHostname string }

// ReadMetaData reads cloud-init's meta-data. A key that hagen does not write
// is an error.
func ReadMetaData(text []byte) (Meta, error) {
	var m Meta
	var r reader
	top, err := mapping(text)
	if err != nil {
		return m, err
	}
	r.fields("", top, keys{"instance-id": r.text("", &m.InstanceID), "local-hostname": r.text("", &m.LocalHostname)})
	switch {
	case len(r.further) > 0:
		return m, errors.New("has what hagen does not write, " + r.further[0].String())
	case m.InstanceID == "" || m.LocalHostname == "":
		return m, errors.New("lacks instance-id or local-hostname")
	}
	return m, nil
}
