"""A node of libtorrent's DHT on loopback: `dht_libtorrent.py ADDRESS PORT NODE_ADDRESS NODE_PORT INFO_HASH`.

It announces the torrent and connects to whom it finds. Commands come by lines:
`put TEXT`, `get TARGET`, `getm KEY SALT`; what comes of them are lines of JSON.
"""

import json
import select
import sys
import time

import libtorrent as lt

address, port, node_address, node_port, info_hash = sys.argv[1:]
session = lt.session(
    {
        "listen_interfaces": f"{address}:{port}",
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "out_enc_policy": int(lt.enc_policy.disabled),
        "dht_bootstrap_nodes": f"{node_address}:{node_port}",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False,
        # All have one address here. By default five packets a second from one are too many, for five minutes, and whoever
        # met itself at an address looks for nobody else there.
        "dht_block_ratelimit": 1000,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification,
    }
)
params = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{info_hash}")
params.save_path = "."
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
handle = session.add_torrent(params)
announced = 0.0
mutable = []


def say(**what):
    print(json.dumps(what), flush=True)


def obey(line):
    verb, *words = line.split()
    if verb == "put":
        say(put=str(session.dht_put_immutable_item(words[0])))
    elif verb == "get":
        session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(words[0])))
    elif verb == "getm":
        mutable[:] = [bytes.fromhex(words[0]), words[1].encode()]
        session.dht_get_mutable_item(*mutable)


while True:
    # The first announce of a torrent may come before the DHT has started: it would wait for a quarter of an hour.
    if time.monotonic() - announced > 2:
        announced = time.monotonic()
        handle.force_dht_announce()
    session.wait_for_alert(100)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.dht_bootstrap_alert):
            say(ready=True)
        elif isinstance(alert, lt.dht_immutable_item_alert):
            say(item=str(alert.item))
        elif isinstance(alert, lt.dht_mutable_item_alert):
            try:
                say(mutable=str(alert.item))
            except RuntimeError:  # its way to say that nobody who answered in time had one
                say(mutable=None)
                session.dht_get_mutable_item(*mutable)
    if select.select([sys.stdin], [], [], 0)[0]:
        line = sys.stdin.readline()
        if line == "":
            break
        obey(line)
