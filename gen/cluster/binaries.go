package cluster

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// Binaries says how the binaries that the units run get onto the machines, as far
// as all machines share it.
type Binaries struct {
	At      spec.At
	Mirror  string            // URL below which every file is fetched; "" is upstream
	Arch    string            // of all machines, as upstream calls it
	Image   string            // HAProxy's container, with its digest; "" is none
	Sources map[string]string // URLs of artefacts that the cluster file names
	locked  map[string]locked // by artefact; nil without a lock file
}

// Delivery says how binaries get onto one machine: values such as
// profiles.Preinstalled.
type Delivery struct{ ControlPlane, HAProxy, Keepalived string }

// Of returns the delivery of a binary.
func (d Delivery) Of(binary string) string {
	switch binary {
	case profiles.HAProxy:
		return d.HAProxy
	case profiles.Keepalived:
		return d.Keepalived
	}
	return d.ControlPlane
}

// Artefact is a file with binaries that a machine of this cluster fetches or has in
// its image.
type Artefact struct {
	profiles.Artefact
	Version string // "" where any will do
	Arch    string
	Path    string // upstream's, beginning with its host; or the file's name
	URL     string // where the machine fetches it; "" if its image has it
	SHA512  string // hexadecimal; "" without a lock file, or if an image has it
}

// Archive reports whether the file is an archive to unpack.
func (a Artefact) Archive() bool { return profiles.IsArchive(a.URL) }

// Artefacts lists what a host gets, in the order of the table.
func (c *Cluster) Artefacts(h Host) []Artefact {
	var out []Artefact
	for _, row := range profiles.Artefacts() {
		if c.needs(h, row) {
			out = append(out, c.artefact(row))
		}
	}
	return out
}

// needs reports whether a host runs a binary of an artefact.
func (c *Cluster) needs(h Host, row profiles.Artefact) bool {
	comes := func(binary string) bool {
		return slices.Contains(row.Binaries, binary) && h.Delivery.Of(binary) == row.Delivery
	}
	return slices.ContainsFunc(h.Role.row().runs, comes) ||
		c.RunsHAProxy(h) && (comes(profiles.HAProxy) || comes(profiles.Keepalived) && len(c.Balancing.VirtualIPs) > 0)
}

// artefact fills a row in for this cluster.
func (c *Cluster) artefact(row profiles.Artefact) Artefact {
	versions := map[string]string{profiles.Etcd: c.Etcd.String(), profiles.Kubernetes: c.Kubernetes.String()}
	a := Artefact{Artefact: row, Version: versions[row.Product], Arch: c.Binaries.Arch}
	if row.Delivery == profiles.Sysext && row.Product == profiles.Kubernetes {
		a.Version += "-etcd-" + c.Etcd.String() // one image, two releases
	}
	file := strings.NewReplacer("{version}", versions[row.Product], "{etcd}", c.Etcd.String(), "{arch}", a.Arch).Replace(row.File)
	a.Path = path.Join(row.Host, file)
	found := c.Binaries.locked[row.Name]
	a.SHA512 = found.sha512
	switch own, mirror := c.Binaries.Sources[row.Name], c.Binaries.Mirror; {
	case own != "":
		a.URL = own
	case mirror != "" && found.file != "":
		a.URL = mirror + "/" + found.file
	case mirror != "":
		a.URL = mirror + "/" + a.Path
	case row.Host != "":
		a.URL = "https://" + a.Path
	}
	return a
}

// Upstream returns the path of an artefact on upstream's server, beginning with the
// server's name; or only the file's name if upstream publishes none.
func (c *Cluster) Upstream(row profiles.Artefact) string { return c.artefact(row).Path }

// Fetched lists the artefacts that any machine fetches: those that a lock file must
// name.
func (c *Cluster) Fetched() []Artefact {
	var out []Artefact
	for _, row := range profiles.Artefacts() {
		a := c.artefact(row)
		if a.URL != "" && slices.ContainsFunc(c.Hosts(), func(h Host) bool { return c.needs(h, row) }) {
			out = append(out, a)
		}
	}
	return out
}

