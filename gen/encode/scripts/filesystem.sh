part=$(readlink -f "$device"); disk=$(readlink -f "$7"); disk=/sys/class/block/${disk##*/}
[ -z "$7" ] || [ -e "$disk/${part##*/}" ] || [ -e "$disk/holders/${part##*/}" ] || refuse "is no partition of $7"
erase "$4"; probe
what=$(is TYPE); [ -n "$what" ] || what=$(is PTTYPE)
if [ -z "$holds" ]; then
  case $2 in
  ext4) mkfs.ext4 -q -F ${3:+-L "$3"} "$device" ;;
  xfs) mkfs.xfs -q -f ${3:+-L "$3"} "$device" ;;
  btrfs) mkfs.btrfs -q -f ${3:+-L "$3"} "$device" ;;
  vfat) mkfs.vfat ${3:+-n "$3"} "$device" ;;
  esac || fail "cannot be formatted as $2"
  udevadm settle
elif [ "$what/$(is LABEL)" != "$2/${3:-$(is LABEL)}" ]; then
  refuse "holds $what${3:+ with the label '$(is LABEL)'}, not $2${3:+ with the label '$3'}"
fi
[ -n "$5" ] || exit 0
mkdir -p "$5"
grep -q "^[^ ]* $5 " /etc/fstab || echo "$device $5 $2 $6 0 2" >>/etc/fstab
systemctl daemon-reload
mountpoint -q "$5" || mount "$5"
