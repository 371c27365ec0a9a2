package media

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"hagen/gen/document"
	"hagen/gen/network"
	"hagen/out/media/iso9660"
	"hagen/profiles"
)

// seedName is the file of a host's volume.
const seedName = "seed.iso"

// drive is the label of OpenStack's config drive (docs.openstack.org/nova, "Metadata
// service and config drive").
const drive = "config-2"

// cidata is the label of a volume with cloud-init's files. Ignition looks for it in lower
// case (coreos/ignition, internal/providers/proxmoxve).
const cidata = "cidata"

// seed makes the volume from which cloud-init, or Ignition on platforms that read such
// volumes, takes the host's document.
func seed(s Source, h *Host) ([]File, error) {
	label, document, files := cidata, "/user-data", h.cloudInitFiles()
	switch {
	case s.Boot.Platform.Drive:
		label, document, files = drive, "/openstack/latest/user_data", h.driveFiles()
	case h.reader() == profiles.Ignition:
		files = h.ignitionFiles()
	}
	image, err := iso9660.Image(label, files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	f := h.carries(seedName, image)
	f.Label = label
	if h.reader() == profiles.Ignition {
		f.KernelArguments = h.OS.Boot.Words(label, document)
	}
	return []File{f}, nil
}

// cloudInitFiles are the host's documents for cloud-init, under their own names.
func (h *Host) cloudInitFiles() (files []iso9660.File) {
	for _, format := range profiles.FormatsOf(profiles.CloudInit) {
		if text, found := h.text(format); found {
			files = append(files, iso9660.File{Path: path.Base(document.Path(h.Name, format)), Data: text})
		}
	}
	return files
}

// ignitionFiles are the files of a volume for Ignition. On Proxmox VE, Fedora CoreOS also
// runs Afterburn, which reads the other three and fails without them
// (coreos/afterburn, src/providers/proxmoxve/cloudconfig.rs). From network-config, in its
// version 1, it makes the network of the initrd.
func (h *Host) ignitionFiles() []iso9660.File {
	d := h.given()
	return []iso9660.File{
		{Path: "user-data", Data: d.Text},
		{Path: "meta-data", Data: []byte(fmt.Sprintf("instance-id: %s-%s\nlocal-hostname: %[1]s\n", h.Name, hash(d.Text)[:12]))},
		{Path: "vendor-data", Data: []byte("{}\n")},
		{Path: "network-config", Data: h.firstNetworkConfig()},
	}
}

// firstNetworkConfig writes the host's static interfaces as cloud-init's network-config of
// version 1.
func (h *Host) firstNetworkConfig() []byte {
	var b strings.Builder
	b.WriteString("version: 1\n")
	var nameservers []string
	entries := ""
	for n, i := range network.Interfaces(h.Node) {
		if i.Name == "" && i.MAC == "" {
			continue // all other cards: nothing identifies them
		}
		name := i.Name
		if name == "" {
			name = fmt.Sprint("lan", n)
		}
		entries += fmt.Sprintf("  - type: physical\n    name: %q\n", name)
		if i.MAC != "" {
			entries += fmt.Sprintf("    mac_address: %q\n", i.MAC)
		}
		entries += "    subnets:\n"
		for _, family := range i.DHCP {
			entries += fmt.Sprintf("      - type: dhcp%d\n", family)
		}
		told := map[int]bool{} // families whose gateway is said
		for _, a := range i.Addresses {
			family := network.Family(a.Addr())
			entries += fmt.Sprintf("      - type: static\n        address: %q\n", a)
			if g, found := network.Gateway(i, family); found && !told[family] {
				told[family] = true
				entries += fmt.Sprintf("        gateway: %q\n", g)
			}
		}
		for _, ns := range i.Nameservers {
			nameservers = append(nameservers, fmt.Sprintf("%q", netip.Addr.String(ns)))
		}
	}
	if len(nameservers) > 0 {
		entries += fmt.Sprintf("  - type: nameserver\n    address: [%s]\n", strings.Join(nameservers, ", "))
	}
	if entries == "" {
		return []byte("version: 1\nconfig: []\n")
	}
	b.WriteString("config:\n" + entries)
	return []byte(b.String())
}
