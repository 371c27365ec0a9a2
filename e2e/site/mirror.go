package site

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// MirrorURL is where the site serves binaries, at the operator's workstation.
const MirrorURL = "http://" + Operator + ":8085/files"

// MirrorDir is what is served there.
func (p Parts) MirrorDir() string { return filepath.Join(p.Work, "mirror") }

// FillMirror puts binaries into the mirror as upstream has them: Kubernetes'
// one by one, etcd's and HAProxy's in archives. HAProxy is the distribution's.
func (p Parts) FillMirror() error {
	dir := p.MirrorDir()
	release := filepath.Join(dir, "dl.k8s.io/release/v"+os.Getenv("E2E_KUBERNETES")+"/bin/linux/amd64")
	said, err := Run(filepath.Join(p.Binaries, "etcd"), "--version")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(said, "\n")
	etcd := "etcd-v" + strings.TrimPrefix(first, "etcd Version: ") + "-linux-amd64"
	packed := filepath.Join(p.Work, "packed", etcd)
	if err := errors.Join(os.MkdirAll(release, 0o755), os.MkdirAll(packed, 0o755)); err != nil {
		return err
	}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if err := os.Link(filepath.Join(p.Binaries, name), filepath.Join(release, name)); err != nil {
			return err
		}
	}
	return all(
		// No links: tar complains of a file that another site links meanwhile.
		fmt.Sprintf("cp %s/etcd %[1]s/etcdctl %[2]s", p.Binaries, packed),
		fmt.Sprintf("tar -czf %s/%s.tar.gz -C %s/packed %[2]s", dir, etcd, p.Work),
		fmt.Sprintf("tar -czf %s/haproxy.tar.gz -C %s usr/sbin/haproxy", dir, p.Base),
	)
}

// FillImages makes system extensions of what is in the mirror, and of the
// distribution's HAProxy and keepalived, and puts them there. The latter are
// linked against the distribution's libraries, so the images are for it alone.
func (p Parts) FillImages(l Layout) error {
	dir := filepath.Join(p.Work, "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(l.file("standard", nil)), 0o644); err != nil {
		return err
	}
	for _, name := range []string{"haproxy", "keepalived"} {
		if err := all(fmt.Sprintf("cp %s/usr/sbin/%s %s", p.Base, name, p.MirrorDir())); err != nil {
			return err
		}
	}
	_, err := Run(p.Hagen, "sysext", "build", "-f", file, "--from", p.MirrorDir(), "-o", p.MirrorDir(), "--for", "debian:12")
	return err
}

// Mirror is a plain HTTP server of files.
type Mirror struct {
	Served atomic.Int64 // how many files
	server *http.Server
}

// Serve opens the mirror. What spoil gives for a path below it is served
// instead of the file there; nil spoils nothing.
func (p Parts) Serve(spoil func(path string) []byte) (*Mirror, error) {
	listener, err := net.Listen("tcp", strings.TrimSuffix(strings.TrimPrefix(MirrorURL, "http://"), "/files"))
	if err != nil {
		return nil, err
	}
	m := &Mirror{}
	files := http.StripPrefix("/files/", http.FileServer(http.Dir(p.MirrorDir())))
	m.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.Served.Add(1)
		if spoil != nil {
			if contents := spoil(strings.TrimPrefix(r.URL.Path, "/files/")); contents != nil {
				w.Write(contents)
				return
			}
		}
		files.ServeHTTP(w, r)
	})}
	go m.server.Serve(listener)
	return m, nil
}

// Close closes the mirror.
func (m *Mirror) Close() error { return m.server.Close() }
