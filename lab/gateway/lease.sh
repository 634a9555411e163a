#!/bin/sh
# What udhcpc calls with each lease: sets the interface up with it, and keeps what it was told in the file $LEASE.
set -e
case "$1" in
  deconfig)
    ip -4 addr flush dev "$interface"
    ip link set "$interface" up
    ;;
  bound | renew)
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/$mask" dev "$interface"
    test -z "$mtu" || ip link set "$interface" mtu "$mtu"
    ip -4 route replace default via "${router%% *}"
    for server in $dns; do echo "nameserver $server"; done > "$RESOLVER"
    test -z "$domain" || echo "search $domain" >> "$RESOLVER"
    printf 'ip=%s\nmask=%s\nrouter=%s\ndns=%s\nntpsrv=%s\nmtu=%s\ndomain=%s\nlease=%s\nserverid=%s\n' \
      "$ip" "$mask" "$router" "$dns" "$ntpsrv" "$mtu" "$domain" "$lease" "$serverid" > "$LEASE"
    ;;
esac
