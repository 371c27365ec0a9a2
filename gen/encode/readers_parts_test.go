package encode

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// mergeParts gives texts to cloud-init as the parts of a user-data, as a MIME message,
// and prints what it makes of them; the same for each of several user-data.
const mergeParts = `import json, sys, tempfile
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from cloudinit import handlers, helpers, safeyaml, user_data, util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler

def merge(parts, directory):
    whole = MIMEMultipart()
    for text, merge_type in parts:
        part = MIMEText(text, "cloud-config")
        if merge_type:
            part["X-Merge-Type"] = merge_type
        whole.attach(part)
    paths = helpers.Paths({"cloud_dir": directory, "run_dir": directory})
    handler = CloudConfigPartHandler(paths)
    handler.cloud_fn = directory + "/merged"
    handler.handle_part(None, handlers.CONTENT_START, None, None, None, None)
    for part in user_data.UserDataProcessor(paths).process(whole.as_string()).walk():
        if not part.is_multipart():
            handler.handle_part(None, part.get_content_type(), "part", part.get_payload(decode=True).decode(), None, dict(part.items()))
    handler.handle_part(None, handlers.CONTENT_END, None, None, None, None)
    return safeyaml.load(util.load_file(handler.cloud_fn))

with tempfile.TemporaryDirectory() as directory:
    print(json.dumps({name: merge(parts, directory) for name, parts in json.load(sys.stdin).items()}))
`

// part is a part of user-data; mergeType is its header, which terraform's
// cloudinit_config writes.
type part struct{ text, mergeType string }

// merged returns what cloud-init makes of the parts of each user-data.
func merged(t *testing.T, all map[string][]part) (out map[string]map[string]any) {
	t.Helper()
	const python = "/usr/bin/python3" // cloud-init's
	if _, err := os.Stat("/usr/bin/cloud-init"); err != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal("cloud-init is not installed: make setup")
		}
		t.Skip("cloud-init is not installed")
	}
	lists := map[string][][]string{}
	for name, parts := range all {
		for _, p := range parts {
			lists[name] = append(lists[name], []string{p.text, p.mergeType})
		}
	}
	input, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(python, "-c", mergeParts)
	run.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	run.Stderr = &complaint
	text, err := run.Output()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil || complaint.Len() > 0 {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	return out
}

// ownPart is what an administrator adds, without a word of how it is merged.
const ownPart = `#cloud-config
hostname: other
timezone: Europe/Rome
write_files:
  - {path: /etc/own, content: own}
users:
  - {name: own}
runcmd:
  - touch /run/own
`

// TestParts: beside a part of the administrator's, cloud-init has all that hagen's says,
// and what the other says, in each of the ways that docs/cloud-init.md shows. A later
// part without such a way wipes hagen's lists.
func TestParts(t *testing.T) {
	t.Parallel()
	const terraforms = "list(append)+dict(recurse_array)+str()"
	n := named(" a\n")
	hagens := string(UserData("kubernetes", n, debian(t)).Text)
	later := strings.Replace(ownPart, "hostname: other\n", "", 1)
	made := merged(t, map[string][]part{
		"alone":             {{hagens, ""}},
		"first":             {{ownPart, ""}, {hagens, ""}},
		"merge_type of all": {{ownPart, terraforms}, {hagens, terraforms}},
		"later":             {{hagens, ""}, {later + "merge_how: " + terraforms + "\n", ""}},
		"later, merge_type": {{hagens, ""}, {later, terraforms}},
		"wiped":             {{hagens, ""}, {ownPart, ""}},
	})
	count := func(name, key string) int { list, _ := made[name][key].([]any); return len(list) }
	for name, got := range made {
		if _, kept := got["merge_how"]; kept {
			t.Errorf("%s: merge_how is in what cloud-init's modules read", name)
		}
		if name == "alone" || name == "wiped" {
			continue
		}
		for _, key := range []string{"write_files", "users", "runcmd"} {
			if count(name, key) != count("alone", key)+1 || count("alone", key) < 2 {
				t.Errorf("%s: %d of %s, alone %d", name, count(name, key), key, count("alone", key))
			}
		}
		if !reflect.DeepEqual(got["bootcmd"], made["alone"]["bootcmd"]) {
			t.Errorf("%s: %v", name, got["bootcmd"])
		}
		if got["hostname"] != n.Name || got["timezone"] != "Europe/Rome" || got["locale"] != "false" {
			t.Errorf("%s: %v, %v, %v", name, got["hostname"], got["timezone"], got["locale"])
		}
		if status, ran := runs(t, got["runcmd"].([]any)); !ran || status == 0 {
			t.Errorf("%s: the administrator's command runs: %t; a failure of hagen's is status %d", name, ran, status)
		}
	}
	if count("wiped", "write_files") != 1 || count("wiped", "runcmd") != 1 {
		t.Errorf("cloud-init joins parts by itself: %v", made["wiped"])
	}
}

// runs does what cloud-init does with the commands of runcmd, as far as they are text,
// with stubs. It returns the status, and whether the administrator's command has run.
// hagen's own ones fail here.
func runs(t *testing.T, commands []any) (status int, ran bool) {
	t.Helper()
	script := "install() { return 1; }; mkdir() { return 1; }; systemctl() { :; }; sh() { :; }; touch() { echo touched; }\n"
	for _, c := range commands {
		script += c.(string) + "\n"
	}
	shell := exec.Command("sh", "-c", script)
	output, _ := shell.Output()
	return shell.ProcessState.ExitCode(), strings.Contains(string(output), "touched")
}
