package check

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
)

// across holds machines against each other: what one says of another must be
// what the other says of itself.
func across(nodes []node.Node) []Finding {
	var out []Finding
	find := func(host, item, format string, args ...any) {
		out = append(out, Finding{host, item, fmt.Sprintf(format, args...)})
	}
	uniqueNames(nodes, find)
	sameAuthorities(nodes, find)
	members(nodes, find)
	backends(nodes, find)
	return out
}

type finder func(host, item, format string, args ...any)

func uniqueNames(nodes []node.Node, find finder) {
	seen := map[string]bool{}
	for _, n := range nodes {
		if seen[n.Name] {
			find(n.Name, "/etc/hostname", "two machines have this name")
		}
		seen[n.Name] = true
	}
}

// sameAuthorities: a file that holds an authority holds the same one on every
// machine that has the file.
func sameAuthorities(nodes []node.Node, find finder) {
	first := map[string]certificate{}
	for _, n := range nodes {
		certificates, _ := parsed(n)
		for _, c := range certificates {
			if !c.IsCA {
				continue
			}
			if other, known := first[c.path]; known && !bytes.Equal(other.Raw, c.Raw) {
				find(n.Name, c.path, "holds another authority than the same file on other machines")
			}
			first[c.path] = c
		}
	}
}

// flags reads the flags of a unit's ExecStart.
func flags(u node.Unit) map[string]string {
	out := map[string]string{}
	text := strings.ReplaceAll(u.Contents, "\\\n", " ")
	for line := range strings.SplitSeq(text, "\n") {
		command, found := strings.CutPrefix(line, "ExecStart=")
		if !found {
			continue
		}
		words := strings.Fields(command)
		for i, w := range words {
			name, isFlag := strings.CutPrefix(w, "--")
			if !isFlag {
				continue
			}
			if key, value, inline := strings.Cut(name, "="); inline {
				out[key] = value
			} else if i+1 < len(words) {
				out[name] = words[i+1]
			}
		}
	}
	return out
}

// unitFlags gives the flags of the unit of that name, nil when there is none.
func unitFlags(n node.Node, unit string) map[string]string {
	for _, u := range n.Units {
		if u.Name == unit {
			return flags(u)
		}
	}
	return nil
}

// members: all etcd members have the same member list and token, each is in
// it under its own name and URL, and its certificate covers what the others
// dial.
func members(nodes []node.Node, find finder) {
	var first map[string]string
	for _, n := range nodes {
		f := unitFlags(n, "etcd.service")
		if f == nil {
			continue
		}
		if first == nil {
			first = f
		}
		for _, shared := range []string{"initial-cluster", "initial-cluster-token"} {
			if f[shared] != first[shared] {
				find(n.Name, "etcd.service", "--%s differs from the other members'", shared)
			}
		}
		entry := f["name"] + "=" + f["initial-advertise-peer-urls"]
		if !slices.Contains(strings.Split(f["initial-cluster"], ","), entry) {
			find(n.Name, "etcd.service", "--initial-cluster does not hold this member's own %s", entry)
		}
		covers(n, f["cert-file"], hostOf(f["advertise-client-urls"]), find)
		covers(n, f["peer-cert-file"], hostOf(f["initial-advertise-peer-urls"]), find)
	}
}

// hostOf gives the host of https://host:port.
func hostOf(url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ":")
	return host
}

// covers: the certificate in a file of the machine is valid for a name.
func covers(n node.Node, path, name string, find finder) {
	certificates, _ := parsed(n)
	for _, c := range certificates {
		if c.path == path {
			if c.VerifyHostname(name) != nil {
				find(n.Name, path, "is not valid for %s, which others dial", name)
			}
			return
		}
	}
	find(n.Name, path, "holds no certificate")
}

var serverLine = regexp.MustCompile(`(?m)^\s+server \S+ (\S+)(?:.* verifyhost (\S+))?`)

// backends: every server of a load balancer is the API server of a machine
// whose certificate covers the address, and the name that checks ask for; and
// every API server stands behind every load balancer.
func backends(nodes []node.Node, find finder) {
	type server struct {
		n    node.Node
		cert string
	}
	servers := map[string]server{}
	for _, n := range nodes {
		f := unitFlags(n, "kube-apiserver.service")
		if f == nil {
			continue
		}
		// The one list of addresses that stands in every document is etcd's.
		address := hostOf(unitFlags(n, "etcd.service")["advertise-client-urls"])
		servers[address+":"+f["secure-port"]] = server{n, f["tls-cert-file"]}
	}
	for _, lb := range nodes {
		for _, file := range lb.Files {
			if file.Path != "/etc/haproxy/haproxy.cfg" {
				continue
			}
			lines := serverLine.FindAllStringSubmatch(string(file.Contents), -1)
			for _, line := range lines {
				s, known := servers[line[1]]
				if !known {
					find(lb.Name, file.Path, "sends requests to %s, where no API server listens", line[1])
					continue
				}
				covers(s.n, s.cert, hostOf(line[1]), find)
				if line[2] != "" {
					covers(s.n, s.cert, line[2], find)
				}
			}
			if len(lines) < len(servers) {
				find(lb.Name, file.Path, "has %d servers for %d API servers", len(lines), len(servers))
			}
		}
	}
}
