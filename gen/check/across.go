package check

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
)

// across holds machines against each other: what one says of another must be
// what the other says of itself.
func across(machines []*machine) {
	uniqueNames(machines)
	sameAuthorities(machines)
	members(machines)
	backends(machines)
	virtualAddresses(machines)
}

func uniqueNames(machines []*machine) {
	seen := map[string]bool{}
	for _, m := range machines {
		if seen[m.Name] {
			m.find("/etc/hostname", "two machines have this name")
		}
		seen[m.Name] = true
	}
}

// sameAuthorities: a file that holds an authority holds the same one on every
// machine that has the file.
func sameAuthorities(machines []*machine) {
	first := map[string]certificate{}
	for _, m := range machines {
		for _, c := range m.certificates {
			if !c.IsCA {
				continue
			}
			if other, known := first[c.path]; known && !bytes.Equal(other.Raw, c.Raw) {
				m.find(c.path, "holds another authority than the same file on other machines")
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

// flags gives the flags of the unit of that name, nil when there is none.
func (m *machine) flags(unit string) map[string]string {
	for _, u := range m.Units {
		if u.Name == unit {
			return flags(u)
		}
	}
	return nil
}

const (
	etcdUnit      = "etcd.service"
	apiServerUnit = "kube-apiserver.service"
)

// members: all etcd members have the same member list and token, each is in
// it under its own name and URL, and its certificate covers what the others
// dial.
func members(machines []*machine) {
	var first map[string]string
	for _, m := range machines {
		f := m.flags(etcdUnit)
		if f == nil {
			continue
		}
		if first == nil {
			first = f
		}
		for _, shared := range []string{"initial-cluster", "initial-cluster-token"} {
			if f[shared] != first[shared] {
				m.find(etcdUnit, "--%s differs from the other members'", shared)
			}
		}
		entry := f["name"] + "=" + f["initial-advertise-peer-urls"]
		if !slices.Contains(strings.Split(f["initial-cluster"], ","), entry) {
			m.find(etcdUnit, "--initial-cluster does not hold this member's own %s", entry)
		}
		m.covers(f["cert-file"], hostOf(f["advertise-client-urls"]))
		m.covers(f["peer-cert-file"], hostOf(f["initial-advertise-peer-urls"]))
	}
}

// hostOf gives the host of https://host:port or host:port.
func hostOf(url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ":")
	return host
}

// covers: the certificate in a file of the machine is valid for a name that
// others dial.
func (m *machine) covers(path, name string) {
	c, found := m.certificate(path)
	switch {
	case !found:
		m.find(path, "holds no certificate")
	case c.VerifyHostname(name) != nil:
		m.find(path, "is not valid for %s, which others dial", name)
	}
}

var serverLine = regexp.MustCompile(`(?m)^\s+server \S+ (\S+)(?:.* verifyhost (\S+))?`)

// backends: every server of a load balancer is the API server of a machine
// whose certificate covers the address, and the name that checks ask for; and
// every API server stands behind every load balancer.
func backends(machines []*machine) {
	servers := map[string]*machine{} // by address:port
	for _, m := range machines {
		if f := m.flags(apiServerUnit); f != nil {
			// The one list of addresses that stands in every document is etcd's.
			servers[hostOf(m.flags(etcdUnit)["advertise-client-urls"])+":"+f["secure-port"]] = m
		}
	}
	for _, m := range machines {
		cfg, found := m.files["/etc/haproxy/haproxy.cfg"]
		if !found {
			continue
		}
		lines := serverLine.FindAllStringSubmatch(string(cfg.Contents), -1)
		for _, line := range lines {
			server, known := servers[line[1]]
			if !known {
				m.find(cfg.Path, "sends requests to %s, where no API server listens", line[1])
				continue
			}
			certificate := server.flags(apiServerUnit)["tls-cert-file"]
			server.covers(certificate, hostOf(line[1]))
			if line[2] != "" {
				server.covers(certificate, line[2])
			}
		}
		if len(lines) < len(servers) {
			m.find(cfg.Path, "has %d servers for %d API servers", len(lines), len(servers))
		}
	}
}
