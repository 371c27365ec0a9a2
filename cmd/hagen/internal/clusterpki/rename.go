package clusterpki

import (
	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
)

// Rename hands a PKI directory over to a cluster of another name.
func Rename(ui *console.UI, at clusterfile.Place, old, name string) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	dir := at.Dir()
	switch empty, err := isEmpty(dir); {
	case c.Name != name:
		return exit.Usage("%s is of cluster %s, not of %s: write the new name there first", at.File, c.Name, name)
	case err != nil:
		return err
	case empty:
		return exit.Failed("%s: there is no PKI directory that could be handed over", dir)
	}
	s, err := openStore(ui, at)
	if err != nil {
		return err
	}
	defer s.Close()
	if was := s.Cluster(); was == name {
		ui.Say("%s is of cluster %s already", dir, name)
		return nil
	} else if was != "" && was != old {
		return exit.Failed("%s: is of cluster %s, not of %s: hagen pki rename %[2]s %[4]s%s", dir, was, old, name, at.Flags())
	} else if former := formerName(s); was == "" && former != "" && old != former && old != name {
		return exit.Failed("%s: is of cluster %s, to go by its authority, not of %s: hagen pki rename %[2]s %[4]s%s", dir, former, old, name, at.Flags())
	}
	s.SetCluster(name)
	_, err = s.Save(s.Set())
	ui.WarnEach(s.Notes())
	if err != nil {
		return exit.Failed("%w", err)
	}
	ui.Say("%s is of cluster %s now, with the keys that it had", dir, name)
	if kept := s.Recorded()[control.ClusterAuthority].Subject.CommonName; kept != "" && kept != commonName(c) {
		ui.Say("its authorities keep their name; so that no render warns of that, write spec.pki.subject.commonName: %s", kept)
	}
	return nil
}
