erase "$2"; probe
shift 2
[ -z "$(is TYPE)" ] || refuse "holds $(is TYPE), not partitions"
if [ -z "$holds" ]; then
  { echo "label: gpt"; printf '%s\n' "$@"; } | sfdisk --quiet "$device" || fail "cannot be partitioned"
  udevadm settle
  exit
fi
for p; do
  label=${p##*name=\"}; label=${label%\"}
  [ "$(sfdisk --part-label "$device" "${p%% *}")" = "$label" ] || refuse "has no partition ${p%% *} with the label $label"
done
