# Runs in the machine. One fact a line, on the second serial line.
say() { printf "%s\n" "$*"; }

units='hagen-binaries etcd kube-apiserver kube-controller-manager kube-scheduler haproxy'

# Where etcd's disk was refused, what cloud-init sets up comes at its end, and
# the distribution's haproxy runs before.
mountpoint -q /var/lib/etcd || ! command -v cloud-init >/dev/null || cloud-init status --wait >/dev/null

# Emulated, daemons take long to start. An etcd without its peers starts for
# ever.
tries=0
until systemctl is-active -q haproxy || [ -n "$(pidof etcd)" ] || [ $tries -gt 60 ]; do
  tries=$((tries + 1))
  sleep 2
done

say hostname "$(cat /proc/sys/kernel/hostname)"
for unit in $units; do
  say unit "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null)" "$(systemctl is-active "$unit")"
done
find /etc/hostname /etc/hosts /etc/etcd /etc/kubernetes /etc/haproxy /etc/hagen /var/lib/kube-* \
  /etc/systemd/system -maxdepth 3 -type f 2>/dev/null | while read -r file; do
  say file "$file" "$(stat -c '%a %U %G' "$file")" "$(sha256sum <"$file" | cut -c1-64)"
done
# etcd's data on a disk of its own: which, whose, and what an earlier system
# wrote there.
if mountpoint -q /var/lib/etcd; then
  tries=0
  until systemctl is-active -q etcd || [ $tries -gt 90 ]; do
    tries=$((tries + 1))
    sleep 2
  done
  device=$(findmnt -no SOURCE /var/lib/etcd)
  tag() { blkid -o value -s "$1" "$device"; }
  since() { systemctl show --value --property="$2" "$1"; }
  ask() {
    etcdctl --dial-timeout=60s --command-timeout=60s --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem \
      --cert=/etc/etcd/pki/etcd-client.pem --key=/etc/etcd/pki/etcd-client-key.pem --write-out=json "$@"
  }
  say etcd "$(systemctl is-active etcd)"
  say device "$device"
  say filesystem "$(tag TYPE) $(tag LABEL) $(tag UUID)"
  say options "$(findmnt -no OPTIONS /var/lib/etcd)"
  say owner "$(stat -c '%U %G %a' /var/lib/etcd)"
  say number "$(id -u kube-etcd)"
  say others "$(find /var/lib/etcd ! -user kube-etcd | wc -l)"
  say mounted "$(since var-lib-etcd.mount ActiveEnterTimestampMonotonic)"
  say started "$(since etcd.service ExecMainStartTimestampMonotonic)"
  say found "$(ask get hagen)"
  say written "$(ask put hagen kept)"
  sync
else
  say device none
fi
if mountpoint -q /var/log/kube-apiserver; then
  say audit "$(findmnt -no FSTYPE /var/log/kube-apiserver) $(blkid -o value -s LABEL "$(findmnt -no SOURCE /var/log/kube-apiserver)")" \
    "$(stat -c '%U' /var/log/kube-apiserver)"
fi
say end
sleep 1 # the line is slow
systemctl poweroff --force
