"""flowlens's resolver asks for names: `FOLDER [RATE]`, without a rate at the usual one."""

import os
import sys
from ipaddress import ip_address
from pathlib import Path

from flowlens.naming.dns.network import Network
from flowlens.naming.dns.questions import reverse
from flowlens.naming.dns.servers import servers
from flowlens.naming.dns.settings import RATE


def main(folder: Path, rate: float) -> None:
    """Leave the number of wrong statuses in the folder."""
    lines = (folder / "truth.tsv").read_text().splitlines()
    truth = dict(line.split("\t") for line in lines)
    asked = {reverse(ip_address(address)): address for address in truth}
    found = {}

    def finish(question, reply):
        found[asked[question]] = str(reply.status)
        return ()

    Network(servers([os.environ["FLOWLENS_NAME_SERVER"]]), rate=rate).ask(iter(asked), finish)
    wrong = sum(found.get(address) != status for address, status in truth.items())
    (folder / f"{Path(__file__).stem}.wrong").write_text(str(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else RATE)
