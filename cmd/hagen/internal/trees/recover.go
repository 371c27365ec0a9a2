package trees

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out"
	"hagen/out/review/rendered"
	"hagen/out/tree"
	"hagen/profiles"
)

// kubeconfigsDir is the directory of a tree with the kubeconfigs that were given out.
const kubeconfigsDir = "kubeconfigs"

// Source is what a file or a directory has of a cluster, and the document that it is, at its path in a tree. A
// kubeconfig is none, and neither are files that were copied from a machine.
type Source struct {
	control.Source
	Document document.Document
}

// Boots reports whether a machine boots with the document: one as Butane is for people.
func (s Source) Boots() bool {
	return s.Document.Format != "" && s.Document.Format != profiles.Butane
}

// Sources reads all that arguments name and that may have keys of a cluster: rendered trees, documents,
// kubeconfigs, and directories with files that were copied from a machine.
func Sources(arguments []string, c *cluster.Cluster) (all []Source, err error) {
	var faults []error
	for _, argument := range arguments {
		found, err := sourcesIn(argument, c)
		all, faults = append(all, found...), append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, exit.With(exit.Code(firstOf(faults)), err)
	}
	return all, nil
}

func firstOf(faults []error) error {
	for _, fault := range faults {
		if fault != nil {
			return fault
		}
	}
	return nil
}

func sourcesIn(argument string, c *cluster.Cluster) ([]Source, error) {
	info, err := os.Stat(argument)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exit.Usage("%s: there is no such file or directory; name a rendered directory, or documents of machines", argument)
	case err != nil:
		return nil, exit.Failed("%s: cannot be opened: %w", argument, exit.Reason(err))
	case !info.IsDir():
		return sourceIn(argument)
	}
	in := tree.Files(argument)
	if len(Hosts(in, ".")) == 0 && len(Hosts(in, c.Name)) > 0 {
		argument = filepath.Join(argument, c.Name)
		in = tree.Files(argument)
	}
	documents, twins := out.Holds(in)
	switch {
	case twins && !documents:
		return nil, exit.Usage("%s: holds twins, in which keys are redacted: name the documents that machines boot with", argument)
	case len(Hosts(in, ".")) > 0:
		return treeSources(argument, in)
	case ofOneHost(argument):
		return hostSource(argument)
	case has(in, "index.json"):
		return nil, exit.Usage("%s: is a PKI directory: name it with --pki; what is named here has documents of machines", argument)
	case has(in, strings.TrimPrefix(path.Dir(control.Places(c)[0].Path), "/")):
		return copied(argument, in, c)
	}
	return nil, exit.Usage("%s: holds no document of cluster %s, and no files of a machine; name the rendered directory of the cluster, documents, or a directory with /etc and /var/lib of a master", argument, c.Name)
}

func has(in fs.FS, name string) bool {
	_, err := fs.Stat(in, name)
	return err == nil
}

// ofOneHost reports whether a directory has the documents of one host.
func ofOneHost(dir string) bool {
	full, err := filepath.Abs(dir)
	return err == nil && slices.Contains(Hosts(tree.Files(filepath.Dir(full)), "."), filepath.Base(full))
}

// hostSource reads the document of one host in a tree.
func hostSource(dir string) ([]Source, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, exit.Failed("%s: %w", dir, err)
	}
	n, d, err := bootsWith(tree.Files(filepath.Dir(full)), filepath.Base(full))
	if err != nil {
		return nil, exit.Failed("%s", FaultsIn(filepath.Dir(dir), err))
	}
	return []Source{{control.Source{From: dir, Node: n}, d}}, nil
}

// treeSources reads the tree of a cluster: of each host the document that it boots with, and kubeconfigs.
func treeSources(dir string, in fs.FS) (all []Source, err error) {
	var faults []error
	for _, host := range Hosts(in, ".") {
		n, d, err := bootsWith(in, host)
		if err != nil {
			faults = append(faults, exit.Failed("%s", FaultsIn(dir, err)))
			continue
		}
		all = append(all, Source{control.Source{From: filepath.Join(dir, host), Node: n}, d})
	}
	given, _ := fs.Glob(in, kubeconfigsDir+"/*.kubeconfig")
	for _, name := range append(given, document.AdminPath) {
		if !has(in, name) {
			continue
		}
		text, err := fs.ReadFile(in, name)
		if err != nil {
			faults = append(faults, exit.Failed("%s: cannot be read: %w", filepath.Join(dir, name), exit.Reason(err)))
			continue
		}
		one, err := kubeconfigSource(filepath.Join(dir, name), text)
		all, faults = append(all, Source{Source: one}), append(faults, err)
	}
	return all, errors.Join(faults...)
}

