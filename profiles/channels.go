package profiles

import "slices"

// Counts says what of a document a channel's limit counts.
type Counts string

// What is counted.
const (
	Raw    Counts = "raw"    // the bytes of the document
	Base64 Counts = "base64" // what they are in base64, which is how they are handed over
	Gzip   Counts = "gzip"   // what they are when compressed
)

// Channel is a way on which a machine gets its document.
type Channel struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Limit   int    `json:"limit"` // in bytes; 0 for none
	Counts  Counts `json:"counts"`
	// Readers are what can take its document from there: Ignition, CloudInit.
	Readers []string `json:"readers"`
	// Unzips are the formats that may be handed over compressed, since what
	// reads them there unpacks them and nothing on the way damages them.
	Unzips []string `json:"gzip"`
	// Decodes are the formats that may be handed over as base64 of gzip, since
	// what reads them there decodes that, too.
	Decodes []string `json:"gzipBase64"`
	Source  string   `json:"source"`         // who says what the limit is
	Note    string   `json:"note,omitempty"` // what one has to know besides
}

// channels, by name; the one for all others at the end. Ignition unpacks
// gzip'd user data on akamai, and what is marked as such on vmware, and
// nowhere else (coreos/ignition, internal/providers). cloud-init unpacks it
// wherever it arrives unharmed (cloudinit/user_data.py): on a channel that is
// handed base64 or a file, and not on one that is handed a text; of those it
// decodes base64 on hetzner (sources/DataSourceHetzner.py), and on gcp if the
// metadata beside it say so.
//
// Which of them reads a channel is what the providers of the one and the data
// sources of the other say.
var both, ignitionAlone, cloudInitAlone = []string{Ignition, CloudInit}, []string{Ignition}, []string{CloudInit}

var channels = []Channel{
	{
		Name: "akamai", Summary: "Akamai (Linode) metadata: user data", Limit: 65535, Counts: Raw, Readers: both, Unzips: []string{Ignition, UserData},
		Source: "techdocs.akamai.com/linode-api, post-linode-instance: metadata.user_data",
	},
	{
		Name: "aws", Summary: "Amazon EC2: user data", Limit: 16384, Counts: Raw, Readers: both, Unzips: []string{UserData},
		Source: "docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html",
	},
	{
		Name: "azure", Summary: "Microsoft Azure: custom data", Limit: 65535, Counts: Raw, Readers: both, Unzips: []string{UserData},
		Source: "learn.microsoft.com, VirtualMachineOSProfile.CustomData",
	},
	{
		Name: "digitalocean", Summary: "DigitalOcean: user data", Limit: 64 << 10, Counts: Raw, Readers: both,
		Source: "digitalocean/openapi, droplet_create.yml: user_data", Note: "plain text alone",
	},
	{
		Name: "fcos-iso", Summary: "embedded into the live ISO of Fedora CoreOS", Limit: 256 << 10, Counts: Gzip, Readers: ignitionAlone,
		Source: "coreos/coreos-installer, docs/iso-embed-ignition.md and src/live/embed.rs",
		Note:   "coreos-installer uses xz, which makes less of it than the gzip that is counted here",
	},
	{
		Name: "gcp", Summary: "Google Compute Engine: metadata `user-data`", Limit: 256 << 10, Counts: Raw, Readers: both,
		Source: "cloud.google.com/compute/docs/reference/rest/v1/Metadata: items[].value", Note: "all values of a machine together: 512 KB",
	},
	{
		Name: "hetzner", Summary: "Hetzner Cloud: user data", Limit: 32 << 10, Counts: Raw, Readers: both, Decodes: []string{UserData},
		Source: "docs.hetzner.cloud, create a server: user_data",
	},
	{
		Name: "ibm-vpc", Summary: "IBM Cloud VPC: user data", Limit: 64000, Counts: Raw, Readers: both,
		Source: "cloud.ibm.com/docs/vpc?topic=vpc-user-data", Note: "\"64 K bytes\", read as the smaller of what that may mean",
	},
	{
		Name: "nocloud", Summary: "a seed: vfat, ISO 9660, a directory, HTTP", Readers: cloudInitAlone, Unzips: []string{UserData},
		Source: "docs.cloud-init.io, NoCloud: no limit is named", Note: "as large as the volume",
	},
	{
		Name: "openstack", Summary: "OpenStack: user data, by config drive or metadata", Limit: 65535, Counts: Base64, Readers: both, Unzips: []string{UserData},
		Source: "docs.openstack.org/nova/latest/user/user-data.html",
	},
	{
		Name: "oracle", Summary: "Oracle Cloud Infrastructure: metadata `user_data`", Limit: 32000, Counts: Base64, Readers: both, Unzips: []string{UserData},
		Source: "docs.oracle.com/iaas, updating instance metadata", Note: "all metadata of a machine together",
	},
	{
		Name: "qemu", Summary: "QEMU's firmware configuration, `fw_cfg`", Limit: 1 << 20, Counts: Raw, Readers: ignitionAlone,
		Source: "coreos/ignition, internal/providers/qemu/qemu_fwcfg.go", Note: "no limit, but to read it takes quadratic time: from here on more than seconds",
	},
	{
		Name: "url", Summary: "fetched by Ignition: `ignition.config.url`, PXE, matchbox", Readers: ignitionAlone,
		Source: "coreos/ignition, docs/supported-platforms.md: no limit is named", Note: "who can reach the server can read the keys",
	},
	{
		Name: "vmware", Summary: "VMware `guestinfo`", Limit: 512 << 10, Counts: Base64, Readers: both, Unzips: []string{Ignition, UserData},
		Source: "developer.broadcom.com, CustomizationCloudinitPrep: userdata",
		Note:   "the limit of vSphere's customization; `guestinfo` names none. Compressed with encoding `gzip+base64`",
	},
	{
		Name: "other", Summary: "a channel that is not in this table", Limit: 32 << 10, Counts: Raw, Readers: both,
		Source: "none: most that are known take this much", Note: "find out what yours takes",
	},
}

// Unit is what the limit is counted in, when that is not plainly the document's
// bytes: a text to stand behind "bytes".
func (c *Channel) Unit() string {
	return map[Counts]string{Base64: " of base64", Gzip: " compressed"}[c.Counts]
}

// Serves says whether a reader can take its document from the channel; the
// zero one is none in particular and keeps it from nobody.
func (c *Channel) Serves(reader string) bool {
	return c.Name == "" || slices.Contains(c.Readers, reader)
}

// Channels lists all channels, by name and the unknown one last.
func Channels() []Channel { return slices.Clone(channels) }

// ChannelNames lists their names.
func ChannelNames() []string {
	var names []string
	for _, c := range channels {
		names = append(names, c.Name)
	}
	return names
}

// FindChannel gives the channel of a name.
func FindChannel(name string) (Channel, bool) {
	i := slices.IndexFunc(channels, func(c Channel) bool { return c.Name == name })
	if i < 0 {
		return Channel{}, false
	}
	return channels[i], true
}
