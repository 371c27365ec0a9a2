package control

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

// BinariesUnit is the first of hagen's units on every machine.
const BinariesUnit = "hagen-binaries.service"

const (
	binariesPath = hagenDir + "/binaries.sh"
	installedDir = hagenData + "/installed" // the SHA-512 of what binaries.sh has put in its place
)

// binary gives the path of a binary on this host. Which artefact it comes in
// is a row of profiles.Artefacts.
func (s site) binary(name string) string {
	switch delivery := s.host.Delivery.Of(name); {
	case delivery == profiles.Sysext:
		return path.Join(profiles.SysextBin, name)
	case delivery == profiles.Preinstalled && name == profiles.HAProxy:
		return s.host.OS.HAProxy
	case delivery == profiles.Preinstalled && name == profiles.Keepalived:
		return s.host.OS.Keepalived
	}
	return path.Join(s.host.OS.BinDir, name)
}

// binaries is what brings the binaries of the daemons onto the machine, or
// says which it lacks.
func binaries(s site, daemons []daemon) node.Node {
	n := node.Node{Units: []node.Unit{binariesUnit(s, daemons)}}
	artefacts := s.Artefacts(s.host)
	for _, a := range artefacts {
		if a.URL != "" && !s.fetches() {
			n.Files = append(n.Files, s.remote(a))
		}
	}
	switch {
	case s.fetches(): // Ignition makes the directories of what it fetches
		n.Directories = append(n.Directories, directory(sectionMachine, hagenData, "", 0o755), directory(sectionMachine, installedDir, "", 0o755))
	case slices.ContainsFunc(artefacts, cluster.Artefact.Archive):
		n.Directories = append(n.Directories, directory(sectionMachine, installedDir, "", 0o755))
	}
	n.Files = append(n.Files, binariesScript(s, daemons, artefacts))
	if slices.ContainsFunc(artefacts, func(a cluster.Artefact) bool { return a.Delivery == profiles.Sysext }) {
		n.Units = append(n.Units, node.Unit{
			Origin: node.Origin{Section: sectionMachine, From: "delivery " + profiles.Sysext, Why: "merges the image with the binaries into /usr"},
			Name:   profiles.SysextUnit, Enabled: true,
		})
	}
	return n
}

// remote is the file that an artefact is on the machine. It may be there
// already, on a disk that is kept when the machine is made anew.
func (s site) remote(a cluster.Artefact) node.File {
	f := node.File{
		Origin: node.Origin{Section: sectionMachine, From: "artefact " + a.Name},
		Path:   s.place(a), Mode: 0o644, Overwrite: true, Source: node.Source{URL: a.URL, Hash: "sha512-" + a.SHA512},
	}
	if a.Delivery == profiles.URLs && !a.Archive() {
		f.Mode = 0o755
	}
	return f
}

// place is where an artefact lies on the machine.
func (s site) place(a cluster.Artefact) string {
	switch {
	case a.Delivery == profiles.Sysext:
		return path.Join(profiles.SysextDir, a.Name+".raw") // systemd-sysext knows an image by this name
	case a.Archive():
		return path.Join(hagenData, a.Name+".tar.gz") // two may have URLs that end alike
	}
	return s.binary(a.Binaries[0])
}

// binariesUnit brings what is still missing, or says plainly what is, before
// a daemon fails for want of it. The daemons require it by its own [Install]
// section, so that their units need no line for it.
func binariesUnit(s site, daemons []daemon) node.Unit {
	var services []string
	for _, d := range daemons {
		services = append(services, d.name+".service")
	}
	list, waits := strings.Join(services, " "), ""
	if s.fetches() {
		waits = "Wants=network-online.target\nAfter=network-online.target\n"
	}
	return node.Unit{
		Origin: node.Origin{Section: sectionMachine, From: "unit " + BinariesUnit,
			Why: "fails with a plain message when a binary is missing; the daemons wait for it"},
		Name: BinariesUnit, Enabled: true,
		Contents: fmt.Sprintf(`[Unit]
Description=The binaries that %s needs
%sBefore=%s

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh %s
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
RequiredBy=%s
`, s.host.Name, waits, list, binariesPath, list),
	}
}

