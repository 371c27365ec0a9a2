package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// changes that faults begin with: fields of spec.
var (
	threeMove      = "masters: [{name: kubem00, addresses: [10.10.10.90]}, {name: kubem01, addresses: [10.10.10.91]}, {name: kubem02, addresses: [10.10.10.92]}]"
	fiveMasters    = "masters: [{name: kubem00}, {name: kubem03, addresses: [10.10.10.83]}, {name: kubem04, addresses: [10.10.10.84]}]"
	oneOther       = "masters: [{name: kubem09, addresses: [10.10.10.80]}]"
	otherMaster    = "masters: [{name: kubem09, addresses: [10.10.10.89]}]"
	colocated      = "loadBalancer: {mode: colocated}\napiServer: {port: 6444}\nloadBalancers: none"
	newest         = "kubernetesVersion: 1.37.2"
	otherPort      = "apiServer: {port: 6444}"
	moreNames      = "apiServer: {extraSANs: [api.example.com]}"
	otherRouter    = "loadBalancer: {virtualRouterID: 7}"
	otherAddress   = "loadBalancer: {virtualIP: 10.10.10.8}"
	otherFront     = "loadBalancers: [{name: lb9, addresses: [10.10.10.5]}]"
	thirdFront     = "loadBalancers: [{name: lb0}, {name: lb2, addresses: [10.10.10.4]}]"
	anotherFront   = "loadBalancers: [{name: lb8, addresses: [10.10.10.5]}]" // instead of the first
	frontMoves     = "loadBalancers: [{name: lb0, addresses: [10.10.10.12]}]"
	frontsMove     = "loadBalancers: [{name: lb0, addresses: [10.10.10.12]}, {name: lb1, addresses: [10.10.10.13]}]"
	masterMoves    = "masters: [{name: kubem00, addresses: [10.10.10.90]}]"
	formerEndpoint = "dns: external\nendpoint: old.example.com:6443"
	otherEndpoint  = "dns: external\nendpoint: api.example.com:6443"
	nodePorts      = "serviceNodePortRange: 31000-31999"
	ownIssuer      = "serviceAccountIssuer: https://tokens.example.com"
	outside        = "dns: external"
	chain          = "masters: [{name: kubem00, addresses: [10.10.10.81]}, {name: kubem01, addresses: [10.10.10.91]}]"
	otherDomain    = "clusterDomain: a.internal"
)

// fault is a row: what is wrong with a plan, and what the model says of it.
type fault struct {
	what, topology, with, change string // with is on both sides
	o                            Options
	spoil                        func(*Plan) // nil: certificates keep no former names
	says                         string
}

// at is the index of the step with an action on a unit of a host; "" is any.
func (p *Plan) at(action diff.Action, host, unit string) int {
	i := slices.IndexFunc(p.Steps, func(s Step) bool {
		return s.Action == action && (host == "" || s.Host == host) && (unit == "" || s.Unit == unit)
	})
	if i < 0 {
		panic("no step " + string(action) + " " + host + " " + unit)
	}
	return i
}

// move takes a step to another place.
func (p *Plan) move(from, to int) {
	s := p.Steps[from]
	p.Steps = slices.Insert(slices.Delete(slices.Clone(p.Steps), from, from+1), to, s)
}

func (p *Plan) drop(i int) { p.Steps = slices.Delete(slices.Clone(p.Steps), i, i+1) }

// reword changes the text of all commands of a step.
func (p *Plan) reword(i int, old, new string) {
	for _, list := range [][]Command{p.Steps[i].Commands, p.Steps[i].Checks} {
		for k := range list {
			list[k].Text = strings.ReplaceAll(list[k].Text, old, new)
		}
	}
}

