package profiles

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// TestRows: the tables refer to each other's rows.
func TestRows(t *testing.T) {
	defaults := 0
	for _, p := range Profiles() {
		if p.Default {
			defaults++
		}
		if _, known := FindOS(p.OS); !known {
			t.Errorf("profile %s: no operating system %s", p.Name, p.OS)
		}
		releases := ReleasesOf(p.Name)
		if len(releases) == 0 {
			t.Errorf("profile %s has no release", p.Name)
		}
		if !slices.IsSortedFunc(releases, func(a, b Release) int { return b.Proven.Compare(a.Proven) }) {
			t.Errorf("profile %s: releases are not sorted, newest first", p.Name)
		}
		if p.OnlyOS && p.Why == "" {
			t.Errorf("profile %s does not say why it fits one operating system alone", p.Name)
		}
	}
	if p, found := FindProfile(""); defaults != 1 || !found || !p.Default {
		t.Errorf("%d default profiles, FindProfile(\"\") gives %s", defaults, p.Name)
	}
	for _, r := range Releases() {
		if r.Minor != r.Proven.Line() {
			t.Errorf("release %s is proven with %s", r.Minor, r.Proven)
		}
	}
	for _, o := range Systems() {
		if o.Variant == "" || o.Butane == "" || o.Spec == "" || len(o.Formats) == 0 || !strings.HasPrefix(o.BinDir, "/") || !strings.HasPrefix(o.HAProxy, "/") {
			t.Errorf("operating system %s is incomplete: %+v", o.Name, o)
		}
	}
}

// TestFlagRecords: every release that can be had has a record, and no record
// is without a release.
func TestFlagRecords(t *testing.T) {
	for _, r := range Releases() {
		flags, known := Flags(r.Minor)
		if !known {
			t.Errorf("release %s has no record; make flags makes it", r.Minor)
		}
		for _, component := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			if n := len(slices.DeleteFunc(slices.Clone(flags), func(f Flag) bool { return f.Component != component })); n < 35 {
				t.Errorf("release %s: the record has %d flags of %s", r.Minor, n, component)
			}
		}
		for _, f := range flags {
			if f.Type == "" {
				t.Errorf("release %s: the record names no type of %s's --%s", r.Minor, f.Component, f.Name)
			}
		}
	}
	files, err := fs.Glob(flagRecords, "flags/*.tsv")
	if err != nil || len(files) != len(Releases()) {
		t.Errorf("%d records for %d releases, %v", len(files), len(Releases()), err)
	}
	if _, known := Flags("1.8"); known {
		t.Error("1.8 has a record")
	}
}

func TestVersion(t *testing.T) {
	for _, text := range []string{"1.37.2", "v1.37.2"} {
		if v, ok := ParseVersion(text); !ok || v != (Version{1, 37, 2}) || v.String() != "1.37.2" || v.Line() != "1.37" {
			t.Errorf("%s: %v %t", text, v, ok)
		}
	}
	for _, text := range []string{"", "1", "1.37", "1.37.2.1", "1.37.x", "1.37.2-rc.1", "1.37.2+k3s1", "01.37.2", "1.037.2", " 1.37.2", "V1.37.2", "1.37.99999", "-1.37.2"} {
		if v, ok := ParseVersion(text); ok {
			t.Errorf("%q is read as %s", text, v)
		}
	}
	if (Version{1, 37, 2}).Compare(Version{1, 36, 9}) <= 0 || (Version{1, 9, 0}).Compare(Version{1, 10, 0}) >= 0 {
		t.Error("versions are compared as text")
	}
}

// TestReaders: every operating system is set up by one reader, and a reader
// from documents, not from what stands beside them.
func TestReaders(t *testing.T) {
	var all []string
	for _, reader := range []string{Ignition, CloudInit} {
		all = append(all, SystemsOf(reader)...)
	}
	var want []string
	for _, o := range Systems() {
		want = append(want, o.Name)
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		t.Errorf("readers set up %q, and there are %q", all, want)
	}
	for format, want := range map[string]string{
		Butane: "", Ignition: "ignition", UserData: "cloud-init", MetaData: "", NetworkConfig: "",
	} {
		if got := Reader(format); got != want {
			t.Errorf("%s is read by %q, not %q", format, got, want)
		}
	}
	nocloud, _ := FindChannel("nocloud")
	none := Channel{}
	if nocloud.Serves(Ignition) || !nocloud.Serves(CloudInit) || !none.Serves(Ignition) {
		t.Errorf("nocloud serves %q", nocloud.Readers)
	}
}
