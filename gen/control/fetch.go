package control

import (
	"bytes"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/profiles"
)

// fetches says whether the machine's own script has to fetch what Ignition
// would: cloud-init holds no file against a digest.
func (s site) fetches() bool {
	return s.host.OS.Family() == profiles.CloudInit &&
		slices.ContainsFunc(s.Artefacts(s.host), func(a cluster.Artefact) bool { return a.URL != "" })
}

// Fetches says whether a file is the script of a machine that fetches its
// binaries by itself.
func Fetches(f node.File) bool {
	return f.Path == binariesPath && bytes.Contains(f.Contents, []byte("\nfetch "))
}

// fetchFunction fetches a file with whatever the machine has for that, for as
// long as nobody gives it, and takes no other than the one that was locked. What
// is there already is not fetched again, and neither is what somebody has put
// in its place since: that is how a machine gets another release. Of an archive
// unpack remembers that it is done with it.
const fetchFunction = `# fetch URL SHA512 PLACE MODE
fetched=
fetch() {
  has=$(digest_of "$3")
  if [ "$has" != "$2" ] && [ -n "$has" ] && [ "$(last_of "$3")" = "$2" ]; then
    echo "hagen: $3 is not what was fetched, and is left as it is: remove it to have it fetched anew" >&2
    return
  fi
  if [ "$has" != "$2" ]; then
    mkdir -p "${3%/*}"
    tries=0
    until why=$(get "$1" "$3.fetched" 2>&1); do
      [ $((tries % 12)) -gt 0 ] || echo "hagen: $1 cannot be fetched; trying again and again: ${why:-it ended early}" >&2
      tries=$((tries + 1))
      sleep 5
    done
    has=$(digest_of "$3.fetched")
    if [ "$has" != "$2" ]; then
      fail "$1 is not the file that the document names: it has SHA-512 $has, wanted $2"
    else
      chmod "$4" "$3.fetched" && sync -f "$3.fetched" && mv -f "$3.fetched" "$3" && fetched=$3 || fail "$3 cannot be written"
    fi
    rm -f "$3.fetched"
    [ "$fetched" = "$3" ] || return
  fi
  [ "${3%.tar.gz}" != "$3" ] || echo "$2" >"$installed/${3##*/}"
}
get() {
  if command -v curl >/dev/null; then
    curl -fgsSL --connect-timeout 10 --speed-limit 1000 --speed-time 60 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -nv -T 60 -t 1 -O "$2" "$1"
  else
    python3 -c 'import socket, sys, urllib.request
socket.setdefaulttimeout(60)
try:
    urllib.request.urlretrieve(sys.argv[1], sys.argv[2])
except Exception as why:
    sys.exit(str(why) or repr(why))' "$1" "$2"
  fi
}
`
