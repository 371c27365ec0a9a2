package encode_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"hagen/gen/encode"
	"hagen/profiles"
)

// carrier is a document that names others in config.replace or config.merge,
// with what stands beside them.
func carrier(config, rest string) string {
	return `{"ignition":{"version":"3.4.0","config":{` + config + `}}` + rest + `}`
}

func merges(resources ...string) string { return `"merge":[` + strings.Join(resources, ",") + `]` }

func plain(document string) string {
	return fmt.Sprintf(`{"source":%q}`, "data:,"+url.PathEscape(document))
}

func based(document string) string {
	return fmt.Sprintf(`{"source":%q}`, "data:;base64,"+base64.StdEncoding.EncodeToString([]byte(document)))
}

func packed(document string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(document))
	w.Close()
	return fmt.Sprintf(`{"compression":"gzip","source":%q}`, "data:;base64,"+base64.StdEncoding.EncodeToString(b.Bytes()))
}

// of is a document with files of one letter each: its path, and what it holds.
func of(version string, files ...string) string {
	var list []string
	for _, f := range files {
		path, holds, _ := strings.Cut(f, "=")
		list = append(list, fmt.Sprintf(`{"path":"/%s","mode":420,"contents":{"source":"data:,%s"}}`, path, holds))
	}
	return `{"ignition":{"version":"` + version + `"},"storage":{"files":[` + strings.Join(list, ",") + `]}}`
}

// TestCarried: what a document carries is what the machine gets.
func TestCarried(t *testing.T) {
	const own = `,"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"data:,1"}}]}`
	deep := of("3.4.0", "z=9")
	for range 8 {
		deep = carrier(merges(packed(deep)), "")
	}
	var many []string
	for i := range 5 {
		many = append(many, packed(of("3.4.0", fmt.Sprintf("%d=%s", i, strings.Repeat("x", 1<<20)))))
	}
	const hash = `"verification":{"hash":"sha256-0000000000000000000000000000000000000000000000000000000000000000"}`
	for name, test := range map[string]struct{ text, files, further, fault string }{
		"as it is":            {text: carrier(merges(plain(of("3.4.0", "b=2"))), own), files: "a=1 b=2"},
		"base64":              {text: carrier(merges(based(of("3.4.0", "b=2"))), own), files: "a=1 b=2"},
		"gzip":                {text: carrier(merges(packed(of("3.4.0", "b=2"))), own), files: "a=1 b=2"},
		"another's file":      {text: carrier(merges(packed(of("3.4.0", "a=2"))), own), files: "a=2"},
		"the last one counts": {text: carrier(merges(plain(of("3.4.0", "a=2", "b=2")), based(of("3.4.0", "a=3"))), own), files: "a=3 b=2"},
		"one in another":      {text: carrier(merges(packed(carrier(merges(plain(of("3.4.0", "c=3"))), own))), ""), files: "a=1 c=3"},
		"replaced in it":      {text: carrier(merges(packed(carrier(`"replace":`+packed(of("3.4.0", "c=3")), ""))), own), files: "a=1 c=3"},
		"merged in what replaces": {
			text: carrier(`"replace":`+packed(carrier(merges(based(of("3.4.0", "c=3"))), own)), ""), files: "a=1 c=3",
		},
		"an earlier specification": {text: carrier(merges(packed(of("3.0.0", "b=2"))), own), files: "a=1 b=2"},
		"an earlier one replaces":  {text: carrier(`"replace":`+packed(of("3.3.0", "b=2")), ""), files: "b=2"},
		"a later specification":    {text: carrier(merges(packed(of("3.5.0", "b=2"))), own), files: "a=1", further: "config.merge, number 1, in Ignition 3.5.0"},
		"a later one replaces":     {text: carrier(`"replace":`+packed(of("3.5.0", "b=2")), ""), fault: "has Ignition version 3.5.0, which hagen does not read"},
		"elsewhere":                {text: carrier(merges(`{"source":"https://192.0.2.1/a.ign"}`), own), files: "a=1", further: "ignition.config.merge"},
		"elsewhere, too": {
			text: carrier(merges(`{"source":"https://192.0.2.1/a.ign"}`, packed(of("3.4.0", "b=2"))), own), files: "a=1 b=2", further: "ignition.config.merge",
		},
		"elsewhere, in one that is carried": {
			text: carrier(merges(packed(carrier(merges(`{"source":"s3://a/b"}`), ""))), own), files: "a=1", further: "ignition.config.merge",
		},
		"beside what replaces":           {text: carrier(`"replace":`+packed(of("3.4.0", "b=2"))+","+merges(packed(of("3.4.0", "c=3"))), ""), files: "b=2", further: "beside config.replace: ignition.config.merge"},
		"beside what replaces elsewhere": {text: carrier(`"replace":{"source":"https://192.0.2.1/a.ign"},`+merges(packed(of("3.4.0", "c=3"))), own), files: "a=1", further: "ignition.config.replace.source"},
		"what it warns of":               {text: carrier(merges(plain(`{"ignition":{"version":"3.4.0"},"colour":1}`)), own), files: "a=1", further: "the document in config.merge, number 1: "},
		"cut short":                      {text: carrier(merges(plain(of("3.4.0", "b=2")), `{"compression":"gzip","source":"data:;base64,H4sIAAAA"}`), own), fault: "the document in config.merge, number 2 is damaged or cut short"},
		"no base64":                      {text: carrier(merges(`{"source":"data:;base64,%%%"}`), own), fault: "the document in config.merge, number 1 is damaged or cut short"},
		"another's hash":                 {text: carrier(merges(strings.TrimSuffix(packed(of("3.4.0", "b=2")), "}")+","+hash+"}"), own), fault: "the document in config.merge, number 1 does not match the hash"},
		"no document":                    {text: carrier(merges(plain("variant: fcos")), own), fault: "the document in config.merge, number 1: Ignition refuses the document"},
		"no document in another":         {text: carrier(`"replace":`+packed(carrier(merges(plain("{")), "")), ""), fault: "the document in config.merge, number 1: Ignition refuses"},
		"nothing that can be merged":     {text: carrier(merges(plain(`{"ignition":{"version":"3.4.0"},"storage":{"links":[{"path":"/b","target":"/c"}],"files":[{"path":"/a/d"}]}}`), plain(`{"ignition":{"version":"3.4.0"},"storage":{"links":[{"path":"/a","target":"/c"}]}}`)), own), fault: "what config.merge makes of the document: Ignition refuses the document"},
		"as deep as it goes":             {text: deep, files: "z=9"},
		"too deep":                       {text: carrier(merges(packed(deep)), ""), fault: "documents are nested more than 8 deep"},
		"too much":                       {text: carrier(merges(many...), own), fault: "are larger than 4 MiB"},
	} {
		system, _ := profiles.FindOS("fcos")
		n, err := encode.ReadIgnition([]byte(test.text), system)
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: got %v, want %s", name, err, test.fault)
			}
			continue
		}
		var files []string
		for _, f := range n.Files {
			files = append(files, strings.TrimPrefix(f.Path, "/")+"="+string(f.Contents))
		}
		if got := strings.Join(files, " "); err != nil || got != test.files {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, test.files)
		}
		if !strings.Contains(fmt.Sprint(n.Further), test.further) || (test.further == "") != (len(n.Further) == 0) {
			t.Errorf("%s: further: %v, want %s", name, n.Further, test.further)
		}
		// What is given is a document that says the same, and carries nothing.
		given, _, err := encode.Given([]byte(test.text), system)
		again, err2 := encode.ReadIgnition(given, system)
		if err != nil || err2 != nil || !json.Valid(given) || len(again.Files) != len(n.Files) {
			t.Errorf("%s: %v, %v\n%s", name, err, err2, given)
		}
		if !encode.Carries([]byte(test.text)) {
			t.Errorf("%s carries nothing", name)
		}
	}
}

