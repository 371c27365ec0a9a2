# Runs in the machine. One fact a line, on the second serial line.
say() { printf "%s\n" "$*"; }

units='hagen-binaries etcd kube-apiserver kube-controller-manager kube-scheduler haproxy'

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
say end
sleep 1 # the line is slow
systemctl poweroff --force