// binaries runs after the hosts and the load balancers are known.
func (v *validation) binaries() {
	field := v.spec.Binaries
	b := &v.c.Binaries
	b.At, b.Arch, b.Sources = field.At, profiles.Arches()[0], map[string]string{}
	if field.Arch.At.Written() && v.choice(field.Arch, profiles.Arches()...) {
		b.Arch = field.Arch.Value
	}
	before := len(v.faults)
	if field.Mirror.At.Written() && v.fetchable(field.Mirror, "http://10.10.10.1/hagen") {
		b.Mirror = strings.TrimRight(field.Mirror.Value, "/")
		v.served(field.Mirror)
	}
	v.origins(field.Sources)
	if image := field.HAProxyImage; image.At.Written() && v.image(image) {
		b.Image = image.Value
	}
	for _, choice := range []spec.Text{field.Mode, field.Keepalived} {
		if choice.At.Written() {
			v.choice(choice, profiles.Deliveries()...)
		}
	}
	if field.HAProxy.At.Written() {
		v.choice(field.HAProxy, append(profiles.Deliveries(), profiles.Container)...)
	}
	for i := range v.c.Machines {
		h := &v.c.Machines[i]
		if h.asked.At.Written() {
			v.choice(h.asked, profiles.Deliveries()...)
		}
		h.Delivery = deliveryOf(*h, field)
	}
	if len(v.faults) == before { // else the deliveries are not known
		v.published()
		v.contained()
	}
	if b.At.Written() && len(v.c.Fetched()) == 0 {
		for _, at := range []spec.At{field.Mirror.At, field.Sources.At} {
			if at.Written() {
				v.warn(at, "no machine fetches anything", "remove it, or write mode: "+profiles.URLs)
			}
		}
	}
}

// deliveryOf chooses how binaries get onto a machine. Without `binaries` in the
// cluster file the image has all of them; what `binaries` leaves open is decided by
// the row of the operating system.
func deliveryOf(h Host, field spec.Binaries) Delivery {
	mode := profiles.Preinstalled
	switch {
	case h.asked.At.Written():
		mode = h.asked.Value
	case field.Mode.At.Written():
		mode = field.Mode.Value
	case field.At.Written():
		mode = h.OS.Delivery
	}
	delivery := func(said spec.Text, row string) string {
		switch {
		case said.At.Written():
			return said.Value
		case mode == profiles.Preinstalled || row == profiles.Preinstalled:
			return profiles.Preinstalled // the image has it, or the distribution
		case mode == profiles.Sysext:
			return profiles.Sysext
		case row == profiles.Container && !field.HAProxyImage.At.Written():
			return profiles.URLs
		}
		return row
	}
	return Delivery{mode, delivery(field.HAProxy, h.OS.HAProxyFrom), delivery(field.Keepalived, h.OS.KeepalivedFrom)}
}

// published faults a binary that machines must fetch but that has no URL.
func (v *validation) published() {
	var fetch faultGroups[[2]string] // what, and what to do
	for _, h := range v.c.Hosts() {
		for _, a := range v.c.Artefacts(h) {
			if a.URL != "" || a.Delivery != profiles.URLs {
				continue
			}
			at := v.spec.Binaries.Mode.At
			for _, more := range []spec.At{v.spec.Binaries.At, h.asked.At, h.At} {
				if !at.Written() {
					at = more
				}
			}
			for name, field := range map[string]spec.Text{profiles.HAProxy: v.spec.Binaries.HAProxy, profiles.Keepalived: v.spec.Binaries.Keepalived} {
				if name == a.Product && field.At.Written() {
					at = field.At
				}
			}
			remedy := fmt.Sprintf("write sources: [{name: %s, url: …}], or a mirror that has it, or %s: %s, or %[2]s: %[4]s%[5]s",
				a.Name, a.Product, profiles.Preinstalled, profiles.Sysext, orImage(a, h))
			fetch.add([2]string{a.Name, remedy}, at, h)
		}
	}
	for _, g := range fetch {
		v.fault(g.at, fmt.Sprintf("%s must be fetched for %s, but its makers publish no binaries", g.what[0], g.names()), g.what[1])
	}
}

// orImage names one more way to get HAProxy.
func orImage(a Artefact, h Host) string {
	if a.Product != profiles.HAProxy || !h.OS.Quadlet {
		return ""
	}
	return ", or haproxyImage: docker.io/library/haproxy@sha256:…"
}

