package e2e

import (
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// statsPort is where HAProxy tells of itself.
const statsPort = "8404"

// formed looks at a layout's first boot: what TestFormation asks of the
// seed's, and what stands in front of the API servers.
func formed(t *testing.T, s *row, c *site.Cluster) {
	s.figure(t, "power-on to healthy", time.Since(poweredOn))
	bootedCleanly(t, c)
	if out := kubectl(t, c, "get", "--raw", "/readyz"); out != "ok" {
		t.Errorf("kubectl gets %q from /readyz", out)
	}
	addresses, err := operator(t, c, site.NewEachTime, 5*time.Second).Slice()
	must(t, err)
	if want := []string{"10.10.10.80", "10.10.10.81", "10.10.10.82"}; !slices.Equal(addresses, want) {
		t.Errorf("endpoints are %v", addresses)
	}
	certificateHolds(t, c)
	documentsFit(t, c)
	for _, h := range c.HAProxyHosts() {
		checkStatistics(t, c, h)
		if c.Layout.VirtualIP != "" {
			complainsNot(t, h)
		}
	}
	if len(c.HAProxyHosts()) > 0 {
		for _, h := range c.Hosts() {
			namesKnown(t, c, h)
		}
	}
}

// documentsFit sees that the machines were made from wrapped documents, where
// the layout's channel takes no others.
func documentsFit(t *testing.T, c *site.Cluster) {
	t.Helper()
	if c.Layout.Channel == "" {
		return
	}
	for _, h := range c.Masters {
		document, err := os.ReadFile(c.Document(h))
		must(t, err)
		if !bytes.Contains(document, []byte(`{"replace":{"compression":"gzip"`)) || len(document) > 16384 {
			t.Errorf("%s: %d bytes that are not wrapped for %s", h.Name, len(document), c.Layout.Channel)
		}
	}
}

// certificateHolds asks at each address of the front for each of its names.
func certificateHolds(t *testing.T, c *site.Cluster) {
	t.Helper()
	credentials, err := site.ReadKubeconfig(c.AdminConfig())
	must(t, err)
	names := append([]string{"kubernetes", "kubernetes.default.svc"}, c.Layout.Names...)
	for _, address := range c.Layout.Front {
		for _, name := range slices.Concat(names, c.Layout.Answering()) {
			// An API server of another master's may be behind each connection.
			for range 3 {
				config := credentials.TLS.Clone()
				config.ServerName = name
				conn, err := tls.Dial("tcp", net.JoinHostPort(address, "6443"), config)
				if err != nil {
					t.Errorf("at %s as %s: %v", address, name, err)
					continue
				}
				conn.Close()
			}
		}
	}
}

// checkStatistics asks HAProxy about itself, at its machine and from the workstation.
func checkStatistics(t *testing.T, c *site.Cluster, h *site.Host) {
	t.Helper()
	for page, want := range map[string]string{
		"/alive": "200 OK", "/stats": "kubem02", "/metrics": `haproxy_server_status{proxy="secure_kube_control_plane",server="kubem02"`,
	} {
		// The image has nothing that speaks HTTP.
		got, err := h.Exec("bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/"$0"; printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3; cat <&3`, statsPort, page)
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s says %.200q %v", h.Name, page, got, err)
		}
	}
	for _, address := range append(slices.Clone(c.Layout.Front), h.Address.String()) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, statsPort), time.Second)
		if err == nil {
			conn.Close()
			t.Errorf("the network reaches port %s at %s", statsPort, address)
		}
	}
}

var complaint = regexp.MustCompile(`(?i)warning|error|unknown|unsafe|insecure|disabl|cannot|fail|not `)

// complainsNot reads what keepalived says of its configuration when it
// starts.
func complainsNot(t *testing.T, h *site.Host) {
	t.Helper()
	said, err := h.Journal("--output=cat", "--unit=keepalived.service")
	must(t, err)
	for line := range strings.Lines(said) {
		if complaint.MatchString(line) {
			t.Errorf("%s: keepalived says: %s", h.Name, line)
		}
	}
}

// namesKnown asks a machine for the names of the front.
func namesKnown(t *testing.T, c *site.Cluster, h *site.Host) {
	t.Helper()
	for _, name := range append([]string{"kubernetes"}, c.Layout.Names...) {
		out, err := h.Exec("getent", "ahostsv4", name)
		must(t, err)
		var got []string
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); fields[1] == "STREAM" {
				got = append(got, fields[0])
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.Layout.Front) {
			t.Errorf("%s finds %s at %v", h.Name, name, got)
		}
	}
}

// More connections than HAProxy takes: some wait, but that is no reason for
// the virtual IP to move, which would cut all of them.
func tooManyClients(t *testing.T, s *row, c *site.Cluster) {
	holder := inUse(t, c)
	address := net.JoinHostPort(c.Layout.VirtualIP, "6443")
	var idle []net.Conn
	for range c.Layout.Limit + 100 {
		conn, err := net.DialTimeout("tcp", address, 3*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", len(idle)+1, err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	time.Sleep(5 * time.Second)
	stays(t, c, holder)
	for _, conn := range idle {
		conn.Close()
	}
	s.figure(t, "until it takes some again", within(t, time.Minute, c.Healthy))
	s.note(t, "%d connections, %d allowed", len(idle), c.Layout.Limit)
	stays(t, c, holder)
}

// standIn is what answers at the endpoint of a layout without HAProxy.
var standIn *site.Forwarder

// Somebody else's load balancer stands in front of the API servers, here a
// program of the test's. hagen renders none; it is replaced while clients
// write.
func TestBalancerExternal(t *testing.T) {
	s := scenario(t, "12 external load balancer")
	c := clusterOf(t, site.External)
	formed(t, s, c)
	for _, h := range c.Hosts() {
		for _, unit := range []string{"haproxy.service", "keepalived.service"} {
			if state, err := h.Property(unit, "UnitFileState"); state == "enabled" {
				t.Errorf("%s is %s on %s %v", unit, state, h.Name, err)
			}
		}
	}
	w := startWriting(t, c)
	begin := time.Now()
	must(t, standIn.Close())
	time.Sleep(time.Second)
	again, err := c.Forward()
	must(t, err)
	standIn = again
	w.untilAgain(t)
	each, one := w.gaps(begin, time.Now())
	w.end(t, s)
	s.figure(t, "away for 1 s: write gap", each)
	s.figure(t, "on one connection", one)
	if max(each, one) > outageBound {
		t.Error("a bound is broken")
	}
}
