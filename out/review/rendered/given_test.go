package rendered

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"hagen/gen/document"
)

// TestGiven: one document of one machine is read, and nothing else is opened.
func TestGiven(t *testing.T) {
	golden := golden(t, "mixed")
	for host, unit := range map[string]string{"kubem00": "etcd.service", "kubem02": "etcd.service", "lb00": "haproxy.service"} {
		d, err := Given(golden, host)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Machine(d)
		if err != nil {
			t.Fatal(err)
		}
		var units []string
		for _, u := range n.Units {
			units = append(units, u.Name)
		}
		if !strings.Contains(strings.Join(units, " "), unit) {
			t.Errorf("%s: %s has units %v", host, d.Path, units)
		}
	}
	tree := fstest.MapFS{
		"pipe/config.ign":  {Mode: fs.ModeNamedPipe},
		"pipe/user-data":   {Data: []byte("#cloud-config\n{")},
		"large/config.ign": {Data: make([]byte, maxFile+1)},
		"none/config.bu":   {Data: []byte("variant: fcos\n")},
	}
	if d, err := Given(tree, "pipe"); err != nil || d.Path != "pipe/user-data" {
		t.Errorf("%v %v", d, err)
	} else if _, err := Machine(d); err == nil {
		t.Error("half a document is read")
	}
	for _, host := range []string{"large", "none", "nobody"} {
		if d, err := Given(tree, host); err == nil {
			t.Errorf("%s: %v", host, d.Path)
		}
	}
}

func TestMachineOfNoDocument(t *testing.T) {
	_, err := Machine(document.Document{Format: document.Gzipped, Path: "kubem00/user-data.gz"})
	if err == nil || err.Error() != "kubem00/user-data.gz: is not a document that describes a machine" {
		t.Error(err)
	}
}