// binariesScript has a line for each step, below the functions that they need.
func binariesScript(s site, daemons []daemon, artefacts []cluster.Artefact) node.File {
	var steps []string
	functions := []string{fmt.Sprintf(needFunction, s.missing(artefacts))}
	step := func(needs []string, format string, args ...any) {
		for _, f := range needs {
			if !slices.Contains(functions, f) {
				functions = append(functions, f)
			}
		}
		steps = append(steps, fmt.Sprintf(format, args...))
	}
	for _, a := range artefacts {
		if a.URL != "" && s.fetches() {
			step([]string{failFunction, digestFunction, fetchFunction}, "fetch %s %s %s %04o", a.URL, a.SHA512, s.place(a), s.remote(a).Mode)
		}
		switch {
		case a.Delivery == profiles.Sysext:
			step([]string{failFunction, imageFunction}, "image %s", s.place(a))
		case a.Archive():
			step([]string{failFunction, digestFunction, unpackFunction}, "unpack %s %s %s %s", s.place(a), a.SHA512, path.Dir(s.binary(a.Binaries[0])), strings.Join(a.Binaries, " "))
		}
	}
	for _, d := range daemons {
		if s.contained(d) {
			step(nil, "need %s 'podman %s'", profiles.Podman, productPodman.wanted(s))
			continue
		}
		step(nil, "need %s '%s %s'", s.binary(d.name), d.name, d.product.wanted(s))
	}
	for _, name := range tools(s) {
		step(nil, "need %s '%s %s'", s.binary(name), name, productEtcd.wanted(s))
	}
	script := "# Says which binary this machine lacks. Run by " + BinariesUnit + ".\n"
	if len(functions) > 1 {
		script = "# Puts binaries in their places and says which this machine lacks. Run by\n# " + BinariesUnit + ".\n"
	}
	script += "missing=0\n" + strings.Join(functions, "") + strings.Join(steps, "\n") + "\nexit $missing\n"
	return text(sectionMachine, "unit "+BinariesUnit, "", binariesPath, script)
}

// missing is what is said of a binary that is not there: its image's builder
// can put it there, but not where hagen brings all of them.
func (s site) missing(artefacts []cluster.Artefact) string {
	switch {
	case len(artefacts) == 0:
		return "put $2 there and reboot"
	case slices.ContainsFunc(artefacts, func(a cluster.Artefact) bool { return a.Delivery == profiles.Sysext }):
		return "$2 was to be there; systemd-sysext status tells which images are merged, journalctl -u " + profiles.SysextUnit + " why not"
	}
	return "$2 was to be there"
}

// needFunction is all that most machines have of the script, so it says by itself
// what the others leave to failFunction.
const needFunction = `need() {
  [ -f "$1" ] && [ -x "$1" ] && return
  echo "hagen: $1 is missing or cannot be executed; %s" >&2
  missing=1
}
`

const failFunction = `fail() {
  echo "hagen: $1" >&2
  missing=1
}
`

const imageFunction = `image() {
  if [ ! -f "$1" ]; then
    fail "the image $1 is missing; put there what hagen sysext build makes, and reboot"
  elif [ "$fetched" = "$1" ]; then
    systemctl restart ` + profiles.SysextUnit + ` # merged it is at the next boot
  fi
}
`

// digestFunction tells the SHA-512 that a file has, and the one that was in its
// place, or came out of it, when that was last done.
const digestFunction = `digest_of() {
  [ -f "$1" ] || return 0
  sum=$(sha512sum <"$1")
  echo "${sum%% *}"
}
installed=` + installedDir + `
last_of() {
  cat "$installed/${1##*/}" 2>/dev/null
}
`

// unpackFunction installs the binaries of an archive, each with one rename.
// They are unpacked in a directory beside their places, where SELinux labels
// them as it does binaries there. What was done, all of it, is remembered, so
// that later boots do not do it again. An archive may have other files of a
// binary's name, such as /etc/init.d/haproxy: programs alone are taken.
const unpackFunction = `# unpack ARCHIVE SHA512 DIRECTORY BINARY…
unpack() {
  archive=$1 digest=$2 directory=$3
  shift 3
  [ "$(last_of "$archive")" = "$digest" ] && [ -x "$directory/$1" ] && return
  has=$(digest_of "$archive")
  if [ "$has" != "$digest" ]; then
    fail "$archive is not the file that the document names: it has SHA-512 ${has:-none: it is missing}, wanted $digest"
    return
  fi
  stage=$directory/.hagen-$1
  rm -rf "$stage"
  mkdir -p "$stage" && tar -xzf "$archive" -C "$stage" --no-same-owner && place "$@" &&
    sync -f "$directory" && echo "$digest" >"$installed/${archive##*/}" || fail "$archive cannot be unpacked to $directory"
  rm -rf "$stage"
}
place() {
  for name; do
    found=$(find "$stage" -type f -name "$name" -exec sh -c 'head -c 4 "$1" | grep -q ELF' sh {} \; -print)
    [ -n "$found" ] || [ "$name" = "$1" ] || continue
    if [ ! -f "$found" ]; then
      fail "$archive has not one program $name, but: ${found:-none}"
      return 1
    fi
    chmod 0755 "$found" && mv -f "$found" "$directory/$name" || return
  done
}
`
