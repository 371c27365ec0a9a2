package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"hagen/gen/cluster"
	"hagen/gen/spec"
)

const bootFile = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  endpoint: kubem00:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters: [{name: kubem00, addresses: [10.10.10.80]}]
`

// TestInstallDisk: what an installation leaves alone, and what it is warned of.
func TestInstallDisk(t *testing.T) {
	for _, test := range []struct {
		what, text string
		keep       []string
		warns      string
	}{
		{"its own disk", "  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", nil, ""},
		{"where it is plugged in", "  boot: {installDisk: /dev/disk/by-path/pci-0000:00:04.0}\n", nil, ""},
		{"the kernel's name", "  boot: {installDisk: /dev/sda}\n", nil, "/dev/sda may be another disk at the next boot, and what is on it is lost"},
		{"another name of etcd's", "  etcd: {disk: /dev/disk/by-id/virtio-a}\n  boot: {installDisk: /dev/disk/by-path/pci-0000:00:04.0}\n", nil, "may be the same disk as etcd's, /dev/disk/by-id/virtio-a"},
		{"another name of a filesystem's", "  disks: {masters: [{device: /dev/disk/by-id/wwn-0x1, filesystem: {format: ext4, path: /var/log}}]}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", nil, "may be the same disk as that of /var/log, /dev/disk/by-id/wwn-0x1"},
		{"another name of a disk", "  disks: {masters: [{device: /dev/disk/by-id/wwn-0x1, partitions: [{label: ceph}]}]}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", nil, "may be the same disk as /dev/disk/by-id/wwn-0x1, which has data"},
		{"by the partition's own identifier", "  etcd: {disk: /dev/disk/by-partuuid/0d6b6d3c-02}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", nil, "may be the same disk as etcd's, /dev/disk/by-partuuid/0d6b6d3c-02"},
		{"etcd's partition, wherever it is", "  etcd: {disk: /dev/disk/by-partlabel/etcd}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", []string{"etcd"}, ""},
		{"a filesystem, wherever it is", "  disks: {masters: [{device: /dev/disk/by-partlabel/logs, filesystem: {format: ext4, path: /var/log}}]}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", []string{"logs"}, ""},
		{"etcd's partition on another disk", "  etcd: {disk: data}\n  disks: {masters: [{device: /dev/disk/by-id/nvme-B, partitions: [{label: data}]}]}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", nil, ""},
		{"etcd's partition on it", "  etcd: {disk: etcd}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n", []string{"etcd"}, ""},
		{"further partitions on it", "  etcd: {disk: etcd}\n  boot: {installDisk: /dev/disk/by-id/nvme-A}\n  disks: {masters: [{device: /dev/disk/by-id/coreos-boot-disk, partitions: [" +
			"{label: root, number: 4, sizeMiB: 8192, resize: true}, {label: etcd, number: 5, sizeMiB: 8192}, {label: scratch, number: 6, sizeMiB: 8192, wipePartitionEntry: true}, {label: logs, number: 7}]}]}\n",
			[]string{"etcd", "logs"}, ""},
	} {
		source := spec.Source{Name: "cluster.yaml", Text: []byte(bootFile + test.text)}
		file, err := spec.Parse(source)
		if err != nil {
			t.Fatalf("%s: %v", test.what, err)
		}
		c, faults := cluster.New(file)
		if len(faults) > 0 {
			t.Errorf("%s: %v", test.what, faults)
			continue
		}
		h := c.Machines[0]
		if !strings.Contains(string(source.Text), "installDisk: "+h.InstallDisk+"}") || h.InstallDisk == "" || !slices.Equal(h.KeepLabels(h.OS.BootDisk), test.keep) {
			t.Errorf("%s: installs on %q, keeps %v", test.what, h.InstallDisk, h.KeepLabels(h.OS.BootDisk))
		}
		warned := slices.ContainsFunc(c.Warnings, func(f spec.Fault) bool { return test.warns != "" && strings.Contains(f.Problem, test.warns) })
		other := slices.ContainsFunc(c.Warnings, func(f spec.Fault) bool {
			return strings.HasPrefix(f.At.Path, "spec.boot") && !strings.Contains(f.Problem, test.warns)
		})
		if warned != (test.warns != "") || other || test.warns == "" && slices.ContainsFunc(c.Warnings, func(f spec.Fault) bool { return strings.HasPrefix(f.At.Path, "spec.boot") }) {
			t.Errorf("%s: warns %v", test.what, c.Warnings)
		}
	}
}
