"""A control point made of GNOME's UPnP library: looks for a media server, walks through all that it has, and tells in lines of
JSON what it found; then what it is notified of, until it is ended."""

import json
import sys

import gi

gi.require_version("GUPnP", "1.6")
gi.require_version("GUPnPAV", "1.0")
from gi.repository import GLib, GObject, GUPnP, GUPnPAV  # noqa: E402

SERVER = "urn:schemas-upnp-org:device:MediaServer:1"
DIRECTORY = "urn:schemas-upnp-org:service:ContentDirectory:1"
# Small pages, so that there are several.
PAGE = 2


def say(**what):
    print(json.dumps(what), flush=True)


def browse(service, parent, start):
    arguments = {
        "ObjectID": parent,
        "BrowseFlag": "BrowseDirectChildren",
        "Filter": "*",
        "StartingIndex": start,
        "RequestedCount": PAGE,
        "SortCriteria": "",
    }
    action = GUPnP.ServiceProxyAction.new_from_list("Browse", list(arguments), list(arguments.values()))
    service.call_action(action, None)
    wanted = {"Result": GObject.TYPE_STRING, "NumberReturned": GObject.TYPE_UINT, "TotalMatches": GObject.TYPE_UINT}
    _, values = action.get_result_list(list(wanted), list(wanted.values()))
    return values


def walk(service, parent):
    found, start = [], 0
    parser = GUPnPAV.DIDLLiteParser()
    parser.connect("object-available", lambda _parser, each: found.append(each))
    while True:
        didl, returned, total = browse(service, parent, start)
        parser.parse_didl(didl)
        start += returned
        if start >= total or returned == 0:
            break
    for each in found:
        resources = [
            {"url": res.get_uri(), "info": res.get_protocol_info().to_string(), "size": res.get_size64()}
            for res in each.get_resources()
        ]
        say(kind="object", id=each.get_id(), parent=parent, title=each.get_title(), upnp=each.get_upnp_class(), resources=resources)
        if isinstance(each, GUPnPAV.DIDLLiteContainer):
            walk(service, each.get_id())


def available(_point, device):
    service = device.get_service(DIRECTORY)
    say(kind="server", name=device.get_friendly_name(), at=device.get_location())

    def changed(_service, variable, value):
        say(kind="notified", variable=variable, value=value)

    service.add_notify("SystemUpdateID", GObject.TYPE_UINT, changed)
    service.set_subscribed(True)
    walk(service, "0")
    say(kind="walked")
    keep.append((device, service, changed))


keep = []
manager = GUPnP.ContextManager.create(0)


def context_available(_manager, context):
    if context.get_interface() != sys.argv[1]:
        return
    point = GUPnP.ControlPoint.new(context, SERVER)
    point.connect("device-proxy-available", available)
    point.connect("device-proxy-unavailable", lambda _point, device: say(kind="gone", name=device.get_friendly_name()))
    point.set_active(True)
    keep.append(point)


manager.connect("context-available", context_available)
GLib.MainLoop().run()
