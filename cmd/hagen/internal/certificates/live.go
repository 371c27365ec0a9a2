package certificates

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/outside/served"
	"hagen/pki"
)

// live is what --json prints of the servers that were asked.
type live struct {
	Timeout string   `json:"timeout"`
	Without []string `json:"without,omitempty"` // machines whose servers were not asked
	Servers []server `json:"servers"`
	// Unseen are the items that no server shows, and that were renewed after what the servers show.
	Unseen []string `json:"unseen"`

	compared string // what their certificates are compared with
}

// server is a server of the cluster, and what it shows.
type server struct {
	Host     string     `json:"host,omitempty"`
	Daemon   string     `json:"daemon"`
	Address  string     `json:"address"`
	Items    []string   `json:"items"` // of which it should show one
	Problem  state      `json:"problem,omitempty"`
	Text     string     `json:"text,omitempty"` // the problem in words
	Remedy   string     `json:"remedy,omitempty"`
	Subject  string     `json:"subject,omitempty"` // of what it shows
	SHA256   string     `json:"sha256,omitempty"`
	From     *time.Time `json:"from,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	DaysLeft *int       `json:"daysLeft,omitempty"`
}

// What may be wrong with a server, besides the states of certificates.
const (
	noAnswer       state = "no-answer"
	notDelivered   state = "not-delivered"   // renewed, but it shows the former one
	otherAuthority state = "other-authority" // whose certificate is not compared with
	unknown        state = "unknown"         // of the same authority, but not known here
)

// The servers of a master.
const (
	daemonAPI  = "kube-apiserver"
	daemonEtcd = "etcd"
	daemonPeer = "etcd for its peers"
)

// servers lists the servers of a cluster that show a certificate.
func servers(c *cluster.Cluster) (all []server) {
	add := func(host, daemon, at string, items ...string) {
		if !slices.ContainsFunc(all, func(s server) bool { return s.Address == at }) {
			all = append(all, server{Host: host, Daemon: daemon, Address: at, Items: items})
		}
	}
	on := func(a netip.Addr, port uint16) string { return netip.AddrPortFrom(a, port).String() }
	var apis []string
	for _, h := range c.APIServers() {
		shows := control.ServersOf(c, h.Name)
		add(h.Name, daemonAPI, on(c.APIAddress(h), c.APIServer.Port), shows.API)
		add(h.Name, daemonEtcd, on(c.EtcdAddress(h), cluster.EtcdClientPort), shows.Etcd)
		add(h.Name, daemonPeer, on(c.EtcdAddress(h), cluster.EtcdPeerPort), shows.Etcd)
		if !slices.Contains(apis, shows.API) {
			apis = append(apis, shows.API)
		}
	}
	front := func(host string, addresses []netip.Addr) {
		for _, a := range addresses {
			add(host, "load balancer", on(a, c.Endpoint.Port), apis...)
		}
	}
	for _, h := range c.HAProxyHosts() {
		front(h.Name, c.FrontAddresses(h))
	}
	front("", c.Balancing.VirtualIPs)
	switch external := c.Balancing.Mode == cluster.External; {
	case external && c.Endpoint.Address.IsValid():
		front("", []netip.Addr{c.Endpoint.Address})
	case external:
		add("", "load balancer", fmt.Sprintf("%s:%d", c.Endpoint.Host, c.Endpoint.Port), apis...)
	}
	return all
}

// ask asks all servers of the cluster and judges their answers by a source.
func (r *report) ask(ui *console.UI, asked Asked, s source) error {
	if s.Kind != kindStore && s.Kind != kindTree {
		return exit.Usage("%s: --live compares what servers show with a PKI directory or a rendered one: name one, or none", s.Name)
	}
	limit, err := time.ParseDuration(asked.Timeout)
	if err != nil || limit <= 0 {
		return exit.Usage("--timeout %s is not a duration above zero; write for example --timeout 5s", asked.Timeout)
	}
	c, err := clusterfile.Read(ui.Silent(), asked.File)
	if err != nil {
		return err
	}
	without, err := clusterpki.Without(c, asked.Without)
	if err != nil {
		return err
	}
	r.Live = &live{Timeout: asked.Timeout, Without: without, compared: s.Name}
	r.Live.Servers = slices.DeleteFunc(servers(c), func(s server) bool { return slices.Contains(without, s.Host) })
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r.askAll(ctx, s)
	r.noteUnseen(s)
	return nil
}

// askAll asks all servers at once.
func (r *report) askAll(ctx context.Context, s source) {
	var addresses []string
	for _, one := range r.Live.Servers {
		addresses = append(addresses, one.Address)
	}
	for i, answer := range served.Ask(ctx, addresses) {
		r.judgeAnswer(&r.Live.Servers[i], answer, s)
	}
}

// judgeAnswer notes what a server showed, and what is wrong with it.
func (r *report) judgeAnswer(one *server, answer served.Answer, s source) {
	leaf := answer.Leaf
	if leaf == nil {
		one.Problem, one.Text, one.Remedy = noAnswer, answer.Problem, "what it shows is not known: see whether the machine is up, and ask from where it can be reached"
		return
	}
	from, until := leaf.NotBefore.UTC(), leaf.NotAfter.UTC()
	one.Subject, one.SHA256, one.From, one.Until, one.DaysLeft = leaf.Subject.String(), pki.Fingerprint(leaf.Raw), &from, &until, days(until, r.now)
	var wanted []found
	for _, f := range s.found {
		if slices.Contains(one.Items, f.item) && !f.IsCA { // not what stands behind it
			wanted = append(wanted, f)
		}
	}
	i := slices.IndexFunc(wanted, func(f found) bool { return f.Identity == one.SHA256 })
	if i < 0 {
		r.judgeOther(one, leaf, wanted, s)
		return
	}
	if is := r.stateOf(wanted[i]); is != valid {
		one.Problem, one.Text, one.Remedy = is, "its certificate "+endsWords(is, from, until, *one.DaysLeft), r.remedy(s, wanted[i], is).words
	}
}

// judgeOther says what is wrong with a certificate that is none of those that the server
// should show.
func (r *report) judgeOther(one *server, leaf *x509.Certificate, wanted []found, s source) {
	shown := found{Certificate: certificateOf(leaf)}
	text := "it shows a certificate that " + endsWords(r.stateOf(shown), leaf.NotBefore.UTC(), leaf.NotAfter.UTC(), *one.DaysLeft)
	wanted, certain := instead(shown, wanted)
	older := 0 // than the one that it shows
	for _, f := range wanted {
		if !f.NotBefore.After(leaf.NotBefore) {
			older++
		}
	}
	switch {
	case !s.signed(leaf):
		one.Problem, one.Text = otherAuthority, fmt.Sprintf("it shows a certificate of another authority than %s has (%s)", s.Name, leaf.Issuer)
		one.Remedy = "find out whose it is before you trust it; if the address is right, something in between answers for the machine, or it has another cluster's keys"
	case len(wanted) == 0:
		one.Problem, one.Text = unknown, fmt.Sprintf("%s; %s has none for it", text, s.Name)
		one.Remedy = "compare with what the machine was made from"
	case older == 0 || certain && older < len(wanted):
		last := slices.MaxFunc(wanted, func(a, b found) int { return a.NotBefore.Compare(b.NotBefore) })
		one.Problem, one.Text = notDelivered, fmt.Sprintf("%s; %s has a newer one, until %s", text, s.Name, day(last.NotAfter.UTC()))
		one.Remedy = r.undelivered(s, last.item)
	case older == len(wanted):
		one.Problem, one.Text = unknown, fmt.Sprintf("%s; %s has another, older one", text, s.Name)
		one.Remedy = "it was renewed elsewhere: get the PKI directory or the tree that the machine was made from"
	default:
		one.Problem, one.Text = unknown, fmt.Sprintf("%s; %s has not got it, and does not say of which machine it is", text, s.Name)
		one.Remedy = "what each machine shows at its own address says which one that is"
	}
}

// instead returns those of several certificates that a machine may have instead of the one that is
// shown, and whether that is certain: those with its key, else those with its names. Any machine may
// answer behind a load balancer.
func instead(shown found, wanted []found) ([]found, bool) {
	if len(wanted) < 2 {
		return wanted, true
	}
	for _, alike := range []func(f found) bool{
		func(f found) bool { return f.Public == shown.Public },
		func(f found) bool { return slices.Equal(f.names(), shown.names()) },
	} {
		if found := slices.DeleteFunc(slices.Clone(wanted), func(f found) bool { return !alike(f) }); len(found) > 0 {
			return found, true
		}
	}
	return wanted, false
}

// names returns the names and addresses in a certificate.
func (f found) names() (all []string) {
	all = slices.Clone(f.DNSNames)
	for _, a := range f.IPAddresses {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return all
}

// undelivered says how a machine gets a certificate that was renewed. What it has now is in no tree
// on disk, if the cluster's was rendered since.
func (r *report) undelivered(s source, item string) string {
	i := slices.IndexFunc(r.Sources, func(t source) bool { return t.Kind == kindTree && t.Name != s.Name })
	if i >= 0 && slices.ContainsFunc(r.Sources[i].found, func(f found) bool { return f.item == item }) {
		return "renewed, but not delivered: " + clusterpki.DeliveryFrom(r.at, r.Sources[i].Name, r.off(r.Sources[i].Name)...)
	}
	return "renewed, but not delivered: " + r.again(s)
}

// again returns what to type if what was rendered may not have been delivered.
func (r *report) again(s source) string {
	if s.Kind == kindTree {
		return clusterpki.Again(r.at, s.Name, r.off(s.Name)...)
	}
	if found := clusterpki.TreesOf(r.at, r.kept.name()); len(found) > 0 {
		return clusterpki.Again(r.at, found[0], r.off(found[0])...)
	}
	return clusterpki.Again(r.at, "TREE") + " (TREE is what was rendered for the machines)"
}

// noteUnseen notes what was renewed after what the servers of a host show, and that no server
// shows: whether the host has it is not known.
func (r *report) noteUnseen(s source) {
	r.Live.Unseen = []string{}
	shown, items := map[string]time.Time{}, map[string]bool{}
	for _, one := range r.Live.Servers {
		for _, item := range one.Items {
			items[item] = true
		}
		i := slices.IndexFunc(s.found, func(f found) bool { return f.Identity == one.SHA256 && slices.Contains(one.Items, f.item) })
		if i < 0 {
			continue
		}
		if host := control.HostOf(s.found[i].item); s.found[i].NotBefore.After(shown[host]) {
			shown[host] = s.found[i].NotBefore
		}
	}
	for _, f := range s.found {
		if f.item != "" && f.item != control.Admin && !items[f.item] && r.after(s, f, shown) && !slices.Contains(r.Live.Unseen, f.item) {
			r.Live.Unseen = append(r.Live.Unseen, f.item)
		}
	}
	if len(r.Live.Unseen) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: renewed after what the servers show, and no server shows it: if it was not delivered, %s", strings.Join(clusterpki.Folded(r.Live.Unseen), ", "), r.again(s)))
	}
}

// after reports whether a certificate was signed after all that its host, or a host that trusts it,
// shows.
func (r *report) after(s source, f found, shown map[string]time.Time) bool {
	if !f.IsCA {
		begin, known := shown[control.HostOf(f.item)]
		return known && f.NotBefore.After(begin)
	}
	held := r.kept.held(s, f)
	if held == nil {
		return false
	}
	for _, begin := range shown {
		if held.Request.SignedAfter(f.NotAfter, begin) {
			return true
		}
	}
	return false
}

// signed reports whether an authority of a source signed a certificate. A twin has no key to
// verify that with: there, a name must do.
func (s source) signed(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(s.found, func(f found) bool {
		if f.Twin {
			return f.IsCA && f.Subject == leaf.Issuer.String()
		}
		return f.IsCA && leaf.CheckSignatureFrom(f.Certificate.Certificate) == nil
	})
}

// problems counts the servers with one.
func (l *live) problems() (n int) {
	if l == nil {
		return 0
	}
	for _, one := range l.Servers {
		if one.Problem != "" {
			n++
		}
	}
	return n
}

// print prints the servers with a problem, and how many have none.
func (l *live) print(ui *console.UI, asJSON bool) {
	if l == nil {
		return
	}
	for _, one := range l.Servers {
		if name := one.Host; one.Problem != "" && !asJSON {
			if name != "" {
				name += ": "
			}
			fmt.Fprint(ui.Out, console.Printable(fmt.Sprintf("%s%s at %s: %s: %s\n", name, one.Daemon, one.Address, one.Text, one.Remedy)))
		}
	}
	if len(l.Without) > 0 {
		ui.Say("not asked, and what it has is not known: %s", strings.Join(l.Without, ", "))
	}
	ui.Say("%d of %s show what %s has; not asked, since no server shows them: client certificates, and the authorities that machines trust", len(l.Servers)-l.problems(), console.Number(len(l.Servers), "server"), l.compared)
}
