package gen_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen"
	"hagen/gen/encode"
	"hagen/profiles"
)

// TestWrapped: Ignition's own validator takes every wrapped document, and the
// one in it, and a master of the standard profile is small enough for AWS with
// a third to spare.
func TestWrapped(t *testing.T) {
	validate := program(t, "ignition-validate")
	const most = 10 << 10
	for _, name := range goldenCases(t) {
		c, _, machines := fresh(t, name)
		machines = slices.DeleteFunc(machines, func(m gen.Machine) bool {
			_, found := m.Delivered()
			return !found // it gets nothing for Ignition
		})
		var names []string
		plain := map[string][]byte{}
		for _, m := range machines {
			names = append(names, m.Host.Name)
			d, _ := m.Delivered()
			plain[m.Host.Name] = d.Text
		}
		if err := gen.Wrap(machines, names); err != nil {
			t.Fatal(err)
		}
		for _, m := range machines {
			d, _ := m.Delivered()
			if !d.Wrapped || len(d.Text) >= len(plain[m.Host.Name]) {
				t.Errorf("%s: %s: %d bytes, wrapped %d (%t)", name, m.Host.Name, len(plain[m.Host.Name]), len(d.Text), d.Wrapped)
			}
			if name == "standard" && len(d.Text) > most {
				t.Errorf("%s: %s: wrapped it is %d bytes, more than %d", name, m.Host.Name, len(d.Text), most)
			}
			if d.Format == gen.Gzipped {
				continue // TestCloudInitGzip
			}
			inner, wrapped, err := encode.Unwrap(d.Text)
			if err != nil || !wrapped {
				t.Fatal(wrapped, err)
			}
			dir := t.TempDir()
			silent(t, validate, write(t, filepath.Join(dir, "config.ign"), d.Text))
			silent(t, validate, write(t, filepath.Join(dir, "inner.ign"), inner))
		}
		if c.PKI.Algorithm == "ecdsa-p256" {
			aws, _ := profiles.FindChannel("aws")
			for _, m := range machines {
				if d, _ := m.Delivered(); !gen.Fits(aws, d.Text) {
					t.Errorf("%s: %s does not fit aws: %d bytes", name, m.Host.Name, len(d.Text))
				}
			}
		}
	}
}

// TestCloudInitGzip: cloud-init itself reads user-data.gz as user-data.
func TestCloudInitGzip(t *testing.T) {
	program(t, "cloud-init")
	const ask = `import sys
from cloudinit import user_data
for path in sys.argv[1:]:
    part = user_data.convert_string(open(path, "rb").read())
    sys.stdout.buffer.write(part.get_content_type().encode() + b"\\n" + part.get_payload(decode=True))
`
	c := readCase(t, "standard")
	for i := range c.Masters {
		c.Masters[i].OS, _ = profiles.FindOS("debian")
	}
	machines, err := gen.Render(c, fixedPKI(t, "standard", c), []string{c.Masters[0].Name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, found := machines[0].Delivered()
	if err := gen.Wrap(machines, []string{c.Masters[0].Name}); err != nil || !found {
		t.Fatal(err, found)
	}
	packed, _ := machines[0].Delivered()
	if packed.Format != gen.Gzipped || len(packed.Text)*3 > len(plain.Text) {
		t.Fatalf("%s has %d bytes, %s %d", plain.Format, len(plain.Text), packed.Format, len(packed.Text))
	}
	dir := t.TempDir()
	said := map[string]string{}
	for _, d := range []gen.Document{plain, packed} {
		out, err := exec.Command("/usr/bin/python3", "-c", ask, write(t, filepath.Join(dir, d.Format), d.Text)).Output()
		if err != nil {
			t.Fatal(err)
		}
		said[d.Format] = string(out)
	}
	if said[packed.Format] != said[plain.Format] || !strings.Contains(said[packed.Format], "#cloud-config") {
		t.Errorf("cloud-init reads\n%.200s\nfor\n%.200s", said[packed.Format], said[plain.Format])
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
		c, known := profiles.FindChannel(test.channel)
		if !known {
			t.Fatalf("there is no channel %s", test.channel)
		}
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
	b.WriteString("| channel | what it is | bytes | takes gzip of | says who |\n| --- | --- | --- | --- | --- |\n")
	names := map[string]bool{}
	for _, c := range profiles.Channels() {
		limit, source := "no limit", c.Source
		if c.Limit > 0 {
			limit = fmt.Sprintf("%d%s", c.Limit, counted[c.Counts])
		}
		if c.Note != "" {
			source += "; " + c.Note
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", c.Name, c.Summary, limit, strings.Join(c.Unzips, ", "), source)
		if names[c.Name] || c.Source == "" || c.Limit > 0 && c.Counts == "" {
			t.Errorf("%s stands twice, or lacks something: %+v", c.Name, c)
		}
		names[c.Name] = true
		for _, format := range c.Unzips {
			if !slices.Contains(profiles.Formats(), format) {
				t.Errorf("%s: there is no format %s", c.Name, format)
			}
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	have, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table: %q and %q", path, begin, end)
	}
	if have == b.String() {
		return
	}
	if !*update {
		t.Errorf("%s does not say what the rows say: make golden rewrites it", path)
	} else if err := os.WriteFile(path, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
