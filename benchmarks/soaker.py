"""One process of a soak: ``python -m benchmarks.soaker RESOURCES SEED``, until its stdin ends.

It deploys, changes and undeploys names that others work on too. A typed error is part of the game;
anything else ends it.
"""

from __future__ import annotations

import logging
import random
import select
import sys

import lbsls
from benchmarks.racer import IMAGE, resource

__all__ = ["OTHER", "declared"]

OTHER = "app:2"


def declared(name: str, image: str) -> lbsls.LoadBalancerSlsResource:
    """Declare what every process of a soak means by a name."""
    return resource(name, imageName=image)


def main(resources: int, seed: int) -> None:
    """Work until told to end."""
    logging.getLogger("lbsls").setLevel(logging.CRITICAL)
    chance = random.Random(seed)
    with lbsls.Account.from_env() as account:
        while not select.select([0], [], [], 0)[0]:
            name = f"soak-{chance.randrange(resources)}"
            image = chance.choice([IMAGE, IMAGE, OTHER])
            try:
                if chance.random() < 0.2:
                    account.undeploy(declared(name, image))
                else:
                    account.deploy(declared(name, image), wait=False, timeout=20)
            except lbsls.LbslsError:
                continue


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
