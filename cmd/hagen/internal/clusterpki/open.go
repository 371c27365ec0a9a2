package clusterpki

import (
	"fmt"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/pki/store"
)

// openStore opens the PKI directory and prints its warnings.
func openStore(ui *console.UI, at clusterfile.Place) (*store.Store, error) {
	dir := at.Dir()
	s, err := store.Open(dir, ui.Waiting(dir))
	if err != nil {
		return nil, exit.Failed("%w", err)
	}
	for _, w := range s.Warnings() {
		ui.Warn(fmt.Sprintf("%s: %s", w.Name, w.Text))
	}
	return s, nil
}