// sourceIn reads a document or a kubeconfig.
func sourceIn(name string) ([]Source, error) {
	text, err := files.ReadWhole(name)
	if err != nil {
		return nil, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	if len(text) > files.MaxDocument {
		return nil, exit.Failed("%s: is larger than %d MiB, and no file that hagen reads", name, files.MaxDocument>>20)
	}
	if text, err = unpacked(text); err != nil {
		return nil, exit.Failed("%s: is damaged or cut short: it cannot be unpacked", name)
	}
	if _, _, is := read.ParseKubeconfig(node.File{Contents: text}, nil); is {
		one, err := kubeconfigSource(name, text)
		return []Source{{Source: one}}, err
	}
	format := FormatOf(text)
	if format == "" {
		return nil, exit.Usage("%s: is neither a document of a machine, as Ignition, Butane or user-data, nor a kubeconfig", name)
	}
	n, err := rendered.Machine(document.Document{Format: format, Path: ".", Text: text})
	if err != nil {
		return nil, exit.Failed("%s", FaultsIn(name, err))
	}
	if n.Name = Hostname(n); n.Name == "" {
		return nil, exit.Failed("%s: does not say which host it is for: it has no /etc/hostname", name)
	}
	return []Source{{control.Source{From: name, Node: n}, document.Document{Format: format, Path: document.Path(n.Name, format), Text: text}}}, nil
}

// unpacked returns what a document in gzip, perhaps in base64, has; any other text as it is.
func unpacked(text []byte) ([]byte, error) {
	packed := text
	if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text))); err == nil {
		packed = decoded
	}
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		return text, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, files.MaxDocument+1))
	if err == nil && len(plain) > files.MaxDocument {
		err = errors.New("too large")
	}
	return plain, err
}

// kubeconfigSource reads a kubeconfig as hagen writes it, with everything inside.
func kubeconfigSource(name string, text []byte) (control.Source, error) {
	s := control.Source{From: name, Admin: filepath.Base(name) == document.AdminPath}
	root, _ := read.ParseYAML(string(text))
	users, clusters := root.Get("users").Items(), root.Get("clusters").Items()
	if len(users) != 1 || len(clusters) != 1 {
		return s, exit.Failed("%s: is not a kubeconfig of one user and one cluster, as hagen writes it", name)
	}
	if strings.Contains(string(text), node.PrivateKeyMark) {
		return s, exit.Usage("%s: is a twin, in which keys are redacted", name)
	}
	inside := func(n *read.YAML, list, field string) []byte {
		data, err := base64.StdEncoding.DecodeString(n.Get(list, field).Value())
		if block, _ := pem.Decode(data); err != nil || block == nil {
			return nil
		}
		return data
	}
	s.Cert, s.Key = inside(users[0], "user", "client-certificate-data"), inside(users[0], "user", "client-key-data")
	s.Authorities = inside(clusters[0], "cluster", "certificate-authority-data")
	s.Server = control.Server{URL: clusters[0].Get("cluster", "server").Value(), Name: clusters[0].Get("cluster", "tls-server-name").Value()}
	if s.Cert == nil || s.Key == nil || s.Authorities == nil {
		return s, exit.Failed("%s: does not have its certificates and its key inside, as hagen writes them", name)
	}
	return s, nil
}

// copied reads files that were copied from a running machine, with their paths below a directory that has the
// host's name.
func copied(dir string, in fs.FS, c *cluster.Cluster) ([]Source, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, exit.Failed("%s: %w", dir, err)
	}
	n := node.Node{Name: filepath.Base(full)}
	for _, p := range control.Places(c) {
		name := strings.TrimPrefix(p.Path, "/")
		if p.Host != n.Name || !has(in, name) {
			continue
		}
		text, err := fs.ReadFile(in, name)
		if err != nil {
			return nil, exit.Failed("%s: cannot be read: %w", filepath.Join(dir, name), exit.Reason(err))
		}
		n.Files = append(n.Files, node.File{Path: p.Path, Contents: text})
	}
	return []Source{{Source: control.Source{From: dir, Node: n}}}, nil
}
