package media

import (
	"path"
	"strings"

	"hagen/profiles"
)

// What QEMU's options name.
const (
	optionsName = "qemu.args"
	fwCfgName   = "fw_cfg.ign"
	fwCfgKey    = "opt/com.coreos/config" // Flatcar's Ignition reads it, too
)

// qemu makes the options with which QEMU gives the host its document, and an interface
// its MAC address. Paths are relative to the directory of media.json, so that the same
// documents give the same bytes everywhere.
func qemu(s Source, h *Host) ([]File, error) {
	var options []string
	var files []File
	if h.reader() == profiles.Ignition {
		if err := h.fits("qemu"); err != nil {
			return nil, err
		}
		files = append(files, h.carries(fwCfgName, h.given().Text))
		options = append(options, "-fw_cfg", "name="+fwCfgKey+",file="+path.Join(h.Name, fwCfgName))
	} else {
		options = append(options, "-drive", "file="+path.Join(h.Name, seedName)+",format=raw,if=virtio,readonly=on")
		made, err := seed(s, h)
		if err != nil {
			return nil, err
		}
		for i := range made {
			made[i].Kind = profiles.Seed
		}
		files = append(files, made...)
	}
	if h.MAC != "" {
		options = append(options, "-device", "virtio-net-pci,netdev=net0,mac="+h.MAC)
	}
	line := File{Medium: Medium{File: path.Join(h.Name, optionsName)}, Data: []byte(strings.Join(options, " ") + "\n")}
	return append(files, line), nil
}
