package control

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// bootOrder is the order of sections in a document.
var bootOrder = []string{sectionMachine, sectionEtcd, sectionAPI, sectionManager, sectionScheduler, sectionHAProxy, sectionKeepalived}

// inBootOrder sorts the items of a node by section. Within a section they keep
// the order of the tables.
func inBootOrder(n node.Node) node.Node {
	place := func(o node.Origin) int { return slices.Index(bootOrder, o.Section) }
	slices.SortStableFunc(n.Directories, func(a, b node.Directory) int { return place(a.Origin) - place(b.Origin) })
	slices.SortStableFunc(n.Files, func(a, b node.File) int { return place(a.Origin) - place(b.Origin) })
	slices.SortStableFunc(n.Units, func(a, b node.Unit) int { return place(a.Origin) - place(b.Origin) })
	return n
}

// basics returns what every machine gets: its name, and the others' addresses.
func basics(s hostContext) node.Node {
	hostname := publicFile(sectionMachine, "spec host "+s.host.Name, "", "/etc/hostname", s.host.Name+"\n")
	hostname.Overwrite = true
	n := node.Node{Files: []node.File{hostname}}
	if s.HostsFile {
		hosts := publicFile(sectionMachine, "spec.dns", "every machine by name, so that no DNS is needed (dns: hosts)", "/etc/hosts", hostsFile(s.Cluster))
		hosts.Overwrite = true
		n.Files = append(n.Files, hosts)
	}
	return n
}

// hostsFile writes one line per address with all its names, as hosts(5) requires. A
// name of several machines is on the line of each: a resolver then returns all
// their addresses (host.conf(5), multi).
func hostsFile(c *cluster.Cluster) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	fronts := frontNames(c)
	for _, h := range c.Hosts() {
		for _, address := range h.Addresses {
			names := c.Names(h)
			if slices.Contains(c.Endpoint.Answered, address) {
				names = unique(append(names, fronts...))
			}
			fmt.Fprintf(&b, "%s %s\n", address, strings.Join(names, " "))
		}
	}
	for _, vip := range c.Balancing.VirtualIPs {
		if len(fronts) > 0 && slices.Contains(c.Endpoint.Answered, vip) {
			fmt.Fprintf(&b, "%s %s\n", vip, strings.Join(fronts, " "))
		}
	}
	return b.String()
}

// frontNames returns the names of whatever answers at the endpoint.
func frontNames(c *cluster.Cluster) []string {
	var names []string
	if !c.Endpoint.Address.IsValid() {
		names = append(names, c.Endpoint.Host)
	}
	return unique(append(names, c.Balancing.Names...))
}

// logins returns the users of the cluster file, and the rule that lets them become
// root: they have no password that sudo could ask for.
func logins(s hostContext) node.Node {
	var n node.Node
	var sudoers strings.Builder
	for _, u := range s.Users {
		user := node.User{
			Origin: node.Origin{Section: sectionMachine, From: fmt.Sprintf("%s at line %d", u.At.Path, u.At.Line)},
			Name:   u.Name, SSHKeys: u.SSHKeys,
		}
		if u.Name != "root" {
			user.Groups, user.Shell = s.host.OS.Groups, s.host.OS.Shell
			fmt.Fprintf(&sudoers, "%s %s\n", u.Name, s.host.OS.Sudo)
		}
		n.Users = append(n.Users, user)
	}
	if s.host.OS.Sudo != "" && sudoers.Len() > 0 {
		rules := publicFile(sectionMachine, "spec.users", "logins have no password that sudo could ask for", "/etc/sudoers.d/hagen", sudoers.String())
		rules.Mode = 0o440
		n.Files = append(n.Files, rules)
	}
	return n
}

// accounts turns rows into groups and users. Groups come first and users name
// them, so that neither depends on useradd's defaults.
func accounts(rows []account) node.Node {
	var n node.Node
	for _, row := range rows {
		origin := node.Origin{Section: sectionMachine, From: "account " + row.name, Why: row.why}
		n.Groups = append(n.Groups, node.Group{Origin: origin, Name: row.name})
		if row.members != nil {
			continue
		}
		var further []string
		for _, other := range rows {
			if slices.Contains(other.members, row.name) {
				further = append(further, other.name)
			}
		}
		origin.Why = ""
		n.Users = append(n.Users, node.User{
			Origin: origin, Name: row.name, System: true, Primary: row.name, Groups: further,
			Home: row.home, Shell: "/usr/sbin/nologin",
		})
	}
	return n
}