// faults are what plans may get wrong, each in a plan that is right otherwise.
var faults = []fault{
	{"endpoints of before in all commands", "balancer", "", threeMove, Options{}, func(p *Plan) {
		for i := range p.Steps {
			for k := range p.Steps[i].Checks {
				p.Steps[i].Checks[k].Environment = nil
			}
		}
	}, `the endpoint "https://10.10.10.80:2379" does not answer`},
	{"endpoints of both sides", "balancer", "", threeMove, Options{}, func(p *Plan) {
		p.Verify[0].Environment = []Variable{{"ETCDCTL_ENDPOINTS", "https://10.10.10.80:2379,https://10.10.10.90:2379"}}
	}, "after: etcdctl endpoint health --cluster: the endpoint"},
	{"the endpoint of the member that leaves", "balancer", "", oneOther, Options{}, func(p *Plan) {
		i := p.at(diff.Membership, "kubem00", "")
		p.Steps[i].Checks[0].Environment = p.Environment[1:2]
	}, `the endpoint "https://10.10.10.80:2379" does not answer`},
	{"no endpoint", "balancer", "", nodePorts, Options{}, func(p *Plan) { p.Prepare[0].Environment = []Variable{{etcdEndpoints, ""}} }, `the endpoint "" does not answer`},
	{"a snapshot from a member that is not there yet", "balancer", "", newest + "\n" + fiveMasters, Options{}, func(p *Plan) {
		for i := range p.Prepare {
			p.Prepare[i].Text = strings.Replace(p.Prepare[i].Text, "ETCDCTL_ENDPOINTS=https://10.10.10.80", "ETCDCTL_ENDPOINTS=https://10.10.10.83", 1)
		}
	}, "https://10.10.10.83:2379 does not answer"},

	{"a member boots before it is added", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		p.move(p.at(diff.Boot, "kubem03", ""), p.at(diff.Membership, "kubem03", ""))
	}, "etcd has no member at https://10.10.10.83:2380"},
	{"a member boots as a new cluster", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		p.Steps[p.at(diff.Boot, "kubem03", "")].Document = "rendered/kubernetes/kubem03"
	}, "etcd names the members"},
	{"two members are added at once", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		p.move(p.at(diff.Membership, "kubem04", ""), p.at(diff.Boot, "kubem03", ""))
	}, "etcd has the learner"},
	{"a member leaves before another one joins", "balancer", "", otherMaster, Options{}, func(p *Plan) {
		p.move(p.at(diff.Membership, "kubem00", ""), p.at(diff.Membership, "kubem09", ""))
	}, "2 of 2 members of etcd answer, and none may die"},
	{"a member votes before it has started", "balancer", "", otherMaster, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Membership, "kubem09", ""), " --learner", "")
	}, "3 of 4 members of etcd answer, and none may die"},
	{"a learner is never promoted", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Boot, "kubem03", "") + 1)
	}, "etcd has the learner kubem03"},
	{"a learner is promoted before it has started", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		p.move(p.at(diff.Boot, "kubem03", "")+1, p.at(diff.Boot, "kubem03", ""))
	}, "etcd has no learner kubem03 that runs"},
	{"a load balancer has to find a learner", "pair", "", colocated + "\n" + oneOther, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Boot, "kubem09", "")]
		s.Checks = append(s.Checks, ready(kubectl(netip.MustParseAddr("10.10.10.9"), 6443, "kubernetes"), VirtualIPReady))
	}, "no API server answers at 10.10.10.9:6443"},
	{"a learner is asked", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Boot, "kubem03", "")]
		s.Checks = append(s.Checks, membersHealthy().asking([]string{"https://10.10.10.80:2379"}))
	}, "kubem03 does not answer"},
	{"a member has not left when another joins in its place", "balancer", "", oneOther, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Membership, "kubem00", ""))
	}, "etcd has the member kubem00 at https://10.10.10.80:2380"},
	{"another member leaves", "balancer", "", oneOther, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Membership, "kubem00", ""), `"kubem00"`, `"kubem01"`)
	}, "etcd has the members"},
	{"a member moves, and etcd does not know", "balancer", "", threeMove, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Membership, "kubem01", ""))
	}, "etcd has no member at https://10.10.10.91:2380"},
	{"members move before the last one is back", "balancer", "", threeMove, Options{}, func(p *Plan) {
		p.move(p.at(diff.Membership, "kubem01", ""), p.at(diff.Reimage, "kubem00", ""))
	}, "of 3 members of etcd answer"},

	{"two members restart at once", "balancer", "", newest, Options{}, func(p *Plan) {
		i := p.at(diff.Restart, "kubem00", facts.EtcdUnit)
		p.Steps[i].AllAtOnce, p.Steps[i+1].AllAtOnce = true, true
	}, "meanwhile 1 of 3 members of etcd answer"},
	{"two masters are re-imaged at once", "balancer", "", newest, Options{Reimage: true}, func(p *Plan) {
		i := p.at(diff.Reimage, "kubem01", "")
		p.Steps[i].AllAtOnce, p.Steps[i+1].AllAtOnce = true, true
	}, "meanwhile 1 of 3 members of etcd answer"},
	{"all API servers restart at once", "balancer", "", nodePorts, Options{}, func(p *Plan) {
		for i := range p.Steps {
			p.Steps[i].AllAtOnce = true
		}
	}, "meanwhile no kube-apiserver.service runs"},
	{"all schedulers restart at once", "balancer", "", newest, Options{}, func(p *Plan) {
		for i := range p.Steps {
			p.Steps[i].AllAtOnce = p.Steps[i].Unit == "kube-scheduler.service"
		}
	}, "meanwhile no kube-scheduler.service runs"},
	{"the only API server restarts, and nothing says so", "single", "", nodePorts, Options{}, func(p *Plan) { p.Cautions = nil }, "meanwhile no API server runs, and nothing says so"},
	{"the only member restarts, and nothing says so", "single", "", newest, Options{}, func(p *Plan) { p.Cautions = nil }, "meanwhile 0 of 1 members of etcd answer"},
	{"another machine is switched off", "balancer", "", oneOther, Options{}, func(p *Plan) {
		i := p.at(diff.SwitchOff, "kubem00", "")
		p.Steps[i].Host = "kubem01"
		p.Steps[i].Commands[0].Host = "kubem01"
	}, "kubem09 boots with an address that kubem00 has"},
	{"a machine is left on", "balancer", "", oneOther, Options{}, func(p *Plan) { p.drop(p.at(diff.SwitchOff, "kubem00", "")) }, "kubem09 boots with an address that kubem00 has"},

	{"HAProxy keeps the former port", "balancer", "", otherPort, Options{}, func(p *Plan) { p.drop(p.at(diff.Reload, "kubernetes", "")) }, "no HAProxy finds an API server"},
	{"API servers get another port before those that dial them there", "balancer", "", otherPort, Options{}, func(p *Plan) {
		p.move(p.at(diff.Restart, "kubem00", "kube-scheduler.service"), len(p.Steps)-1)
		p.move(p.at(diff.Restart, "kubem01", "kube-scheduler.service"), len(p.Steps)-1)
		p.move(p.at(diff.Restart, "kubem02", "kube-scheduler.service"), len(p.Steps)-1)
	}, "no kube-scheduler.service reaches an API server"},
	{"another machine has its turn before all of one dial the other port", "balancer", "", otherPort, Options{}, func(p *Plan) {
		p.move(p.at(diff.Restart, "kubem00", "kube-controller-manager.service"), p.at(diff.Restart, "kubem01", facts.APIUnit))
	}, "kube-controller-manager.service of kubem00 reaches nothing at https://127.0.0.1:6443, and another machine is next"},
	{"HAProxy changes first", "balancer", "", threeMove, Options{}, func(p *Plan) { p.move(p.at(diff.Reload, "kubernetes", ""), 0) }, "no HAProxy finds an API server"},
	{"HAProxy changes last", "balancer", "", threeMove, Options{}, func(p *Plan) {
		p.move(p.at(diff.Reload, "kubernetes", ""), len(p.Steps)-1)
	}, "no HAProxy finds an API server"},
	{"the former load balancer is off before the new one is there", "balancer", "", otherFront, Options{}, func(p *Plan) {
		p.move(p.at(diff.SwitchOff, "kubernetes", ""), p.at(diff.Boot, "lb9", ""))
		p.Cautions = nil
	}, "no HAProxy finds an API server"},
	{"/etc/hosts leads to a load balancer that is not there yet", "balancer", "", otherFront, Options{}, func(p *Plan) {
		p.move(p.at(diff.Boot, "lb9", "")+1, 0)
	}, "leads kubernetes to [10.10.10.5], where no API server answers"},
	{"/etc/hosts leads to a load balancer that is off", "balancer", "", otherFront, Options{}, func(p *Plan) {
		p.move(p.at(diff.SwitchOff, "kubernetes", ""), p.at(diff.Boot, "lb9", "")+1)
	}, "leads kubernetes to [10.10.10.2], where no API server answers"},
	{"controller managers find a load balancer that is not there yet", "classic", "", otherFront, Options{}, func(p *Plan) {
		p.move(p.at(diff.Boot, "lb9", ""), len(p.Steps)-2)
	}, "no kube-controller-manager.service reaches an API server"},
	{"/etc/hosts is removed", "balancer", "", outside, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Nothing, "kubem01", "")]
		s.Commands, s.Remove = nil, []string{"/etc/hosts"}
	}, "kubem01 has no /etc/hosts"},
	{"/etc/hosts is left without the machine itself", "balancer", "", outside, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Nothing, "kubem01", ""), " '10.10.10.81 kubem01'", "")
	}, "kubem01 does not find itself in /etc/hosts"},
	{"two members have one address", "balancer", "", chain, Options{}, func(p *Plan) {
		p.move(p.at(diff.Membership, "kubem00", ""), p.at(diff.Membership, "kubem01", ""))
	}, "kubem01 has https://10.10.10.81:2380"},
	{"a machine takes an address that another still has", "balancer", "", chain, Options{}, func(p *Plan) {
		p.move(p.at(diff.Reimage, "kubem00", ""), p.at(diff.Reimage, "kubem01", ""))
	}, "kubem00 boots with an address that kubem01 has"},
	{"an endpoint is listed twice", "balancer", "", nodePorts, Options{}, func(p *Plan) {
		p.Prepare[0].Environment = []Variable{{etcdEndpoints, "https://10.10.10.80:2379,https://10.10.10.80:2379"}}
	}, `the endpoint "https://10.10.10.80:2379" twice`},
	{"HAProxy gets the endpoint's other port after those that dial it", "classic", "", "endpoint: kubernetes:7443", Options{}, func(p *Plan) {
		p.move(p.at(diff.Reload, "kubernetes", ""), len(p.Steps)-1)
		p.Cautions = nil
	}, "reaches nothing at https://kubernetes:7443"},
	{"keepalived asks at HAProxy's other port before it has it", "pair", "", "loadBalancer: {statsPort: 9000}", Options{}, func(p *Plan) {
		for _, host := range []string{"lb0", "lb1"} {
			s := newStep(diff.Nothing, host, "")
			s.Write = []string{"/etc/keepalived/haproxy-serves.sh"}
			p.Steps = slices.Insert(slices.Clone(p.Steps), 0, s)
		}
	}, "no keepalived finds its HAProxy"},
	{"virtual routers change one after the other", "pair", "", otherRouter, Options{}, func(p *Plan) {
		for i := range p.Steps {
			p.Steps[i].AllAtOnce = false
		}
		p.Cautions = nil
	}, "lb0 and lb1 hold 10.10.10.9"},

	{"a machine shares the virtual IP before the others know it", "pair", "", thirdFront, Options{}, func(p *Plan) {
		p.move(p.at(diff.Boot, "lb2", ""), p.at(diff.Reload, "lb0", facts.KeepalivedUnit))
	}, "lb0 and lb2 hold 10.10.10.9"},
	{"nobody looks who holds the virtual IP", "pair", "", thirdFront, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Boot, "lb2", "")]
		s.Checks = slices.DeleteFunc(slices.Clone(s.Checks), func(c Command) bool { return c.Asks == VirtualIPAlone })
		p.drop(p.at(diff.Reload, "lb1", facts.KeepalivedUnit))
	}, "no check finds that two hold it"},
	{"a machine is re-imaged to know another that shares the virtual IP", "pair", "", thirdFront, Options{Reimage: true}, func(p *Plan) {
		p.drop(p.at(diff.Reload, "lb1", facts.KeepalivedUnit))
	}, "lb1 and lb2 hold 10.10.10.9"},
	{"a machine that goes does not stop keepalived", "pair", "", anotherFront, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Stop, "lb0", facts.KeepalivedUnit))
	}, "lb0 and lb1 hold 10.10.10.9"},
	{"the others forget a machine that goes before it stops", "pair", thirdFront, nodePorts, Options{}, func(p *Plan) {
		p.move(p.at(diff.Stop, "lb2", facts.KeepalivedUnit), p.at(diff.Reload, "lb1", facts.KeepalivedUnit))
	}, "lb0 and lb2 hold 10.10.10.9"},
	{"the others forget a master that goes before it is off", "colocated", fiveMasters, nodePorts, Options{}, func(p *Plan) {
		p.move(p.at(diff.Reload, "kubem00", facts.KeepalivedUnit), 0)
	}, "kubem00 and kubem04 hold 10.10.10.9"},
	{"masters share the virtual IP before the others know them", "colocated", "", fiveMasters, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Reload, "kubem01", facts.KeepalivedUnit))
	}, "kubem01 and kubem03 hold 10.10.10.9"},
	{"a machine that moves does not stop keepalived", "pair", "", frontMoves, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Stop, "lb0", facts.KeepalivedUnit))
	}, "lb0 and lb1 hold 10.10.10.9"},
	{"all machines move, and one does not stop keepalived", "pair", "", frontsMove, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Stop, "lb1", facts.KeepalivedUnit))
	}, "lb0 and lb1 hold 10.10.10.9"},
	{"all masters move, and one does not stop keepalived", "colocated", "", threeMove, Options{}, func(p *Plan) {
		p.drop(p.at(diff.Stop, "kubem02", facts.KeepalivedUnit))
	}, "kubem00 and kubem02 hold 10.10.10.9"},
	{"all machines move, and nothing says that the virtual IP is gone meanwhile", "pair", "", frontsMove, Options{}, func(p *Plan) { p.Cautions = nil }, "nobody holds the virtual IP"},
	{"HAProxy does not find a master that has moved while others restart", "balancer", "", newest + "\n" + masterMoves, Options{}, func(p *Plan) {
		p.move(p.at(diff.Reload, "kubernetes", ""), len(p.Steps)-1)
	}, "meanwhile HAProxy finds 1 of 2 API servers"},

	{"the former endpoint's name leaves first", "balancer", formerEndpoint, otherEndpoint, Options{}, nil, "does not have old.example.com"},
	{"the former load balancer's name leaves first", "balancer", "", otherFront, Options{}, nil, "does not have 10.10.10.2"},
	{"the former virtual IP leaves first", "pair", "", otherAddress, Options{}, nil, "does not have 10.10.10.9"},
	{"the former domain of services leaves first", "balancer", ownIssuer, ownIssuer + "\n" + otherDomain, Options{}, nil, "does not have kubernetes.default.svc.cluster.local"},
	{"a further name leaves first", "balancer", moreNames, "apiServer: none", Options{}, nil, "does not have api.example.com"},
	{"another name is forgotten", "balancer", formerEndpoint, otherEndpoint, Options{}, func(p *Plan) {
		for i := range p.CleanUp {
			p.CleanUp[i].Text = strings.Replace(p.CleanUp[i].Text, "old.example.com", "api.example.com", 1)
		}
	}, "old.example.com stays for ever"},

	{"a certificate is not written", "balancer", "", moreNames, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Nothing, "kubem01", "")]
		s.Write = slices.DeleteFunc(s.Write, func(name string) bool { return strings.HasSuffix(name, "apiserver.pem") })
	}, "of kubem01 shows another certificate"},
	{"another master's certificate is expected", "balancer", "", moreNames, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Nothing, "kubem01", ""), "hosts/kubem01", "hosts/kubem00")
	}, "kubem01 shows hosts/kubem01/apiserver, not hosts/kubem00/apiserver"},
	{"a file is written that no document has", "balancer", "", moreNames, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Nothing, "kubem01", "")]
		s.Write = append(s.Write, "/etc/kubernetes/apiserver.pem")
	}, "has no /etc/kubernetes/apiserver.pem"},
	{"systemd does not read a unit", "balancer", "", nodePorts, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Restart, "kubem01", "")]
		s.Commands = slices.DeleteFunc(s.Commands, func(c Command) bool { return strings.HasSuffix(c.Text, "daemon-reload") })
	}, "has not read the new kube-apiserver.service"},
	{"a unit does not restart", "balancer", "", newest, Options{}, func(p *Plan) { p.drop(p.at(diff.Restart, "kubem01", "kube-scheduler.service")) }, "kube-scheduler.service of kubem01 is still 1.36.3"},
	{"no binary is installed", "balancer", "", newest, Options{}, func(p *Plan) {
		p.Steps[p.at(diff.Restart, "kubem01", facts.APIUnit)].Install = nil
	}, `kube-apiserver.service of kubem01 is "1.36.3", not 1.37.2`},

	{"documents are rendered too late", "balancer", "", fiveMasters, Options{}, func(p *Plan) {
		i := slices.IndexFunc(p.Prepare, func(c Check) bool { return strings.Contains(c.Text, "--join") })
		p.Prepare[i], p.Prepare[i+1] = p.Prepare[i+1], p.Prepare[i]
	}, "rendered/ is no longer that of the former masters"},
	{"nothing is rendered", "balancer", "", nodePorts, Options{}, func(p *Plan) { p.Prepare = p.Prepare[:len(p.Prepare)-1] }, "nothing has rendered the new document"},
	{"the new kubeconfig is used before its load balancer is there", "balancer", "", otherFront, Options{}, func(p *Plan) {
		p.Prepare = append(slices.Clone(p.Prepare), Check{Command: ready("kubectl", APIReady)})
	}, "no API server answers at 10.10.10.5:6443"},
	{"a check asks at the former port", "balancer", "", otherPort, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Restart, "kubem00", facts.APIUnit), ":6444", ":6443")
	}, "no API server answers at 10.10.10.80:6443"},
	{"a check asks under another master's name", "balancer", "", nodePorts, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Restart, "kubem00", ""), "tls-server-name=kubem00", "tls-server-name=kubem01")
	}, "the certificate of kubem00 does not have kubem01"},
	{"a check names a member that is gone", "balancer", "", oneOther, Options{}, func(p *Plan) {
		p.reword(p.at(diff.Boot, "kubem09", ""), "kubem02 kubem09", "kubem02 kubem00")
	}, "etcd has the members kubem01 kubem02 kubem09, not kubem01 kubem02 kubem00"},
	{"nobody looks", "balancer", "", nodePorts, Options{}, func(p *Plan) { p.Steps[p.at(diff.Restart, "kubem01", "")].Checks = nil }, "no check fails while kube-apiserver.service does not run"},
	{"nobody looks at the machine itself", "balancer", "", newest, Options{}, func(p *Plan) {
		s := &p.Steps[p.at(diff.Restart, "kubem01", "kube-controller-manager.service")]
		s.Checks = slices.DeleteFunc(slices.Clone(s.Checks), func(c Command) bool { return c.Asks != LeaderStays })
	}, "no check fails while kube-controller-manager.service does not run"},
	{"etcd goes back and nothing lets it", "balancer", "kubernetesVersion: 1.37.2\nemulatedVersion: 1.36", "kubernetesVersion: 1.36.3", Options{}, func(p *Plan) {
		p.Prepare = slices.DeleteFunc(slices.Clone(p.Prepare), func(c Check) bool { return strings.Contains(c.Text, "downgrade enable") })
	}, "cannot read the others' data"},
	{"a command of no kind", "balancer", "", nodePorts, Options{}, func(p *Plan) {
		p.Verify = append(slices.Clone(p.Verify), Check{Command: onWorkstation("etcdctl member promote")})
	}, "no verb for"},
}

