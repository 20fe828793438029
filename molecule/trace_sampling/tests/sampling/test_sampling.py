# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler is in the configuration, and the rest of it is as it was written."""

from __future__ import annotations

from pathlib import Path

import yaml


def test_the_sampler_is_in_its_pipeline_and_the_rest_is_as_it_was(folder: Path) -> None:
    written = (folder / "config.yaml").read_text()
    assert "# first, always" in written
    assert 'file: {path: "${env:KEPT}"}' in written
    config = yaml.safe_load(written)
    assert config["service"]["pipelines"]["traces"]["processors"] == ["memory_limiter", "tail_sampling"]
    names = [policy["name"] for policy in config["processors"]["tail_sampling"]["policies"]]
    assert names == ["health", "errors", "server_errors", "slow", "baseline"]


def test_places_are_half_again_what_the_traffic_needs(folder: Path) -> None:
    sampler = yaml.safe_load((folder / "config.yaml").read_text())["processors"]["tail_sampling"]
    assert sampler["num_traces"] == 1500
    assert sampler["decision_cache"]["non_sampled_cache_size"] == 15_000
