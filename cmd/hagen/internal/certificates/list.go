package certificates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/pki"
)

// listed is what --json prints.
type listed struct {
	Cluster   string `json:"cluster,omitempty"`
	Directory string `json:"directory"`
	Items     []item `json:"items"`

	check string // the command that says what to do
}

// List prints every certificate and key of a PKI directory.
func List(ui *console.UI, at clusterfile.Place, asJSON bool) error {
	d, err := lookAt(ui, at)
	if err != nil {
		return err
	}
	l := listed{d.clusterName(), d.Name, d.items(), at.Command("pki check")}
	if asJSON {
		ui.JSON(l)
		return nil
	}
	print(ui, l.table())
	l.summarize(ui)
	return nil
}

// clusterName returns the name of the cluster, by the directory or the cluster file.
func (d directory) clusterName() string {
	if d.Cluster == "" && d.cluster != nil {
		return d.cluster.Name
	}
	return d.Cluster
}

func (l listed) table() [][]string {
	rows := [][]string{{"NAME", "HOST", "KIND", "GEN", "ISSUER", "FROM", "UNTIL", "DAYS", "STATE", "WHERE"}}
	for _, it := range l.Items {
		row := []string{it.Name, or(it.Host), it.Kind, "-", "-", "-", "-", "-", it.remarks(), it.where()}
		if it.Generation > 0 {
			row[3] = fmt.Sprint(it.Generation)
		}
		if it.Issuer != "" {
			row[4] = short(it.Issuer)
		}
		if it.DaysLeft != nil {
			row[5], row[6], row[7] = day(it.From), day(it.Until), fmt.Sprint(*it.DaysLeft)
		}
		rows = append(rows, row)
	}
	return rows
}

// print prints a table. Names may come from files that others wrote.
func print(ui *console.UI, rows [][]string) {
	var text strings.Builder
	console.Table(&text, rows)
	fmt.Fprint(ui.Out, console.Printable(text.String()))
}

func day(at time.Time) string { return at.Format(time.DateOnly) }

// or returns a dash for an empty cell.
func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// remarks says what is unusual about an item.
func (it item) remarks() string {
	var all []string
	if words := it.State.words(); words != "" {
		all = append(all, words)
	}
	if !it.HasKey && it.State != gone {
		all = append(all, "key elsewhere")
		if it.Kind == string(pki.Authority) {
			all = append(all, "no issuer")
		}
	}
	if had := it.had(it.keyID); had != "" {
		all = append(all, had)
	}
	for _, g := range it.Generations {
		if g.State != pki.Present && g.State != pki.Removed {
			all = append(all, strings.TrimSuffix(g.words()+", "+it.had(g.KeyID), ", "))
		}
	}
	switch {
	case it.dropped:
		all = append(all, "dropped since the last render")
	case !it.Asked:
		all = append(all, "not asked for")
	}
	return or(strings.Join(all, ", "))
}

// where lists the files that machines have of an item, without those that have only the
// key of its certificate.
func (it item) where() string {
	var paths []string
	for _, f := range it.Files {
		beside := f.Key && it.DaysLeft != nil && f.Host != ""
		if !beside && !slices.Contains(paths, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return or(strings.Join(paths, " "))
}

// summarize prints how many items there are, and what to type if some end.
func (l listed) summarize(ui *console.UI) {
	count := map[state]int{}
	certificates := 0
	for _, it := range l.Items {
		if it.DaysLeft != nil {
			certificates++
		}
		if it.Asked || it.dropped { // machines have it still
			count[it.State]++
		}
	}
	text := fmt.Sprintf("%s and %s in %s", console.Number(certificates, "certificate"), console.Number(len(l.Items)-certificates, "key"), l.Directory)
	if near := count[endsSoon] + count[expired]; near > 0 {
		text += fmt.Sprintf(": %d expired, %d end soon; %s says what to do", count[expired], count[endsSoon], l.check)
	}
	ui.Say("%s", text)
}
