package gen_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hagen/gen"
	"hagen/gen/cases"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/redact"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/pki"
	"hagen/profiles"
)

// window is how many characters of a secret in a row are taken for it.
const window = 16

// twinned are rendered machines as twins are made of them.
func twinned(machines []gen.Machine) []twin.Machine {
	var out []twin.Machine
	for _, m := range machines {
		out = append(out, twin.Machine{Node: m.Node, OS: m.Host.OS, Formats: m.Formats()})
	}
	return out
}

// parts are windows of keys, with the key's name, and a coarse map of them
// that most places of a text need no second look at.
type parts struct {
	names  map[string]string
	coarse [1 << 22]bool
}

func slot(text string) uint32 {
	return (uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24) * 2654435761 >> 10
}

// windows are all parts of all keys of a PKI, in every way in which a text
// could hold them: as they are, in base64 at each of its alignments, in hex,
// and as a URL has them.
func windows(set pki.Set) *parts {
	found := &parts{names: map[string]string{}}
	for name, item := range set {
		add := func(text string) {
			for i := 0; i+window <= len(text); i++ {
				found.names[text[i:i+window]] = name
				found.coarse[slot(text[i:])] = true
			}
		}
		all := func(data []byte) {
			add(string(data))
			add(hex.EncodeToString(data))
			add(strings.ToUpper(hex.EncodeToString(data)))
			for shift := range 3 {
				encoded := base64.StdEncoding.EncodeToString(data[shift:])
				add(encoded[:len(encoded)-4]) // the end holds padding, or what comes next
				add(url.QueryEscape(encoded))
			}
		}
		block, _ := pem.Decode(item.Key)
		if block == nil {
			text := strings.TrimSpace(string(item.Key))
			raw, _ := base64.StdEncoding.DecodeString(text)
			all(raw)
			all([]byte(text))
			continue
		}
		all(block.Bytes)
		var body string // and as it stands in a kubeconfig
		for line := range strings.Lines(string(item.Key)) {
			if !strings.HasPrefix(line, "-----") {
				add(strings.TrimSpace(line))
				body += line
			}
		}
		all([]byte(body))
	}
	return found
}

// holdsAny says whose key a part of stands in a text, if any's.
func holdsAny(text string, of *parts) (name string, found bool) {
	for i := 0; i+window <= len(text); i++ {
		if !of.coarse[slot(text[i:])] {
			continue
		}
		if name, found := of.names[text[i:i+window]]; found {
			return name, true
		}
	}
	return "", false
}

func twins(t *testing.T, c *cluster.Cluster, set pki.Set, machines []gen.Machine) (documents, shown map[string][]byte) {
	t.Helper()
	admin := control.Kubeconfig(c, control.EndpointServer(c), set[control.ClusterAuthority], set[control.Admin])
	others := map[string][]byte{document.AdminPath: admin}
	if rights := control.Rights(c); rights != nil {
		others[document.RightsPath] = rights
	}
	documents = maps.Clone(others)
	for _, m := range machines {
		for _, d := range m.Documents {
			documents[d.Path] = d.Text
		}
	}
	shown, err := twin.Tree(twin.ViewOf(twinned(machines)), c.Name, twinned(machines), others)
	if err != nil {
		t.Fatal(err)
	}
	return documents, shown
}

// TestNoSecretInTwins: with a PKI that was just made, no sixteen characters of
// any key stand in any twin, in whatever encoding; and the twins of the tree
// that is read back are the same bytes.
func TestNoSecretInTwins(t *testing.T) {
	t.Parallel()
	for _, name := range twinCases(t) {
		c, set, machines := fresh(t, name)
		documents, shown := twins(t, c, set, machines)
		keys := windows(set)
		for path, text := range documents {
			if path != document.AdminPath && !slices.ContainsFunc(c.Members(), func(h cluster.Host) bool { return h.Name == filepath.Dir(path) }) {
				continue // a load balancer's holds none
			}
			switch filepath.Base(path) {
			case document.Path("", profiles.MetaData), document.Path("", profiles.NetworkConfig), document.Kargs:
				continue // nor do a machine's name and network
			}
			if _, found := holdsAny(string(text), keys); !found {
				t.Errorf("%s: %s holds no key: this test would find none", name, path)
			}
		}
		for path, text := range shown {
			if key, found := holdsAny(string(text), keys); found {
				t.Errorf("%s: %s holds a part of %s", name, path, key)
			}
			if plain, err := url.PathUnescape(string(text)); err == nil {
				if key, found := holdsAny(plain, keys); found {
					t.Errorf("%s: %s holds a part of %s", name, path, key)
				}
			}
			if strings.Contains(string(text), redact.Hidden) {
				t.Errorf("%s: %s does not show all lines", name, path)
			}
		}
		compareTwins(t, name, readBack(t, documents), shown)
	}
}

