package certificates

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/out/review/rendered"
	"hagen/out/tree"
	"hagen/pki/store"
)

// readSource reads what an argument names: a PKI directory, a tree or its twins on disk or
// in a revision, a document, a kubeconfig or a file with certificates.
func readSource(argument string) (source, error) {
	info, err := os.Stat(argument)
	switch _, _, isRevision := trees.Revision(argument); {
	case err == nil && !info.IsDir():
		return readFile(argument)
	case err == nil && isStore(argument):
		view, err := clusterpki.LookAt(clusterfile.Place{File: clusterfile.DefaultName, PKI: argument})
		s, _ := ofStore(view)
		return s, err
	case err == nil:
		return readTree(argument)
	case isRevision:
		return readRevision(argument)
	case !errors.Is(err, fs.ErrNotExist):
		return source{}, exit.Failed("%s: cannot be opened: %w", argument, exit.Reason(err))
	}
	return source{}, exit.Usage("%s: there is no such file or directory; name a PKI directory, a rendered directory, a document, a kubeconfig or a file with certificates", argument)
}

// isStore reports whether a directory is a PKI directory, even a damaged one.
func isStore(dir string) bool {
	for _, name := range []string{store.IndexFile, "authorities"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// kubeconfigs is the directory of a tree with the kubeconfigs that were given out.
const kubeconfigs = "kubeconfigs"

// readTree reads the tree of a cluster, or of each cluster in a directory. Of each
// machine it reads the document that the machine boots with.
func readTree(dir string) (source, error) {
	s := source{Name: dir, Kind: kindTree}
	all := tree.Files(dir)
	clusters := trees.Clusters(all)
	if len(trees.Hosts(all, ".")) > 0 {
		clusters = []string{"."}
	}
	var faults []error
	for _, name := range clusters {
		files, err := fs.Sub(all, name)
		if err != nil {
			return s, exit.Failed("%s: %w", dir, err)
		}
		for _, host := range trees.Hosts(files, ".") {
			n, err := trees.BootsWith(files, host)
			if err != nil {
				faults = append(faults, exit.Failed("%s", trees.FaultsIn(path.Join(dir, name), err)))
			}
			s.addMachine(n)
		}
		given, _ := fs.Glob(files, kubeconfigs+"/*.kubeconfig")
		for _, file := range append(given, document.AdminPath) {
			if text, err := fs.ReadFile(files, file); err == nil {
				s.addKubeconfig(node.File{Path: file, Contents: text}, none)
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return s, exit.With(exit.CodeFailed, err)
	}
	if len(clusters) == 0 {
		return s, exit.Failed("%s: is neither a PKI directory nor a rendered one: name one, or files with certificates", dir)
	}
	return s, s.complete()
}

// none refuses the files that the kubeconfig of a tree names: they are on no machine.
func none(string) ([]byte, error) { return nil, fs.ErrNotExist }

// readRevision reads a tree of a git revision.
func readRevision(argument string) (source, error) {
	s := source{Name: argument, Kind: kindTree}
	side, err := trees.Read(argument)
	if err != nil {
		return s, err
	}
	for _, t := range side.Trees {
		for _, n := range t.Machines.Machines {
			s.addMachine(n)
		}
		if t.Machines.Kubeconfig != nil {
			s.addKubeconfig(node.File{Path: document.AdminPath, Contents: t.Machines.Kubeconfig}, none)
		}
	}
	return s, s.complete()
}

// readFile reads a document, a kubeconfig or a file with certificates.
func readFile(name string) (source, error) {
	s := source{Name: name}
	text, err := files.ReadWhole(name)
	if err != nil {
		return s, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	if len(text) > files.MaxDocument {
		return s, exit.Failed("%s: is larger than %d MiB, and no file that hagen reads", name, files.MaxDocument>>20)
	}
	f := node.File{Path: filepath.Base(name), Contents: text}
	if isKubeconfig(f) {
		s.Kind = kindKubeconfig
		s.addKubeconfig(f, func(path string) ([]byte, error) { return beside(name, path) })
		return s, s.complete()
	}
	if format := trees.FormatOf(text); format != "" {
		s.Kind = kindDocument
		n, err := rendered.Machine(document.Document{Format: format, Path: ".", Text: text})
		if err != nil {
			return s, exit.Failed("%s", trees.FaultsIn(name, err))
		}
		n.Name = trees.Hostname(n)
		s.addMachine(n)
		return s, s.whole()
	}
	s.Kind = kindPEM
	for _, c := range s.parse(filepath.Base(name), text) {
		s.add(c, "")
	}
	return s, s.complete()
}

// beside reads a file that a kubeconfig names, from the kubeconfig's directory as kubectl does.
func beside(kubeconfig, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(kubeconfig), name)
	}
	return files.ReadWhole(name)
}

// complete refuses a source without any certificate: there is nothing to be said of it.
func (s *source) complete() error {
	if len(s.found)+len(s.unread) == 0 {
		return exit.Failed("%s: holds no certificate that hagen can read: name a PKI directory, a rendered directory or its twins, a document, a kubeconfig or a file with certificates (PEM)", s.Name)
	}
	return s.whole()
}

// whole refuses a source with certificates that cannot be read, or, as an edited twin may
// have it, are without dates: that all is well is not known.
func (s *source) whole() error {
	for _, f := range s.found {
		if f.NotAfter.IsZero() || f.NotBefore.IsZero() {
			s.unread = append(s.unread, "it does not say from when until when the certificate "+f.Subject+" is valid")
		}
	}
	if len(s.unread) > 0 {
		return exit.Failed("%s: %s", s.Name, strings.Join(s.unread, "; "))
	}
	return nil
}
