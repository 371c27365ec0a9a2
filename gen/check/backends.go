package check

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// backends checks that every API server is behind every load balancer, once,
// and that health checks use a path that needs no credentials.
func (s *set) backends() {
	var servers []*listener
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if l.process == apiServer && l.tls {
				servers = append(servers, l)
			}
		}
	}
	for _, m := range s.machines {
		for _, p := range m.proxies {
			lines := p.Servers()
			if len(lines) == 0 {
				continue
			}
			met, strange := map[*listener]int{}, false
			for _, line := range lines {
				if from, err := netip.ParseAddr(read.ParseURL(line.Value("source")).Host); err == nil && len(m.known) > 0 && !slices.Contains(m.known, from) && !from.IsUnspecified() {
					m.find(ruleBindAddress, p.Place(line.Options["source"].At), "server %s is dialled from %s, which the machine does not have", line.Name, from).Remedy = "remove source"
				}
				t := read.ParseURL(line.Address.Text)
				a, err := netip.ParseAddr(t.Host)
				var found *listener
				for _, l := range servers {
					if err == nil && slices.Contains(l.machine.known, a) && l.takes(a, t.Port) {
						found = l
					}
				}
				if found == nil {
					strange = true
					m.find(ruleBackends, p.Place(line.Address.At), "sends connections to %s, where no API server listens", t)
					continue
				}
				if met[found]++; met[found] > 1 {
					m.find(ruleBackends, p.Place(line.Address.At), "names %s twice", t)
				}
				s.healthPath(m, p, found)
			}
			if len(met) < len(servers) && !strange {
				m.find(ruleBackends, read.Whole(p.File.Path), "has %d servers for %d API servers", len(met), len(servers))
			}
		}
	}
}

func (s *set) healthPath(m *machine, p *read.Proxy, l *listener) {
	asks := p.Line("option", "httpchk")
	if len(asks) == 0 {
		return
	}
	asked := asks[len(asks)-1]
	if len(asks) > 3 && asks[2].Text != "GET" {
		m.find(ruleHealthPath, p.Place(asks[2].At), "uses %s, but anonymous requests may only GET", asks[2].Text).Remedy = "write GET"
	}
	if i := slices.IndexFunc(asks, func(w read.Word) bool { return strings.HasPrefix(w.Text, "/") }); i >= 0 {
		asked = asks[i]
	}
	paths, all := l.machine.open()
	if !all && !slices.Contains(paths, asked.Text) {
		m.find(ruleHealthPath, p.Place(asked.At), "requests %s, which %s does not answer without a certificate", asked.Text, own(l.machine.Name))
	}
}