// twinCases are one of each profile, and one with machines of cloud-init's
// among them; the longer run takes all.
func twinCases(t *testing.T) []string {
	if longer() {
		return goldenCases(t)
	}
	return []string{"classic", "mixed", "standard"}
}

// readBack makes the twins of a tree as hagen redact does.
func readBack(t *testing.T, texts map[string][]byte) map[string][]byte {
	t.Helper()
	files := fstest.MapFS{}
	for path, text := range texts {
		files[path] = &fstest.MapFile{Data: text}
	}
	tree, err := rendered.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	shown, _, err := twin.OfTree(twin.ViewOf(twin.Machines(tree)), tree)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func compareTwins(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s: twins of %v", what, slices.Sorted(maps.Keys(got)))
	}
	for path := range want {
		if line, g, w, same := firstDifference(got[path], want[path]); !same {
			t.Errorf("%s: %s:%d:\n got  %.300s\n want %.300s", what, path, line, g, w)
		}
	}
}

// TestTwinsOfGoldens: the twins of the golden twins are themselves.
func TestTwinsOfGoldens(t *testing.T) {
	t.Parallel()
	for _, name := range goldenCases(t) {
		texts, err := cases.Dir(testdata).Golden(name)
		if err != nil {
			t.Fatal(err)
		}
		compareTwins(t, name, readBack(t, texts), texts)
	}
}

// TestChangeShows: whichever single secret is made again, the twin of every
// machine that holds it has another line, and no other machine's has.
func TestChangeShows(t *testing.T) {
	t.Parallel()
	for _, name := range twinCases(t) {
		c, set, _ := fresh(t, name)
		before := nodeTwins(t, c, set)
		for _, request := range control.Requests(c) {
			without := maps.Clone(set)
			delete(without, request.Name)
			host, isHosts := strings.CutPrefix(path.Dir(request.Name), "hosts/")
			if request.Kind == pki.Authority && name != "standard" && name != "classic" || isHosts && host != c.Machines[0].Name {
				continue // the others are alike
			}
			issued, err := pki.Issue(control.Requests(c), without, time.Now(), pki.Generate, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			changed := 0
			for host, now := range nodeTwins(t, c, issued.Set) {
				holds, shows := !bytes.Equal(now.document, before[host].document), !bytes.Equal(now.twin, before[host].twin)
				if holds != shows {
					t.Errorf("%s: another %s: the document of %s changes %t, its twin %t", name, request.Name, host, holds, shows)
				}
				if shows {
					changed++
				}
			}
			if changed == 0 {
				t.Errorf("%s: another %s changes nothing", name, request.Name)
			}
		}
	}
}

type pair struct{ document, twin []byte }

func nodeTwins(t *testing.T, c *cluster.Cluster, set pki.Set) map[string]pair {
	t.Helper()
	nodes, err := control.Nodes(c, set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	admin := control.Kubeconfig(c, control.EndpointServer(c), set[control.ClusterAuthority], set[control.Admin])
	v := redact.ViewOf(nodes)
	found := map[string]pair{document.AdminPath: {admin, v.File(document.AdminPath, admin)}}
	for i, h := range c.Hosts() {
		found[h.Name] = pair{encode.Butane(c.Name, nodes[i], h.OS).Text, encode.Butane(c.Name, v.Node(nodes[i]), h.OS).Text}
	}
	return found
}
