package network

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

// The programs that read what this package writes. A test whose program is
// missing is skipped, unless HAGEN_READERS=required, as in CI.

// program finds a program in .bin, where make setup puts NetworkManager's
// without installing the daemon, or in the system.
func program(t *testing.T, places ...string) string {
	t.Helper()
	for _, place := range places {
		for _, root := range []string{"../../.bin/networkmanager", ""} {
			if path, err := filepath.Abs(root + place); err == nil {
				if _, err := os.Stat(path); err == nil {
					return path
				}
			}
		}
	}
	missing(t, filepath.Base(places[0]))
	return ""
}

func missing(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("HAGEN_READERS") == "required" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
}

// run gives what a program prints to stdout; of stderr nothing may come.
func run(t *testing.T, input []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, complaints.String())
	}
	return out.String()
}

// keys of NetworkManager that say how an interface is configured.
var configured = regexp.MustCompile(`^(type|interface-name|mac-address|address\d*|gateway|route\d*|dns|may-fail|method)$`)

// settings are the lines of a keyfile that say how an interface is configured.
func settings(text string) (out []string) {
	for _, e := range entries([]byte(text)) {
		if configured.MatchString(e.key) {
			out = append(out, strings.ToLower(fmt.Sprintf("[%s] %s=%s", e.section, e.key, e.value)))
		}
	}
	slices.Sort(out)
	return out
}

// TestNmcli: NetworkManager's own reader finds in a keyfile what was written
// and nothing else.
func TestNmcli(t *testing.T) {
	nmcli := program(t, "/usr/bin/nmcli")
	for name, i := range every() {
		text := keyfile(i)
		read := run(t, text, nmcli, "--offline", "connection", "modify", "connection.autoconnect-slaves", "-1")
		if isOthers(i) != strings.Contains(read, "\nmulti-connect=3\n") {
			t.Errorf("%s: one connection for several cards is\n%s", name, read)
		}
		if got, want := settings(read), settings(string(text)); !slices.Equal(got, want) {
			t.Errorf("%s: NetworkManager reads\n%q\nwritten is\n%q", name, got, want)
		}
	}
}

// TestInitrdGenerator: what NetworkManager makes of kernel arguments is what
// the machine's keyfile says, but for what they cannot say: a second address of
// a family.
func TestInitrdGenerator(t *testing.T) {
	generator := program(t, "/usr/lib/NetworkManager/nm-initrd-generator", "/usr/libexec/nm-initrd-generator")
	fcos, _ := profiles.FindOS("fcos")
	for name, i := range interfaces {
		if name == "name and MAC address" {
			i.MAC = "" // the arguments have the name, the file the MAC address
		}
		kargs := Kargs(machine(i, profiles.NetworkManager), fcos)
		read := run(t, nil, generator, append([]string{"--stdout", "--"}, strings.Fields(string(kargs))...)...)
		for _, family := range []int{4, 6} {
			if own := addresses(i, family); len(own) > 1 {
				kept := routed(own, i)
				i.Addresses = slices.DeleteFunc(slices.Clone(i.Addresses), func(p netip.Prefix) bool { return slices.Contains(own, p) && p != kept })
			}
		}
		_, connection, _ := strings.Cut(read, "*** Connection")
		if got, want := settings(connection), settings(string(keyfile(i))); !slices.Equal(got, want) {
			t.Errorf("%s: %sis read as\n%q\nthe keyfile says\n%q", name, kargs, got, want)
		}
	}
}

