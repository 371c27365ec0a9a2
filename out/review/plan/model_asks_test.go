package plan

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/facts"
)

// verb is a row: a command of plans, and what it does in the model. It returns an error if
// the command fails.
type verb struct {
	line *regexp.Regexp
	do   func(w *world, c Command, words []string) error
}

func asVerb(line string, do func(w *world, c Command, words []string) error) verb {
	return verb{regexp.MustCompile(`^` + line + `$`), do}
}

const idOf = `\$\(etcdctl member list \| awk -F', ' '\$3 == "(\S+)" \{ print \$1 \}'\)`

var verbs = []verb{
	// etcd, on the workstation.
	asVerb(`etcdctl endpoint health --cluster`, func(w *world, c Command, _ []string) error {
		for _, e := range w.members {
			if e.started && (e.learner || !w.answering(e)) { // a learner reads nothing for clients
				return fmt.Errorf("%s does not answer", e.name)
			}
		}
		return w.etcdctl(c)
	}),
	asVerb(`test "\$\(etcdctl member list \| awk -F', ' '\$2 == "started" \{ print \$3 \}' \| sort \| xargs\)" = "(.*)"`, func(w *world, c Command, words []string) error {
		var started []string
		for _, e := range w.members {
			if e.started {
				started = append(started, e.name)
			}
		}
		slices.Sort(started)
		if got := strings.Join(started, " "); got != words[1] {
			return fmt.Errorf("etcd has the members %s, not %s", got, words[1])
		}
		return w.etcdctl(c)
	}),
	asVerb(`list=\$\(etcdctl member list\) && echo "\$list" \| awk -F', ' '(.+) \{ print .* \$1; n\+\+ \} END \{ exit n != 0 \}'`, func(w *world, c Command, words []string) error {
		for _, e := range w.members {
			if strings.Contains(words[1], `$3 == "`+e.name+`"`) || strings.Contains(words[1], `",`+e.peer+`,"`) {
				return fmt.Errorf("etcd still has %s at %s", e.name, e.peer)
			}
		}
		return w.etcdctl(c)
	}),
	asVerb(`etcdctl member remove `+idOf, func(w *world, c Command, words []string) error {
		i := slices.IndexFunc(w.members, func(e etcdMember) bool { return e.name == words[1] })
		if i < 0 {
			return fmt.Errorf("etcd has no member %s", words[1])
		}
		err := w.etcdctl(c)
		removed := w.members[i]
		if host := w.hostOf(removed); host != "" {
			w.down[host+" "+facts.EtcdUnit] = true // it stops, and its data is of no use
			w.machines[host].holds = false
		}
		w.members = slices.Delete(w.members, i, i+1)
		// etcdserver, isReadyToRemoveVotingMember
		if answer, all := w.quorum(); answer <= all/2 && all > 0 {
			return fmt.Errorf("without %s %d of %d members would answer", removed.name, answer, all)
		}
		return err
	}),
	asVerb(`etcdctl member add (\S+) --peer-urls=(\S+)( --learner)?`, func(w *world, c Command, words []string) error {
		for _, e := range w.members {
			if e.peer == words[2] || e.name == words[1] {
				return fmt.Errorf("etcd has the member %s at %s", e.name, e.peer)
			}
			if e.learner && words[3] != "" { // etcdserver, ErrTooManyLearners
				return fmt.Errorf("etcd has the learner %s", e.name)
			}
		}
		err := w.etcdctl(c)
		if words[3] != "" {
			w.members = append(w.members, etcdMember{peer: words[2], learner: true})
			return errors.Join(err, w.knowLearners())
		}
		// etcdserver, isReadyToAddVotingMember
		if answer, all := w.quorum(); all > 1 && answer <= (all+1)/2 {
			return fmt.Errorf("with %s %d of %d members would answer", words[1], answer, all+1)
		}
		w.members = append(w.members, etcdMember{peer: words[2]})
		return err
	}),
	asVerb(`for i in \$\(seq 300\); do etcdctl member list \| grep -q ', (?:\S+), \.\*, false\$' && break; etcdctl member promote `+idOf+`; sleep 2; done`, func(w *world, c Command, words []string) error {
		for i, e := range w.members {
			if e.name == words[1] && e.learner && w.hostOf(e) != "" {
				w.members[i].learner = false
				return w.etcdctl(c)
			}
		}
		return fmt.Errorf("etcd has no learner %s that runs", words[1])
	}),
	asVerb(`etcdctl member update `+idOf+` --peer-urls=(\S+)`, func(w *world, c Command, words []string) error {
		i := slices.IndexFunc(w.members, func(e etcdMember) bool { return e.name == words[1] })
		if i < 0 {
			return fmt.Errorf("etcd has no member %s", words[1])
		}
		for k, e := range w.members {
			if k != i && e.peer == words[2] { // etcdserver, ErrPeerURLexists
				return fmt.Errorf("%s has %s", e.name, e.peer)
			}
		}
		err := w.etcdctl(c)
		w.members[i].peer = words[2]
		return err
	}),
	asVerb(`ETCDCTL_ENDPOINTS=(\S+) etcdctl endpoint status --write-out=fields \| grep '"Version" : "(\S+)"'`, func(w *world, c Command, words []string) error {
		if !w.clientAt(words[1]) {
			return fmt.Errorf("%s does not answer", words[1])
		}
		return w.version(words[1], facts.EtcdUnit, words[2])
	}),
	asVerb(`mkdir -p \S+ && ETCDCTL_ENDPOINTS=(\S+) etcdctl snapshot save \S+`, func(w *world, c Command, words []string) error {
		if !w.clientAt(words[1]) {
			return fmt.Errorf("%s does not answer", words[1])
		}
		return nil
	}),
	asVerb(`etcdctl endpoint status --cluster --write-out=fields \| grep -E '\^"\(DowngradeTargetVersion" : "(?:\S+)\\\.0"\|Version" : "(?:\S+)\\\.\)' \|\| etcdctl downgrade enable (\S+)`, func(w *world, c Command, words []string) error {
		w.downgrade = words[1]
		return w.etcdctl(c)
	}),
	asVerb(`until test "\$\(etcdctl endpoint status --cluster --write-out=fields \| awk '/\^"StorageVersion"/ \{ print \$3 \}' \| sort -u\)" = '"(\S+)\.0"'; do sleep 2; done`, func(w *world, c Command, words []string) error {
		if w.downgrade != words[1] {
			return fmt.Errorf("no member stores what etcd %s can read", words[1])
		}
		return w.etcdctl(c)
	}),

	// API servers, from the workstation.
	asVerb(`kubectl --server=https://(\S+) --tls-server-name=(\S+) get --raw=/readyz`, func(w *world, c Command, words []string) error { return w.dial(words[1], words[2]) }),
	asVerb(`kubectl --server=https://(\S+) --tls-server-name=(\S+) get --raw=/version \| grep '"gitVersion": "v(\S+)"'`, func(w *world, c Command, words []string) error {
		if err := w.dial(words[1], words[2]); err != nil {
			return err
		}
		return w.version(words[1], facts.APIUnit, words[3])
	}),
	asVerb(`for s in 0 4 4; do sleep \$s; kubectl --server=https://(\S+) --tls-server-name=(\S+) -n kube-system get (?:lease|endpoints) (\S+) -o jsonpath='.*'; done \| sort -u \| cut -d'.' -f\d \| uniq -c \| grep ' 3 \.'`, func(w *world, c Command, words []string) error {
		if len(w.hosts(words[3]+".service")) == 0 {
			return fmt.Errorf("nobody leads for %s", words[3])
		}
		return w.dial(words[1], words[2])
	}),
	asVerb(`v=\$\(kubectl get nodes -o jsonpath='.*'\) && ! echo "\$v" \| grep -Ev '.*'`, func(w *world, c Command, _ []string) error {
		return w.kubeconfig(w.workstation.Kubeconfig, w.workstation)
	}),
	asVerb(`kubectl get servicecidr -o jsonpath='.*' \| grep -wF '.*' \|\| echo '.*' \| kubectl create -f -`, func(w *world, c Command, _ []string) error {
		return w.kubeconfig(w.workstation.Kubeconfig, w.workstation)
	}),
	asVerb(`kubectl get --raw=/readyz`, func(w *world, c Command, _ []string) error {
		return w.kubeconfig(w.workstation.Kubeconfig, w.workstation)
	}),
	asVerb(`f=\$\(openssl x509 -noout -fingerprint -sha256 -in pki/(\S+)\.pem\) && openssl s_client -connect (\S+?)(?: -cert "\$ETCDCTL_CERT" -key "\$ETCDCTL_KEY")? </dev/null 2>/dev/null \| openssl x509 -noout -fingerprint -sha256 \| grep -F "\$f"`, func(w *world, c Command, words []string) error {
		return w.shows(words[2], words[1])
	}),
	asVerb(`hagen render(?: --nodes-fit)* -f \S+`, func(w *world, c Command, _ []string) error {
		w.workstation = w.after
		return nil
	}),
	asVerb(`hagen render --join(?: --nodes-fit)* -f \S+`, func(w *world, c Command, _ []string) error {
		if w.workstation.file != w.before.file {
			return fmt.Errorf("rendered/ is no longer that of the former masters")
		}
		return nil
	}),
	asVerb(`hagen pki forget -f \S+ (.+)`, func(w *world, c Command, words []string) error {
		names := strings.Fields(strings.ReplaceAll(words[1], "'", ""))
		for _, name := range control.SharedNames(w.after.file) {
			if !slices.Contains(names, name) && !w.asked(name) {
				return fmt.Errorf("%s stays for ever", name)
			}
		}
		for _, name := range names {
			if w.asked(name) {
				return fmt.Errorf("the cluster file asks for %s", name)
			}
		}
		return nil
	}),

	// On machines.
	asVerb(`systemctl daemon-reload`, func(w *world, c Command, _ []string) error {
		clear(w.machines[c.Host].unread)
		return w.on(c)
	}),
	asVerb(`printf '%s\\n' (.+) > (/\S+)`, func(w *world, c Command, words []string) error {
		m, text := w.machines[c.Host], strings.ReplaceAll(strings.Trim(words[1], "'"), "' '", "\n")+"\n"
		m.disk.Files = append(slices.DeleteFunc(m.disk.Files, func(f node.File) bool { return f.Path == words[2] }), node.File{Path: words[2], Contents: []byte(text)})
		return w.on(c)
	}),
	asVerb(`systemctl poweroff`, func(w *world, c Command, _ []string) error {
		err := w.on(c)
		w.machines[c.Host].on = false
		return err
	}),
	asVerb(`systemctl (restart|reload|enable --now|disable --now) (\S+)`, func(w *world, c Command, words []string) error {
		if err := w.on(c); err != nil {
			return err
		}
		return w.act(w.machines[c.Host], words[1], words[2])
	}),
	asVerb(`systemctl is-active (\S+)`, func(w *world, c Command, words []string) error { return w.running(c, words[1]) }),
	asVerb(`! for u in (.*); do systemctl is-active -q \$u && t=\$\(systemctl show -p StateChangeTimestampMonotonic \$u\) && test \$\(expr \$\(cut -d\. -f1 /proc/uptime\) - \$\{t#\*=\} / 1000000\) -gt 6 \|\| echo \$u; done \| grep \.`, func(w *world, c Command, words []string) error {
		for unit := range strings.FieldsSeq(words[1]) {
			if err := w.running(c, unit); err != nil {
				return err
			}
		}
		return nil
	}),
	asVerb(`curl -fsSk -o /dev/null (\S+)`, func(w *world, c Command, words []string) error {
		if err := w.on(c); err != nil {
			return err
		}
		return w.local(c.Host, words[1])
	}),
	asVerb(`v=(\S+); a=\$\(ip -o addr show to \$v\) && test -z "\$a" \|\| for u in (.*); do curl -sk -m 5 -o /dev/null --interface \$v \$u; case \$\? in 28\|127\) exit 1; esac; done`, func(w *world, c Command, words []string) error {
		return w.alone(c, words[1], strings.Fields(words[2]))
	}),
	asVerb(`curl -fgL -o \S+ '\S+'`, func(w *world, c Command, _ []string) error { return w.on(c) }),
	asVerb(`echo '\S+  \S+' \| sha512sum -c - && chmod \d+ \S+ && mv \S+ \S+`, func(w *world, c Command, _ []string) error { return w.fetched(c) }),
	asVerb(`/bin/sh /etc/hagen/binaries\.sh`, func(w *world, c Command, _ []string) error { return w.fetched(c) }),
	asVerb(`systemd-sysext refresh`, func(w *world, c Command, _ []string) error { return w.fetched(c) }),
}

