package gen_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen"
	"hagen/gen/cases"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/profiles"
)

// everything asks for all documents to be wrapped.
func everything(*document.Document) bool { return true }

// TestWrapped: Ignition's own validator takes every wrapped document, and the
// one in it, and a master of the standard profile is small enough for AWS with
// 4.5 KiB to spare.
func TestWrapped(t *testing.T) {
	t.Parallel()
	validate := program(t, "ignition-validate")
	const most = 11<<10 + 512
	aws, dir := channel(t, "aws"), t.TempDir()
	for _, name := range shapes(t) {
		c, _, plain := fresh(t, name)
		wrapped, err := gen.Wrap(plain, everything)
		if err != nil {
			t.Fatal(err)
		}
		for i := range plain {
			host := plain[i].Host.Name
			before, after := plain[i].DocumentsFor(aws), wrapped[i].DocumentsFor(aws)
			if len(before) == 0 || len(before) != len(after) {
				t.Fatalf("%s: %s is given %d documents, and wrapped %d", name, host, len(before), len(after))
			}
			for j, d := range after {
				if !d.Wrapped || before[j].Wrapped || len(d.Text) >= len(before[j].Text) {
					t.Errorf("%s: %s: %d bytes, wrapped %d (%t)", name, d.Path, len(before[j].Text), len(d.Text), d.Wrapped)
				}
				if name == "standard" && len(d.Text) > most {
					t.Errorf("%s: %s: wrapped it is %d bytes, more than %d", name, d.Path, len(d.Text), most)
				}
				if c.PKI.Algorithm == "ecdsa-p256" && !gen.Fits(aws, d.Text) {
					t.Errorf("%s: %s does not fit aws: %d bytes", name, d.Path, len(d.Text))
				}
				if d.Format == document.Gzipped {
					continue // TestCloudInitGzip
				}
				inner, carries, err := encode.Given(d.Text, wrapped[i].Host.OS)
				if err != nil || !carries {
					t.Fatal(carries, err)
				}
				silent(t, validate, write(t, filepath.Join(dir, "config.ign"), d.Text))
				silent(t, validate, write(t, filepath.Join(dir, "inner.ign"), inner))
			}
		}
	}
}

func channel(t *testing.T, name string) *profiles.Channel {
	t.Helper()
	c, known := profiles.FindChannel(name)
	if !known {
		t.Fatalf("there is no channel %s", name)
	}
	return &c
}

// master gives the first master of the standard case for an operating system,
// with further formats.
func master(t *testing.T, system string, formats ...string) []gen.Machine {
	t.Helper()
	c := readCase(t, "standard")
	for i := range c.Members() {
		c.Machines[i].OS, _ = profiles.FindOS(system)
	}
	machines, err := gen.Render(c, fixedPKI(t, "standard"), control.Options{}, []string{c.Machines[0].Name}, formats)
	if err != nil {
		t.Fatal(err)
	}
	return machines
}

// TestGiven: a machine is given on a channel what is read there, packed if it
// has to be and in the form that arrives, and nothing else.
func TestGiven(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		system, further, channel string
		given                    string // paths; "+" where it is wrapped
	}{
		{"fcos", "", "aws", "config.ign+"},
		{"fcos", "", "hetzner", "config.ign"},
		{"fcos", "", "nocloud", ""},
		{"fcos", "user-data", "nocloud", "user-data"},
		{"fcos", "user-data", "aws", "config.ign+ user-data.gz+"},
		{"debian", "", "aws", "user-data.gz+"},
		{"debian", "", "oracle", "user-data.gz+"},
		{"debian", "", "hetzner", "user-data"},
		{"debian", "", "fcos-iso", ""}, {"debian", "", "qemu", ""}, {"debian", "", "url", ""},
		{"debian", "ignition", "url", "config.ign"},
		{"debian", "ignition", "aws", "config.ign+ user-data.gz+"},
	} {
		c := channel(t, test.channel)
		wrapped, err := gen.Wrap(master(t, test.system, test.further), func(d *document.Document) bool { return !gen.Fits(c, d.Text) })
		if err != nil {
			t.Fatal(err)
		}
		var given []string
		m := &gen.ForChannel(c, wrapped)[0]
		for _, d := range m.DocumentsFor(c) {
			name := filepath.Base(d.Path)
			if d.Wrapped {
				name += "+"
			}
			if !gen.Fits(c, d.Text) || !m.Delivers(d) {
				t.Errorf("%s: %s: %d bytes, given %t", c.Name, d.Path, len(d.Text), m.Delivers(d))
			}
			given = append(given, name)
		}
		if got := strings.Join(given, " "); got != test.given {
			t.Errorf("%s with %q is given on %s %q, not %q", test.system, test.further, test.channel, got, test.given)
		}
	}
}

