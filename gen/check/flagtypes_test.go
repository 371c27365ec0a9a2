package check

import (
	"testing"

	"hagen/profiles"
)

// TestFlagTypes: every type in a record is known here, and takes the default
// that the record has.
func TestFlagTypes(t *testing.T) {
	for _, r := range profiles.Releases() {
		flags, _ := profiles.Flags(r.Minor)
		for _, f := range flags {
			kind, known := flagTypes[f.Type]
			if !known {
				t.Errorf("%s: %s's --%s is of type %q, of which no row says what it takes", r.Minor, f.Component, f.Name, f.Type)
			}
			if kind.reads != nil && (kind.plain == "" || kind.remedy == "") {
				t.Errorf("the row of %s says neither what it is nor what to write", f.Type)
			}
		}
	}
}

// TestFlagValues: what etcd 3.6.16 and 3.7.3 took and refused when they were
// started with it, and what pflag takes.
func TestFlagValues(t *testing.T) {
	for kind, values := range map[string]struct{ takes, refuses []string }{
		"bool":      {[]string{"true", "F", "1"}, []string{"maybe", "2", "", "yes"}},
		"int":       {[]string{"-1", "0x10", "1_000"}, []string{"x", "1.5", "1e3", "9223372036854775808", ""}},
		"int64":     {[]string{"0", "-1", "0x10000000", "8_589_934_592"}, []string{"8GB", "1e9", "8Gi", "1.5", ""}},
		"int32":     {[]string{"2147483647"}, []string{"2147483648"}},
		"uint":      {[]string{"0", "1572864"}, []string{"-1", "x", "5m"}},
		"uint32":    {[]string{"4294967295"}, []string{"-1", "4294967296", "5000000000"}},
		"uint64":    {[]string{"18446744073709551615"}, []string{"-3", "18446744073709551616"}},
		"duration":  {[]string{"0", "5s", "1h30m", "-1s"}, []string{"5", "5x", "5d", ""}},
		"float32":   {[]string{"0.1", "1e3"}, []string{"x"}},
		"ip":        {[]string{"10.0.0.1", "::"}, []string{"localhost", "10.0.0.0/8"}},
		"ipnet":     {[]string{"10.0.0.0/8"}, []string{"10.0.0.0"}},
		"portRange": {[]string{"30000-32767", "30000", "30000+100"}, []string{"30000-x", "x", "70000"}},
		"quantity":  {[]string{"0", "64Ki", "1.5M", "1e6", "100m"}, []string{"64KB", "x", "", "1 Gi"}},
		"urls": {
			[]string{"", "https://127.0.0.1:2379,https://[::1]:2379", "http://localhost:1", "unix:///run/x"},
			[]string{"foo", "foo:2379", "10.0.0.1:2379", "http://1.2.3.4", "http://1.2.3.4:5/", "ftp://1.2.3.4:5", "https://a:1,", "https://%zz:1"},
		},
		"int32Slice":     {[]string{"", "1,2"}, []string{"1,x"}},
		"stringToString": {[]string{"", "a=b,c=d"}, []string{"a", "a=b,c"}},
		"mapStringBool":  {[]string{"", "AllAlpha=false", "A=true,B=1,"}, []string{"AllAlpha", "AllAlpha=maybe", "A=true,B"}},
		"pattern=N,...":  {[]string{"", "file=2"}, []string{"file", "file=x", "file=0x1", "=2"}},
		"Level":          {[]string{"0", "08", "10", "2147483647"}, []string{"0x10", "1_000", "-1", "", "2147483648"}},
	} {
		for _, v := range values.takes {
			if !flagTypes[kind].reads(v) {
				t.Errorf("%s: %q is refused", kind, v)
			}
		}
		for _, v := range values.refuses {
			if flagTypes[kind].reads(v) {
				t.Errorf("%s: %q is taken", kind, v)
			}
		}
	}
}
