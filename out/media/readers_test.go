package media

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/profiles"
)

// python is the one that distributions' cloud-init runs with.
const python = "/usr/bin/python3"

// asked gives a text to a program of cloud-init's, and returns what it makes of it.
func asked(t *testing.T, script string, text []byte) (out map[string]any) {
	t.Helper()
	if exec.Command(python, "-c", "import cloudinit").Run() != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal("cloud-init is not installed: make setup")
		}
		t.Skip("cloud-init is not installed")
	}
	run := exec.Command(python, "-c", script)
	run.Stdin = bytes.NewReader(text)
	var complaint bytes.Buffer
	run.Stderr = &complaint
	made, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	must(t, json.Unmarshal(made, &out))
	return out
}

// TestCloudInitReadsNetworks: cloud-init has the static interfaces of a machine from a
// config drive, and from kernel arguments.
func TestCloudInitReadsNetworks(t *testing.T) {
	named := static
	named.Name, named.MAC = "ens4", ""
	for _, i := range []node.Interface{static, named} {
		h := host(t, "debian", "debian", "52:54:00:00:00:05", i)
		name := i.Name
		if name == "" {
			name = "lan0"
		}
		drive := asked(t, "import json, sys; from cloudinit.sources.helpers.openstack import convert_net_json; print(json.dumps(convert_net_json(json.load(sys.stdin), known_macs={})))", h.driveNetwork())
		text, err := json.Marshal(drive)
		must(t, err)
		for _, want := range []string{`"address":"10.10.10.81/24"`, `"gateway":"10.10.10.1"`, `"address":"fd00:10::81/64"`, `"gateway":"fd00:10::1"`, `"name":"` + name + `"`, `"address":"10.10.10.53"`, `"type":"static6"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the config drive of %s lacks %s: %s", name, want, text)
			}
		}
		if i.MAC != "" && !strings.Contains(string(text), `"mac_address":"`+i.MAC+`"`) {
			t.Errorf("the config drive lacks the MAC address: %s", text)
		}

		s := several(t)
		words := strings.Join(h.arguments(s, true), " ")
		kernel := asked(t, "import json, sys; from cloudinit.net.cmdline import read_kernel_cmdline_config as read; print(json.dumps(read(cmdline=sys.stdin.read())))", []byte(words))
		config, known := kernel["ethernets"].(map[string]any)[name].(map[string]any)
		if !known || !strings.Contains(fmt.Sprint(config["routes"]), "via:10.10.10.1") || len(config["addresses"].([]any)) != 2 {
			t.Errorf("the kernel arguments of %s: %v", name, kernel)
		}
		if length := len(words); length > 2000 {
			t.Errorf("the kernel takes 2048 bytes, and these are %d", length)
		}
	}
}

// TestAfterburnReads: the network of a volume for Proxmox VE is YAML of cloud-init's first
// version, which cloud-init reads, too.
func TestAfterburnReads(t *testing.T) {
	h := host(t, "fcos", "fcos", "52:54:00:00:00:05", static)
	if h.reader() != profiles.Ignition {
		t.Fatal("nothing for Ignition")
	}
	made := asked(t, "import json, sys, yaml; from cloudinit.net.network_state import parse_net_config_data as parse; print(json.dumps(parse(yaml.safe_load(sys.stdin), skip_broken=False)._network_state, default=str))", h.firstNetworkConfig())
	text, err := json.Marshal(made)
	must(t, err)
	for _, want := range []string{`"address":"10.10.10.81"`, `"gateway":"10.10.10.1"`, `"address":"fd00:10::81"`, `"nameservers":["10.10.10.53","fd00:10::53"]`, static.MAC} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in what cloud-init reads: %s", want, text)
		}
	}
}
