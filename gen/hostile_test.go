package gen_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"hagen/gen"
	"hagen/gen/spec"
)

// plain is a good cluster file to begin from.
const plain = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata:
  name: kubernetes
spec:
  endpoint: kubernetes:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters:
    - {name: kubem00, addresses: [10.10.10.80]}
    - {name: kubem01, addresses: [10.10.10.81]}
    - {name: kubem02, addresses: [10.10.10.82]}
  loadBalancers:
    - {name: kubernetes, addresses: [10.10.10.2]}
`

// TestBytes: files whose bytes are the fault, which an archive cannot hold.
func TestBytes(t *testing.T) {
	utf16 := func(order string) string {
		text := map[string]string{"little": "\xff\xfe", "big": "\xfe\xff"}[order]
		for _, b := range []byte(plain) {
			if order == "little" {
				text += string([]byte{b, 0})
			} else {
				text += string([]byte{0, b})
			}
		}
		return text
	}
	utf32 := func(order string) string {
		text := map[string]string{"little": "\xff\xfe\x00\x00", "big": "\x00\x00\xfe\xff"}[order]
		for _, b := range []byte(plain) {
			if order == "little" {
				text += string([]byte{b, 0, 0, 0})
			} else {
				text += string([]byte{0, 0, 0, b})
			}
		}
		return text
	}
	in := func(what string) string { return strings.Replace(plain, "kubem01", "kube"+what+"m01", 1) }
	const start = "\n      hagen init writes a file to start from"
	for _, test := range []struct{ what, text, want string }{
		{"empty", "", "cluster.yaml: the file is empty" + start},
		{"blank", " \n\t\n\r\n", "cluster.yaml: the file is empty" + start},
		{"only a byte order mark", "\uFEFF", "cluster.yaml: the file is empty" + start},
		{"UTF-16 little", utf16("little"), "cluster.yaml: the file is UTF-16 text\n      save it as UTF-8"},
		{"UTF-16 big", utf16("big"), "cluster.yaml: the file is UTF-16 text\n      save it as UTF-8"},
		{"UTF-16 without mark", utf16("little")[2:], "cluster.yaml:1:2: the control character U+0000 stands here\n    1 | a\\x00p\\x00i\\x00V\\x00e\\x00r\\x00s\\x00i\\x00o\\x00n\\x00:\\x00 \\x00h\\x00a\\x00g\\x00e\\x00n\\x00/\\x00v\\x001\\x00a\\x00l\\x00p\\x00h\\x00a\\x001\\x00\n      |  ^\n      remove it: a cluster file is plain text"},
		{"UTF-32 little", utf32("little"), "cluster.yaml: the file is UTF-32 text\n      save it as UTF-8"},
		{"UTF-32 big", utf32("big"), "cluster.yaml: the file is UTF-32 text\n      save it as UTF-8"},
		{"Latin-1", in("\xfc"), "cluster.yaml:11:18: byte 0xfc is not UTF-8\n   11 |     - {name: kube?m01, addresses: [10.10.10.81]}\n      |                  ^\n      save the file as UTF-8"},
		{"NUL", in("\x00"), "cluster.yaml:11:18: the control character U+0000 stands here\n   11 |     - {name: kube\\x00m01, addresses: [10.10.10.81]}\n      |                  ^\n      remove it: a cluster file is plain text"},
		{"terminal escape", in("\x1b[2J"), "cluster.yaml:11:18: the control character U+001B stands here\n   11 |     - {name: kube\\x1b[2Jm01, addresses: [10.10.10.81]}\n      |                  ^\n      remove it: a cluster file is plain text"},
		{"terminal escape in a comment", "# \x1b]0;title\a\n" + plain, "cluster.yaml:1:3: the control character U+001B stands here\n    1 | # \\x1b]0;title\\a\n      |   ^\n      remove it: a cluster file is plain text"},
		{"terminal escape of eight bits", in("\u009b2J"), "cluster.yaml:11:18: the control character U+009B stands here\n   11 |     - {name: kube\\u009b2Jm01, addresses: [10.10.10.81]}\n      |                  ^\n      remove it: a cluster file is plain text"},
		{"line separator", in("\u2028"), "cluster.yaml:11:18: the control character U+2028 stands here\n   11 |     - {name: kube\\u2028m01, addresses: [10.10.10.81]}\n      |                  ^\n      remove it: a cluster file is plain text"},
		{"line ends of old Macs", strings.ReplaceAll(plain, "\n", "\r"), ""},
		{"noncharacter", in("\uffff"), "cluster.yaml:11:18: the control character U+FFFF stands here\n   11 |     - {name: kube\\uffffm01, addresses: [10.10.10.81]}\n      |                  ^\n      remove it: a cluster file is plain text"},
		{"fault behind a byte order mark", "\uFEFF" + strings.Replace(plain, "hagen/v1alpha1", "v1", 1), "cluster.yaml:1:13: apiVersion: \"v1\" is not a version this hagen reads\n    1 | apiVersion: v1\n      |             ^\n      write hagen/v1alpha1"},
		{"fault in a Windows file", strings.ReplaceAll(strings.Replace(plain, "kubem01", "Kubem01", 1), "\n", "\r\n"), "cluster.yaml:11:14: spec.masters[1].name: \"Kubem01\" is not a DNS name of lower-case letters, digits, - and .\n   11 |     - {name: Kubem01, addresses: [10.10.10.81]}\n      |              ^\n      write kubem01"},
		{"broken Windows file", strings.ReplaceAll(strings.Replace(plain, "  name: kubernetes", "  name: \"kubernetes", 1), "\n", "\r\n"), "cluster.yaml:4:9: the quote that opens here is never closed\n    4 |   name: \"kubernetes\n      |         ^\n      close it"},
		{"a program", "\x7fELF\x02\x01\x01", "cluster.yaml:1:1: the control character U+007F stands here\n    1 | \\x7fELF\\x02\\x01\\x01\n      | ^\n      remove it: a cluster file is plain text"},
	} {
		t.Run(test.what, func(t *testing.T) {
			got := refusal(t, []byte(test.text))
			if test.want != "" && got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			calm(t, got)
		})
	}
}

// calm holds a text against what a terminal would act on.
func calm(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("%U reaches the terminal", r)
			return
		}
	}
}

// TestHostileName: the path of the file is shown, too.
func TestHostileName(t *testing.T) {
	_, err := gen.Read(spec.Source{Name: "a\x1b[31m.yaml", Text: []byte("x: y")})
	calm(t, err.Error())
}

// TestBounded: whatever the file, the answer comes soon, in little memory,
// and is short enough to be read.
func TestBounded(t *testing.T) {
	bomb := "x0: &a0 [v,v,v,v,v,v,v,v,v,v]\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("x%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	var keyBomb strings.Builder
	for i := range 30 {
		fmt.Fprintf(&keyBomb, "k%d: &k%d {? *k%d : *k%d}\n", i, i, max(i-1, 0), max(i-1, 0))
	}
	// A part of what is read at most, so that the test is quick: whatever
	// grows with the square of the file shows in this, too.
	const size = spec.MaxSize / 16
	fill := func(head, unit string) string {
		return head + strings.Repeat(unit, (size-len(head))/len(unit))
	}
	numbered := func(head, format string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	inField := strings.Replace(plain, "  masters:", "  users: &u [&k {name: u, sshKeys: ["+strings.Repeat("v,", 5000)+"]}, "+strings.TrimSuffix(strings.Repeat("*k,", 5000), ",")+"]\n  masters:", 1)
	for what, text := range map[string]string{
		"one byte too many":      plain + strings.Repeat("#", spec.MaxSize+1-len(plain)),
		"a comment of 1 MiB":     plain + strings.Repeat("#", spec.MaxSize-len(plain)),
		"comments":               fill(plain+"bad: x\n", "# x\n"),
		"comments in a list":     fill(plain+"  users:\n", "    # x\n    - x\n"),
		"100 MB":                 strings.Repeat(plain, 100_000_000/len(plain)),
		"bomb":                   bomb,
		"bomb of keys":           keyBomb.String(),
		"bomb in a field":        inField,
		"list in lists":          fill("", "["),
		"mapping in mappings":    fill("", "{a: "),
		"block in blocks":        fill("", "- "),
		"questions":              fill("", "? "),
		"deeper and deeper":      deep(1400),
		"one long line":          "a: " + strings.Repeat("x", size),
		"one long key":           strings.Repeat("x", size) + ":",
		"a long quote":           `a: "` + strings.Repeat("x", size),
		"escapes in a quote":     `metadata: "` + strings.Repeat(`\e`, size/2) + `"`,
		"unknown fields":         numbered("", "f%d:\n"),
		"a field again":          fill(plain, "kind: Cluster\n"),
		"unknown fields in spec": numbered(plain, "  f%d: x\n"),
		"bad items":              fill(strings.Replace(plain, "[10.32.0.0/16]", "[", 1), "1,"),
		"look-alikes":            strings.Replace(plain, "[10.32.0.0/16]", "["+strings.Repeat("а,", 9000)+"]", 1),
		"look-alikes in keys":    strings.Replace(plain, "spec:\n", "spec: {"+strings.TrimSuffix(fill("", "а: x,"), ","), 1),
		"texts for lists":        strings.Replace(plain, "[10.10.10.80]", "&t "+strings.Repeat("t", 10000), 1) + strings.Repeat("    - {addresses: *t}\n", 2000),
		"bad masters":            fill(plain, "    - {}\n"),
		"the same master":        fill(plain, "    - {name: A, addresses: [1]}\n"),
		"good masters":           numbered(plain[:strings.Index(plain, "  load")], "    - {name: m%d, addresses: [10.10.10.80]}\n"),
		"bad names":              fill(strings.Replace(plain, "  masters:", "  apiServer: {extraSANs: [x]}\n  masters:", 1), "    - {name: _, addresses: [x]}\n"),
		"anchors":                numbered("", "- &a%d x\n"),
		"aliases":                fill("a: &a x\n", "b: *a\n"),
		"quotes":                 fill("", `"a" `),
		"documents":              fill("", "---\n"),
		"colons":                 fill("", ":"),
		"tabs":                   fill("a:", "\t"),
		"dashes":                 fill("", "-"),
		"percents":               fill("", "%"),
		"bars":                   fill("", "|\n"),
		"blanks":                 fill("a:", " \n"),
		"a private key":          strings.Replace(plain, "kubernetes:6443", "|\n    -----BEGIN PRIVATE KEY-----\n    "+strings.Repeat("A", 100000), 1),
	} {
		t.Run(what, func(t *testing.T) {
			before := allocated()
			begin := time.Now()
			_, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
			took, used := time.Since(begin), allocated()-before
			if took > 10*time.Second || used > 256<<20 {
				t.Errorf("%v and %d MiB of allocations", took, used>>20)
			}
			var refused *spec.Error
			if !errors.As(err, &refused) {
				if what != "a comment of 1 MiB" {
					t.Fatalf("not refused: %v", err)
				}
				return
			}
			checkFaults(t, refused)
			answer := err.Error()
			calm(t, answer)
			if len(answer) > 20_000 {
				t.Errorf("an answer of %d bytes", len(answer))
			}
		})
	}
}

