"""Announces one torrent with libtorrent: `announce_libtorrent.py INFO_HASH PORT URL…`, and takes it out when its input ends.

Every alert of a tracker is a line: `reply PEERS` or `error TEXT`.
"""

import select
import sys

import libtorrent as lt

info_hash, port, *urls = sys.argv[1:]
session = lt.session(
    {
        "listen_interfaces": f"127.0.0.1:{port}",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": lt.alert.category_t.tracker_notification | lt.alert.category_t.status_notification,
    }
)
add = lt.add_torrent_params()
add.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(info_hash)))
add.save_path = "."
add.trackers = urls
torrent = session.add_torrent(add)
asked_to_stop = False

while True:
    session.wait_for_alert(200)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.tracker_reply_alert):
            print("reply", alert.num_peers, flush=True)
        elif isinstance(alert, lt.tracker_error_alert):
            print("error", alert.message(), flush=True)
    if not asked_to_stop and select.select([sys.stdin], [], [], 0)[0]:
        asked_to_stop = True
        session.remove_torrent(torrent)
