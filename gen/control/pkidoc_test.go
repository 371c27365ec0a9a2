package control

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/cases"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/pki"
	"hagen/profiles"
)

// TestPKIDoc keeps the table of docs/pki.md, which is made from the rows.
func TestPKIDoc(t *testing.T) {
	const path, begin, end = "../../docs/pki.md", "<!-- certificates: make golden -->\n", "<!-- end -->\n"
	var b strings.Builder
	for _, p := range profiles.Profiles() {
		c := usualLives(t, p.Name)
		fmt.Fprintf(&b, "\n%s%s has\n\n| item | kind | signed by | lives | is in |\n| --- | --- | --- | --- | --- |\n", strings.ToUpper(p.Name[:1]), p.Name[1:])
		for _, r := range Requests(c) {
			if host := HostOf(r.Name); host == "" || host == c.APIServers()[0].Name {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", strings.Replace(r.Name, storeHosts+"/"+host, storeHosts+"/<master>", 1), kindOf(r), r.Authority, life(r.Lifetime), placesOf(c, r.Name))
			}
		}
	}
	b.WriteString("\n")
	if err := cases.Section(path, begin, end, b.String(), *update); err != nil {
		t.Error(err)
	}
}

// usualLives reads a case of testdata without the lifetimes that it asks for.
func usualLives(t *testing.T, name string) *cluster.Cluster {
	t.Helper()
	path := filepath.Join("../../testdata", name, "cluster.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := spec.Parse(spec.Source{Name: path, Text: regexp.MustCompile(`(?mi)^ *\w*expiry: .*\n|\b\w*expiry: \w+,? ?`).ReplaceAll(text, nil)})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return c
}

func kindOf(r pki.Request) string {
	if r.Kind == pki.Leaf {
		return strings.TrimSuffix(r.Profile, "-authentication")
	}
	return string(r.Kind)
}

func life(d time.Duration) string {
	switch days := int(d / (24 * time.Hour)); {
	case d == 0:
		return "for ever"
	case days%365 == 0 && days > 365:
		return fmt.Sprintf("%d years", days/365)
	default:
		return fmt.Sprintf("%d days", days)
	}
}

// placesOf lists the files of machines that have an item.
func placesOf(c *cluster.Cluster, item string) string {
	var paths []string
	for _, p := range Places(c) {
		text := "`" + p.Path + "`"
		if stem, beside := strings.CutSuffix(p.Path, "-key.pem"); beside && slices.Contains(paths, "`"+stem+".pem`") {
			text = "`…-key.pem`"
		}
		if p.Item == item && !slices.Contains(paths, text) {
			paths = append(paths, text)
		}
	}
	if item == Admin {
		paths = append(paths, "`admin.kubeconfig`")
	}
	return strings.Join(paths, ", ")
}
