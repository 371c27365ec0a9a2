package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hagen/pki"
)

// TestLook: a view says what the store says, also without any key, and while another run
// has the directory locked.
func TestLook(t *testing.T) {
	dir, set := filled(t)
	locked := open(t, dir)
	for _, without := range []bool{false, true} {
		if without {
			remove("authorities/kubernetes/ca-key.pem", server+"-key.pem", admin+"-key.pem", sa+".key", secret+".key")(t, dir, nil)
		}
		view, err := Look(dir)
		if err != nil {
			t.Fatal(err)
		}
		if view.Cluster != "kubernetes" || view.Version != indexVersion || len(view.Items) != len(set) {
			t.Fatalf("%+v", view)
		}
		for _, held := range view.Items {
			item := set[held.Request.Name]
			id, err := pki.KeyID(item)
			if err != nil || held.KeyID != id || held.HasKey == without || held.Generation != 1 || !held.Asked {
				t.Errorf("%s: %+v, key %s, %v", held.Request.Name, held, id, err)
			}
			cert, err := item.X509()
			if (err == nil) != (held.Cert != nil) || err == nil && !cert.Equal(held.Cert) {
				t.Errorf("%s: another certificate", held.Request.Name)
			}
		}
	}
	if err := locked.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLookFirst: version 1 counts no generations, and its id of a secret is another.
func TestLookFirst(t *testing.T) {
	dir, set := filledFirst(t)
	view, err := Look(dir)
	if err != nil || view.Version != 1 || view.Cluster != "" || len(view.Items) != len(set) {
		t.Fatalf("%+v, %v", view, err)
	}
	for _, held := range view.Items {
		if secret := held.Request.Kind == pki.Secret; held.Generation != 0 || !held.Asked || secret != (held.KeyID == "") {
			t.Errorf("%+v", held)
		}
	}
}

// TestLookWritesNothing: not even what a killed run left is removed, and no directory is made.
func TestLookWritesNothing(t *testing.T) {
	dir, _ := filled(t)
	left := filepath.Join(filepath.Dir(dir), ".pki.hagen-1")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); err != nil {
		t.Error(err)
	}
	if _, err := Look(dir + "-none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(dir + "-none"); err == nil {
		t.Error("Look made a directory")
	}
	if view, err := Look(t.TempDir()); err != nil || view.Version != 0 || len(view.Items) > 0 {
		t.Errorf("empty directory: %+v, %v", view, err)
	}
}

// TestLookFaults: what is not as recorded is reported by file.
func TestLookFaults(t *testing.T) {
	for name, test := range map[string]struct {
		damage damage
		want   string
	}{
		"no index": {remove("index.json"), "index.json is missing, but the directory holds"},
		"other certificate": {func(t *testing.T, dir string, other pki.Set) {
			write(server+".pem", string(other[server].Cert))(t, dir, nil)
		}, "apiserver.pem is not the certificate hagen recorded"},
		"cut":                {write(server+".pem", "-----BEGIN"), "apiserver.pem is wrong: it is not PEM"},
		"half a leaf":        {remove(server + ".pem"), "apiserver.pem is missing: restore it from a backup, or delete"},
		"no authority":       {remove(authority + ".pem"), "ca.pem is missing: restore it from a backup: running machines use no other"},
		"other public half":  {func(t *testing.T, dir string, other pki.Set) { write(sa+".pub", string(other[sa].Public))(t, dir, nil) }, "sa.pub is not the public half hagen recorded"},
		"a newer hagen's":    {edit("index.json", `"version": 2`, `"version": 3`), "it was written by a newer hagen"},
		"unknown field":      {edit("records/"+server+".json", `"generations"`, `"more": 1, "generations"`), "apiserver.json:"},
		"a link, not a file": {link(server + ".pem"), "is a symbolic link"},
		"no record at all":   {func(t *testing.T, dir string, _ pki.Set) { os.RemoveAll(filepath.Join(dir, recordsDir)) }, "records is missing, but the directory holds"},
		"two faults at once": {func(t *testing.T, dir string, o pki.Set) {
			remove(server+".pem")(t, dir, o)
			write(admin+".pem", "x")(t, dir, o)
		}, "admin.pem is wrong"},
		"record of no leaf's": {remove("records/" + authority + ".json"), "records hosts/kubem00/apiserver, but not authorities/kubernetes/ca"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := filled(t)
			_, other := filled(t)
			test.damage(t, dir, other)
			view, err := Look(dir)
			if faults, ok := errors.AsType[Faults](err); !ok || !strings.Contains(faults.Error(), test.want) || len(view.Items) > 0 {
				t.Errorf("%v", err)
			}
		})
	}
	dir, _ := filled(t)
	remove(server+".pem", server+"-key.pem")(t, dir, nil)
	view, err := Look(dir)
	if err != nil || view.Items[len(view.Items)-1].Cert != nil || view.Items[len(view.Items)-1].HasKey {
		t.Errorf("a leaf without its files: %v, %+v", err, view)
	}
}
