"""What Runpod offers: pools of GPUs and flavours of CPUs. Pure data, each list with its source."""

from __future__ import annotations

from collections.abc import Sequence

# https://docs.runpod.io/flash/configuration/gpu-types (pools and their cards) and
# https://docs.runpod.io/references/gpu-types (the cards' identifiers)
POOLS: dict[str, tuple[str, ...]] = {
    "AMPERE_16": (
        "NVIDIA RTX A4000",
        "NVIDIA RTX 4000 Ada Generation",
        "NVIDIA RTX 2000 Ada Generation",
    ),
    "AMPERE_24": ("NVIDIA RTX A5000", "NVIDIA GeForce RTX 3090", "NVIDIA RTX A4500"),
    "ADA_24": ("NVIDIA GeForce RTX 4090", "NVIDIA L4"),
    "ADA_32_PRO": ("NVIDIA GeForce RTX 5090",),
    "AMPERE_48": ("NVIDIA A40", "NVIDIA RTX A6000"),
    "ADA_48_PRO": ("NVIDIA L40S", "NVIDIA L40", "NVIDIA RTX 6000 Ada Generation"),
    "AMPERE_80": ("NVIDIA A100 80GB PCIe", "NVIDIA A100-SXM4-80GB"),
    "ADA_80_PRO": ("NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe", "NVIDIA H100 NVL"),
    "BLACKWELL_96": (
        "NVIDIA RTX PRO 6000 Blackwell Server Edition",
        "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
        "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
    ),
    "HOPPER_141": ("NVIDIA H200",),
    "BLACKWELL_180": ("NVIDIA B200",),
}

# https://docs.runpod.io/flash/configuration/cpu-types: GB of memory for each vCPU. The five m
# flavours are in Runpod's catalog only.
CPU_FLAVOURS: dict[str, int] = {
    "cpu3c": 2,
    "cpu3g": 4,
    "cpu3m": 8,
    "cpu5c": 2,
    "cpu5g": 4,
    "cpu5m": 8,
}

MAX_VCPUS = 32


def types_of(pools: Sequence[str], excluded: Sequence[str] = ()) -> list[str]:
    """Give the cards of these pools, less those excluded, in the order of the pools."""
    return [card for pool in pools for card in POOLS.get(pool, ()) if card not in excluded]