// run takes a command. Its error says why it fails.
func (w *world) run(c Command) error {
	for _, v := range verbs {
		if words := v.line.FindStringSubmatch(c.Text); words != nil {
			return v.do(w, c, words)
		}
	}
	return fmt.Errorf("no verb for %q", c.Text)
}

// etcdctl asks etcd at the endpoints of a command: all of them answer, and with a quorum.
func (w *world) etcdctl(c Command) error {
	endpoints := ""
	for _, v := range slices.Concat(w.plan.Environment, c.Environment) {
		if v.Name == "ETCDCTL_ENDPOINTS" {
			endpoints = v.Value
		}
	}
	for i, endpoint := range strings.Split(endpoints, ",") {
		if slices.Contains(strings.Split(endpoints, ",")[:i], endpoint) {
			return fmt.Errorf("the endpoint %q twice", endpoint)
		}
		if !w.clientAt(endpoint) {
			return fmt.Errorf("the endpoint %q does not answer", endpoint)
		}
	}
	if answer, all := w.quorum(); answer <= all/2 {
		return fmt.Errorf("%d of %d members answer", answer, all)
	}
	return nil
}

// dial asks for an API server at an address, under a name.
func (w *world) dial(at, name string) error {
	address, err := netip.ParseAddrPort(at)
	if err != nil {
		return err
	}
	hosts := w.servers(address)
	if len(hosts) == 0 {
		return fmt.Errorf("no API server answers at %s", at)
	}
	for _, host := range hosts {
		if !w.covers(host, facts.APIUnit, "--tls-cert-file", name) {
			return fmt.Errorf("the certificate of %s does not have %s", host, name)
		}
		if answer, all := w.quorum(); answer <= all/2 {
			return fmt.Errorf("%s is not ready: %d of %d members of etcd answer", host, answer, all)
		}
	}
	return nil
}

