"""dnspython's asynchronous resolver asks for names, 500 at a time: `FOLDER`.

Time-outs are those of flowlens: 1.5 seconds a query, 4.5 a name.
"""

import asyncio
import os
import sys
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.resolver

AT_ONCE = 500


async def ask(truth: dict[str, str]) -> int:
    """The number of wrong statuses."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    host, _, port = os.environ["FLOWLENS_NAME_SERVER"].rpartition(":")
    resolver.nameservers, resolver.port = [host], int(port)
    resolver.timeout, resolver.lifetime = 1.5, 4.5
    places = asyncio.Semaphore(AT_ONCE)

    async def status(address: str) -> str:
        async with places:
            try:
                await resolver.resolve_address(address)
            except dns.resolver.NXDOMAIN:
                return "nxdomain"
            except dns.resolver.NoAnswer:
                return "nodata"
            except dns.resolver.NoNameservers:
                return "servfail"
            except dns.exception.Timeout:
                return "timeout"
            return "ok"

    found = await asyncio.gather(*map(status, truth))
    return sum(one != right for one, right in zip(found, truth.values(), strict=True))


def main(folder: Path) -> None:
    """Leave the number of wrong statuses in the folder."""
    lines = (folder / "truth.tsv").read_text().splitlines()
    wrong = asyncio.run(ask(dict(line.split("\t") for line in lines)))
    (folder / f"{Path(__file__).stem}.wrong").write_text(str(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
