package compare

import (
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

// off returns the hosts that get nothing for now, by the PKI directory. It refuses scripts that would bring new keys
// to one that others have had, and warns of one that a rotation left out.
func (o PlanOptions) off(ui *console.UI, directory string, d decidedSides) ([]string, error) {
	var hosts []string
	for _, h := range d.after.Cluster.Hosts() {
		hosts = append(hosts, h.Name)
	}
	goes, left := clusterpki.OffAt(directory, d.after.Cluster.Name, hosts)
	named := func(host string) bool { return slices.Contains(o.Without, host) }
	stolen, missed := slices.DeleteFunc(slices.Clone(goes), named), slices.DeleteFunc(slices.Clone(left), named)
	if len(stolen) > 0 {
		text := fmt.Sprintf("others have had %s, and this would bring new keys there: add %s, until hagen render --replace has written the document of another machine. If nobody is on it, and it runs on: %s",
			strings.Join(stolen, ", "), strings.Join(clusterpki.WithoutWords(stolen), " "), o.Command("pki compromised", append(stolen, "--write", "--runs-on")...))
		if o.Delta != "" {
			return nil, exit.Usage("--delta: %s", text)
		}
		ui.Warn(text)
	}
	if len(missed) > 0 {
		ui.Warn(fmt.Sprintf("a rotation left %s out: it lacks what that brought. While it is off, leave it out of this plan, too (%s)",
			strings.Join(missed, ", "), strings.Join(clusterpki.WithoutWords(missed), " ")))
	}
	return append(goes, left...), nil
}