// TestMerged: units, accounts and directories are merged as Ignition does it.
func TestMerged(t *testing.T) {
	system, _ := profiles.FindOS("fcos")
	const part = `{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"ops","groups":["wheel"]}]},"systemd":{"units":[{"name":"a.service","dropins":[{"name":"10.conf","contents":"[Service]\n"}]},{"name":"b.service","mask":true}]},"storage":{"links":[{"path":"/a","target":"/b"}]}}`
	n, err := encode.ReadIgnition([]byte(carrier(merges(packed(part)), `,"passwd":{"users":[{"name":"ops","groups":["sudo"]}]},"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Install]\nWantedBy=a.target\n"}]},"storage":{"files":[{"path":"/a","mode":420}]}`)), system)
	if err != nil || len(n.Further) > 0 {
		t.Fatal(err, n.Further)
	}
	got := fmt.Sprintln(n.Users[0].Groups, n.Units[0].Name, n.Units[0].Enabled, len(n.Units[0].Contents) > 0, len(n.Units[0].DropIns), n.Units[1].Masked, len(n.Files), n.Links[0].Target)
	if want := "[sudo wheel] a.service true true 1 true 0 /b\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCarries: Butane's documents carry others, too.
func TestCarries(t *testing.T) {
	for text, want := range map[string]bool{
		"variant: fcos\nversion: 1.5.0\nignition:\n  config:\n    merge:\n      - inline: x\n": true,
		"variant: fcos\nversion: 1.5.0\n'ignition': {config: {replace: {local: x}}}\n":         true,
		"\t{\n\t\"ignition\": {\"config\": {\"replace\": {}}}}":                                true,
		"variant: fcos\nversion: 1.5.0\n# ignition:\n#   config:\n":                            false,
		`{"ignition":{"version":"3.4.0"}}`:                                                     false,
		"ignition: [":                                                                          false,
		"#cloud-config\nhostname: ignition\n":                                                  false,
	} {
		if got := encode.Carries([]byte(text)); got != want {
			t.Errorf("%t: %s", got, text)
		}
	}
}
