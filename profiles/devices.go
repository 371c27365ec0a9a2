package profiles

import (
	"regexp"
	"strconv"
	"strings"

	"hagen/gen/lazy"
)

// partitions matches names of partitions that include their disk's name: the parts
// before and after the number. udev's names are in systemd's
// 60-persistent-storage.rules, those of device mapper in its 13-dm-disk.rules (DM_UUID
// begins with part1-), the kernel's in block/partitions/core.c: it adds a p if the
// disk's name ends with a digit.
var partitions = []func() *regexp.Regexp{
	lazy.Regexp(`^(/dev/disk/by-[a-z]+/.+)-part([0-9]+)()$`),
	lazy.Regexp(`^(/dev/disk/by-path/.+)-part/by-(?:partnum/([0-9]+)|[a-z]+/.+)()$`),
	lazy.Regexp(`^(/dev/disk/by-id/dm-uuid-)part([0-9]+)-(.+)$`),
	lazy.Regexp(`^(/dev/(?:sd|hd|vd|xvd)[a-z]+)([0-9]+)()$`),
	lazy.Regexp(`^(/dev/(?:nvme[0-9]+n|mmcblk|md|loop|nbd)[0-9]+)p([0-9]+)()$`),
}

// PartitionOf reports whether a device is a partition, by its name, and returns its
// disk, with a name of the same kind, and its number. A name by label or UUID holds
// neither: disk is "" and number 0 then.
func PartitionOf(device string) (disk string, number int, is bool) {
	for _, name := range partitions {
		if m := name().FindStringSubmatch(device); m != nil {
			number, _ = strconv.Atoi(m[2]) // digits, or none
			return m[1] + m[3], number, true
		}
	}
	is = strings.HasPrefix(device, "/dev/disk/by-partlabel/") || strings.HasPrefix(device, "/dev/disk/by-partuuid/")
	return "", 0, is
}

var (
	// kind is the beginning of a name that shows its kind. udev gives a disk one
	// name of each kind: by its serial number, by each of its worldwide names
	// (scsi-3…, nvme-eui.…), by where it is plugged in.
	kind = lazy.Regexp(`^/dev/(?:disk/by-id/(?:nvme-(?:eui|uuid|nguid)\.|scsi-[0-9S]|[a-z0-9]+-)|disk/by-path/[a-z]+-|disk/by-[a-z]+/|[a-z]+/|)`)
	// further is the end of a second name of the same kind: an NVMe namespace, which
	// is usually the only one, or an ATA port.
	further = lazy.Regexp(`^(_|-ns-|\.)[0-9]+$`)
)

// MayBeSameDevice reports whether two different names of disks, or of partitions, may mean
// the same device: names of one kind mean different devices.
func MayBeSameDevice(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, begins := strings.CutPrefix(b, a)
	return kind().FindString(a) != kind().FindString(b) || begins && further().MatchString(rest)
}
