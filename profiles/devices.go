package profiles

import (
	"regexp"
	"strconv"
	"strings"

	"hagen/gen/lazy"
)

// partitions are the names of partitions that tell whose they are: what stands
// before the number and after it is the disk's. udev's are in systemd's
// 60-persistent-storage.rules, those of device mapper in its 13-dm-disk.rules
// (DM_UUID begins with part1-), the kernel's in block/partitions/core.c: a p
// where the disk's own name ends with a digit.
var partitions = []func() *regexp.Regexp{
	lazy.Regexp(`^(/dev/disk/by-[a-z]+/.+)-part([0-9]+)()$`),
	lazy.Regexp(`^(/dev/disk/by-path/.+)-part/by-(?:partnum/([0-9]+)|[a-z]+/.+)()$`),
	lazy.Regexp(`^(/dev/disk/by-id/dm-uuid-)part([0-9]+)-(.+)$`),
	lazy.Regexp(`^(/dev/(?:sd|hd|vd|xvd)[a-z]+)([0-9]+)()$`),
	lazy.Regexp(`^(/dev/(?:nvme[0-9]+n|mmcblk|md|loop|nbd)[0-9]+)p([0-9]+)()$`),
}

// PartitionOf says whether a device is a partition by its name, of which disk,
// by a name of the same kind, and with which number. A label or a UUID tells
// neither: disk is "" then. Number is 0 when it is not told.
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
	// kind is the beginning of a name that says by what it is made. udev gives
	// one disk a name of each: by its serial number, by each of its worldwide
	// names (scsi-3…, nvme-eui.…), by where it is plugged in.
	kind = lazy.Regexp(`^/dev/(?:disk/by-id/(?:nvme-(?:eui|uuid|nguid)\.|scsi-[0-9S]|[a-z0-9]+-)|disk/by-path/[a-z]+-|disk/by-[a-z]+/|[a-z]+/|)`)
	// further is at the end of one more name of the same kind: a namespace of
	// NVMe, which is most often the only one, or a port of ATA.
	further = lazy.Regexp(`^(_|-ns-|\.)[0-9]+$`)
)

// MayBeOne says whether two different names of disks, or of partitions, may
// mean one device: names of one kind are of different devices.
func MayBeOne(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, begins := strings.CutPrefix(b, a)
	return kind().FindString(a) != kind().FindString(b) || begins && further().MatchString(rest)
}
