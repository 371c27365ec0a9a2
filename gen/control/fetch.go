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
	return !slices.Contains(s.host.OS.Formats, profiles.Ignition) &&
		slices.ContainsFunc(s.Artefacts(s.host), func(a cluster.Artefact) bool { return a.URL != "" })
}

// Fetches says whether a file is the script of a machine that fetches its
// binaries by itself.
func Fetches(f node.File) bool {
	return f.Path == binariesPath && bytes.Contains(f.Contents, []byte("\nfetch "))
}

// fetchFunction fetches a file with whatever the machine has for that, for as
// long as nobody gives it, and takes no other than the one that was locked. What
// is there already is not fetched again.
const fetchFunction = `# fetch URL SHA512 PLACE MODE
fetched=
fetch() {
  [ "$(digest_of "$3")" = "$2" ] && return
  mkdir -p "${3%/*}"
  tries=0
  until why=$(get "$1" "$3.fetched" 2>&1); do
    [ $((tries % 12)) -gt 0 ] || echo "hagen: $1 cannot be fetched; trying again and again: $why" >&2
    tries=$((tries + 1))
    sleep 5
  done
  has=$(digest_of "$3.fetched")
  if [ "$has" != "$2" ]; then
    echo "hagen: $1 is not the file that the document names: it has SHA-512 $has, wanted $2" >&2
    rm -f "$3.fetched"
    missing=1
    return
  fi
  chmod "$4" "$3.fetched" && sync -f "$3.fetched" && mv -f "$3.fetched" "$3" && fetched=$3
}
get() {
  if command -v curl >/dev/null; then
    curl -fgsSL --connect-timeout 10 --speed-limit 1000 --speed-time 60 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -nv -T 60 -t 1 -O "$2" "$1"
  else
    python3 -c 'import shutil, sys, urllib.request
try:
    shutil.copyfileobj(urllib.request.urlopen(sys.argv[1], timeout=60), open(sys.argv[2], "wb"))
except OSError as why:
    sys.exit(str(why))' "$1" "$2"
  fi
}
`
