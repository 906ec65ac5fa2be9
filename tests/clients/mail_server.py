"""A mail server that keeps nothing: prints its port, then every message it takes, one JSON object a line.

    mail_server.py [implicit|starttls CERTIFICATE KEY]
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Printer:
    async def handle_DATA(self, server, session, envelope):
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("utf8", "replace"),
            "tls": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
        }
        print(json.dumps(message), flush=True)
        return "250 taken"


async def main(how="none", certificate=None, key=None):
    tls = None
    if how != "none":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)

    def smtp():
        if how == "starttls":
            return SMTP(Printer(), hostname="localhost", tls_context=tls, require_starttls=True)
        return SMTP(Printer(), hostname="localhost")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(smtp, "127.0.0.1", 0, ssl=tls if how == "implicit" else None)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
