package certificates

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

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
	gone         []string // items that are asked for, without files
	unread       []string // certificates that cannot be read, in words
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

// parse reads the certificates in a text, and notes those that cannot be read.
func (s *source) parse(where string, text []byte) []read.Certificate {
	all := read.ParsePEM(where, text).Certificates
	if damaged := bytes.Count(text, []byte("-----BEGIN CERTIFICATE-----")) - len(all); damaged > 0 {
		s.unread = append(s.unread, where+": a certificate in it is damaged")
	}
	return all
}

// ofStore lists the certificates that the cluster asks for. Nothing shows those of hosts
// that are gone. passed counts these.
func ofStore(view store.View) (s source, passed int) {
	s = source{Name: view.Name, Kind: kindStore}
	for _, held := range view.Items {
		switch {
		case held.Cert == nil && held.Request.Kind == pki.Leaf && held.Asked:
			s.gone = append(s.gone, held.Request.Name)
		case keyed(held.Request.Kind) && !held.Asked:
			passed++
		case held.Cert != nil:
			s.add(certificateOf(held.Cert), held.Request.Name)
			for _, g := range held.Generations {
				if g.State != pki.Present && g.X509 != nil {
					s.add(certificateOf(g.X509), held.Request.Name)
				}
			}
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
		for _, c := range s.parse(strings.TrimPrefix(n.Name+":"+f.Path, ":"), f.Contents) {
			all, paths = append(all, one{f.Path, c}), append(paths, f.Path)
		}
		if !isKubeconfig(f) {
			continue
		}
		for _, e := range entries(f) {
			for _, c := range e.embedded(s, n.Name+":"+f.Path) {
				all = append(all, one{f.Path, c})
			}
		}
	}
	for _, c := range all {
		s.add(c.Certificate, control.ItemIn(paths, n.Name, c.path), place{n.Name, c.path})
	}
}

// addKubeconfig adds the certificates in a kubeconfig, and in files that it names.
func (s *source) addKubeconfig(f node.File, text func(path string) ([]byte, error)) {
	item := ""
	if f.Path == document.AdminPath {
		item = control.Admin
	}
	for _, e := range entries(f) {
		its := item
		if e.authority {
			its = ""
		}
		for _, c := range e.embedded(s, f.Path) {
			s.add(c, its, place{"", f.Path})
		}
		if e.file == "" || e.data != "" {
			continue
		}
		contents, err := text(e.file)
		all := s.parse(e.file, contents)
		if err != nil || len(all) == 0 {
			s.unread = append(s.unread, fmt.Sprintf("%s: %s names the certificate %s, which cannot be read", f.Path, e.name, e.file))
		}
		for _, c := range all {
			s.add(c, its, place{"", e.file})
		}
	}
}

// entry is a cluster or a user of a kubeconfig, as far as it has a certificate.
type entry struct {
	name       string // for messages
	authority  bool   // it is a cluster, whose authority this is
	data, file string
}

// entries lists those of a kubeconfig.
func entries(f node.File) (all []entry) {
	root, _ := read.ParseYAML(string(f.Contents))
	for _, kind := range []struct{ list, one, field string }{{"clusters", "cluster", "certificate-authority"}, {"users", "user", "client-certificate"}} {
		for _, n := range root.Get(kind.list).Items() {
			all = append(all, entry{
				name: kind.one + " " + n.Get("name").Value(), authority: kind.one == "cluster",
				data: n.Get(kind.one, kind.field+"-data").Value(), file: n.Get(kind.one, kind.field).Value(),
			})
		}
	}
	return all
}

// embedded returns the certificates that an entry holds.
func (e entry) embedded(s *source, where string) []read.Certificate {
	if e.data == "" {
		return nil
	}
	text, err := base64.StdEncoding.DecodeString(e.data)
	if err != nil { // as a twin has it
		text = []byte(e.data)
	}
	all := s.parse(where, text)
	if len(all) == 0 {
		s.unread = append(s.unread, fmt.Sprintf("%s: the certificate of %s cannot be read", where, e.name))
	}
	return all
}

func isKubeconfig(f node.File) bool {
	_, _, is := read.ParseKubeconfig(f, nil)
	return is
}
