package network

import (
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func addrs(texts ...string) (out []netip.Addr) {
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

// interfaces are of all shapes that a cluster file can give.
var interfaces = map[string]node.Interface{
	"IPv4": {Name: "ens3", Addresses: prefixes("10.10.10.80/24"), Gateways: addrs("10.10.10.1"), Nameservers: addrs("10.10.10.53", "10.10.11.53")},
	"IPv6": {Name: "ens3", Addresses: prefixes("fd00:10::80/64"), Gateways: addrs("fd00:10::1"), Nameservers: addrs("fd00:10::53")},
	"both": {
		Name: "ens3", Addresses: prefixes("10.10.10.80/20", "fd00:10::80/48"),
		Gateways: addrs("10.10.0.1", "fe80::1"), Nameservers: addrs("10.10.10.53", "fd00:10::53"),
	},
	"several of a family": {
		Name: "ens3", Addresses: prefixes("10.10.10.80/24", "192.0.2.80/28", "fd00:10::80/64", "2001:db8::80/64"), Gateways: addrs("192.0.2.81", "2001:db8::1"),
	},
	"MAC address":          {MAC: "02:00:0a:0a:0a:50", Addresses: prefixes("10.10.10.80/24")},
	"name and MAC address": {Name: "ens3", MAC: "02:00:0a:0a:0a:50", Addresses: prefixes("fd00:10::80/64"), Gateways: addrs("fd00:10::1")},
}

// leased are those of a machine that also has one with static addresses.
var leased = map[string]node.Interface{
	"DHCP": {MAC: "02:00:0a:0a:0a:51", DHCP: []int{4}}, "DHCPv6": {MAC: "02:00:0a:0a:0a:51", DHCP: []int{6}},
	"DHCP of both": {MAC: "02:00:0a:0a:0a:51", DHCP: []int{4, 6}}, "all others": Others(),
}

// every is all of them.
func every() map[string]node.Interface {
	all := maps.Clone(interfaces)
	maps.Copy(all, leased)
	return all
}

// TestReadBack: whatever an interface is, its file says, with every stack.
func TestReadBack(t *testing.T) {
	for name, i := range every() {
		for _, s := range stacks {
			f := File(i, s.name)
			got, found := Read(f)
			if !found || !reflect.DeepEqual(got, i) {
				t.Errorf("%s, %s: read back as %+v, %t\n%s", name, s.name, got, found, f.Contents)
			}
			// What somebody changed is no interface that could be written again.
			for what, change := range map[string]func(*node.File){
				"a line":    func(f *node.File) { f.Contents = append(f.Contents, "#\n"...) },
				"its owner": func(f *node.File) { f.User = "core" },
				"its mode":  func(f *node.File) { f.Mode = 0o640 },
				"its name":  func(f *node.File) { f.Path = strings.Replace(f.Path, "s/", "s/x", 1) + "x" },
				"its place": func(f *node.File) { f.Path = "/etc/x" },
			} {
				changed := File(i, s.name)
				change(&changed)
				if got, found := Read(changed); found {
					t.Errorf("%s, %s: with %s changed it is read as %+v", name, s.name, what, got)
				}
			}
		}
	}
}

// TestStacks: every operating system's stack is a row.
func TestStacks(t *testing.T) {
	for _, o := range profiles.Systems() {
		f := File(interfaces["both"], o.Network)
		if _, found := Read(f); !found {
			t.Errorf("%s: %s", o.Name, f.Path)
		}
	}
}

// machine has one interface.
func machine(i node.Interface, stack string) node.Node {
	return node.Node{Name: "kubem00", Files: []node.File{{Path: "/etc/hostname"}, File(i, stack)}}
}

func TestKargs(t *testing.T) {
	both := interfaces["both"]
	both.MAC = "02:00:0a:0a:0a:50"
	mac := interfaces["MAC address"]
	for _, test := range []struct {
		system string
		i      node.Interface
		want   string
	}{
		{"fcos", interfaces["IPv4"], "ip=10.10.10.80::10.10.10.1:255.255.255.0:kubem00:ens3:none nameserver=10.10.10.53 nameserver=10.10.11.53\n"},
		{"fcos", interfaces["IPv6"], "ip=[fd00:10::80]::[fd00:10::1]:64:kubem00:ens3:none nameserver=fd00:10::53\n"},
		{"flatcar", both, "ip=[fd00:10::80]::[fe80::1]:48:kubem00:ens3:none ip=10.10.10.80::10.10.0.1:255.255.240.0:kubem00:ens3:none nameserver=10.10.10.53 nameserver=fd00:10::53\n"},
		{"fcos", mac, "ip=10.10.10.80:::255.255.255.0:kubem00:02-00-0a-0a-0a-50:none\n"},
		{"generic", mac, "ifname=bootnet0:02:00:0a:0a:0a:50 ip=10.10.10.80:::255.255.255.0:kubem00:bootnet0:none\n"},
		{"flatcar", mac, ""},
		// The address that reaches the gateway, not the first.
		{"fcos", interfaces["several of a family"], "ip=[2001:db8::80]::[2001:db8::1]:64:kubem00:ens3:none ip=192.0.2.80::192.0.2.81:255.255.255.240:kubem00:ens3:none\n"},
	} {
		system, _ := profiles.FindOS(test.system)
		if got := string(Kargs(machine(test.i, system.Network), system)); got != test.want {
			t.Errorf("%s: got\n%swant\n%s", test.system, got, test.want)
		}
	}
	one := machine(interfaces["IPv4"], profiles.NetworkManager)
	fcos, _ := profiles.FindOS("fcos")
	alone := string(Kargs(one, fcos))
	one.Files = append(one.Files, File(leased["DHCP"], profiles.NetworkManager), File(Others(), profiles.NetworkManager))
	if got := string(Kargs(one, fcos)); got != alone {
		t.Errorf("beside DHCP: %swant %s", got, alone)
	}
	two := machine(mac, profiles.Networkd)
	mac.MAC = "02:00:0a:0a:0a:51"
	two.Files = append(two.Files, File(mac, profiles.Networkd))
	system, _ := profiles.FindOS("generic")
	if got := string(Kargs(two, system)); strings.Count(got, "bootnet0:") != 2 || strings.Count(got, "bootnet1:") != 2 {
		t.Errorf("two interfaces by their MAC addresses: %s", got)
	}
}

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct {
		i    node.Interface
		want string
	}{
		"both": {interfaces["both"], `version: 2
ethernets:
  "ens3":
    dhcp4: false
    dhcp6: false
    accept-ra: false
    link-local: [ipv6]
    addresses: ["10.10.10.80/20", "fd00:10::80/48"]
    routes: [{to: "0.0.0.0/0", via: "10.10.0.1"}]
    gateway6: "fe80::1"
    nameservers: {addresses: ["10.10.10.53", "fd00:10::53"]}
`},
		"MAC address": {interfaces["MAC address"], `version: 2
ethernets:
  "lan0":
    match: {macaddress: "02:00:0a:0a:0a:50"}
    set-name: "lan0"
    dhcp4: false
    dhcp6: false
    accept-ra: false
    link-local: []
    addresses: ["10.10.10.80/24"]
`},
	} {
		_, got, _ := strings.Cut(string(Config([]node.Interface{test.i})), "\n")
		if got != test.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, test.want)
		}
	}
	if got := Config([]node.Interface{interfaces["both"], leased["DHCP"], Others()}); got != nil {
		t.Errorf("of a card that nothing identifies: %s", got)
	}
	if got := Config(nil); got != nil {
		t.Errorf("of nothing: %s", got)
	}
	both := []node.Interface{interfaces["both"]}
	now := string(Config(both))
	for text, want := range map[string]bool{
		now: true, strings.Replace(now, `routes: [{to: "0.0.0.0/0", via: "10.10.0.1"}]`, `gateway4: "10.10.0.1"`, 1): true,
		strings.Replace(now, "10.10.0.1", "10.10.0.2", 1): false, "": false,
	} {
		if IsConfig([]byte(text), both) != want {
			t.Errorf("that of the machine or an earlier release's: %t\n%s", !want, text)
		}
	}
}

