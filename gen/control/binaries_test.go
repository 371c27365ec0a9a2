package control

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hagen/profiles"
)

// TestScript runs binaries.sh with a real shell: each program that may fetch, a
// mirror that is late and one that breaks off.
func TestScript(t *testing.T) {
	for _, by := range []struct{ program, shell, cut string }{
		{"curl", "dash", "curl: (18)"}, {"wget", "bash", "it ended early"}, {"python3", "dash", "got only"},
	} {
		t.Run(by.program, func(t *testing.T) {
			m, dir, tools := newMirror(t), t.TempDir(), only(t, by.program, by.shell)
			run := func() (string, error) { return boot(t, by.shell, m.script(t, dir), tools) }
			m.late.Store(2)
			out, err := run()
			if err != nil || strings.Count(out, "cannot be fetched; trying again and again: ") != 1 {
				t.Fatalf("%v %s", err, out)
			}
			for _, name := range []string{"etcd", "etcdctl", "kube-scheduler"} {
				holds(t, dir, name, program(name))
			}
			if entries, _ := os.ReadDir(filepath.Join(dir, "usr/local/bin")); len(entries) != 5 {
				t.Errorf("left behind: %v", entries)
			}
			if n := m.served.Swap(0); n != 4 {
				t.Errorf("%d files were fetched", n)
			}
			// The next boot fetches nothing and unpacks nothing.
			before, _ := os.Stat(filepath.Join(dir, "usr/local/bin/etcd"))
			if out, err := run(); err != nil || out != "" || m.served.Swap(0) != 0 {
				t.Errorf("again: %v %s", err, out)
			}
			if after, _ := os.Stat(filepath.Join(dir, "usr/local/bin/etcd")); !os.SameFile(before, after) {
				t.Error("etcd was unpacked again")
			}
			// A binary that is lost comes back, also from a mirror that breaks off.
			os.Remove(filepath.Join(dir, "usr/local/bin/etcd"))
			os.Remove(filepath.Join(dir, "usr/local/bin/kube-scheduler"))
			m.cut.Store(2)
			out, err = run()
			if n := m.served.Swap(0); err != nil || n != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "/kube-scheduler cannot be fetched; trying again and again: ") || !strings.Contains(out, by.cut) {
				t.Errorf("lost: %v %q, %d served", err, out, n)
			}
			holds(t, dir, "etcd", program("etcd"))
			holds(t, dir, "kube-scheduler", program("kube-scheduler"))
		})
	}
}

