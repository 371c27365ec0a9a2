package replace

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/lazy"
)

// Workstation holds the paths and commands on the workstation that a runbook names.
type Workstation struct {
	PKI       string   // the PKI directory
	Bundle    bool     // it has several authorities of etcd that are trusted
	Rendered  string   // the tree of all machines
	Dir       string   // that of the replacement
	Documents []string // the replacement's, in Dir
	Render    string   // the command that renders all machines
	Diff      string   // the command that shows what that changes
}

// Runbook writes what to do, in order, for an operator who has not done it before. Its sh
// blocks are meant to run one after the other in one shell.
func (p Plan) Runbook(c *cluster.Cluster, workstation Workstation, others []Change) string {
	w := &writer{}
	name := p.Host.Name
	w.say("# Replace %s", p.Lost)
	w.say("")
	w.say("For a master whose etcd data is lost, while a majority of the masters is healthy. Written by hagen render --replace.")
	w.say("")
	if p.Moved() {
		w.say("The member %s at %s is replaced by %s at %s.", p.Lost, p.LostURL, name, p.HostURL)
	} else {
		w.say("The member is %s at %s, before and after.", p.Lost, p.LostURL)
	}
	if !p.Known {
		w.say("What was rendered before is not known: hagen assumes that it is what the cluster file says.")
	}
	w.say("Do the steps without a pause: from step 3 to step 6, etcd counts a member that does not answer.")
	w.say("Keep the others running all the time: %s.", hostNames(p.Survivors))
	p.ask(w, c, workstation)
	p.exchange(w, workstation)
	p.wait(w, c)
	p.afterwards(w, c, workstation, others)
	return w.String()
}

// Joining writes what the documents in a directory are for: with them masters join the
// others of a cluster, one after the other.
func Joining(name, dir string, hosts []string) string {
	w := &writer{}
	w.say("# Masters that join %s", name)
	w.say("")
	w.say("Written by hagen render --join. Boot them in this order, each after etcdctl has added it and the one before is a member;")
	w.say("hagen plan shows the commands and the checks:")
	w.say("")
	for i, h := range hosts {
		w.say("%d. %s, with the document in %s", i+1, h, path.Join(dir, h))
	}
	w.say("")
	w.say("No later boot needs these documents: render normally, and remove %s, which holds keys.", dir)
	return w.String()
}

// ask writes the steps before anything changes.
func (p Plan) ask(w *writer, c *cluster.Cluster, workstation Workstation) {
	access := control.EtcdAccess(c, p.Survivors[0])
	var urls []string
	for _, s := range p.Survivors {
		urls = append(urls, control.EtcdURL(c, s))
	}
	item := func(name string) string { return path.Join(workstation.PKI, name) }
	w.step("Point etcdctl at the healthy members", "On your workstation, in the directory where you rendered, with etcdctl %s:", c.Etcd)
	authority := access.Authority + ".pem"
	if workstation.Bundle {
		authority = access.Bundle
	}
	w.access(c, strings.Join(urls, ","), item(authority), item(access.Client)+".pem", item(access.Client)+"-key.pem", "")
	w.say("")
	w.say("   If your workstation does not reach port %d, do this as root on %s, which has the same files:", cluster.EtcdClientPort, p.Survivors[0].Name)
	w.say("")
	w.say("       mkdir -p %s", Word(workstation.Dir))
	w.access(c, control.EtcdURL(c, p.Survivors[0]), access.AuthorityPath, access.CertificatePath, access.ClientKeyPath, "    ")
	w.step("Check", "%s is switched off, every endpoint is healthy, and the list has %s, unless you have removed it already.\n   If not, stop here. Without a majority only a snapshot helps.", p.Lost, p.Lost)
	w.run("etcdctl endpoint health", "etcdctl member list")
}

// removed begins the name of the file, in the replacement's directory, with the ID of the
// lost member, or none if etcd has no such member any more. The ID is looked up once: the
// replacement may have the same name and URL, so a second look-up would find that.
const removed = "removed-"