// TestCloudInitGzip: cloud-init itself reads what is packed as user-data, on
// hetzner by what its data source there decodes.
func TestCloudInitGzip(t *testing.T) {
	t.Parallel()
	program(t, "cloud-init")
	const ask = `import sys
from cloudinit import user_data
from cloudinit.sources.helpers import hetzner
for path in sys.argv[1:]:
    text = open(path, "rb").read()
    if path.endswith(".b64"):
        text.decode("ascii")
        text = hetzner.maybe_b64decode(text)
    part = user_data.convert_string(text)
    sys.stdout.buffer.write(part.get_content_type().encode() + b"\n" + part.get_payload(decode=True))
`
	plain := master(t, "debian")
	wrapped, err := gen.Wrap(plain, everything)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	said := func(d *document.Document) string {
		out, err := exec.Command("/usr/bin/python3", "-c", ask, write(t, filepath.Join(dir, d.Format), d.Text)).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	want := said(plain[0].DocumentsFor(&profiles.Channel{})[0])
	if !strings.Contains(want, "#cloud-config") {
		t.Fatalf("cloud-init reads\n%.200s", want)
	}
	for name, form := range map[string]string{"aws": document.Gzipped, "hetzner": document.GzippedText, "digitalocean": profiles.UserData} {
		c := channel(t, name)
		d := gen.ForChannel(c, wrapped)[0].DocumentsFor(c)[0]
		if d.Format != form {
			t.Fatalf("%s is given %s, not %s", name, d.Format, form)
		}
		if got := said(d); got != want {
			t.Errorf("%s: cloud-init reads\n%.200s\nfor\n%.200s", name, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	noise := func(n int) []byte { // what does not compress: hashes of the place
		var out []byte
		for i := 0; len(out) < n; i++ {
			out = fmt.Appendf(out, "%x", uint64(i+1)*0x9e3779b97f4a7c15)
		}
		return out[:n]
	}
	for _, test := range []struct {
		channel string
		size    int
		fits    bool
	}{
		{"aws", 16384, true}, {"aws", 16385, false},
		{"openstack", 49149, true}, {"openstack", 49152, false}, // 65535 of base64
		{"fcos-iso", 262144 - 512, true}, {"fcos-iso", 300_000, true}, {"fcos-iso", 1_000_000, false},
		{"nocloud", 50_000_000, true}, {"other", 32768, true}, {"other", 32769, false},
	} {
		c := channel(t, test.channel)
		text := make([]byte, test.size)
		if c.Counts == profiles.Gzip {
			text = noise(test.size)
		}
		if got := gen.Fits(c, text); got != test.fits {
			t.Errorf("%d bytes fit %s: %t, counted %d", test.size, c.Name, got, gen.Size(c, text))
		}
	}
}

// TestGoldenChannels keeps the table of docs/delivery.md, which is made from
// the rows.
func TestGoldenChannels(t *testing.T) {
	const path, begin, end = "../docs/delivery.md", "<!-- channels: make golden -->\n", "<!-- end -->\n"
	counted := map[profiles.Counts]string{profiles.Raw: "", profiles.Base64: " of base64", profiles.Gzip: " compressed"}
	var b strings.Builder
	b.WriteString("| channel | what it is | read by | bytes | takes gzip of | `hagen media` | says who |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	names := map[string]bool{}
	for _, c := range profiles.Channels() {
		limit, source := "no limit", c.Source
		if c.Limit > 0 {
			limit = fmt.Sprintf("%d%s", c.Limit, counted[c.Counts])
		}
		if c.Note != "" {
			source += "; " + c.Note
		}
		packed := slices.Clone(c.Unzips)
		for _, format := range c.Decodes {
			packed = append(packed, format+", as base64")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", c.Name, c.Summary, strings.Join(c.Readers, ", "), limit, strings.Join(packed, ", "), strings.Join(c.Media, ", "), source)
		if names[c.Name] || c.Source == "" || len(c.Readers) == 0 || c.Limit > 0 && c.Counts == "" {
			t.Errorf("%s stands twice, or lacks something: %+v", c.Name, c)
		}
		names[c.Name] = true
		for _, format := range slices.Concat(c.Unzips, c.Decodes) {
			if reader := profiles.Reader(format); reader == "" || !c.Serves(reader) {
				t.Errorf("%s: nothing reads %s there", c.Name, format)
			}
		}
		for _, kind := range c.Media {
			k, known := profiles.FindKind(kind)
			if !known || !slices.ContainsFunc(c.Readers, k.Serves) {
				t.Errorf("%s: no reader of %s reads there", c.Name, kind)
			}
		}
		for _, reader := range c.Readers {
			if len(profiles.SystemsOf(reader)) == 0 {
				t.Errorf("%s: nothing is set up by %s", c.Name, reader)
			}
		}
	}
	if err := cases.Section(path, begin, end, b.String(), *update); err != nil {
		t.Error(err)
	}
}
