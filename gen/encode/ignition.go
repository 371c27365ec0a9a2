package encode

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/butane/config/common"
	fcos1_5 "github.com/coreos/ignition/v2/butane/config/fcos/v1_5"
	flatcar1_1 "github.com/coreos/ignition/v2/butane/config/flatcar/v1_1"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/vcontext/report"
	"github.com/vincent-petithory/dataurl"

	"hagen/gen/node"
	"hagen/profiles"
)

// dialects are the Butane specifications that rows of profiles name. They are
// called one by one: Butane's registry would link thirty more.
var dialects = map[string]func([]byte, common.TranslateBytesOptions) ([]byte, report.Report, error){
	"fcos 1.5.0":    fcos1_5.ToIgn3_4Bytes,
	"flatcar 1.1.0": flatcar1_1.ToIgn3_4Bytes,
}

// parsers are Ignition's, each for exactly one specification: the general
// one converts what it reads to a newer specification.
var parsers = map[string]func([]byte) (types.Config, report.Report, error){
	"3.4.0": v3_4.Parse,
}

// Ignition translates a Butane document with Butane itself, strictly: what it
// only warns of is an error, too. Nothing is compressed: Butane's gzip bytes
// depend on the Go release, and one compression around the whole document
// serves better. The node is what Ignition's own parser reads in the result.
func Ignition(d Document, system profiles.OS) ([]byte, node.Node, error) {
	translate, known := dialects[system.Variant+" "+system.Butane]
	if !known {
		return nil, node.Node{}, fmt.Errorf("no translator for Butane %s %s", system.Variant, system.Butane)
	}
	options := common.TranslateBytesOptions{TranslateOptions: common.TranslateOptions{NoResourceAutoCompression: true}}
	text, entries, err := translate(d.Text, options)
	if err := complaint("Butane", d, entries, err); err != nil {
		return nil, node.Node{}, err
	}
	text = append(text, '\n')
	n, err := ReadIgnition(text, system)
	return text, n, err
}

// complaint turns a report into an error that names what the refused line was
// made from. Such an error is a fault of hagen, or of a check that it lacks.
func complaint(who string, d Document, r report.Report, err error) error {
	if len(r.Entries) == 0 {
		return err
	}
	var texts []string
	for _, e := range r.Entries {
		place := e.Context.String()
		if start := e.Marker.StartP; start != nil && len(d.origins) > 0 {
			place = fmt.Sprintf("line %d, made from %s", start.Line, d.origin(int(start.Line)))
		}
		texts = append(texts, fmt.Sprintf("%s: %s", place, e.Message))
	}
	return fmt.Errorf("%s refuses the document: %s", who, strings.Join(texts, "; "))
}

func parse(text []byte, system profiles.OS) (types.Config, error) {
	parser, known := parsers[system.Spec]
	if !known {
		return types.Config{}, fmt.Errorf("no parser for Ignition %s", system.Spec)
	}
	config, entries, err := parser(text)
	return config, complaint("Ignition", Document{}, entries, err)
}

// ReadButane reads a Butane document as a node, with the sections and comments
// that Butane wrote.
func ReadButane(text []byte, system profiles.OS) (node.Node, error) {
	_, n, err := Ignition(Document{Text: text}, system)
	if err == nil {
		restore(&n, text)
	}
	return n, err
}

// ReadIgnition reads an Ignition document as a node. What a node cannot hold
// is an error, never left out.
func ReadIgnition(text []byte, system profiles.OS) (node.Node, error) {
	config, err := parse(text, system)
	if err != nil {
		return node.Node{}, err
	}
	var n node.Node
	if err := readPasswd(&n, config.Passwd); err != nil {
		return node.Node{}, err
	}
	if err := readStorage(&n, config.Storage); err != nil {
		return node.Node{}, err
	}
	for _, u := range config.Systemd.Units {
		n.Units = append(n.Units, node.Unit{Name: u.Name, Contents: value(u.Contents), Enabled: value(u.Enabled)})
		u.Name, u.Contents, u.Enabled = "", nil, nil
		if err := leftover("a unit", u); err != nil {
			return node.Node{}, err
		}
	}
	config.Ignition.Version, config.Passwd, config.Systemd.Units = "", types.Passwd{}, nil
	config.Storage.Directories, config.Storage.Files, config.Storage.Links = nil, nil, nil
	return n, leftover("the document", config)
}

// leftover is an error when an item, cleared of the fields that a node has,
// still says something.
func leftover(what string, item any) error {
	if reflect.ValueOf(item).IsZero() {
		return nil
	}
	text, _ := json.Marshal(item) // for names of fields only; a type of Ignition's marshals
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(text, &fields) // the same text again
	return fmt.Errorf("%s has fields that hagen does not write: %s", what, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
}

// value gives what a pointer points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func readPasswd(n *node.Node, passwd types.Passwd) error {
	for _, g := range passwd.Groups {
		n.Groups = append(n.Groups, node.Group{Name: g.Name})
		if !value(g.System) {
			return fmt.Errorf("group %s is no system group, which hagen does not write", g.Name)
		}
		g.Name, g.System = "", nil
		if err := leftover("a group", g); err != nil {
			return err
		}
	}
	for _, u := range passwd.Users {
		user := node.User{
			Name: u.Name, System: value(u.System), Primary: value(u.PrimaryGroup),
			Home: value(u.HomeDir), Shell: value(u.Shell),
		}
		for _, g := range u.Groups {
			user.Groups = append(user.Groups, string(g))
		}
		for _, k := range u.SSHAuthorizedKeys {
			user.SSHKeys = append(user.SSHKeys, string(k))
		}
		n.Users = append(n.Users, user)
		if value(u.NoCreateHome) != user.System {
			return fmt.Errorf("user %s: no home directory is made for system users and for no others", u.Name)
		}
		u.Name, u.System, u.NoCreateHome, u.PrimaryGroup, u.HomeDir, u.Shell = "", nil, nil, nil, nil, nil
		u.Groups, u.SSHAuthorizedKeys = nil, nil
		if err := leftover("user "+user.Name, u); err != nil {
			return err
		}
	}
	return nil
}

func readStorage(n *node.Node, storage types.Storage) error {
	for _, d := range storage.Directories {
		n.Directories = append(n.Directories, node.Directory{
			Path: d.Path, User: value(d.User.Name), Group: value(d.Group.Name), Mode: fs.FileMode(value(d.Mode)),
		})
	}
	for _, l := range storage.Links {
		n.Links = append(n.Links, node.Link{Path: l.Path, Target: value(l.Target)})
	}
	for _, f := range storage.Files {
		if len(f.Append) > 0 || f.Contents.Verification.Hash != nil || value(f.Contents.Compression) != "" {
			return fmt.Errorf("%s has appended, compressed or verified contents, which hagen does not write", f.Path)
		}
		contents, err := dataurl.DecodeString(value(f.Contents.Source))
		if err != nil {
			return fmt.Errorf("the contents of %s do not stand in the document", f.Path)
		}
		n.Files = append(n.Files, node.File{
			Path: f.Path, User: value(f.User.Name), Group: value(f.Group.Name), Mode: fs.FileMode(value(f.Mode)),
			Contents: contents.Data, Overwrite: value(f.Overwrite), Secret: node.HoldsSecret(contents.Data),
		})
		if f.Path == "/etc/hostname" {
			n.Name = strings.TrimSpace(string(contents.Data))
		}
	}
	return nil
}
