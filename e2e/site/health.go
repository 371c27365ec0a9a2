package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Units are the services of a host that hagen's document enables.
func (c *Cluster) Units(h *Host) []string {
	var units []string
	if h.Master {
		units = append(units, "etcd.service", "kube-apiserver.service", "kube-controller-manager.service", "kube-scheduler.service")
	}
	if slices.Contains(c.HAProxyHosts(), h) {
		units = append(units, "haproxy.service")
		if c.Layout.VirtualIP != "" {
			units = append(units, "keepalived.service")
		}
	}
	return units
}

// Leases are those of the daemons of which one acts.
var Leases = []string{"kube-controller-manager", "kube-scheduler"}

// Holder gives the name of the host that holds a lease.
func (c *Client) Holder(lease string) (string, error) {
	var l struct {
		Spec struct{ HolderIdentity string }
	}
	err := c.Get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"+lease, &l)
	host, _, _ := strings.Cut(l.Spec.HolderIdentity, "_")
	if err == nil && host == "" {
		err = fmt.Errorf("nobody holds %s", lease)
	}
	return host, err
}

// Slice gives the addresses of the API servers as clients in the cluster see
// them.
func (c *Client) Slice() ([]string, error) {
	var s struct {
		Endpoints []struct{ Addresses []string }
	}
	err := c.Get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", &s)
	var addresses []string
	for _, e := range s.Endpoints {
		addresses = append(addresses, e.Addresses...)
	}
	slices.Sort(addresses)
	return addresses, err
}

// Endpoints gives the same of the older kind of object.
func (c *Client) Endpoints() ([]string, error) {
	var e struct {
		Subsets []struct{ Addresses []struct{ IP string } }
	}
	err := c.Get("/api/v1/namespaces/default/endpoints/kubernetes", &e)
	var addresses []string
	for _, s := range e.Subsets {
		for _, a := range s.Addresses {
			addresses = append(addresses, a.IP)
		}
	}
	slices.Sort(addresses)
	return addresses, err
}

// EtcdLeaders gives, for each member that answers, whom it takes for the
// leader, by host name.
func (c *Cluster) EtcdLeaders() (map[string]string, error) {
	out, err := c.Etcdctl("endpoint", "status", "--write-out=json")
	if err != nil {
		return nil, err
	}
	var members []struct {
		Endpoint string
		Status   struct {
			Header struct {
				MemberID uint64 `json:"member_id"`
			}
			Leader uint64
		}
	}
	if err := json.Unmarshal([]byte(out), &members); err != nil {
		return nil, err
	}
	names := map[uint64]string{}
	for _, m := range members {
		for _, h := range c.Masters {
			if strings.HasSuffix(m.Endpoint, "/"+netip.AddrPortFrom(h.Address, 2379).String()) {
				names[m.Status.Header.MemberID] = h.Name
			}
		}
	}
	leaders := map[string]string{}
	for _, m := range members {
		leaders[names[m.Status.Header.MemberID]] = names[m.Status.Leader]
	}
	return leaders, nil
}

// EtcdLeader gives the name of the host whose member all others follow.
func (c *Cluster) EtcdLeader() (string, error) {
	leaders, err := c.EtcdLeaders()
	if err != nil {
		return "", err
	}
	leader := ""
	for _, l := range leaders {
		if l == "" || leader != "" && leader != l {
			return "", fmt.Errorf("members do not agree on a leader: %v", leaders)
		}
		leader = l
	}
	return leader, nil
}

var serverState = regexp.MustCompile(`Server secure_kube_control_plane/(?:secure_)?(\S+) is (UP|DOWN|stopping|going)`)

// States gives what a machine's HAProxy has said last of each API server since
// a time: UP, DOWN or stopping.
func (h *Host) States(since time.Time) (map[string]string, error) {
	text, err := h.Journal("--output=cat", "--identifier=haproxy", fmt.Sprintf("--since=@%d.%06d", since.Unix(), since.Nanosecond()/1000))
	states := map[string]string{}
	for _, m := range serverState.FindAllStringSubmatch(text, -1) {
		states[m[1]] = m[2]
	}
	return states, err
}