// TestFaults: the model finds each fault.
func TestFaults(t *testing.T) {
	b, sound := newBench(t), map[string]bool{} // plans that were played without a fault
	for _, f := range faults {
		i := slices.IndexFunc(topologies, func(top topology) bool { return top.name == f.topology })
		base := topologies[i].file().merged(at("spec.", f.with))
		from, to := base, topologies[i].file().merged(at("spec.", f.change))
		b.forgets = f.spoil == nil
		p, before, after, valid := b.plan(from, to, f.o)
		if !valid || !p.Possible {
			t.Errorf("%s: no plan: %v %s", f.what, p.Refused, to)
			continue
		}
		if !b.forgets {
			same := fmt.Sprint(from, to, f.o)
			if !sound[same] {
				sound[same] = true
				if problems := newWorld(&p, before, after).play(); len(problems) > 0 {
					t.Errorf("%s: without the fault: %s", f.what, problems)
				}
			}
			f.spoil(&p)
		}
		problems := newWorld(&p, before, after).play()
		if !strings.Contains(strings.Join(problems, "\n"), f.says) {
			t.Errorf("%s: the model says nothing of %q, but\n  %s", f.what, f.says, strings.Join(problems, "\n  "))
		}
	}
	if len(faults) < 30 {
		t.Errorf("%d faults", len(faults))
	}
}