// TestConfigNames: an interface without a name gets one that no other has, and
// whatever is found by its MAC address comes to be called by its name.
func TestConfigNames(t *testing.T) {
	unnamed, named := interfaces["MAC address"], interfaces["IPv4"]
	named.Name = "lan0"
	both := interfaces["name and MAC address"]
	got := string(Config([]node.Interface{unnamed, named, both}))
	for _, want := range []string{
		"  \"lan1\":\n    match: {macaddress: \"" + unnamed.MAC + "\"}\n    set-name: \"lan1\"\n", "  \"lan0\":\n    dhcp4: false\n",
		"  \"" + both.Name + "\":\n    match: {macaddress: \"" + both.MAC + "\"}\n    set-name: \"" + both.Name + "\"\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("no\n%sin\n%s", want, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, i := range every() {
		for _, s := range stacks {
			file := File(i, s.name)
			f.Add(file.Path, file.Contents)
		}
	}
	f.Fuzz(func(t *testing.T, path string, contents []byte) {
		for _, s := range stacks {
			i, found := Read(node.File{Path: path, Mode: s.mode, Contents: contents})
			if !found {
				continue
			}
			again := File(i, s.name)
			if again.Path != path || string(again.Contents) != string(contents) {
				t.Errorf("%s is read as %+v, which is %s", contents, i, again.Contents)
			}
		}
	})
}

// TestActivate: a running system is given its files; one with another stack is left alone.
func TestActivate(t *testing.T) {
	for stack, want := range map[string]string{
		profiles.Networkd:       "if [ -e /run/systemd/netif/state ]; then run networkctl reload; fi",
		profiles.NetworkManager: "if [ -e /run/NetworkManager ]; then run nmcli connection reload; run nmcli --wait 30 connection up id ens3; run nmcli --wait 30 connection up id 02-00-0a-0a-0a-51; fi",
	} {
		n := machine(interfaces["IPv4"], stack)
		n.Files = append(n.Files, File(leased["DHCP"], stack), File(Others(), stack))
		if got := Activate(n, "run"); got != want {
			t.Errorf("%s: %s", stack, got)
		}
	}
	if got := Activate(node.Node{Files: []node.File{{Path: "/etc/hostname"}}}, "run"); got != "" {
		t.Errorf("without interfaces: %s", got)
	}
}
