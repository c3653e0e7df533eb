"""Names out of the cache: `CACHE NUMBER [fill]`; filling puts them in first."""

import sys
import time
from pathlib import Path

from flowlens.naming.dns.answers import Answer, Confirmation, Status
from flowlens.naming.dns.cache import Cache
from flowlens.naming.dns.lookup import lookup
from flowlens.naming.dns.settings import Mode, Settings


def main(place: Path, number: int, *, fill: bool) -> None:
    """Look up so many addresses, all of which are known."""
    addresses = [f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.7" for n in range(number)]
    if fill:
        place.unlink(missing_ok=True)
        now = int(time.time())
        with Cache(place, warn=sys.exit) as cache:
            cache.write(
                Answer(
                    address,
                    Status.OK,
                    f"host-{address.replace('.', '-')}.example",
                    Confirmation.CONFIRMED,
                    now,
                    now + 86_400,
                )
                for address in addresses
            )
    found = lookup(addresses, Settings(Mode.CACHE, cache=place))
    assert found.summary.cached == number


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), fill="fill" in sys.argv)
