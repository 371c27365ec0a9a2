package profiles

import "slices"

// Platform is where machines run, as Ignition calls it (ignition.platform.id; coreos/
// ignition, internal/providers). The zero Platform is whatever the image knows.
type Platform struct {
	Name  string
	Drive bool // reads OpenStack's config drive, labelled config-2, and not cidata
}

var platforms = []Platform{
	{Name: "akamai"}, {Name: "aliyun"}, {Name: "applehv"}, {Name: "aws"}, {Name: "azure"}, {Name: "azurestack"}, {Name: "brightbox"},
	{Name: "cloudstack"}, {Name: "digitalocean"}, {Name: "exoscale"}, {Name: "gcp"}, {Name: "hetzner"}, {Name: "hyperv"}, {Name: "ibmcloud"},
	{Name: "kubevirt"}, {Name: "metal"}, {Name: "nutanix", Drive: true}, {Name: "nvidiabluefield"}, {Name: "openstack", Drive: true},
	{Name: "oraclecloud"}, {Name: "packet"}, {Name: "powervs", Drive: true}, {Name: "proxmoxve"}, {Name: "qemu"}, {Name: "scaleway"},
	{Name: "upcloud"}, {Name: "virtualbox"}, {Name: "vmware"}, {Name: "vultr"}, {Name: "zvm"},
}

// PlatformNames lists the names of all platforms.
func PlatformNames() []string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.Name)
	}
	return names
}

// FindPlatform returns the platform of a name.
func FindPlatform(name string) (Platform, bool) {
	i := slices.IndexFunc(platforms, func(p Platform) bool { return p.Name == name })
	if i < 0 {
		return Platform{}, false
	}
	return platforms[i], true
}
