"""Open rooms where people talk in their browsers and read captions.

Anybody who has the link of a room may enter it: no account, no token. Ctrl-C ends it all.
For example:

  transcriber demo
  HTTP_PORT=9000 transcriber demo
  transcriber demo --public
"""

from __future__ import annotations

import argparse

__all__ = ["add", "run"]

HERE = """
  {url}

Open this in a browser, say who you are, talk, and read your words. Whoever opens the link of
your room on this machine is in it too: try a second tab. Ctrl-C ends the demo.
"""
PUBLIC = """
Listening on port {port} of every address of this machine. Ctrl-C ends the demo.

Browsers give a page the microphone only over https, or from this machine. So either give this
port a certificate, with a name that leads here, for example by

  caddy reverse-proxy --from talk.example.org --to localhost:{port}

or let others bring it to their own machine and open http://localhost:{port} there:

  ssh -L {port}:localhost:{port} THIS_MACHINE

Sound goes past the proxy, over UDP: let UDP through from the outside, or name a relay that can be
reached in TURN_SERVERS. Everybody who finds the page can talk here until you end the demo.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--public", action="store_true", help="be there for other machines, and say what that takes"
    )
    parser.add_argument("--json", action="store_true", help="print the address as JSON, no advice")


def run(args: argparse.Namespace) -> int:
    """Serve open rooms until told to stop."""
    import os

    from transcriber.cli.screen import show_json
    from transcriber.cli.serve import serve

    def started(url: str) -> None:
        port = url.rpartition(":")[2]
        here = f"http://localhost:{port}"
        if args.json:
            show_json({"url": here})
        else:
            print((PUBLIC if args.public else HERE).format(url=here, port=port), flush=True)

    os.environ["ROOMS_OPEN"] = "true"
    os.environ["HTTP_HOST"] = "0.0.0.0" if args.public else "127.0.0.1"
    os.environ.setdefault("LOG_LEVEL", "warning")
    return serve(started)
