package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hagen/cmd/hagen/internal/console"
	"hagen/pki"
	"hagen/pki/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hagen": mainThen})
}

// mainThen is main at the time that the script's environment says, if it does.
func mainThen() {
	ui := console.New(os.Stdout, os.Stderr)
	if text := os.Getenv("HAGEN_TEST_NOW"); text != "" {
		then, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		ui.Clock = func() time.Time { return then }
	}
	os.Exit(run(os.Args, ui))
}

// longer says whether everything is run, as in CI, also what repeats what an
// everyday run has shown, with more of the same.
func longer() bool { return os.Getenv("HAGEN_TESTS") == "all" }

// TestScripts runs the real binary. Besides testscript's own commands the
// scripts know:
//
//	exits CODE command…   run it; its exit code must be CODE
//	edit FILE OLD NEW     replace OLD, which must occur, by NEW
//	list [-same] DIR…     print mode, path and hash of all that is there, and
//	                      with -same which file it is and when it was written
//	json FILE PATH VALUE  the value at a path such as .pki.made.0.name
//	closed DIR…           all in it is for its owner alone, but certificates
//	nokeys FILE…          the files hold no key of the directory pki
//	snapshot FILE [SECRET…] make one of etcd; see snapshot
//	base KIND FILE [BOOT] make an image as boot media are made from; see base
//	formerly DIR          have a PKI's certificates in system:masters that earlier
//	                      releases issued in it
//	upstream DIR          serve its directories as hosts of the Internet
//	as UID CODE command…  run it as another user; its exit code must be CODE
//	killed N ARG…         see killed
//
// HAGEN_TEST_NOW is what hagen's clock says, [network] that there can be one for the test, and [longer] is the longer run.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			golden, err := filepath.Abs("../../testdata/standard/golden")
			env.Setenv("GOLDEN", golden)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "edit": edit, "list": listTree, "json": jsonValue,
			"closed": closed, "nokeys": noKeys, "killed": killed, "as": as, "formerly": formerly, "upstream": upstream, "base": base, "snapshot": snapshot,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "longer":
				return longer(), nil
			case "root":
				return os.Geteuid() == 0, nil
			case "network": // one of its own, with openssl's servers
				_, err := exec.LookPath("openssl")
				return err == nil && exec.Command("unshare", "-n", "ip", "link", "set", "lo", "up").Run() == nil, nil
			case "mounts":
				return exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").Run() == nil, nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Check(err)
		}
		code = ended.ExitCode()
	}
	if code != want || neg {
		ts.Fatalf("exit code %d", code)
	}
}

// as needs root. The working directory is opened for the other user to reach.
func as(ts *testscript.TestScript, _ bool, args []string) {
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	work, err := filepath.Abs(ts.Getenv("WORK"))
	ts.Check(err)
	program := exec.Command("sh", "-c", "command -v "+args[2])
	program.Env = []string{"PATH=" + ts.Getenv("PATH")}
	found, err := program.Output()
	ts.Check(err)
	path := strings.TrimSpace(string(found))
	for _, dir := range []string{work, filepath.Dir(work), filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if strings.HasPrefix(dir, os.TempDir()+"/") {
			ts.Check(os.Chmod(dir, 0o755))
		}
	}
	cmd := exec.Command(path, args[3:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), ts.Stdout(), ts.Stderr()
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	if err := cmd.Run(); cmd.ProcessState == nil {
		ts.Check(err)
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit code %s", got)
	}
}

func edit(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// walk calls do for all that is in the directories, and for themselves.
func walk(ts *testscript.TestScript, dirs []string, do func(path string, info fs.FileInfo, text []byte)) {
	for _, dir := range dirs {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(full string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			var text []byte
			if info.Mode().IsRegular() {
				if text, err = os.ReadFile(full); err != nil {
					return err
				}
			}
			path, err := filepath.Rel(ts.MkAbs("."), full)
			do(path, info, text)
			return err
		}))
	}
}