// TestNetworkGenerator: the same of systemd's reader and file.
func TestNetworkGenerator(t *testing.T) {
	generator := program(t, "/usr/lib/systemd/systemd-network-generator")
	generic, _ := profiles.FindOS("generic")
	for name, i := range interfaces {
		root := t.TempDir()
		kargs := Kargs(machine(i, profiles.Networkd), generic)
		run(t, nil, generator, append([]string{"--root=" + root, "--"}, strings.Fields(string(kargs))...)...)
		files, _ := filepath.Glob(root + "/run/systemd/network/*.network")
		if len(files) == 0 {
			files, _ = filepath.Glob(root + "/*.network")
		}
		if len(files) != 1 {
			t.Errorf("%s: %s: %d files", name, kargs, len(files))
			continue
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, e := range entries(text) {
			if e.key == "Address" || e.key == "Gateway" || e.key == "DNS" {
				got = append(got, e.key+"="+e.value)
			}
		}
		for _, family := range []int{4, 6} {
			if own := addresses(i, family); len(own) > 0 {
				want = append(want, "Address="+routed(own, i).String())
			}
		}
		for _, g := range i.Gateways {
			want = append(want, "Gateway="+g.String())
		}
		for _, n := range i.Nameservers {
			want = append(want, "DNS="+n.String())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %sis read as\n%q\nwant\n%q", name, kargs, got, want)
		}
	}
}

// netConvert does what "cloud-init devel net-convert" does, with each of its
// arguments in one Python.
const netConvert = `import sys
from cloudinit.cmd.devel import net_convert
for line in sys.argv[1:]:
    net_convert.handle_args("net-convert", net_convert.get_parser().parse_args(line.split("\n")))
`

// renderers are those of cloud-init's that write what this package reads.
var renderers = []string{"networkd", "network-manager"}

// deprecated is what cloud-init reports since 23.1 as a reason for a degraded
// boot. IPv6 has no other way that 22.4 reads.
const deprecated = "gateway4"

// TestCloudInit: what cloud-init makes of network-config, for each of its
// renderers, is what the machine's own file says: addresses, gateways,
// nameservers, on which interface.
func TestCloudInit(t *testing.T) {
	program(t, "/usr/bin/cloud-init")
	dir := t.TempDir()
	root := func(name, renderer string) string {
		return filepath.Join(dir, strings.ReplaceAll(name, " ", "-"), renderer)
	}
	args := []string{"-c", netConvert}
	for name, i := range interfaces {
		config := root(name, "network-config")
		if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
			t.Fatal(err)
		}
		text := Config([]node.Interface{i})
		if bytes.Contains(text, []byte(deprecated)) {
			t.Errorf("%s: %s is in\n%s", name, deprecated, text)
		}
		if err := os.WriteFile(config, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, r := range renderers {
			args = append(args, strings.Join([]string{"--network-data=" + config, "--kind=yaml", "--directory=" + root(name, r), "--distro=debian", "--output-kind=" + r}, "\n"))
		}
	}
	if out, err := exec.Command("/usr/bin/python3", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, i := range interfaces {
		var want []string
		for _, a := range i.Addresses {
			want = append(want, a.String())
		}
		for _, g := range i.Gateways {
			want = append(want, g.String())
		}
		for _, n := range i.Nameservers {
			want = append(want, n.String())
		}
		slices.Sort(want)
		for _, r := range renderers {
			got, devices := said(t, root(name, r))
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: read as %q, want %q", name, r, got, want)
			}
			if i.MAC != "" && !slices.Contains(devices, i.MAC) || i.MAC == "" && !slices.Contains(devices, i.Name) {
				t.Errorf("%s, %s: on %q", name, r, devices)
			}
		}
	}
}

// TestCloudInitBesideDHCP: each renderer of cloud-init's gives the card its network that
// DHCP configures, beside one with static addresses.
func TestCloudInitBesideDHCP(t *testing.T) {
	program(t, "/usr/bin/cloud-init")
	dir := t.TempDir()
	config := filepath.Join(dir, "network-config")
	if err := os.WriteFile(config, Config([]node.Interface{interfaces["both"], leased["DHCP"]}), 0o600); err != nil {
		t.Fatal(err)
	}
	wants := map[string][]string{
		"networkd": {"DHCP=ipv4\n", "DHCP=no\n"}, "network-manager": {"method=auto\n", "method=manual\n"}, "sysconfig": {"BOOTPROTO=dhcp\n", "BOOTPROTO=none\n"},
		"netplan": {"dhcp4: true\n", "dhcp4: false\n"}, "eni": {" inet dhcp\n", " inet static\n"},
	}
	args := []string{"-c", netConvert}
	for r := range wants {
		distro := "debian"
		if r == "sysconfig" {
			distro = "rhel"
		}
		args = append(args, strings.Join([]string{"--network-data=" + config, "--kind=yaml", "--directory=" + filepath.Join(dir, r), "--distro=" + distro, "--output-kind=" + r}, "\n"))
	}
	if out, err := exec.Command("/usr/bin/python3", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for r, words := range wants {
		var text strings.Builder
		if err := filepath.WalkDir(filepath.Join(dir, r), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			contents, err := os.ReadFile(path)
			text.Write(contents)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, w := range append(words, leased["DHCP"].MAC) {
			if !strings.Contains(strings.ToLower(text.String()), strings.ToLower(w)) {
				t.Errorf("%s: no %q in\n%s", r, w, text.String())
			}
		}
	}
}

// said lists what files of cloud-init's say of an interface, and how they know
// it.
func said(t *testing.T, root string) (values, devices []string) {
	t.Helper()
	for _, s := range stacks {
		files, _ := filepath.Glob(filepath.Join(root, s.dir, "*"+s.after))
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries(text) {
				switch key := strings.ToLower(strings.TrimRight(e.key, "0123456789")); key {
				case "address", "gateway":
					values = append(values, e.value)
				case "destination":
					if e.value != anywhere {
						values = append(values, e.value)
					}
				case "route":
					values = append(values, strings.TrimPrefix(e.value, anywhere+","))
				case "dns":
					values = append(values, strings.FieldsFunc(e.value, func(r rune) bool { return r == ';' || r == ' ' })...)
				case "name", "macaddress", "interface-name", "mac-address":
					devices = append(devices, strings.ToLower(e.value))
				}
			}
		}
	}
	slices.Sort(values)
	return values, devices
}

// networkd starts systemd-networkd in a network and mounts of its own, with one
// interface of the MAC address that the tests' interfaces have, waits until it
// says that the machine is online, and prints what the kernel has. With the
// shell, process 1, all others end.
const networkd = `set -e
ip link set lo up
ip link add ens3 address 02:00:0a:0a:0a:50 type veth peer name peer
ip link set peer addrgenmode none
ip link set peer up
mount -t tmpfs none /run
mkdir -p /run/systemd/network
mount -t sysfs -o ro none /sys
mount -t tmpfs none /etc/systemd/network
cp "$1" "$3" /etc/systemd/network/
chmod 0644 /etc/systemd/network/*
export SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=notice
"$2" >&2 &
until [ -e /run/systemd/netif/state ]; do sleep 0.1; done
/usr/lib/systemd/systemd-networkd-wait-online --interface=ens3 --timeout=20 >&2
ip -oneline addr show dev ens3
ip route show default
ip -6 route show default
`

// TestNetworkd: systemd-networkd configures an interface as its file says, even
// beside the file for all other cards, and says nothing of them. Nobody in this
// network advertises a router.
func TestNetworkd(t *testing.T) {
	daemon := program(t, "/usr/lib/systemd/systemd-networkd")
	for _, name := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, name)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("only root can have a network of its own")
	}
	for name, i := range interfaces {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for the kernel, which looks for a duplicate of an IPv6 address
			f := File(i, profiles.Networkd)
			path := filepath.Join(t.TempDir(), filepath.Base(f.Path))
			if err := os.WriteFile(path, f.Contents, 0o600); err != nil {
				t.Fatal(err)
			}
			f = File(Others(), profiles.Networkd)
			others := filepath.Join(t.TempDir(), filepath.Base(f.Path))
			if err := os.WriteFile(others, f.Contents, 0o600); err != nil {
				t.Fatal(err)
			}
			out := run(t, nil, "unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "bash", "-c", networkd, "bash", path, daemon, others)
			want := []string{}
			for _, a := range i.Addresses {
				want = append(want, " "+a.String()+" ")
			}
			for _, g := range i.Gateways {
				want = append(want, "default via "+g.String()+" dev ens3")
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in\n%s", w, out)
				}
			}
			if strings.Contains(out, "fe80::") != (len(addresses(i, 6)) > 0) {
				t.Errorf("a link-local address is wrong here:\n%s", out)
			}
		})
	}
}
