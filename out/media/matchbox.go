package media

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"hagen/gen/encode"
)

// matchboxDir is a data directory of Matchbox (poseidon/matchbox, docs/matchbox.md).
const matchboxDir = "matchbox"

// matchbox makes what Matchbox needs to boot a machine: a group, which its MAC address
// selects, the group's profile, and the document. Matchbox reads Ignition and writes it
// anew, so the document is one that carries the real one, whose bytes stay.
func matchbox(s Source, h *Host) ([]File, error) {
	server, err := url.Parse(s.Boot.URL)
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL", s.Boot.URL)
	}
	document, err := h.wrapped(s)
	if err != nil {
		return nil, err
	}
	words := []string{fmt.Sprintf("ignition.config.url=%s://%s/ignition?mac=%s", server.Scheme, server.Host, dashed(h.MAC))} // the first, which nothing cuts off
	var initrds []string
	for i, file := range s.Boot.Initrd {
		name := fmt.Sprint("initrd", i)
		words = append(words, "initrd="+name)
		initrds = append(initrds, "--name "+name+" "+s.below(file))
	}
	for _, word := range h.arguments(s, false) {
		words = append(words, strings.Fields(word)...)
	}
	if err := h.fitsKernel(s, strings.Join(words, " ")); err != nil {
		return nil, err
	}
	name := s.Cluster + "-" + h.Name
	f := h.carries("", document)
	f.File, f.InstallDisk = path.Join(matchboxDir, "ignition", name+".ign"), h.InstallDisk
	return []File{
		f,
		object(path.Join(matchboxDir, "groups", name+".json"), map[string]any{
			"id": name, "name": h.Name + " of " + s.Cluster, "profile": name, "selector": map[string]any{"mac": h.MAC},
		}),
		object(path.Join(matchboxDir, "profiles", name+".json"), map[string]any{
			"id": name, "name": h.Name + " of " + s.Cluster, "ignition_id": name + ".ign",
			"boot": map[string]any{"kernel": s.below(s.Boot.Kernel), "initrd": initrds, "args": words},
		}),
	}, nil
}

// wrapped is the host's document in one that carries it, as it may be already. Twins are
// for reading.
func (h *Host) wrapped(s Source) ([]byte, error) {
	document := h.first()
	if s.Twins {
		return document, nil
	}
	if _, carries, err := encode.Given(document, h.OS); err != nil || carries {
		return document, err
	}
	return encode.Wrap(document, h.OS)
}

// object is a file of JSON.
func object(name string, value map[string]any) File {
	return plainFile(name, string(indented(value)))
}