// kubeconfig asks for an API server as a kubeconfig does. DNS knows the names of a side.
func (w *world) kubeconfig(contents []byte, dns modelled) error {
	server, name := kubeconfigOf(contents)
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	if dns.file.Balancing.Mode == "external" {
		return w.external(dns, name)
	}
	addresses := []string{u.Hostname()}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		addresses = nil
		for _, a := range dns.file.Endpoint.Answered {
			addresses = append(addresses, a.String())
		}
	}
	for _, a := range addresses {
		if err = w.dial(netip.AddrPortFrom(netip.MustParseAddr(a), dns.file.Endpoint.Port).String(), name); err == nil {
			return nil
		}
	}
	return err
}

// external asks through a load balancer that is not hagen's, which has all API servers.
func (w *world) external(dns modelled, name string) error {
	hosts := w.hosts(facts.APIUnit)
	for _, host := range hosts {
		if !w.covers(host, facts.APIUnit, "--tls-cert-file", name) {
			return fmt.Errorf("the certificate of %s does not have %s", host, name)
		}
	}
	if len(hosts) == 0 {
		return fmt.Errorf("no API server runs")
	}
	return nil
}

// kubeconfigOf is the URL that a kubeconfig dials, and the name that it expects.
func kubeconfigOf(contents []byte) (server, name string) {
	text := string(contents)
	after := func(key string) string {
		_, rest, _ := strings.Cut(text, key+": ")
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	server, name = after("server"), after("tls-server-name")
	if u, err := url.Parse(server); err == nil && !strings.Contains(text, "tls-server-name: ") {
		name = u.Hostname()
	}
	return server, name
}

// asked reports whether the new cluster file asks for a name.
func (w *world) asked(name string) bool {
	return !slices.Contains(control.FormerNames(w.after.file), name)
}

// version compares the release that answers at an address.
func (w *world) version(at, unit, want string) error {
	for _, host := range w.hosts(unit) {
		here := unit == facts.EtcdUnit && slices.Contains(strings.Split(w.flag(host, unit, "--listen-client-urls"), ","), at)
		if address, err := netip.ParseAddrPort(at); err == nil && unit == facts.APIUnit {
			here = w.has(host, address.Addr())
		}
		if got := w.machines[host].runs[unit].version; here && got != want {
			return fmt.Errorf("%s of %s is %q, not %s", unit, host, got, want)
		}
	}
	return nil
}

// shows compares the certificate that a server shows with an item of the PKI on the workstation.
func (w *world) shows(at, item string) error {
	address, err := netip.ParseAddrPort(at)
	if err != nil {
		return err
	}
	for _, s := range []struct{ unit, flag string }{{facts.APIUnit, "--tls-cert-file"}, {facts.EtcdUnit, "--cert-file"}} {
		for _, host := range w.hosts(s.unit) {
			if s.unit == facts.APIUnit && (!w.has(host, address.Addr()) || w.flag(host, s.unit, "--secure-port") != fmt.Sprint(address.Port())) ||
				s.unit == facts.EtcdUnit && !strings.Contains(w.flag(host, s.unit, "--listen-client-urls")+",", "//"+at+",") {
				continue
			}
			place := w.flag(host, s.unit, s.flag)
			want := facts.FileAt(w.workstation.machine(host), place).Contents
			if name := control.ItemAt(w.workstation.file.Profile.Name, cluster.Master, host, place); name != item {
				return fmt.Errorf("%s shows %s, not %s", host, name, item)
			}
			if block, _ := pem.Decode(want); block == nil || !bytes.Equal(w.certificate(host, s.unit, s.flag).Raw, block.Bytes) {
				return fmt.Errorf("%s of %s shows another certificate", s.unit, host)
			}
			return nil
		}
	}
	return fmt.Errorf("nobody listens at %s", at)
}