// exchange writes the steps that change etcd's membership.
func (p Plan) exchange(w *writer, workstation Workstation) {
	url := p.HostURL
	w.step("Remove the member", "From now on its data is worthless, wherever it still is. For some seconds after a change etcd refuses the\n   next one (unhealthy cluster), so this tries again. The member's ID is saved in a file, so that running this\n   again removes nothing else. If only the others are members, nothing is removed.")
	file := Word(path.Join(workstation.Dir, removed+p.Lost))
	w.run(fmt.Sprintf(`test -s %[1]s || { list=$(etcdctl member list) && echo "$list" | awk -F', ' '$3 == "%[2]s" || $4 == "%[3]s" { print $1; n++ } END { if (!n && NR == %[4]d) print "none" }' >%[1]s; }`, file, p.Lost, p.LostURL, len(p.Survivors)),
		fmt.Sprintf("id=$(cat %s)", file),
		`until test -n "$id" && list=$(etcdctl member list) && ! echo "$list" | grep "^$id,"; do`,
		fmt.Sprintf(`  etcdctl member remove "${id:?etcdctl listed neither %s nor only %s}" || sleep 5`, p.Lost, hostNames(p.Survivors)),
		"done")
	w.step("Add it", "This tries again, too. The document already has the values of the ETCD_ variables that etcdctl prints.")
	w.run(fmt.Sprintf(`until etcdctl member list | grep -v "^$id," | grep -F ', %s,' || etcdctl member add %s --peer-urls=%[1]s; do sleep 5; done`, url, p.Host.Name))
	w.step("Boot "+p.Host.Name, "Not with its usual document, but with this one, which has --initial-cluster-state=existing.")
	for _, d := range workstation.Documents {
		w.say("   - %s", d)
	}
	if device := etcdDevice(p.Host); device != "" {
		w.say("")
		w.say("   Its etcd disk, %s, must be empty: etcd refuses the data of a member that was removed.", device)
		w.say("   Erase it from a rescue system with wipefs --all.")
	}
}

// wait writes the step after the boot.
func (p Plan) wait(w *writer, c *cluster.Cluster) {
	var urls []string
	for _, m := range c.Members() {
		urls = append(urls, control.EtcdURL(c, m))
	}
	w.step("Wait until it is a member", "About 15 seconds after power-on the list shows it as started, and all are healthy.")
	w.run("export ETCDCTL_ENDPOINTS="+strings.Join(urls, ","),
		"until etcdctl endpoint health; do sleep 5; done",
		"etcdctl member list")
}

// afterwards writes the steps back to the usual documents.
func (p Plan) afterwards(w *writer, c *cluster.Cluster, workstation Workstation, others []Change) {
	w.step("Render normally again", "The next time you re-image %s, use its usual document. This directory holds keys.", p.Host.Name)
	if len(others) > 0 {
		w.say("   Other documents change, too; before you render, `%s` shows what that does to each machine.", workstation.Diff)
		w.say("")
	}
	w.run(workstation.Render, "rm -r "+Word(workstation.Dir))
	if len(others) == 0 {
		return
	}
	w.say("")
	for _, o := range others {
		w.say("   - %s: %s", o.Host, strings.Join(o.Items, ", "))
	}
	w.say("")
	w.say("   Give these machines their new documents, one at a time. Changes only in etcd.service can wait: a member")
	w.say("   that has data ignores --initial-cluster.")
	if p.Moved() && c.Balancing.Mode == cluster.External {
		w.say("   Your load balancer is not hagen's: add %s at %s to it.", p.Host.Name, c.APIAddress(p.Host))
	}
}

// etcdDevice returns the disk of a host's etcd data; "" is the system disk.
func etcdDevice(h cluster.Host) string {
	for _, f := range h.Filesystems {
		if f.Path == cluster.EtcdData {
			return f.Device
		}
	}
	return ""
}

// writer writes a runbook as Markdown.
type writer struct {
	strings.Builder
	steps int
}

func (w *writer) say(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// step begins a step with a title and an explanation.
func (w *writer) step(title, about string, args ...any) {
	w.steps++
	w.say("")
	w.say("%d. **%s.** "+about, append([]any{w.steps, title}, args...)...)
	w.say("")
}

// run writes a block of commands.
func (w *writer) run(commands ...string) {
	w.say("   ```sh")
	for _, c := range commands {
		w.say("   %s", c)
	}
	w.say("   ```")
}

// access writes the environment variables of etcdctl.
func (w *writer) access(c *cluster.Cluster, urls, authority, certificate, key, indent string) {
	lines := []string{
		"export ETCDCTL_ENDPOINTS=" + urls, "export ETCDCTL_CACERT=" + Word(authority),
		"export ETCDCTL_CERT=" + Word(certificate), "export ETCDCTL_KEY=" + Word(key),
	}
	if control.AsksAPI3(c.Etcd) {
		lines = append(lines, "export ETCDCTL_API=3")
	}
	if indent == "" {
		w.run(lines...)
		return
	}
	for _, l := range lines {
		w.say("   %s%s", indent, l)
	}
}

var plainWord = lazy.Regexp(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Word quotes a text as one word of a shell.
func Word(text string) string {
	if plainWord().MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
