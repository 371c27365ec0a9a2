package control

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// contained says whether HAProxy runs in a container here.
func (s hostContext) contained(d daemon) bool {
	return s.host.Delivery.Of(d.name) == profiles.Container
}

// log is where HAProxy writes: in a container to its standard output, which
// Podman hands to the journal.
func (s hostContext) log() string {
	if s.host.Delivery.HAProxy == profiles.Container {
		return "stdout format raw"
	}
	return "/dev/log"
}

// haproxyContainer is the daemon as a file of Quadlet's (podman-systemd.unit(5)),
// which becomes haproxy.service. The image's own user runs it. Podman tells
// systemd that it is ready when it runs: whether HAProxy can tell by itself
// depends on how an image was built.
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

// mounted is how the configuration is mounted: with z Podman gives it the
// SELinux type of what containers may read.
func (s hostContext) mounted() string {
	if s.host.OS.SELinux {
		return "ro,z"
	}
	return "ro"
}