// containerImage is an image name that all registry clients read alike, with its
// digest.
var containerImage = lazy.Regexp(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$`)

func (v *validation) image(field spec.String) bool {
	good := containerImage().MatchString(field.Value)
	switch {
	case good:
	case !strings.Contains(field.Value, "@sha256:"):
		v.fault(field.At, spec.Quote(field.Value)+" has no digest, so it may be another image tomorrow",
			"write its name with the digest: docker.io/library/haproxy@sha256:…; skopeo inspect shows it")
	default:
		v.fault(field.At, spec.Quote(field.Value)+" is not an image name with registry and digest", "write for example docker.io/library/haproxy@sha256:… with 64 digits of 0-9 and a-f, and no tag")
	}
	return good
}

// contained checks that the machines which must run HAProxy's container can.
func (v *validation) contained() {
	field, runs := v.spec.Binaries, false
	var without faultGroups[string]
	for _, h := range v.c.HAProxyHosts() {
		if h.Delivery.HAProxy != profiles.Container {
			continue
		}
		runs = true
		if !field.HAProxyImage.At.Written() {
			v.fault(field.HAProxy.At, "names no image", "add haproxyImage: docker.io/library/haproxy@sha256:…; skopeo inspect shows the digest")
			return
		}
		if !h.OS.Quadlet {
			without.add(h.OS.Summary, field.HAProxy.At, h)
		}
	}
	for _, g := range without {
		v.fault(g.at, fmt.Sprintf("%s has no Podman to run it (%s)", g.what, g.names()), fmt.Sprintf("write %s, %s or %s", profiles.Preinstalled, profiles.URLs, profiles.Sysext))
	}
	if at := field.HAProxyImage.At; at.Written() && !runs {
		v.warn(at, "no machine runs HAProxy in a container", "remove it, or write haproxy: "+profiles.Container)
	}
}

// origins reads the cluster file's own URLs of artefacts.
func (v *validation) origins(list spec.List[spec.Origin]) {
	known := names(profiles.Artefacts(), func(a profiles.Artefact) string { return a.Name })
	first := map[string]spec.At{}
	for _, o := range list.Items {
		good := o.Name.At.Written() && v.choice(o.Name, known...)
		if at, twice := first[o.Name.Value]; good && twice {
			v.fault(o.Name.At, fmt.Sprintf("%s already has a URL (line %d)", o.Name.Value, at.Line), "keep one of the two")
		}
		if good {
			first[o.Name.Value] = o.Name.At
		}
		if !o.URL.At.Written() || !v.fetchable(o.URL, "https://example.com/"+path.Base(o.Name.Value)) {
			continue
		}
		if strings.HasSuffix(o.URL.Value, "/") {
			v.fault(o.URL.At, spec.Quote(o.URL.Value)+" names a directory, not a file", "write the whole URL of the file")
			continue
		}
		row, _ := profiles.FindArtefact(o.Name.Value)
		switch ending := profiles.Packed(o.URL.Value); {
		case row.Delivery == profiles.Sysext && (ending != "" || profiles.IsArchive(o.URL.Value)):
			v.fault(o.URL.At, spec.Quote(o.URL.Value)+" is compressed, and systemd-sysext needs the image itself", "write the URL of the image, as hagen sysext build makes it")
			continue
		case ending != "":
			v.fault(o.URL.At, fmt.Sprintf("%s ends with %s, which machines do not unpack", spec.Quote(o.URL.Value), ending), "write the URL of the binary itself, or of a .tar.gz that holds it")
			continue
		}
		v.served(o.URL)
		v.c.Binaries.Sources[o.Name.Value] = o.URL.Value
	}
}

// maxURL leaves room for the file's path in what Butane takes as a line.
const maxURL = 1024

// urlText excludes characters that are special in a shell, a unit or YAML.
var urlText = lazy.Regexp(`^https?://[-A-Za-z0-9._~:/\[\]%+@,=]+$`)

// fetchable faults a URL that a machine cannot fetch at its first boot.
func (v *validation) fetchable(field spec.String, example string) bool {
	u, err := url.Parse(field.Value)
	problem := ""
	switch {
	case len(field.Value) > maxURL:
		v.fault(field.At, fmt.Sprintf("has %d characters, at most %d are possible", len(field.Value), maxURL), "shorten it")
		return false
	case err == nil && u.User != nil:
		v.fault(field.At, "holds a user or a password, which every reader of a document or the lock file would see", "let the server serve the file without a login: its digest proves that it is the right one")
		return false
	case err == nil && (u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(field.Value, "?#")):
		problem = "has a query or fragment"
	case err != nil || !urlText().MatchString(field.Value):
		problem = "is not a URL that begins with http:// or https://"
	case u.Port() != "" && !validPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		problem = "has no port of 1-65535 after the colon"
	case u.Hostname() == "" || !hostOfURL(u.Hostname()):
		problem = "names a host that is neither a DNS name nor an address"
	default:
		return true
	}
	v.fault(field.At, spec.Quote(field.Value)+" "+problem, "write for example "+example)
	return false
}

// served warns of a URL on one of the cluster's own machines, which has no binaries
// yet.
func (v *validation) served(field spec.String) {
	u, err := url.Parse(field.Value)
	if err != nil {
		return
	}
	for _, h := range v.c.Hosts() {
		own := slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.String() == u.Hostname() })
		if own || slices.Contains(v.c.Names(h), u.Hostname()) {
			v.warn(field.At, fmt.Sprintf("%s is %s, which has no binaries until it has fetched them from there", u.Hostname(), h.Name), "serve them from a machine outside of the cluster")
		}
	}
}
