package site

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Workstation runs a line of shell at the operator's workstation, beside the cluster file,
// with the tools of the newest release and further variables.
func (c *Cluster) Workstation(line string, environment ...string) (string, error) {
	args := append([]string{"-C", c.Dir, "PATH=" + c.Parts.Binaries + ":" + os.Getenv("PATH")}, environment...)
	return Run("env", append(args, "sh", "-c", line)...)
}

// Put puts a binary in the place of one that may be running.
func (h *Host) Put(binary, place string) error {
	place = filepath.Join(h.Root, place)
	if _, err := Run("cp", binary, place+".new"); err != nil {
		return err
	}
	return os.Rename(place+".new", place)
}

// Write replaces a file that is there, as a document has it.
func (h *Host) Write(document, place string) error {
	contents, err := fileOf(document, place)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.Root, place), contents, 0o644)
}

// fileOf reads a file or unit out of an Ignition document.
func fileOf(document, place string) ([]byte, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	var read struct {
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Source, Compression string }
			}
		}
		Systemd struct {
			Units []struct{ Name, Contents string }
		}
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	for _, u := range read.Systemd.Units {
		if place == "/etc/systemd/system/"+u.Name {
			return []byte(u.Contents), nil
		}
	}
	for _, f := range read.Storage.Files {
		if f.Path == place {
			return readData(f.Contents.Source, f.Contents.Compression)
		}
	}
	return nil, fmt.Errorf("%s has no %s", document, place)
}

// readData reads a data URL (RFC 2397).
func readData(source, compression string) ([]byte, error) {
	head, data, isData := strings.Cut(strings.TrimPrefix(source, "data:"), ",")
	if !isData {
		return nil, errors.New("no data URL: " + source)
	}
	open, err := url.PathUnescape(data)
	contents := []byte(open)
	if strings.HasSuffix(head, ";base64") {
		contents, err = base64.StdEncoding.DecodeString(open)
	}
	if err != nil || compression != "gzip" {
		return contents, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(contents))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

// Host finds a host by its name.
func (c *Cluster) Host(name string) (*Host, error) {
	i := slices.IndexFunc(c.Hosts(), func(h *Host) bool { return h.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no host %s", name)
	}
	return c.Hosts()[i], nil
}

// Plan writes a layout's cluster file beside the first one, and gives its name.
func (c *Cluster) Plan(l Layout) (string, error) {
	return planned, os.WriteFile(filepath.Join(c.Dir, planned), []byte(l.file("standard", nil)), 0o644)
}

const planned = "planned.yaml"

// Accept puts the cluster file of the last plan in the place of the first one.
func (c *Cluster) Accept() error {
	return os.Rename(filepath.Join(c.Dir, planned), filepath.Join(c.Dir, "cluster.yaml"))
}

// Reimage switches a host off politely, makes its system again from its
// document, and switches it on, at the address that the layout has for it. A disk
// that is kept is kept.
func (c *Cluster) Reimage(h *Host) error {
	if err := h.Shutdown(); err != nil {
		return err
	}
	for _, row := range slices.Concat(c.Layout.masters(), c.Layout.Balancers) {
		if row.Name == h.Name {
			h.Address = netip.MustParseAddr(row.Address)
		}
	}
	if err := c.Install(h); err != nil {
		return err
	}
	return h.Boot()
}

// Resolve lets the names of clients stand for the layout's addresses from now on.
func (c *Cluster) Resolve() error { return c.Layout.workstation(c.Parts) }
