package redact

import (
	"net/url"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// Node returns what may be shown of a machine. Nothing of it is marked secret. What
// is shown of that is the same.
func (v *View) Node(n node.Node) node.Node {
	origin := func(o *node.Origin) {
		o.Section, o.Why = v.line(ItemComment, o.Section), v.Comment(o.Why)
	}
	n.Role = v.line(ItemRole, n.Role)
	n.Groups = each(n.Groups, func(g *node.Group) { origin(&g.Origin) })
	n.Users = each(n.Users, func(u *node.User) {
		origin(&u.Origin)
		u.Primary, u.Home, u.Shell = v.value(u.Primary, IsName), v.value(u.Home, IsPath), v.value(u.Shell, IsPath)
		u.Groups = each(u.Groups, func(g *string) { *g = v.value(*g, IsName) })
		u.SSHKeys = each(u.SSHKeys, func(k *string) { *k = v.value(*k, isSSHKey) })
	})
	n.Disks = each(n.Disks, func(d *node.Disk) {
		origin(&d.Origin)
		d.Partitions = each(d.Partitions, func(p *node.Partition) { p.Label = v.value(p.Label, isLabel) })
	})
	n.Filesystems = each(n.Filesystems, func(f *node.Filesystem) {
		origin(&f.Origin)
		f.Label, f.Options = v.value(f.Label, isLabel), each(f.Options, v.option)
	})
	n.Mounts = each(n.Mounts, func(m *node.Mount) {
		origin(&m.Origin)
		m.Options = each(m.Options, v.option)
	})
	n.Directories = each(n.Directories, func(d *node.Directory) {
		origin(&d.Origin)
		d.User, d.Group = v.value(d.User, IsName), v.value(d.Group, IsName)
	})
	n.Files = each(n.Files, func(f *node.File) {
		origin(&f.Origin)
		f.User, f.Group = v.value(f.User, IsName), v.value(f.Group, IsName)
		f.Contents, f.Secret, f.Source.URL = v.File(f.Path, f.Contents), false, v.URL(f.Source.URL)
	})
	n.Links = each(n.Links, func(l *node.Link) {
		origin(&l.Origin)
		l.Target = v.value(l.Target, func(t string) bool { return targetWord().MatchString(t) })
	})
	n.Units = each(n.Units, func(u *node.Unit) {
		origin(&u.Origin)
		u.Contents = v.Unit(u.Name, u.Contents)
		u.DropIns = each(u.DropIns, func(d *node.DropIn) { d.Contents = v.DropIn(u.Name, *d) })
	})
	return n
}

// line shows a single line of an item, or nothing of it.
func (v *View) line(item, text string) string {
	if shape := recorded().of(item); text == "" || shape != nil && shape.fits(text) {
		return text
	}
	return ""
}

// value shows a value of a machine, if it is one of the right kind.
func (v *View) value(text string, fits func(string) bool) string {
	if text == "" || fits(text) || hiddenValue().MatchString(text) {
		return text
	}
	return Hidden + "-" + strings.ReplaceAll(v.fingerprint(text), " ", "-")
}

var (
	hiddenValue = lazy.Regexp(`^` + Hidden + `-(?:HMAC-)?SHA-256-[0-9a-f]{64}$`)
	targetWord  = lazy.Regexp(`^(?:\.?\.?/)*[A-Za-z0-9._@:+-]+(?:/[A-Za-z0-9._@:+-]+)*$`)
	labelWord   = lazy.Regexp(`^[A-Za-z0-9._-]{1,36}$`)
	sshWords    = lazy.Regexp(`^(?:ssh-[a-z0-9-]+|ecdsa-[a-z0-9-]+|sk-[a-z0-9@.-]+) AAAA[A-Za-z0-9+/]*={0,2}(?: [^\n]{0,200})?$`)
	optionWord  = lazy.Regexp(`^[a-z][A-Za-z0-9._-]*(?:=(.*))?$`)
)

func isLabel(text string) bool { return labelWord().MatchString(text) }

func isSSHKey(text string) bool { return sshWords().MatchString(text) }

// wordedOptions are options of local filesystems whose value is a word (ext4(5),
// xfs(5), btrfs(5), mount(8)).
var wordedOptions = []string{"compress", "compress-force", "data", "discard", "errors", "iocharset", "logdev", "rtdev", "shortname", "subvol"}

// option shows a mount option.
func (v *View) option(text *string) {
	name, _, _ := strings.Cut(*text, "=")
	*text = v.value(*text, func(t string) bool {
		m := optionWord().FindStringSubmatch(t)
		return m != nil && (m[1] == "" || numberWord().MatchString(m[1]) || IsPath(m[1]) ||
			(slices.Contains(wordedOptions, name) || strings.HasPrefix(name, "x-")) && isHost(m[1]))
	})
}

// URL returns an address without its user and query, or nothing but that there is
// one: hagen writes none with them, people do.
func (v *View) URL(address string) string {
	if address == "" || IsURL(address) {
		return address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "http://" + strings.ToLower(Hidden)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if u.String() == address || !IsURL(u.String()) {
		return "http://" + strings.ToLower(Hidden) + "/" + strings.ReplaceAll(v.fingerprint(address), " ", "-")
	}
	return u.String() + "?" + Hidden
}

func each[T any](items []T, change func(*T)) []T {
	items = slices.Clone(items)
	for i := range items {
		change(&items[i])
	}
	return items
}
