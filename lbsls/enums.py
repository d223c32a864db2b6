"""Runpod's names for what can be chosen. Pure data; each list says where it is from."""

from __future__ import annotations

import enum
import re
from typing import Any

__all__ = [
    "CpuFlavor",
    "DataCenter",
    "FlashBoot",
    "GpuPool",
    "OpenEnum",
    "ServerlessScalerType",
    "ServerlessType",
    "instance_of",
]


class OpenEnum(str, enum.Enum):
    """An enum whose members are their texts. Open: a text that is no member is accepted too."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def of(cls, value: Any) -> Any:
        """Give the member whose text this is, or the value as it is."""
        member = cls._value2member_map_.get(value) if isinstance(value, str) else None
        return value if member is None else member


class ServerlessType(OpenEnum):
    """How requests reach the workers."""

    QB = "QB"
    """Through a queue."""
    LB = "LB"
    """Straight through a load balancer."""


class ServerlessScalerType(OpenEnum):
    """What the number of workers follows."""

    QUEUE_DELAY = "QUEUE_DELAY"
    """How long requests wait, in seconds; queue-based endpoints only."""
    REQUEST_COUNT = "REQUEST_COUNT"
    """How many requests are under way per worker."""


class FlashBoot(OpenEnum):
    """Cold-start acceleration; Runpod's default is OFF."""

    OFF = "OFF"
    FLASHBOOT = "FLASHBOOT"
    PRIORITY_FLASHBOOT = "PRIORITY_FLASHBOOT"


class DataCenter(OpenEnum):
    """Runpod's data centers; any other text is accepted too.

    Source: https://docs.runpod.io/api-reference-v2/catalog/list-data-centers tells what there is
    now; these are the names in Runpod's public API reference.
    """

    AP_JP_1 = "AP-JP-1"
    CA_MTL_1 = "CA-MTL-1"
    CA_MTL_2 = "CA-MTL-2"
    CA_MTL_3 = "CA-MTL-3"
    EU_CZ_1 = "EU-CZ-1"
    EU_FR_1 = "EU-FR-1"
    EU_NL_1 = "EU-NL-1"
    EU_RO_1 = "EU-RO-1"
    EU_SE_1 = "EU-SE-1"
    EUR_IS_1 = "EUR-IS-1"
    EUR_IS_2 = "EUR-IS-2"
    EUR_IS_3 = "EUR-IS-3"
    EUR_NO_1 = "EUR-NO-1"
    OC_AU_1 = "OC-AU-1"
    US_CA_2 = "US-CA-2"
    US_DE_1 = "US-DE-1"
    US_GA_1 = "US-GA-1"
    US_GA_2 = "US-GA-2"
    US_IL_1 = "US-IL-1"
    US_KS_2 = "US-KS-2"
    US_KS_3 = "US-KS-3"
    US_MO_1 = "US-MO-1"
    US_MO_2 = "US-MO-2"
    US_NC_1 = "US-NC-1"
    US_NC_2 = "US-NC-2"
    US_NE_1 = "US-NE-1"
    US_TX_1 = "US-TX-1"
    US_TX_3 = "US-TX-3"
    US_TX_4 = "US-TX-4"
    US_WA_1 = "US-WA-1"


class GpuPool(OpenEnum):
    """Pools of GPUs that serverless workers are placed on; any other text is accepted too.

    Source: https://docs.runpod.io/flash/configuration/gpu-types
    """

    AMPERE_16 = "AMPERE_16"
    """RTX A4000, RTX 4000 Ada, RTX 2000 Ada: 16 GB."""
    AMPERE_24 = "AMPERE_24"
    """RTX A4500, RTX A5000, RTX 3090: 20 to 24 GB."""
    ADA_24 = "ADA_24"
    """L4, RTX 4090: 24 GB."""
    ADA_32_PRO = "ADA_32_PRO"
    """RTX 5090: 32 GB."""
    AMPERE_48 = "AMPERE_48"
    """A40, RTX A6000: 48 GB."""
    ADA_48_PRO = "ADA_48_PRO"
    """L40, L40S, RTX 6000 Ada: 48 GB."""
    AMPERE_80 = "AMPERE_80"
    """A100: 80 GB."""
    ADA_80_PRO = "ADA_80_PRO"
    """H100: 80 GB."""
    HOPPER_141 = "HOPPER_141"
    """H200: 141 GB."""
    BLACKWELL_180 = "BLACKWELL_180"
    """B200: 180 GB."""


class CpuFlavor(OpenEnum):
    """Kinds of CPU workers; an instance id is flavour, vCPUs and GB of memory: ``cpu3g-2-8``.

    Source: https://docs.runpod.io/api-reference-v2/catalog/list-cpu-types
    """

    CPU3C = "cpu3c"
    """2 GB for each vCPU."""
    CPU3G = "cpu3g"
    """4 GB for each vCPU."""
    CPU3M = "cpu3m"
    """8 GB for each vCPU."""
    CPU5C = "cpu5c"
    """2 GB for each vCPU, newer processors."""
    CPU5G = "cpu5g"
    """4 GB for each vCPU, newer processors."""
    CPU5M = "cpu5m"
    """8 GB for each vCPU, newer processors."""


_INSTANCE = re.compile(r"(.*?)-(\d{1,9})(?:-\d+)?", re.ASCII | re.DOTALL)


def instance_of(instance_id: str) -> tuple[str, int]:
    """Take ``cpu3g-2-8`` apart into flavour and vCPUs; memory follows from them.

    A text of another form, as a later Runpod may answer it, is a flavour with no vCPUs.
    """
    match = _INSTANCE.fullmatch(instance_id)
    return (match[1], int(match[2])) if match else (instance_id, 0)
