# SPDX-License-Identifier: MIT
"""python3 tests/crm --port 8080 --records 500 --rate 90: a simulated Concord CRM on loopback."""
import argparse
import asyncio
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.dirname(HERE)] + [p for p in sys.path if os.path.abspath(p or ".") != HERE]

from crm.app import App  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(prog="tests/crm", description=__doc__)
    p.add_argument("--port", type=int, default=8080, help="0: any free one")
    p.add_argument("--bind", default="127.0.0.1")
    p.add_argument("--records", type=int, default=500, help="contacts; the others in proportion")
    p.add_argument("--rate", type=int, default=90, help="requests a minute and user; 0: no limit")
    p.add_argument("--seed", type=int, default=1, help="the same seed gives the same records")
    p.add_argument("--page-max", type=int, default=0, help="the most that per_page may ask for")
    p.add_argument("--latency", type=float, default=0, metavar="MS", help="before every answer")
    p.add_argument("--token", default="1|demo-token-not-secret", help="of user 1, a super-admin")
    p.add_argument("--gzip", action="store_true", help="for clients that accept it")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    p.add_argument("--log", metavar="FILE", help="a line a request")
    return p.parse_args()


def leave():
    os._exit(0)  # at once: held requests and open connections need no farewell


async def serve(options):
    app = App(options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    await app.server.listen(options.bind, options.port)
    print(f"listening on {app.url()}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(arguments()))
    except OSError as e:
        sys.exit(f"tests/crm: {e}")
