"""
Sends a sound file into a room by WHIP, as GStreamer does, and perhaps a picture; for Debian's
Python, which has it.

    /usr/bin/python3 tests/peers/whip.py FILE ENDPOINT TOKEN [h264]
"""

from __future__ import annotations

import sys
import urllib.request

import gi  # type: ignore[import-not-found]

for name in ("Gst", "GstWebRTC", "GstSdp"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # type: ignore[import-not-found] # noqa: E402

PIPELINE = """
filesrc location={} ! wavparse ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1
! opusenc ! rtpopuspay pt=111
! application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000
! webrtcbin name=peer bundle-policy=max-bundle
"""
PICTURES = {
    "": "",
    "h264": """
videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1
! openh264enc gop-size=20 ! rtph264pay pt=102 config-interval=-1
! application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000 ! peer.
""",
}


def main(file: str, endpoint: str, token: str, picture: str = "") -> None:
    Gst.init(None)
    pipeline = Gst.parse_launch(PIPELINE.format(file) + PICTURES[picture])
    peer, loop = pipeline.get_by_name("peer"), GLib.MainLoop()

    def offer(_peer: object) -> None:
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered))

    def offered(promise: Gst.Promise) -> None:
        reply = promise.get_reply()  # what it holds lives no longer
        peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(_peer: object, _name: object) -> None:
        if peer.props.ice_gathering_state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            send(peer.props.local_description.sdp.as_text())

    def send(text: str) -> None:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(endpoint, text.encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            sys.stdout.write(response.headers["Location"] + "\n")
            sys.stdout.flush()
            _, answer = GstSdp.SDPMessage.new_from_text(response.read().decode())
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        found = GstWebRTC.WebRTCSessionDescription.new(kind, answer)
        peer.emit("set-remote-description", found, Gst.Promise.new())

    peer.connect("on-negotiation-needed", offer)
    peer.connect("notify::ice-gathering-state", gathered)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
