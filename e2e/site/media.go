package site

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bootURL is where the site serves what machines boot from over the network, at the
// operator's workstation.
const bootURL = "http://" + bootServer + "/boot"

const bootServer = Operator + ":8086"

// installBooted installs hosts that are given nothing: each asks for a script by its MAC
// address, as a machine with iPXE does, and finds its document by what is there.
func (c *Cluster) installBooted(hosts []*Host) error {
	if err := c.serveMedia(); err != nil {
		return err
	}
	return together(hosts, func(h *Host) error {
		b, err := fetchScript(strings.ReplaceAll(h.mac(), ":", "-") + ".ipxe")
		if err != nil {
			return err
		}
		if c.Layout.OS == debian { // cloud-init is in the image, and reads the words
			h.words = b.words
			return h.lay(c.Parts.CloudBase, func(root string) error { return h.binaries(c.Parts, root, "usr/local/bin") })
		}
		return errors.Join(h.lay(c.Parts.Base, func(root string) error { return h.binaries(c.Parts, root, "usr/bin") }), h.igniteBooted(c.Parts, b))
	})
}

// serveMedia makes the media of the cluster's machines, and serves them.
func (c *Cluster) serveMedia() error {
	if c.stop != nil {
		return nil
	}
	if _, err := Run("env", "-C", c.Dir, c.Parts.Hagen, "media", "--kind", "netboot"); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", bootServer)
	if err != nil {
		return err
	}
	files := http.FileServer(http.Dir(filepath.Join(c.Dir, "media/kubernetes/netboot")))
	server := &http.Server{Handler: http.StripPrefix("/boot", files)}
	c.stop = server.Close
	go server.Serve(listener)
	return nil
}

// booted is what a script of iPXE makes a machine do.
type booted struct {
	words   []string // of the kernel's command line
	initrds []string // URLs
}

// fetchScript reads a script: its lines "kernel URL WORD… || …" and "initrd --name NAME URL || …".
func fetchScript(name string) (b booted, err error) {
	text, err := fetchFile(bootURL + "/" + name)
	if err != nil {
		return b, err
	}
	for line := range strings.Lines(string(text)) {
		command, _, _ := strings.Cut(line, "||")
		switch words := strings.Fields(command); {
		case len(words) > 2 && words[0] == "kernel":
			b.words = words[2:]
		case len(words) == 4 && words[0] == "initrd":
			b.initrds = append(b.initrds, words[3])
		}
	}
	if len(b.words) == 0 || len(b.initrds) == 0 {
		return b, fmt.Errorf("%s boots nothing:\n%s", name, text)
	}
	return b, nil
}

// fetchFile fetches a file.
func fetchFile(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, answer.Status)
	}
	return text, err
}

// igniteBooted runs Ignition as the host's initrd does: what was loaded after the operating
// system's own initrd is unpacked over it, and Ignition finds the document there.
func (h *Host) igniteBooted(p Parts, b booted) error {
	dir, err := os.MkdirTemp(p.Work, "initrd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, url := range b.initrds[1:] { // the first is the operating system's
		text, err := fetchFile(url)
		if err != nil {
			return err
		}
		archive := filepath.Join(dir, ".archive")
		if err := os.WriteFile(archive, text, 0o600); err != nil {
			return err
		}
		if _, err := Run("sh", "-c", `cd "$1" && gzip -dc "$0" | cpio --extract --make-directories --quiet`, archive, dir); err != nil {
			return err
		}
	}
	line := filepath.Join(dir, ".cmdline")
	if err := os.WriteFile(line, []byte(strings.Join(b.words, " ")+"\n"), 0o600); err != nil {
		return err
	}
	platform := slices.IndexFunc(b.words, func(w string) bool { return strings.HasPrefix(w, platformWord) })
	if platform < 0 || !slices.Contains(b.words, "ignition.firstboot") {
		return fmt.Errorf("%s: Ignition would not run: %q", h.Name, b.words)
	}
	return h.stages(p, strings.TrimPrefix(b.words[platform], platformWord),
		"IGNITION_KERNEL_CMDLINE_PATH="+line, "IGNITION_SYSTEM_CONFIG_DIR="+filepath.Join(dir, "usr/lib/ignition"),
		"IGNITION_SYSTEM_LOCAL_CONFIG_DIR="+filepath.Join(dir, "etc/ignition"), "IGNITION_SYSTEM_RUNTIME_CONFIG_DIR="+filepath.Join(dir, "run/ignition"))
}

const platformWord = "ignition.platform.id="
