package clusterpki

import (
	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
)

// Rename records that the cluster of a PKI directory has another name.
func Rename(ui *console.UI, at clusterfile.Place, old, name string) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	dir := at.Dir()
	switch empty, err := isEmpty(dir); {
	case c.Name != name:
		return exit.Usage("%s describes cluster %s, not %s: write the new name there first", at.File, c.Name, name)
	case err != nil:
		return err
	case empty:
		return exit.Failed("%s: there is no PKI directory to rename", dir)
	}
	s, err := openStore(ui, at)
	if err != nil {
		return err
	}
	defer s.Close()
	if was := s.Cluster(); was == name {
		ui.Say("%s belongs to cluster %s already", dir, name)
		return nil
	} else if was != "" && was != old {
		return exit.Failed("%s: belongs to cluster %s, not to %s: %s", dir, was, old, at.Command("pki rename", was, name))
	} else if former := formerName(s); was == "" && former != "" && old != former && old != name {
		return exit.Failed("%s: belongs to cluster %s by its authority's name, not to %s: %s", dir, former, old, at.Command("pki rename", former, name))
	}
	s.SetCluster(name)
	_, err = s.Save(s.Set())
	ui.WarnEach(s.Notes())
	if err != nil {
		return exit.Failed("%w", err)
	}
	ui.Say("%s belongs to cluster %s now, with the same keys", dir, name)
	if kept := s.Recorded()[control.ClusterAuthority].Subject.CommonName; kept != "" && kept != commonName(c) {
		ui.Say("its authorities keep their name; to avoid a warning about that, write spec.pki.subject.commonName: %s", kept)
	}
	return nil
}
