package show

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/rendered"
)

// many makes a tree of as many masters as that out of a golden one, whose
// certificates and keys each have.
func many(tb testing.TB, hosts int) fstest.MapFS {
	tb.Helper()
	tree := fstest.MapFS{}
	golden := os.DirFS("../../../testdata/standard/golden")
	for _, document := range []string{"config.bu", "config.ign"} {
		text, err := fs.ReadFile(golden, "kubem00/"+document)
		if err != nil {
			tb.Fatal(err)
		}
		for i := range hosts {
			name := fmt.Sprintf("host%03d", i)
			own := strings.ReplaceAll(string(text), "kubem00", name)
			tree[name+"/"+document] = &fstest.MapFile{Data: []byte(own)}
		}
	}
	return tree
}

var fingerprint = regexp.MustCompile(`SHA-256(%20| )[0-9a-f]{8}`)

// changed has another fingerprint everywhere, a flag with another value, one
// more line in /etc/hosts, and a host that is not the same as all others.
func changed(tree fstest.MapFS) fstest.MapFS {
	out := fstest.MapFS{}
	for path, file := range tree {
		text := fingerprint.ReplaceAllString(string(file.Data), "SHA-256${1}00000000")
		text = strings.ReplaceAll(text, "goaway-chance=0.001", "goaway-chance=0.002")
		text = strings.ReplaceAll(text, "10.10.10.2%20kubernetes", "10.10.10.9%20kubernetes")
		if strings.HasPrefix(path, "host007/") {
			text = strings.ReplaceAll(text, "--v=2", "--v=4")
		}
		out[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// BenchmarkHosts reads two trees of 500 machines, all of which differ in every
// certificate and key, compares them and writes the result: the target is 5 s.
func BenchmarkHosts(b *testing.B) {
	before := many(b, 500)
	after := changed(before)
	var text string
	for b.Loop() {
		var sides [2]diff.Side
		for i, tree := range []fs.FS{before, after} {
			read, err := rendered.ReadMachines(tree)
			if err != nil {
				b.Fatal(err)
			}
			for _, h := range read.Hosts {
				sides[i].Machines = append(sides[i].Machines, h.Node)
			}
		}
		text = Text(order.Of(sides[0], sides[1]), Heading{}, Style{})
	}
	if !strings.Contains(text, "500 of 500 machines change") {
		b.Error(text)
	}
	b.ReportMetric(float64(len(text)), "bytes/text")
}
