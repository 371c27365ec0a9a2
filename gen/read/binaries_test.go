package read

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseSteps(t *testing.T) {
	const script = `#!/bin/sh
# fetch URL SHA512 PLACE MODE
fetch() {
  fail "$1"
}
fetch https://a/etcd.tgz aa /var/lib/hagen/etcd.tar.gz 0644
unpack /var/lib/hagen/etcd.tar.gz aa /usr/local/bin etcd etcdctl
image /etc/extensions/haproxy.raw
need /usr/local/bin/etcd 'etcd 3.7.3'
need /usr/local/bin/etcd
exit $missing
`
	steps, rest := ParseSteps(script)
	var said []string
	for _, s := range steps {
		said = append(said, fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%v", s.Does, s.Place.Text, s.Product, s.Version, s.URL, s.Digest.Text, s.Into, s.Binaries))
		if script[s.Place.At:s.Place.At+len(s.Place.Text)] != s.Place.Text || !strings.Contains(script, s.Line) {
			t.Errorf("%+v stands elsewhere", s)
		}
	}
	want := []string{
		"fetch|/var/lib/hagen/etcd.tar.gz|||https://a/etcd.tgz|aa||[]",
		"unpack|/var/lib/hagen/etcd.tar.gz||||aa|/usr/local/bin|[etcd etcdctl]",
		"image|/etc/extensions/haproxy.raw||||||[]",
		"need|/usr/local/bin/etcd|etcd|3.7.3||||[]",
	}
	if strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(said, "\n"))
	}
	if at := steps[3].Wanted; !strings.HasPrefix(script[at:], "'etcd 3.7.3'") {
		t.Errorf("product and version stand at %d", at)
	}
	if lines := strings.Split(rest, "\n"); len(lines) != 8 || lines[5] != "need /usr/local/bin/etcd" {
		t.Errorf("%q is left", rest)
	}
}

func TestUnitValues(t *testing.T) {
	for text, want := range map[string]string{"yes": "true true", "0": "false true", "on": "true true", "ja": "false false", "": "false false"} {
		if on, ok := ParseUnitSwitch(text); fmt.Sprint(on, ok) != want {
			t.Errorf("%q is %t, %t", text, on, ok)
		}
	}
	for text, want := range map[string]time.Duration{"5": 5 * time.Second, "5min": 5 * time.Minute, "1500ms": 1500 * time.Millisecond, "infinity": 0} {
		if got, ok := ParseUnitTime(text); got != want || ok != (want > 0) {
			t.Errorf("%q is %s, %t", text, got, ok)
		}
	}
}