// deep is a mapping indented ever more.
func deep(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i/2) + "a:\n")
	}
	return b.String()
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestMoreFaultsThanShown: the first twenty, and how many more.
func TestMoreFaultsThanShown(t *testing.T) {
	got := refusal(t, []byte(plain+"  users:\n"+strings.Repeat("    - {}\n", 100)))
	if n := strings.Count(got, "has no field"); n != 20 {
		t.Errorf("%d faults are shown", n)
	}
	if !strings.HasSuffix(got, "\ncluster.yaml: and 180 more; mend these first") {
		t.Errorf("the end is %q", got[len(got)-80:])
	}
}

// TestDamaged cuts and stirs good files: whatever comes of it, reading ends
// with a cluster or with faults that lie in the file.
func TestDamaged(t *testing.T) {
	const marks = "\t\n :-[]{}\"'#&*!|>%@`,?aA0.~<"
	r := rand.New(rand.NewPCG(1, 2))
	for cut := range len(plain) {
		whatever(t, []byte(plain[:cut]))
		whatever(t, []byte(plain[:cut]+plain[cut+1:]))
		stirred := []byte(plain)
		for range 1 + r.IntN(3) {
			stirred[r.IntN(len(stirred))] = marks[r.IntN(len(marks))]
		}
		whatever(t, stirred)
	}
}

// whatever reads what may be a cluster file, and holds the result against
// what is true of every one.
func whatever(t *testing.T, text []byte) {
	t.Helper()
	c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: text})
	if err != nil {
		var refused *spec.Error
		if !errors.As(err, &refused) || c != nil {
			t.Fatalf("%q: %v", text, err)
		}
		checkFaults(t, refused)
		calm(t, err.Error())
	} else {
		checkCluster(t, c)
	}
	if t.Failed() {
		t.Fatalf("the file:\n%s", text)
	}
}
