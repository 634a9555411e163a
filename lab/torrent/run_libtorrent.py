"""Runs one torrent with libtorrent. Argument: the start as JSON. Standard input: {"id": n} asks how far it is."""

import json
import sys
import time

import libtorrent as lt

start = json.loads(sys.argv[1])
nodes = start.get("dht")
settings = {
    "listen_interfaces": f"127.0.0.1:{start['port']}",
    "enable_dht": nodes is not None,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "dht_bootstrap_nodes": ",".join(f"{n['ip']}:{n['port']}" for n in nodes or []),
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "alert_mask": lt.alert.category_t.error_notification,
}
encryption = start.get("encryption")
if encryption is not None:
    policy = lt.enc_policy.forced if encryption == "required" else lt.enc_policy.disabled
    settings["in_enc_policy"] = settings["out_enc_policy"] = int(policy)
    settings["allowed_enc_level"] = int(lt.enc_level.rc4 if encryption == "required" else lt.enc_level.both)
session = lt.session(settings)

source = start["torrent"]
if "magnet" in source:
    params = lt.parse_magnet_uri(source["magnet"])
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source["file"])
params.save_path = start["content"]
params.flags &= ~lt.torrent_flags.auto_managed
params.flags &= ~lt.torrent_flags.paused
if start["seed"]:
    params.flags |= lt.torrent_flags.seed_mode
if not start.get("pex"):
    params.flags |= lt.torrent_flags.disable_pex
handle = session.add_torrent(params)
while session.listen_port() == 0:
    time.sleep(0.01)
for peer in start.get("peers") or []:
    handle.connect_peer((peer["ip"], peer["port"]))
print(json.dumps({"listening": session.listen_port()}), flush=True)

for line in sys.stdin:
    status = handle.status()
    for alert in session.pop_alerts():
        print(alert, file=sys.stderr, flush=True)
    whole = status.is_seeding
    progress = 1 if whole else min(status.progress, 0.999999)
    asked = json.loads(line)["id"]
    print(json.dumps({"id": asked, "progress": progress, "uploaded": status.total_payload_upload}), flush=True)
