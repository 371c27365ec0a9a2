package control

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// contained reports whether the daemon runs in a container on this host.
func (s hostContext) contained(d daemon) bool {
	return s.host.Delivery.Of(d.name) == profiles.Container
}

// log returns where HAProxy logs: in a container to its standard output, which
// Podman sends to the journal.
func (s hostContext) log() string {
	if s.host.Delivery.HAProxy == profiles.Container {
		return "stdout format raw"
	}
	return "/dev/log"
}

// haproxyContainer returns HAProxy as a Quadlet file (podman-systemd.unit(5)), which
// becomes haproxy.service. The image's own user runs it. Podman reports to systemd
// that the container is ready when it runs: whether HAProxy itself can depends on
// how the image was built.
func haproxyContainer(s hostContext) node.File {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("[Unit]")
	line("Description=%s", haproxyDaemon.description)
	line("Documentation=%s", haproxyDaemon.documentation)
	for _, l := range haproxyDaemon.unit {
		line("%s", l)
	}
	line("\n[Container]")
	line("ContainerName=haproxy")
	line("Image=%s", s.Binaries.Image)
	line("Network=host")
	line("Volume=%s:%[1]s:%s", haproxyDir, s.mounted())
	line("ReadOnly=true")
	line("NoNewPrivileges=true")
	line("DropCapability=all")
	if min(s.Endpoint.Port, s.Balancing.StatsPort) < 1024 {
		line("AddCapability=CAP_NET_BIND_SERVICE")
	}
	line("Exec=haproxy -W -db -f %s", haproxyConfig)
	line("\n[Service]")
	line("# The image is pulled before the first start.")
	line("TimeoutStartSec=15min")
	line("ExecReload=%s kill --signal=USR2 haproxy", profiles.Podman)
	line("Restart=always")
	line("RestartSec=2")
	line("LimitNOFILE=%d", openFiles(s))
	line("\n[Install]")
	line("WantedBy=multi-user.target")
	f := publicFile(sectionHAProxy, "daemon haproxy", "Podman makes haproxy.service of it", path.Join(node.QuadletDir, "haproxy.container"), b.String())
	return f
}

// mounted returns the options of the configuration's mount: with z Podman gives it
// the SELinux type of files that containers may read.
func (s hostContext) mounted() string {
	if s.host.OS.SELinux {
		return "ro,z"
	}
	return "ro"
}