// Healthy says what is missing until every machine does all its work. It gives a new
// cluster's certificates their rights.
func (c *Cluster) Healthy() error {
	client, err := c.Operator(NewEachTime, 3*time.Second)
	if err != nil {
		return err
	}
	for _, h := range c.Hosts() {
		for _, unit := range c.Units(h) {
			if state, err := h.Property(unit, "ActiveState"); err != nil || state != "active" {
				return errors.Join(fmt.Errorf("%s: %s is %s", h.Name, unit, state), err)
			}
		}
	}
	leaders, err := c.EtcdLeaders()
	if err != nil || len(leaders) != len(c.Masters) {
		return fmt.Errorf("etcd: %v of %d members, %w", leaders, len(c.Masters), err)
	}
	if _, err := c.EtcdLeader(); err != nil {
		return err
	}
	if err := c.oneHolds(); err != nil {
		return err
	}
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.bind(client); err != nil {
		return err
	}
	addresses, err := client.Slice()
	if err != nil || len(addresses) != len(c.Masters) {
		return fmt.Errorf("endpoints: %v %w", addresses, err)
	}
	return c.held(client)
}

// ready asks each API server by itself and through each HAProxy, and what
// HAProxy thinks of it.
func (c *Cluster) ready() error {
	for _, m := range c.Masters {
		if err := c.asks(m.Name, m, c.Layout.APIPort()); err != nil {
			return err
		}
	}
	for _, f := range c.HAProxyHosts() {
		if err := c.asks(c.Layout.endpoint(), f, endpointPort); err != nil {
			return err
		}
		// One that has read its file again says nothing of servers that answer.
		since, err := f.changed("haproxy.service")
		if err != nil {
			return err
		}
		states, err := f.States(since)
		if err != nil {
			return err
		}
		for _, m := range c.Masters {
			if state, said := states[m.Name]; said && state != "UP" {
				return fmt.Errorf("%s has %s as %s", f.Name, m.Name, state)
			}
		}
	}
	return nil
}

// changed is when a unit's state changed last, which a reload does, too.
func (h *Host) changed(unit string) (time.Time, error) {
	out, err := h.Exec("systemctl", "show", "--value", "--timestamp=unix", "--property=StateChangeTimestamp", unit)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimPrefix(out, "@"), 10, 64)
	return time.Unix(seconds, 0), err
}

// Ask asks a master's API server for /readyz, which must have the name.
func (c *Cluster) Ask(name string, m *Host) error { return c.asks(name, m, c.Layout.APIPort()) }

// asks asks for /readyz at a port of a host, which must have the name.
func (c *Cluster) asks(name string, h *Host, port int) error {
	client, err := c.at(name, h, port, 3*time.Second)
	if err != nil {
		return err
	}
	if err := client.Get("/readyz", nil); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// HoldVirtualIP gives the machines that have the virtual IP, of those with
// power. It looks from outside: a machine need not be able to answer.
func (c *Cluster) HoldVirtualIP() ([]*Host, error) {
	var holders []*Host
	for _, h := range c.Hosts() {
		if !h.On() {
			continue
		}
		out, err := Run("ip", "-n", h.Name, "-oneline", "addr", "show", "to", c.Layout.VirtualIP)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(out) != "" {
			holders = append(holders, h)
		}
	}
	return holders, nil
}

// oneHolds asks that exactly one machine has the virtual IP, if there is one.
func (c *Cluster) oneHolds() error {
	if c.Layout.VirtualIP == "" {
		return nil
	}
	holders, err := c.HoldVirtualIP()
	if err == nil && len(holders) != 1 {
		err = fmt.Errorf("%d machines have the virtual IP", len(holders))
	}
	return err
}

// held asks that each lease is a machine's that is on.
func (c *Cluster) held(client *Client) error {
	for _, lease := range Leases {
		holder, err := client.Holder(lease)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(c.Masters, func(m *Host) bool { return m.Name == holder && m.On() }) {
			return fmt.Errorf("%s is held by %s", lease, holder)
		}
	}
	return nil
}
