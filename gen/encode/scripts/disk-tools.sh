device=$1
say() { echo "hagen: $device $*" | tee /dev/console >&2; }
refuse() { say "$*: nothing on it was touched"; exit 1; }
fail() { say "$*"; exit 1; }
tries=0; until [ -e "$device" ]; do tries=$((tries + 1)); [ $tries -lt 60 ] || refuse "is not there"; sleep 1; done
erase() {
  erased=/var/lib/cloud/sem/hagen-erased$(printf %s "$device" | tr / -)
  [ "$1" = keep ] || [ -e "$erased" ] || { wipefs --quiet --all "$device" && touch "$erased"; } || fail "cannot be erased"
}
readable() {
  size=$(sfdisk --show-size "$device") && end=$((size / 64 - 64)) || return
  [ $end -gt 0 ] || end=0
  for at in 0 $end; do dd if="$device" of=/dev/null bs=64K count=64 skip=$at status=none || return; done
}
probe() {
  holds=$(blkid --probe --output export "$device"); result=$?
  holds=$(printf '%s\n' "$holds" | sed '/^DEVNAME=/d; /^PART_ENTRY_/d')
  case $result in
  0 | 2) [ -n "$holds" ] || readable || refuse "cannot be read" ;;
  8) refuse "holds more than one thing (wipefs lists them)" ;;
  *) refuse "cannot be told (blkid: $result)" ;;
  esac
}
is() { printf '%s\n' "$holds" | sed -n "s/^$1=//p"; }
