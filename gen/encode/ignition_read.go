package encode

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/vcontext/report"
	"github.com/vincent-petithory/dataurl"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/profiles"
)

// parsers are Ignition's, each for exactly one specification: the general
// one converts what it reads to a newer specification.
var parsers = map[string]func([]byte) (types.Config, report.Report, error){
	"3.4.0": v3_4.Parse,
}

// ReadIgnition reads an Ignition document as a node, with the documents that it carries.
// Further lists what a node cannot hold and the parser's warnings.
func ReadIgnition(text []byte, system profiles.OS) (node.Node, error) {
	o := opener{system: system, left: largest}
	config, _, err := o.given(text, "", 0)
	if err != nil {
		return node.Node{}, err
	}
	n := node.Node{Further: o.further}
	readPasswd(&n, config.Passwd)
	readDisks(&n, config.Storage)
	readStorage(&n, config.Storage)
	readUnits(&n, config.Systemd.Units)
	mountsOf(&n)
	config.Ignition.Version, config.Passwd, config.Systemd.Units = "", types.Passwd{}, nil
	config.Storage.Disks, config.Storage.Filesystems = nil, nil
	config.Storage.Directories, config.Storage.Files, config.Storage.Links = nil, nil, nil
	further(&n, "", config)
	return n, nil
}

// further notes the fields of an item that are left after those of a node have been
// cleared.
func further(n *node.Node, item string, rest any) {
	if reflect.ValueOf(rest).IsZero() {
		return // the usual case
	}
	text, _ := json.Marshal(rest) // for names of fields only; a type of Ignition's marshals
	var fields map[string]any
	_ = json.Unmarshal(text, &fields) // the same text again
	for _, name := range leaves("", fields) {
		n.Further = append(n.Further, node.Further{Item: item, Says: name})
	}
}

// leaves returns the names of fields with a value, sorted: "user.id".
func leaves(above string, fields map[string]any) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch value := fields[name].(type) {
		case map[string]any:
			out = append(out, leaves(above+name+".", value)...)
		case string:
			if value != "" {
				out = append(out, above+name)
			}
		default:
			out = append(out, above+name)
		}
	}
	return out
}

// value returns what a pointer points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func readPasswd(n *node.Node, passwd types.Passwd) {
	for _, g := range passwd.Groups {
		n.Groups = append(n.Groups, node.Group{Name: g.Name})
		item := "group " + g.Name
		if !value(g.System) {
			n.Further = append(n.Further, node.Further{Item: item, Says: "no system: true"})
		}
		g.Name, g.System = "", nil
		further(n, item, g)
	}
	for _, u := range passwd.Users {
		user := node.User{
			Name: u.Name, System: value(u.System), Primary: value(u.PrimaryGroup),
			Home: value(u.HomeDir), Shell: value(u.Shell),
		}
		user.Groups, user.SSHKeys = texts(u.Groups), texts(u.SSHAuthorizedKeys)
		n.Users = append(n.Users, user)
		item := "user " + u.Name
		if home := value(u.NoCreateHome); home != user.System {
			n.Further = append(n.Further, node.Further{Item: item, Says: fmt.Sprintf("noCreateHome: %t, with system: %t", home, user.System)})
		}
		u.Name, u.System, u.NoCreateHome, u.PrimaryGroup, u.HomeDir, u.Shell = "", nil, nil, nil, nil, nil
		u.Groups, u.SSHAuthorizedKeys = nil, nil
		further(n, item, u)
	}
}

// clear clears the fields of a node that directories and files share.
func clear(of *types.Node) {
	of.Path, of.User.Name, of.Group.Name = "", nil, nil
	if !value(of.Overwrite) {
		of.Overwrite = nil
	}
}

func readStorage(n *node.Node, storage types.Storage) {
	for _, d := range storage.Directories {
		n.Directories = append(n.Directories, node.Directory{
			Path: d.Path, User: value(d.User.Name), Group: value(d.Group.Name), Mode: fs.FileMode(value(d.Mode)),
		})
		item := d.Path
		clear(&d.Node)
		d.Mode = nil
		further(n, item, d)
	}
	for _, l := range storage.Links {
		n.Links = append(n.Links, node.Link{Path: l.Path, Target: value(l.Target)})
		item := l.Path
		l.Path, l.Target = "", nil
		if !value(l.Overwrite) {
			l.Overwrite = nil
		}
		if !value(l.Hard) {
			l.Hard = nil
		}
		further(n, item, l)
	}
	for _, f := range storage.Files {
		readFile(n, f)
	}
}

// remote matches the URL of a file that a node can fetch.
var remote = lazy.Regexp(`^https?://`)

func readFile(n *node.Node, f types.File) {
	file := node.File{
		Path: f.Path, User: value(f.User.Name), Group: value(f.Group.Name), Mode: fs.FileMode(value(f.Mode)),
		Overwrite: value(f.Overwrite),
	}
	if contents, err := resource(f.Contents); err == nil {
		file.Contents, file.Secret = contents, node.HoldsSecret(contents)
		f.Contents.Source, f.Contents.Compression = nil, nil
	} else if u := value(f.Contents.Source); remote().MatchString(u) && value(f.Contents.Compression) == "" {
		file.Source = node.Source{URL: u, Hash: value(f.Contents.Verification.Hash)}
		f.Contents.Source, f.Contents.Verification.Hash = nil, nil
	}
	if f.Path == "/etc/hostname" {
		n.Name = strings.TrimSpace(string(file.Contents))
	}
	n.Files = append(n.Files, file)
	clear(&f.Node)
	f.Overwrite, f.Mode = nil, nil
	further(n, file.Path, f)
}

// largest is the size limit of a file's contents, unpacked.
const largest = 4 << 20

// resource returns contents that are in the document, unpacked.
func resource(r types.Resource) ([]byte, error) {
	url, err := dataurl.DecodeString(value(r.Source))
	if err != nil || value(r.Compression) == "" {
		return value(url).Data, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(url.Data)) // the only compression of Ignition
	if err != nil {
		return nil, err
	}
	contents, err := io.ReadAll(io.LimitReader(unpacked, largest+1))
	if err == nil && len(contents) > largest {
		err = errors.New("too large")
	}
	return contents, err
}

func readUnits(n *node.Node, units []types.Unit) {
	for _, u := range units {
		read := node.Unit{Name: u.Name, Contents: value(u.Contents), Enabled: value(u.Enabled), Masked: value(u.Mask)}
		for _, d := range u.Dropins {
			read.DropIns = append(read.DropIns, node.DropIn{Name: d.Name, Contents: value(d.Contents)})
		}
		n.Units = append(n.Units, read)
	}
}