// TestExchanged: what somebody has put in the place of a binary stays there, until
// a new document wants another file than was fetched.
func TestExchanged(t *testing.T) {
	m, dir := newMirror(t), t.TempDir()
	tools := only(t, "curl", "dash")
	run := func() (string, error) { return boot(t, "dash", m.script(t, dir), tools) }
	if out, err := run(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	scheduler, etcd := filepath.Join(dir, "usr/local/bin/kube-scheduler"), filepath.Join(dir, "usr/local/bin/etcd")
	for _, records := range []bool{true, false} {
		if !records { // a machine that lost its power between the file and the record of it
			os.Remove(filepath.Join(dir, "var/lib/hagen/installed/kube-scheduler"))
			exchange(t, scheduler, program("kube-scheduler"))
			if out, err := run(); err != nil || out != "" {
				t.Fatalf("%v %s", err, out)
			}
		}
		m.served.Store(0)
		exchange(t, scheduler, "a newer scheduler")
		exchange(t, etcd, "a newer etcd")
		out, err := run()
		if err != nil || m.served.Load() != 0 || out != "hagen: "+scheduler+" is not what was fetched, and is left as it is: remove it to have it fetched anew\n" {
			t.Errorf("%v %s", err, out)
		}
		holds(t, dir, "kube-scheduler", "a newer scheduler")
		holds(t, dir, "etcd", "a newer etcd")
	}
	// The next release's script takes its own.
	m.files.Store("kube-scheduler", []byte("the next scheduler"))
	m.digests["kube-scheduler"] = digest([]byte("the next scheduler"))
	m.pack(archiveOf(t, "etcd=\x7fELF the next etcd"))
	if out, err := run(); err != nil || out != "" {
		t.Errorf("%v %s", err, out)
	}
	holds(t, dir, "kube-scheduler", "the next scheduler")
	holds(t, dir, "etcd", "\x7fELF the next etcd")
	if out, err := run(); err != nil || out != "" {
		t.Errorf("again: %v %s", err, out)
	}
}

// TestImageExchanged: an image that somebody has put over the old one stays, too, and
// is merged by whoever put it there; one that is fetched is merged at once.
func TestImageExchanged(t *testing.T) {
	m, dir := newMirror(t), t.TempDir()
	tools := only(t, "curl", "dash")
	merged := filepath.Join(dir, "merged")
	if err := os.WriteFile(filepath.Join(tools, "systemctl"), []byte("#!/bin/sh\necho \"$@\" >>"+merged+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.files.Store("a.raw", []byte("an image"))
	digests := map[string]string{"hagen-control-plane": digest([]byte("an image"))}
	script := scriptOf(t, dir, withoutIgnition, digests, "{mode: sysext, haproxy: preinstalled, sources: [{name: hagen-control-plane, url: \""+m.URL+"/a.raw\"}]}")
	script = strings.ReplaceAll(script, "need /usr/bin/", "true ") // nothing is merged here
	if out, err := boot(t, "dash", script, tools); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	place := filepath.Join(dir, "var/lib/extensions/hagen-control-plane.raw")
	exchange(t, place, "a newer image")
	if out, err := boot(t, "dash", script, tools); err != nil || !strings.Contains(out, "/hagen-control-plane.raw is not what was fetched, and is left as it is") {
		t.Errorf("%v %s", err, out)
	}
	if text, err := os.ReadFile(place); string(text) != "a newer image" {
		t.Errorf("%s %v", text, err)
	}
	if text, err := os.ReadFile(merged); string(text) != "restart "+profiles.SysextUnit+"\n" {
		t.Errorf("%s %v", text, err)
	}
}

// TestOneProgram: an archive may have other files of a binary's name.
func TestOneProgram(t *testing.T) {
	shells := []string{"dash", "bash"}
	for i, test := range []struct {
		what    string
		members []string
		etcd    string // in its place
		want    string // or the fault
	}{
		{"an init script", []string{"etc/init.d/etcd=#!/bin/sh", "usr/sbin/etcd", "etc/default/etcd=\x00\x00\x00\x00"}, "usr/sbin/etcd", ""},
		{"names with blanks", []string{"a b/etcd", "a b/c d/etcd=x"}, "a b/etcd", ""},
		{"without the tools", []string{"etcd/etcd", "etcd/README.md"}, "etcd/etcd", ""},
		{"two", []string{"bin/etcd", "debug/etcd=\x7fELF with symbols"}, "", "has not one program etcd, but: "},
		{"two tools", []string{"etcd", "bin/etcdctl", "debug/etcdctl"}, "etcd", "has not one program etcdctl, but: "},
		{"none", []string{"README.md", "etcdctl"}, "", "has not one program etcd, but: none"},
		{"a script", []string{"etcd=#!/bin/sh"}, "", "has not one program etcd, but: none"},
	} {
		m, dir, shell := newMirror(t), t.TempDir(), shells[i%2]
		m.pack(archiveOf(t, test.members...))
		for range 2 { // what fails fails again
			out, err := boot(t, shell, m.script(t, dir), only(t, "curl", shell))
			if (err == nil) != (test.want == "") || !strings.Contains(out, test.want) || err == nil && out != "" {
				t.Errorf("%s: %v %s", test.what, err, out)
			}
			if test.etcd != "" {
				holds(t, dir, "etcd", program(test.etcd))
			}
		}
	}
}

// TestOthers: files that are others than those that were locked.
func TestOthers(t *testing.T) {
	broken := []byte("x")
	for _, test := range []struct {
		what   string
		change func(*mirror)
		file   string
		want   string
	}{
		{"another binary", func(m *mirror) { m.files.Store("kube-scheduler", broken) }, "kube-scheduler", "/kube-scheduler is not the file that the document names: it has SHA-512 " + digest(broken)},
		{"another archive", func(m *mirror) { m.files.Store(m.archive, broken) }, "etcd", ".tar.gz is not the file that the document names"},
		{"no archive", func(m *mirror) { m.pack(broken) }, "etcd", "/etcd.tar.gz cannot be unpacked to "},
	} {
		t.Run(test.what, func(t *testing.T) {
			m, dir := newMirror(t), t.TempDir()
			test.change(m)
			out, err := boot(t, "dash", m.script(t, dir), only(t, "curl", "dash"))
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("%v\n%s", err, out)
			}
			rest, _ := filepath.Glob(filepath.Join(dir, "usr/local/bin/.hagen-*"))
			more, _ := filepath.Glob(filepath.Join(dir, "*/*/*/*.fetched"))
			if rest = append(rest, more...); rest != nil {
				t.Errorf("left behind: %v", rest)
			}
			if _, err := os.Stat(filepath.Join(dir, "usr/local/bin", test.file)); err == nil {
				t.Error("the other file is in its place")
			}
		})
	}
}

// TestFull: on a disk that is full no binary is put in its place cut short, and
// what is there stays; once there is room, the next boot does it.
func TestFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a small file system can be mounted by root alone")
	}
	m, dir, tools := newMirror(t), t.TempDir(), only(t, "curl", "dash")
	bin := filepath.Join(dir, "usr/local/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", bin).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", bin).Run() })
	exchange(t, filepath.Join(bin, "etcd"), "the etcd that is there")
	noise := make([]byte, 2<<20) // of a seed: the same in every run
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	large := "=\x7fELF" + string(noise)
	m.pack(archiveOf(t, "etcd"+large, "etcdctl"+large, "etcdutl"+large))
	for range 2 {
		out, err := boot(t, "dash", m.script(t, dir), tools)
		if err == nil || !strings.Contains(out, "/etcd.tar.gz cannot be unpacked to "+bin) {
			t.Fatalf("%v\n%s", err, out)
		}
		holds(t, dir, "etcd", "the etcd that is there")
		if rest, _ := filepath.Glob(filepath.Join(bin, "etcd*")); len(rest) != 1 {
			t.Errorf("installed: %v", rest)
		}
		if rest, _ := filepath.Glob(filepath.Join(bin, ".hagen-*")); rest != nil {
			t.Errorf("left behind: %v", rest)
		}
	}
	if out, err := exec.Command("mount", "-o", "remount,size=16m", bin).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := boot(t, "dash", m.script(t, dir), tools); err != nil || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	for _, name := range []string{"etcd", "etcdctl", "etcdutl"} {
		holds(t, dir, name, large[1:])
	}
}
