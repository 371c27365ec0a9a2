package media

import (
	"encoding/json"
	"fmt"

	"hagen/gen/network"
	"hagen/out/media/iso9660"
	"hagen/profiles"
)

// driveFiles are the files of a config drive: the document, who the machine is and, for
// cloud-init, its static interfaces. Ignition reads the first alone.
func (h *Host) driveFiles() []iso9660.File {
	d := h.given()
	files := []iso9660.File{
		{Path: "openstack/latest/user_data", Data: d.Text},
		{Path: "openstack/latest/meta_data.json", Data: h.driveMeta(hash(d.Text))},
	}
	if h.reader() == profiles.CloudInit {
		if data := h.driveNetwork(); data != nil {
			files = append(files, iso9660.File{Path: "openstack/latest/network_data.json", Data: data})
		}
	}
	return files
}

// driveMeta says who the machine is. The uuid is cloud-init's instance-id: another document
// has another, and cloud-init applies it.
func (h *Host) driveMeta(sum string) []byte {
	return indented(map[string]any{
		"uuid":     fmt.Sprintf("%s-%s-8%s-8%s-%s", sum[:8], sum[8:12], sum[13:16], sum[17:20], sum[20:32]), // RFC 9562, version 8
		"hostname": h.Name, "name": h.Name,
	})
}

// driveNetwork writes the host's static interfaces (specs.openstack.org, nova,
// "metadata-service-network-info"), with names, which cloud-init takes; nil where there is
// no network-config either.
func (h *Host) driveNetwork() []byte {
	links, networks, services := []any{}, []any{}, []any{}
	all := network.Interfaces(h.Node)
	if network.Config(all) == nil {
		return nil
	}
	for n, i := range all {
		name := i.Name
		if name == "" {
			name = fmt.Sprint("lan", n)
		}
		link := map[string]any{"id": name, "name": name, "type": "phy"}
		if i.MAC != "" {
			link["ethernet_mac_address"] = i.MAC
		}
		links = append(links, link)
		for _, family := range i.DHCP {
			networks = append(networks, map[string]any{"id": fmt.Sprint(name, "-dhcp", family), "link": name, "type": fmt.Sprintf("ipv%d_dhcp", family)})
		}
		said := map[int]bool{} // families whose gateway is written
		for k, a := range i.Addresses {
			family := network.Family(a.Addr())
			address := map[string]any{"id": fmt.Sprint(name, "-", k), "link": name, "type": fmt.Sprint("ipv", family), "ip_address": a.String()}
			if g, found := network.Gateway(i, family); found && !said[family] {
				said[family] = true
				address["gateway"] = g.String()
			}
			networks = append(networks, address)
		}
		for _, ns := range i.Nameservers {
			services = append(services, map[string]any{"type": "dns", "address": ns.String()})
		}
	}
	return indented(map[string]any{"links": links, "networks": networks, "services": services})
}

// indented writes JSON.
func indented(value map[string]any) []byte {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // maps and lists of texts are always JSON
	}
	return append(data, '\n')
}
