package profiles

import "slices"

// Counts says which bytes of a document a channel's limit counts.
type Counts string

// What a limit counts.
const (
	Raw    Counts = "raw"    // the bytes of the document
	Base64 Counts = "base64" // the document as base64, the form in which it is handed over
	Gzip   Counts = "gzip"   // the compressed document
)

// Channel is a way in which a machine gets its document.
type Channel struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Limit   int    `json:"limit"` // in bytes; 0 for none
	Counts  Counts `json:"countedAs"`
	// Readers can read their document from the channel: Ignition, CloudInit.
	Readers []string `json:"readers"`
	// Unzips are the formats that may be handed over compressed: their reader
	// unpacks them, and the channel passes binary data unchanged.
	Unzips []string `json:"gzip"`
	// Decodes are the formats that may be handed over as base64 of gzip: their
	// reader decodes that, too.
	Decodes []string `json:"gzipBase64"`
	Media   []string `json:"media"`          // kinds of media that hagen media makes for it
	Source  string   `json:"source"`         // of the limit
	Note    string   `json:"note,omitempty"` // what users should know besides
}

// channels, by name; the one for all others is last. Ignition unpacks gzip'd user
// data only on akamai and, if it is marked as such, on vmware (coreos/ignition,
// internal/providers). cloud-init unpacks it wherever it arrives unchanged
// (cloudinit/user_data.py): on channels that take base64 or a file, but not on those
// that take text. Of the latter, it decodes base64 on hetzner
// (sources/DataSourceHetzner.py), and on gcp if the metadata beside it say so.
//
// Readers follow from Ignition's providers and cloud-init's data sources.
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
		Source: "digitalocean/openapi, droplet_create.yml: user_data", Note: "plain text only",
	},
	{
		Name: "fcos-iso", Summary: "embedded into the live ISO of Fedora CoreOS", Limit: 256 << 10, Counts: Gzip, Readers: ignitionAlone, Media: []string{ISO},
		Source: "coreos/coreos-installer, docs/iso-embed-ignition.md and src/live/embed.rs",
		Note:   "coreos-installer uses xz, which compresses better than the gzip that is counted here",
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
		Source: "cloud.ibm.com/docs/vpc?topic=vpc-user-data", Note: "\"64 K bytes\", read as the smaller of the two possible values",
	},
	{
		Name: "nocloud", Summary: "a seed: vfat, ISO 9660, a partition, a directory, HTTP", Readers: cloudInitAlone, Unzips: []string{UserData}, Media: []string{Seed, QEMU, Netboot, Disk},
		Source: "docs.cloud-init.io, NoCloud: no limit is named", Note: "limited by the size of the volume",
	},
	{
		Name: "openstack", Summary: "OpenStack: user data, by config drive or metadata", Limit: 65535, Counts: Base64, Readers: both, Unzips: []string{UserData}, Media: []string{Seed},
		Source: "docs.openstack.org/nova/latest/user/user-data.html",
	},
	{
		Name: "oracle", Summary: "Oracle Cloud Infrastructure: metadata `user_data`", Limit: 32000, Counts: Base64, Readers: both, Unzips: []string{UserData},
		Source: "docs.oracle.com/iaas, updating instance metadata", Note: "all metadata of a machine together",
	},
	{
		Name: "qemu", Summary: "QEMU's firmware configuration, `fw_cfg`", Limit: 1 << 20, Counts: Raw, Readers: ignitionAlone, Media: []string{QEMU},
		Source: "coreos/ignition, internal/providers/qemu/qemu_fwcfg.go", Note: "no limit, but reading takes quadratic time: a larger document takes more than seconds",
	},
	{
		Name: "url", Summary: "fetched by Ignition: `ignition.config.url`, PXE, matchbox", Readers: ignitionAlone, Media: []string{Netboot, Matchbox},
		Source: "coreos/ignition, docs/supported-platforms.md: no limit is named", Note: "anyone who can reach the server can read the keys",
	},
	{
		Name: "vmware", Summary: "VMware `guestinfo`", Limit: 512 << 10, Counts: Base64, Readers: both, Unzips: []string{Ignition, UserData},
		Source: "developer.broadcom.com, CustomizationCloudinitPrep: userdata",
		Note:   "the limit of vSphere's customization; `guestinfo` names none. Compressed with encoding `gzip+base64`",
	},
	{
		Name: "other", Summary: "a channel that is not in this table", Limit: 32 << 10, Counts: Raw, Readers: both, Media: []string{Seed, Initrd},
		Source: "none: most known channels allow this much", Note: "find out the limit of yours",
	},
}

// Unit returns a text to follow "bytes" when the limit does not count the bytes of the
// document itself.
func (c *Channel) Unit() string {
	return map[Counts]string{Base64: " of base64", Gzip: " compressed"}[c.Counts]
}

// Serves reports whether a reader can read its document from the channel. The zero
// Channel stands for any channel and serves all readers.
func (c *Channel) Serves(reader string) bool {
	return c.Name == "" || slices.Contains(c.Readers, reader)
}

// Channels lists all channels by name, the one for all others last.
func Channels() []Channel { return slices.Clone(channels) }

// ChannelNames lists the names of all channels.
func ChannelNames() []string {
	var names []string
	for _, c := range channels {
		names = append(names, c.Name)
	}
	return names
}

// FindChannel returns the channel of a name.
func FindChannel(name string) (Channel, bool) {
	i := slices.IndexFunc(channels, func(c Channel) bool { return c.Name == name })
	if i < 0 {
		return Channel{}, false
	}
	return channels[i], true
}
