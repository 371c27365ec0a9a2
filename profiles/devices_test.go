package profiles

import "testing"

func TestPartitionOf(t *testing.T) {
	for device, want := range map[string]struct {
		disk   string
		number int
		is     bool
	}{
		"/dev/disk/by-id/virtio-a":                                    {},
		"/dev/disk/by-id/virtio-a-part1":                              {"/dev/disk/by-id/virtio-a", 1, true},
		"/dev/disk/by-id/virtio-a-part12":                             {"/dev/disk/by-id/virtio-a", 12, true},
		"/dev/disk/by-id/virtio-a-part":                               {},
		"/dev/disk/by-id/virtio-part1-a":                              {},
		"/dev/disk/by-id/wwn-0x5000c500a0b1c2d3-part2":                {"/dev/disk/by-id/wwn-0x5000c500a0b1c2d3", 2, true},
		"/dev/disk/by-id/nvme-eui.0123456789abcdef-part3":             {"/dev/disk/by-id/nvme-eui.0123456789abcdef", 3, true},
		"/dev/disk/by-id/dm-uuid-part1-mpath-3600a0b80":               {"/dev/disk/by-id/dm-uuid-mpath-3600a0b80", 1, true},
		"/dev/disk/by-path/pci-0000:00:05.0-part1":                    {"/dev/disk/by-path/pci-0000:00:05.0", 1, true},
		"/dev/disk/by-path/pci-0000:00:05.0-part/by-partnum/1":        {"/dev/disk/by-path/pci-0000:00:05.0", 1, true},
		"/dev/disk/by-path/pci-0000:00:05.0-part/by-partlabel/x-part": {"/dev/disk/by-path/pci-0000:00:05.0", 0, true},
		"/dev/disk/by-diskseq/7-part1":                                {"/dev/disk/by-diskseq/7", 1, true},
		"/dev/disk/by-partlabel/etcd":                                 {"", 0, true},
		"/dev/disk/by-partuuid/0d6b6d3c-02":                           {"", 0, true},
		"/dev/sda":                                                    {},
		"/dev/sda1":                                                   {"/dev/sda", 1, true},
		"/dev/vdb2":                                                   {"/dev/vdb", 2, true},
		"/dev/nvme0n1":                                                {},
		"/dev/nvme0n1p2":                                              {"/dev/nvme0n1", 2, true},
		"/dev/mmcblk0p1":                                              {"/dev/mmcblk0", 1, true},
		"/dev/md127":                                                  {},
		"/dev/md127p1":                                                {"/dev/md127", 1, true},
	} {
		disk, number, is := PartitionOf(device)
		if disk != want.disk || number != want.number || is != want.is {
			t.Errorf("%s: %q, %d, %t", device, disk, number, is)
		}
	}
}

func TestMayBeOne(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"/dev/disk/by-id/virtio-a", "/dev/disk/by-id/virtio-b", false},
		{"/dev/disk/by-id/virtio-etcd", "/dev/disk/by-id/virtio-etcd2", false},
		{"/dev/disk/by-id/ata-DISK_1", "/dev/disk/by-id/wwn-0x5000c500a0b1c2d3", true},
		{"/dev/disk/by-id/scsi-0QEMU_HARDDISK_a", "/dev/disk/by-id/scsi-36000c29", true},
		{"/dev/disk/by-id/nvme-eui.01", "/dev/disk/by-id/nvme-SAMSUNG_S4", true},
		{"/dev/disk/by-id/nvme-SAMSUNG_S4", "/dev/disk/by-id/nvme-SAMSUNG_S5", false},
		{"/dev/disk/by-id/nvme-SAMSUNG_S4_1", "/dev/disk/by-id/nvme-SAMSUNG_S4", true},
		{"/dev/disk/by-id/nvme-Amazon_vol1", "/dev/disk/by-id/nvme-Amazon_vol1-ns-1", true},
		{"/dev/disk/by-path/pci-0000:00:1f.2-ata-1", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1.0", true},
		{"/dev/disk/by-path/pci-0000:00:05.0", "/dev/disk/by-path/virtio-pci-0000:00:05.0", true},
		{"/dev/disk/by-path/pci-0000:00:05.0", "/dev/disk/by-path/pci-0000:00:06.0", false},
		{"/dev/disk/by-path/pci-0000:00:05.0", "/dev/disk/by-id/virtio-a", true},
		{"/dev/sdb", "/dev/disk/by-id/virtio-a", true},
		{"/dev/sdb", "/dev/sdc", false},
		{"/dev/mapper/vg-data", "/dev/sdc", true},
		{"/dev/disk/by-partlabel/etcd", "/dev/disk/by-partlabel/scratch", false},
		{"/dev/disk/by-partlabel/etcd", "/dev/disk/by-partuuid/0d6b6d3c-02", true},
		{"/dev/disk/by-partlabel/etcd", "/dev/disk/by-id/virtio-a", true},
	} {
		if MayBeSameDevice(test.a, test.b) != test.want || MayBeSameDevice(test.b, test.a) != test.want {
			t.Errorf("%s and %s: not %t", test.a, test.b, test.want)
		}
	}
}
