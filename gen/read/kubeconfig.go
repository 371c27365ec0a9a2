package read

import (
	"bytes"
	"fmt"

	"hagen/gen/node"
)

// Kubeconfig is the server that a client dials, and the user that it is
// (client-go, clientcmd/api/v1).
type Kubeconfig struct {
	File                    node.File
	Server                  *YAML
	ServerName              *YAML
	Insecure                string
	Authority               PEM
	AuthorityAt             *YAML
	Client                  PEM
	ClientAt, KeyAt         *YAML
	ClientFile, KeyFile     string // "" when they are inside the file
	Key                     PEM
	HasAuthority, HasClient bool
}

// entry returns a field of the entry with that name in a list of a kubeconfig.
func entry(list *YAML, name, key string) *YAML {
	for _, item := range list.Items() {
		if item.Get("name").Value() == name {
			return item.Get(key)
		}
	}
	return nil
}

// ParseKubeconfig follows the current context of a file; is is false if the
// file is not a kubeconfig. Files that a field names are read from files.
// Faults are references that lead nowhere.
func ParseKubeconfig(f node.File, files map[string]PEM) (k Kubeconfig, faults []Fault, is bool) {
	if !bytes.Contains(f.Contents, []byte("clusters:")) {
		return Kubeconfig{}, nil, false
	}
	root, ok := ParseYAML(string(f.Contents))
	if !ok || root.Get("kind").Value() != "Config" || root.Get("clusters") == nil {
		return Kubeconfig{}, nil, false
	}
	k = Kubeconfig{File: f}
	none := func(n *YAML, what string) {
		faults = append(faults, Fault{k.Place(n), fmt.Sprintf("has no %s %q", what, n.Value())})
	}
	current := root.Get("current-context")
	context := entry(root.Get("contexts"), current.Value(), "context")
	if context == nil {
		none(current, "context")
		return k, faults, true
	}
	cluster := entry(root.Get("clusters"), context.Get("cluster").Value(), "cluster")
	user := entry(root.Get("users"), context.Get("user").Value(), "user")
	if cluster == nil {
		none(context.Get("cluster"), "cluster")
	}
	if user == nil {
		none(context.Get("user"), "user")
	}
	if cluster == nil || user == nil {
		return k, faults, true
	}
	k.Server, k.ServerName, k.Insecure = cluster.Get("server"), cluster.Get("tls-server-name"), cluster.Get("insecure-skip-tls-verify").Value()
	k.Authority, k.AuthorityAt, k.HasAuthority, _ = material(f.Path, files, cluster, "certificate-authority")
	k.Client, k.ClientAt, k.HasClient, k.ClientFile = material(f.Path, files, user, "client-certificate")
	k.Key, k.KeyAt, _, k.KeyFile = material(f.Path, files, user, "client-key")
	return k, nil, true
}

// material reads what a field names, or has as data.
func material(item string, files map[string]PEM, n *YAML, field string) (contents PEM, at *YAML, found bool, file string) {
	if data := n.Get(field + "-data"); data != nil {
		return inline(item, data.Value()), data, true, ""
	}
	at = n.Get(field)
	return files[at.Value()], at, at != nil, at.Value()
}

// Place returns the place of a field's value.
func (k Kubeconfig) Place(n *YAML) Place {
	return Place{k.File.Path, string(k.File.Contents), n.Offset()}
}

// Fault is a mistake in a file, a clause without a stop, and its place.
type Fault struct {
	At      Place
	Problem string
}
