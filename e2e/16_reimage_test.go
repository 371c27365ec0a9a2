package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Masters are made again while a client writes: with their disk kept they come
// back by themselves; without it an operator follows the runbook.

// writer writes until done, which holds what was acknowledged against what is
// there.
func writer(t *testing.T, c *site.Cluster) (done func(s *row)) {
	t.Helper()
	space := freshNamespace(t, c, "reimage")
	writes := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "write", 200*time.Millisecond)
	begin := time.Now()
	return func(s *row) {
		t.Helper()
		writes.Stop()
		var lost []string
		within(t, time.Minute, func() (err error) { lost, err = writes.Lost(); return err })
		if len(lost) > 0 {
			t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost)
		}
		s.figure(t, "write gap", writes.Gap(begin, time.Now()))
		s.note(t, "%d writes, %d lost", writes.Acked(begin), len(lost))
	}
}

// memberList gives etcd's members, each with its number, which it keeps as long as it
// has its data.
func memberList(t *testing.T, c *site.Cluster) (list []string) {
	t.Helper()
	out, err := c.Etcdctl("member", "list")
	must(t, err)
	for line := range strings.Lines(out) {
		list = append(list, strings.TrimSpace(line))
	}
	slices.Sort(list)
	return list
}

// Each master in turn loses its system and keeps its disk: the same document,
// no other step.
func TestReimage(t *testing.T) {
	s := scenario(t, "16 re-image each master")
	c := clusterOf(t, site.Kept)
	before := memberList(t, c)
	done := writer(t, c)
	for _, m := range c.Masters {
		must(t, m.PowerOff())
		must(t, c.Install(m))
		begin := time.Now()
		must(t, m.Boot())
		within(t, 2*time.Minute, c.Healthy)
		s.figure(t, m.Name+" back", time.Since(begin))
		if text, err := m.Journal("--unit=etcd.service", "--output=cat"); err != nil || !strings.Contains(text, "already been initialized") {
			t.Errorf("etcd on %s does not say that it goes on (%v)", m.Name, err)
		}
	}
	if after := memberList(t, c); !slices.Equal(before, after) {
		t.Errorf("members were %v and are %v", before, after)
	}
	done(s)
}

// A master is lost with its disk. The document of every day does not help; what
// hagen render --replace prints does, to the letter.
func TestReplace(t *testing.T) {
	s := scenario(t, "16 replace kubem01, which lost its disk")
	c := clusterOf(t, site.Kept)
	done := writer(t, c)
	lost := c.Masters[1]
	must(t, lost.PowerOff())
	must(t, os.RemoveAll(lost.Kept))

	must(t, c.Install(lost))
	must(t, lost.Boot())
	within(t, time.Minute, func() error {
		text, err := lost.Journal("--unit=etcd.service", "--output=cat")
		if err == nil && !strings.Contains(text, "has already been bootstrapped") {
			err = fmt.Errorf("etcd on %s does not say why it cannot start", lost.Name)
		}
		return err
	})
	must(t, lost.PowerOff())
	must(t, os.RemoveAll(lost.Kept))

	before := tree(t, c)
	_, err := site.Run("env", "-C", c.Dir, c.Parts.Hagen, "render", "--replace", lost.Name)
	must(t, err)
	if after := tree(t, c); after != before {
		t.Error("the documents of every day were touched")
	}
	took := follow(t, c, lost)
	s.figure(t, "power-on to healthy", took)
	if after := tree(t, c); after != before {
		t.Error("a normal render is not what it was")
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "replace/kubernetes")); err == nil {
		t.Error("the directory of the replacement is left")
	}

	// From now on it is a master like the others: its document of every day
	// says new, and with its disk kept that does no harm.
	must(t, lost.PowerOff())
	must(t, c.Install(lost))
	must(t, lost.Boot())
	within(t, 2*time.Minute, c.Healthy)
	done(s)
}