func listTree(ts *testscript.TestScript, _ bool, args []string) {
	same := args[0] == "-same"
	if same {
		args = args[1:]
	}
	walk(ts, args, func(path string, info fs.FileInfo, text []byte) {
		sum := sha256.Sum256(text)
		fmt.Fprintf(ts.Stdout(), "%v %s %x", info.Mode(), path, sum[:8])
		if same {
			fmt.Fprintf(ts.Stdout(), " %d %v", info.Sys().(*syscall.Stat_t).Ino, info.ModTime())
		}
		fmt.Fprintln(ts.Stdout())
	})
}

func jsonValue(ts *testscript.TestScript, _ bool, args []string) {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	for _, key := range strings.FieldsFunc(args[1], func(r rune) bool { return r == '.' }) {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s has no element %s, but %v", args[1], key, v)
			}
			value = v[i]
		}
	}
	got, err := json.Marshal(value)
	ts.Check(err)
	if text, isText := value.(string); isText {
		got = []byte(text)
	}
	if string(got) != args[2] {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// closed holds modes against what they should be: in a directory of hagen's
// only certificates, public halves and .gitignore may be read by others.
func closed(ts *testscript.TestScript, _ bool, args []string) {
	files := 0
	walk(ts, args, func(path string, info fs.FileInfo, text []byte) {
		want := fs.FileMode(0o600)
		ext := filepath.Ext(path)
		isKey := strings.HasSuffix(path, "-key.pem") || bytes.Contains(text, []byte("PRIVATE KEY"))
		switch {
		case info.IsDir():
			want = 0o700
		case !isKey && (ext == ".pem" || ext == ".pub" || path == "pki/.gitignore"):
			want = 0o644
		}
		if info.Mode().Perm() != want {
			ts.Fatalf("%s has mode %v, not %v", path, info.Mode(), want)
		}
		files++
	})
	if files < 2 {
		ts.Fatalf("there is nothing to look at")
	}
}

// formerly issues the certificates that have left system:masters as earlier releases did.
func formerly(ts *testscript.TestScript, _ bool, args []string) {
	s, err := store.Open(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	defer s.Close()
	now := time.Now()
	if text := ts.Getenv("HAGEN_TEST_NOW"); text != "" {
		now, err = time.Parse(time.RFC3339, text)
		ts.Check(err)
	}
	var requests []pki.Request
	var asked []string
	for name, r := range s.Recorded() {
		if s.Asked(name) {
			asked = append(asked, name)
		}
		if r.Kind == pki.Authority {
			requests = append(requests, r)
		}
		if name == "cluster/admin" || path.Base(name) == "kubelet-client" {
			r.Subject.Organization = []string{"system:masters"}
			requests = append(requests, r)
		}
	}
	issued, err := pki.Issue(requests, s.Set(), now, pki.Generate, rand.Reader)
	ts.Check(err)
	s.SetCluster(s.Cluster(), asked...)
	_, err = s.Save(issued.Set)
	ts.Check(err)
}

func noKeys(ts *testscript.TestScript, neg bool, args []string) {
	var needles []string
	walk(ts, []string{"pki"}, func(path string, _ fs.FileInfo, text []byte) {
		if !strings.HasSuffix(path, "-key.pem") && !strings.HasSuffix(path, ".key") {
			return
		}
		secret := bytes.TrimSpace(text)
		if block, _ := pem.Decode(text); block != nil {
			secret = []byte(base64.StdEncoding.EncodeToString(block.Bytes))
			// As a kubeconfig holds it: the PEM once more in base64.
			needles = append(needles, base64.StdEncoding.EncodeToString(text)[100:140])
		}
		needles = append(needles, string(secret[:40]), string(secret[len(secret)-40:]))
	})
	if len(needles) == 0 {
		ts.Fatalf("pki holds no keys")
	}
	for _, file := range args {
		text := strings.NewReplacer("\n", "", " ", "").Replace(ts.ReadFile(file))
		holds := slices.ContainsFunc(needles, func(n string) bool { return strings.Contains(text, n) })
		if holds != neg {
			ts.Fatalf("%s holds a key of pki: %t", file, holds)
		}
	}
}
