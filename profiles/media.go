package profiles

import "slices"

// Names of the kinds of media.
const (
	Seed   = "seed"
	Initrd = "initrd"
	QEMU   = "qemu"
	// Netboot and Matchbox find a machine by its MAC address.
	Netboot  = "netboot"
	Matchbox = "matchbox"
	ISO      = "iso"
	Disk     = "disk"
)

// Kind is a kind of medium that hagen media makes from documents: files from which
// something else boots machines.
type Kind struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Readers []string `json:"readers"`        // whose documents it delivers
	ByMAC   bool     `json:"byMAC"`          // a machine is found by its MAC address
	Base    string   `json:"base,omitempty"` // the image that it is made from; "" needs none
	Note    string   `json:"note,omitempty"` // what users should know besides
}

// kinds, in the order in which they are made.
//
//   - An initrd is unpacked over the one of the operating system, so its document is
//     where that system's Ignition looks (Boot.Document). cloud-init looks at none.
//   - QEMU hands Ignition a document by fw_cfg (coreos/ignition,
//     internal/providers/qemu/qemu_fwcfg.go), and cloud-init a volume.
var kinds = []Kind{
	{
		Name: Seed, Summary: "a volume (ISO 9660) to attach to the machine", Readers: both,
		Note: "whoever can read the volume has the machine's keys: detach it after the first boot",
	},
	{
		Name: Initrd, Summary: "an archive (cpio) that the boot loader loads after the system's own initrd", Readers: ignitionAlone,
		Note: "a directory of TFTP or HTTP has no owner: whoever reaches the server has the keys",
	},
	{
		Name: QEMU, Summary: "QEMU's options, in one line", Readers: both,
	},
	{
		Name: Netboot, Summary: "a directory to serve to machines that boot over the network, with iPXE or pxelinux", Readers: both, ByMAC: true,
		Note: "whoever reaches the server and knows a name in there has the keys; TFTP has no access control at all",
	},
	{
		Name: Matchbox, Summary: "a data directory of Matchbox: groups, profiles, documents", Readers: ignitionAlone, ByMAC: true,
		Note: "whoever knows or guesses a MAC address has that machine's keys",
	},
	{
		Name: ISO, Summary: "Fedora CoreOS's live ISO with the document in it: it installs itself where the cluster file names a disk, and else runs in memory",
		Readers: ignitionAlone, Base: "Fedora CoreOS's live ISO",
		Note: "the ISO is the machine's keys: whoever can read it has them",
	},
	{
		Name: Disk, Summary: "an image of the machine's disk with the document in it, for machines that take no second volume",
		Readers: both, Base: "a raw image of a disk: Fedora CoreOS's, or of a system that cloud-init sets up",
		Note: "the document stays on the disk after the first boot, where root can read it",
	},
}

// Kinds lists the kinds of media, in the order in which they are made.
func Kinds() []Kind { return slices.Clone(kinds) }

// FindKind returns the kind of a name.
func FindKind(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// KindNames lists the names of all kinds of media.
func KindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// Serves reports whether a medium of the kind delivers documents for a reader.
func (k Kind) Serves(reader string) bool { return slices.Contains(k.Readers, reader) }

// Boot is what of an operating system boot media depend on. Its zero value is a system
// that cloud-init sets up.
type Boot struct {
	// Document is where Ignition finds its document in the initial root directory, and
	// Keyfiles where the system takes NetworkManager's files from, instead of kernel
	// arguments; "" if it does not.
	Document, Keyfiles string
	// Appended says what is known of images that do not read Document; "" is nothing.
	Appended string
	// Device says that its Ignition, 2.27 or newer, reads the volume that kernel
	// arguments name: ignition.config.device and .path (internal/providers/cmdline).
	Device bool
	// First are the kernel arguments of a first boot. PlatformWord begins the one that names
	// the platform, and Platform is the name if the cluster file says none; "" lets the
	// image find out.
	First                  []string
	PlatformWord, Platform string
	// Rootfs begins the kernel argument that says where the live system finds its root; "" if
	// it is in the initrd.
	Rootfs string
	// Installs says that the live system can install itself (coreos/coreos-installer).
	Installs bool

	// LiveISO says that its live ISO has room for an initrd.
	LiveISO bool
	// Partitions are the names by which an image of its disk is recognised, all of them.
	// BootPartition is the one from which Ignition takes its document, in ext4; if there is
	// none, Instead says how such a machine gets it.
	Partitions    []string
	BootPartition string
	Instead       string
}

// Words returns the kernel arguments with which Ignition reads a document from the volume
// of a label; "" if the system's Ignition knows none.
func (b Boot) Words(label, path string) string {
	if !b.Device {
		return ""
	}
	return "ignition.config.device=" + label + " ignition.config.path=" + path
}