// A lost master's place is taken by a machine of another name at another
// address, and then the others are told, one at a time.
func TestReplaceByAnother(t *testing.T) {
	s := scenario(t, "16 replace kubem01 by kubem03 at another address")
	c := clusterOf(t, site.Kept)
	// What comes after this needs the layout's own machines.
	t.Cleanup(func() {
		if !t.Failed() {
			must(t, c.Remove())
			shared = nil
		}
	})
	done := writer(t, c)
	lost := c.Masters[1]
	must(t, lost.PowerOff())
	file := filepath.Join(c.Dir, "cluster.yaml")
	text, err := os.ReadFile(file)
	must(t, err)
	by := site.Machine{Name: "kubem03", Address: "10.10.10.91"}
	edited := strings.Replace(string(text), "{name: kubem01, addresses: [10.10.10.81]}", "{name: kubem03, addresses: [10.10.10.91]}", 1)
	if edited == string(text) {
		t.Fatalf("the cluster file names no kubem01:\n%s", text)
	}
	must(t, os.WriteFile(file, []byte(edited), 0o644))
	_, err = site.Run("env", "-C", c.Dir, c.Parts.Hagen, "render", "--replace", lost.Name)
	must(t, err)
	fresh, err := c.Exchange(lost, by)
	must(t, err)
	begin := time.Now()
	followUntilMember(t, c, fresh)
	s.figure(t, "a member", time.Since(begin))
	for _, h := range []*site.Host{c.Balancers[0], c.Masters[0], c.Masters[2]} {
		must(t, h.PowerOff())
		must(t, c.Install(h))
		must(t, h.Boot())
		if h.Master {
			within(t, 2*time.Minute, c.Healthy)
		}
	}
	for _, m := range memberList(t, c) {
		if strings.Contains(m, "kubem01") || strings.Contains(m, "10.10.10.81") || !strings.Contains(m, "started") {
			t.Errorf("etcd has the member %s", m)
		}
	}
	done(s)
}

// tree is what hagen has rendered for all machines, as a list of sums.
func tree(t *testing.T, c *site.Cluster) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "rendered/kubernetes/SHA256SUMS"))
	must(t, err)
	_, err = site.Run("env", "-C", filepath.Join(c.Dir, "rendered/kubernetes"), "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	must(t, err)
	return string(text)
}

// follow follows the runbook of a replacement until the cluster is healthy, and
// gives how long that took from power-on.
func follow(t *testing.T, c *site.Cluster, h *site.Host) time.Duration {
	t.Helper()
	begin := followUntilMember(t, c, h)
	within(t, 2*time.Minute, c.Healthy)
	return time.Since(begin)
}

var shellBlock = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")

// followUntilMember types the runbook's commands, one after the other in one
// shell, and boots the machine where it says so. It gives when that was.
func followUntilMember(t *testing.T, c *site.Cluster, h *site.Host) (on time.Time) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "replace/kubernetes/runbook.md"))
	must(t, err)
	before, after, found := strings.Cut(string(text), "**Boot "+h.Name+".**")
	document := filepath.Join("replace/kubernetes", h.Name, "config.ign")
	if !found || !strings.Contains(after, document) {
		t.Fatalf("the runbook does not say what to boot %s with:\n%s", h.Name, text)
	}
	commands := func(part string) string {
		var b strings.Builder
		for _, block := range shellBlock.FindAllStringSubmatch(part, -1) {
			b.WriteString(block[1])
		}
		return b.String()
	}
	shell := exec.Command("bash", "-euxo", "pipefail")
	shell.Dir = c.Dir
	shell.Env = append(os.Environ(), "PATH="+c.Parts.Binaries+":"+os.Getenv("PATH"))
	stdin, err := shell.StdinPipe()
	must(t, err)
	stdout, err := shell.StdoutPipe()
	must(t, err)
	var problems strings.Builder
	shell.Stderr = &problems
	must(t, shell.Start())
	const now = "boot now"
	fmt.Fprintf(stdin, "%s\necho %s\n", commands(before), now)
	for lines := bufio.NewScanner(stdout); lines.Text() != now; {
		if !lines.Scan() {
			shell.Wait()
			t.Fatalf("the runbook stops before the boot:\n%s", problems.String())
		}
		t.Log(lines.Text())
	}
	must(t, h.Install(c.Parts, filepath.Join(c.Dir, document)))
	on = time.Now()
	must(t, h.Boot())
	fmt.Fprintln(stdin, commands(after))
	stdin.Close()
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("the runbook: %v\n%s", err, problems.String())
		}
	case <-time.After(2 * time.Minute):
		shell.Process.Kill()
		t.Fatalf("the runbook does not come to its end:\n%s", problems.String())
	}
	return on
}
