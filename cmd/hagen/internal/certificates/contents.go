package certificates

import (
	"crypto/x509"
	"encoding/base64"
	"slices"

	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/pki"
	"hagen/pki/store"
)

// found is a certificate, or what a twin says of one, with all places that have it.
type found struct {
	read.Certificate
	item   string // of the PKI; "" if that is not known
	places []place
}

// place is a file that has a certificate.
type place struct {
	Host string `json:"host,omitempty"`
	Path string `json:"path"`
}

// source is something that was asked for, and what it has.
type source struct {
	Name         string `json:"name"`
	Kind         string `json:"kind"` // kindStore …
	Certificates int    `json:"certificates"`
	found        []found
}

// The kinds of sources.
const (
	kindStore      = "pki"
	kindTree       = "tree"
	kindDocument   = "document"
	kindKubeconfig = "kubeconfig"
	kindPEM        = "pem"
)

// add adds a certificate at a place, once for all places.
func (s *source) add(c read.Certificate, item string, at ...place) {
	i := slices.IndexFunc(s.found, func(f found) bool { return f.Identity == c.Identity })
	if i < 0 {
		i, s.found = len(s.found), append(s.found, found{Certificate: c, item: item})
		s.Certificates++
	}
	for _, p := range at {
		if !slices.Contains(s.found[i].places, p) {
			s.found[i].places = append(s.found[i].places, p)
		}
	}
	if s.found[i].item == "" {
		s.found[i].item = item
	}
}

// ofStore lists the certificates that the cluster asks for. Nothing shows those of hosts
// that are gone. passed counts these, and leaves without files.
func ofStore(view store.View) (s source, passed int) {
	s = source{Name: view.Name, Kind: kindStore}
	for _, held := range view.Items {
		switch {
		case held.Cert == nil && held.Request.Kind == pki.Leaf, held.Cert != nil && !held.Asked:
			passed++
		case held.Cert != nil:
			s.add(certificateOf(held.Cert), held.Request.Name)
		}
	}
	return s, passed
}

// certificateOf returns a certificate as gen/read has it.
func certificateOf(cert *x509.Certificate) read.Certificate {
	return read.Certificate{
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Identity: pki.Fingerprint(cert.Raw), Public: pki.KeyIDOf(cert), Certificate: cert,
	}
}

// addMachine adds the certificates of a machine. Whoever knows where they are placed knows
// what they are.
func (s *source) addMachine(n node.Node) {
	type one struct {
		path string
		read.Certificate
	}
	var all []one
	var paths []string
	for _, f := range n.Files {
		for _, c := range read.ParsePEM(f.Path, f.Contents).Certificates {
			all, paths = append(all, one{f.Path, c}), append(paths, f.Path)
		}
		for _, c := range embedded(f) {
			all = append(all, one{f.Path, c})
		}
	}
	for _, c := range all {
		s.add(c.Certificate, control.ItemIn(paths, n.Name, c.path), place{n.Name, c.path})
	}
}

// addKubeconfig adds the certificates in a kubeconfig, and in files that it names.
func (s *source) addKubeconfig(f node.File, files func(path string) read.PEM) {
	item := ""
	if f.Path == document.AdminPath {
		item = control.Admin
	}
	for _, c := range embedded(f) {
		if c.IsCA {
			s.add(c, "", place{"", f.Path})
		} else {
			s.add(c, item, place{"", f.Path})
		}
	}
	root, _ := read.ParseYAML(string(f.Contents))
	for _, n := range append(root.Get("clusters").Items(), root.Get("users").Items()...) {
		for _, path := range []string{n.Get("cluster", "certificate-authority").Value(), n.Get("user", "client-certificate").Value()} {
			if path == "" {
				continue
			}
			for _, c := range files(path).Certificates {
				s.add(c, item, place{"", path})
			}
		}
	}
}

// embedded lists the certificates of all clusters and users of a file, if it is a
// kubeconfig.
func embedded(f node.File) (all []read.Certificate) {
	if !isKubeconfig(f) {
		return nil
	}
	root, _ := read.ParseYAML(string(f.Contents))
	for _, n := range append(root.Get("clusters").Items(), root.Get("users").Items()...) {
		for _, data := range []string{n.Get("cluster", "certificate-authority-data").Value(), n.Get("user", "client-certificate-data").Value()} {
			text, err := base64.StdEncoding.DecodeString(data)
			if err != nil { // as a twin has it
				text = []byte(data)
			}
			all = append(all, read.ParsePEM(f.Path, text).Certificates...)
		}
	}
	return all
}

func isKubeconfig(f node.File) bool {
	_, _, is := read.ParseKubeconfig(f, nil)
	return is
}
