# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A ``tail_sampling`` block, taken as the collector of a version takes it, and refused where that one would not start."""

from __future__ import annotations

import re
import typing as t

from ..._common import shape
from ..._common.errors import Refusal
from . import model, versions
from .regular_expressions import searcher
from .versions import Version

Raw: t.TypeAlias = "t.Mapping[str, t.Any]"
STATUS_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}
DURATION = re.compile(r"([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+\Z")  # as Go reads durations
PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LISTS = {"and": "and_sub_policy", "drop": "drop_sub_policy", "composite": "composite_sub_policy"}
MOST_SHARDS = 256


def parse(raw: object, version: Version, path: str = "tail_sampling") -> model.Sampling:
    """The settings of a tail sampler.

    A block that does not belong to a policy's type loads, as in the collector: the policy then has its type's zero values.

    :param raw: the mapping below ``tail_sampling`` of a collector's configuration.
    :param path: what to call it in refusals.
    :raises Refusal: a collector of that version would not start with it, or it asks an extension, whose answers nobody can foretell.
    """
    found = _known(raw, versions.KEYS, version, path)
    cache = shape.mapping(
        found.get("decision_cache") or {}, f"{path}.decision_cache", optional=("sampled_cache_size", "non_sampled_cache_size")
    )
    if found.get("tail_storage") is not None:
        raise shape.wrong(f"{path}.tail_storage", "traces in memory", "an extension that keeps them", "A replay knows memory only.")
    strategy = _text(found, "sampling_strategy", path, model.TRACE_COMPLETE)
    if strategy not in (model.TRACE_COMPLETE, model.SPAN_INGEST):
        raise shape.wrong(f"{path}.sampling_strategy", f"{model.TRACE_COMPLETE} or {model.SPAN_INGEST}", repr(strategy), "Correct it.")
    _size(found, "expected_new_traces_per_sec", path)  # a hint for memory, without which nothing changes
    shards = _integer(found, "num_shards", path, 1)
    if not 0 <= shards <= MOST_SHARDS:
        raise shape.wrong(f"{path}.num_shards", f"at most {MOST_SHARDS}", str(shards), "Lower it.")
    sampling = model.Sampling(
        policies=_policies(found.get("policies"), version, f"{path}.policies"),
        decision_wait=_seconds(found.get("decision_wait", model.DEFAULT_DECISION_WAIT * 1_000_000_000), f"{path}.decision_wait"),
        decision_wait_after_root=_seconds(found.get("decision_wait_after_root_received", 0), f"{path}.decision_wait_after_root_received"),
        num_traces=_size(found, "num_traces", path, model.DEFAULT_NUM_TRACES),
        block_on_overflow=_boolean(found, "block_on_overflow", path),
        sampled_cache=_integer(cache, "sampled_cache_size", f"{path}.decision_cache"),
        non_sampled_cache=_integer(cache, "non_sampled_cache_size", f"{path}.decision_cache"),
        sample_on_first_match=_boolean(found, "sample_on_first_match", path),
        strategy=strategy,
        drop_pending_on_shutdown=_boolean(found, "drop_pending_traces_on_shutdown", path),
        maximum_bytes=_size(found, "maximum_trace_size_bytes", path),
        num_shards=max(1, shards),
    )
    if strategy == model.SPAN_INGEST:
        for policy in sampling.policies:
            if _is_stateful(policy, version):
                raise shape.wrong(
                    f"{path}.policies", "policies without memory, as span-ingest decides at once", f"{policy.name!r}", "Remove it."
                )
    return sampling


def parse_policies(raw: object, version: Version, path: str = "policies") -> tuple[model.Policy, ...]:
    """A list of policies by itself, as below ``tail_sampling.policies``; an empty one is none.

    :raises Refusal: as :func:`parse`.
    """
    return _policies(raw, version, path)


def _policies(raw: object, version: Version, path: str) -> tuple[model.Policy, ...]:
    found = shape.sequence(raw or [], path, empty=True)
    policies = tuple(_policy(one, version, f"{path}[{index}]", None) for index, one in enumerate(found))
    for index, policy in enumerate(policies):
        if not policy.name:
            raise shape.wrong(f"{path}[{index}].name", "a name", "none", "Name the policy.")
    shape.unique([policy.name for policy in policies], path)
    return policies


def _policy(raw: object, version: Version, path: str, within: str | None) -> model.Policy:
    if not isinstance(raw, t.Mapping):
        raise shape.wrong(path, "a mapping with name and type", raw, "Write it as a mapping.")
    kind = _text(raw, "type", path)
    since = versions.POLICIES.get(kind)
    if since is not None and within is not None and kind in versions.NESTED:
        since = versions.NESTED[within].get(kind)
    if since is None:
        place = f" inside {within}" if within else ""
        remedy = "Correct the type. Policies of extensions cannot be foretold."
        raise shape.wrong(f"{path}.type", f"a type that may stand here{place}", repr(kind), remedy)
    if since > version:
        raise shape.wrong(
            f"{path}.type",
            f"a type that collector {version} knows",
            f"{kind}, known since {since}",
            "Upgrade the collector, or do without.",
        )
    for key, value in raw.items():  # what isn't an option of any policy is kept for extensions, if only it is a mapping
        if key not in ("name", "type") and not isinstance(value, t.Mapping):
            raise shape.wrong(f"{path}.{key}", "a block of options", value, "Put it into the block with the type's name.")
    block = _known(raw.get(kind) or {}, versions.POLICY_KEYS[kind], version, f"{path}.{kind}")
    return model.Policy(_text(raw, "name", path), _test(kind, block, version, f"{path}.{kind}"))


def _test(kind: str, block: Raw, version: Version, path: str) -> model.Test:
    if kind in LISTS:
        key = LISTS[kind]
        raw = shape.sequence(block.get(key) or [], f"{path}.{key}", empty=True)
        parts = tuple(_policy(one, version, f"{path}.{key}[{index}]", kind) for index, one in enumerate(raw))
        return model.And(parts) if kind == "and" else model.Drop(parts) if kind == "drop" else _composite(block, parts, path)
    if kind == "not":
        return model.Not(_policy(block.get("not_sub_policy") or {}, version, f"{path}.not_sub_policy", kind))
    if kind == "numeric_attribute":
        return _numeric(block, path)
    if kind == "status_code":
        return _status(block, path)
    if kind == "string_attribute":
        return _string(block, path)
    if kind == "ottl_condition":
        return _ottl(block, path)
    if kind == "probabilistic":
        percentage = block.get("sampling_percentage") or 0
        return model.Probabilistic(
            shape.number(percentage, f"{path}.sampling_percentage"), _text(block, "hash_salt", path) or model.DEFAULT_SALT
        )
    simple: dict[str, t.Callable[[], model.Test]] = {
        "always_sample": model.Always,
        "trace_flags": model.TraceFlags,
        "latency": lambda: model.Latency(_integer(block, "threshold_ms", path), _integer(block, "upper_threshold_ms", path)),
        "boolean_attribute": lambda: model.BooleanAttribute(
            _text(block, "key", path), _boolean(block, "value", path), _boolean(block, "invert_match", path)
        ),
        "rate_limiting": lambda: model.RateLimiting(_integer(block, "spans_per_second", path), _integer(block, "burst_capacity", path)),
        "bytes_limiting": lambda: model.BytesLimiting(_integer(block, "bytes_per_second", path), _integer(block, "burst_capacity", path)),
        "span_count": lambda: model.SpanCount(_integer(block, "min_spans", path), _integer(block, "max_spans", path)),
        "trace_state": lambda: model.TraceState(_text(block, "key", path), _texts(block, "values", path)),
    }
    return simple[kind]()


def _numeric(block: Raw, path: str) -> model.NumericAttribute:
    minimum, maximum = _integer(block, "min_value", path) or None, _integer(block, "max_value", path) or None
    if minimum is None and maximum is None:
        raise shape.wrong(path, "min_value or max_value, and not 0", "neither", "Set one: the collector would crash at the first trace.")
    return model.NumericAttribute(_text(block, "key", path), minimum, maximum, _boolean(block, "invert_match", path))


def _status(block: Raw, path: str) -> model.StatusCode:
    codes = _texts(block, "status_codes", path)
    if not codes or set(codes) - set(STATUS_CODES):
        raise shape.wrong(f"{path}.status_codes", "some of OK, ERROR and UNSET", ", ".join(codes) or "none", "Correct them.")
    return model.StatusCode(frozenset(STATUS_CODES[code] for code in codes))


def _string(block: Raw, path: str) -> model.StringAttribute:
    values = _texts(block, "values", path)
    is_regex = _boolean(block, "enabled_regex_matching", path)
    for index, pattern in enumerate(values if is_regex else ()):
        searcher(pattern, f"{path}.values[{index}]")
    return model.StringAttribute(_text(block, "key", path), values, is_regex, _boolean(block, "invert_match", path))


def _ottl(block: Raw, path: str) -> model.Ottl:
    test = model.Ottl(_texts(block, "span", path), _texts(block, "spanevent", path), _text(block, "error_mode", path))
    if not test.span and not test.event:
        raise shape.wrong(path, "at least one condition below span or spanevent", "none", "Write one.")
    if test.error_mode not in ("", "ignore", "silent", "propagate"):
        raise shape.wrong(f"{path}.error_mode", "ignore, silent or propagate", repr(test.error_mode), "Correct it.")
    return test


def _composite(block: Raw, parts: tuple[model.Policy, ...], path: str) -> model.Composite:
    _texts(block, "policy_order", path)  # the collector reads it and never looks at it again
    percents = []
    for index, raw in enumerate(shape.sequence(block.get("rate_allocation") or [], f"{path}.rate_allocation", empty=True)):
        at = f"{path}.rate_allocation[{index}]"
        share = shape.mapping(raw, at, optional=("policy", "percent"))
        percents.append((_text(share, "policy", at), _integer(share, "percent", at)))
    return model.Composite(parts, _integer(block, "max_total_spans_per_second", path), tuple(percents))


def _is_stateful(policy: model.Policy, version: Version) -> bool:
    """As the collector counts it: a composite is as stateful as its parts, its own clock notwithstanding."""
    upper = versions.behaves(version, "upper_bounds_are_stateful")
    return any(
        isinstance(test, (model.RateLimiting, model.BytesLimiting))
        or (upper and isinstance(test, model.Latency) and test.upper_ms > 0)
        or (upper and isinstance(test, model.SpanCount) and test.maximum > 0)
        for test in model.leaves((policy,))
    )


def _known(raw: object, keys: t.Mapping[str, Version], version: Version, path: str) -> dict[str, t.Any]:
    found = shape.mapping(raw, path, optional=tuple(keys))
    for key in found:
        if keys[key] > version:
            raise Refusal(
                f"{path}.{key}",
                expected=f"a key that collector {version} knows",
                found=f"{key}, known since {keys[key]}",
                remedy="Upgrade the collector, or do without: it would not start.",
                code="key_too_new",
            )
    return found


def _integer(block: Raw, key: str, path: str, default: int = 0) -> int:
    found = block.get(key)
    if found is None:
        return default
    number = shape.number(found, f"{path}.{key}")
    if number != int(number):
        raise shape.wrong(f"{path}.{key}", "a whole number", found, "Round it.")
    return int(number)


def _size(block: Raw, key: str, path: str, default: int = 0) -> int:
    number = _integer(block, key, path, default)
    if number < 0:
        raise shape.wrong(f"{path}.{key}", "0 or more", str(number), "Correct it.")
    return number


def _boolean(block: Raw, key: str, path: str) -> bool:
    found = block.get(key)
    if not isinstance(found, bool) and found is not None:
        raise shape.wrong(f"{path}.{key}", "true or false", found, "Write it without quotes.")
    return bool(found)


def _text(block: Raw, key: str, path: str, default: str = "") -> str:
    found = block.get(key)
    if not isinstance(found, str) and found is not None:
        raise shape.wrong(f"{path}.{key}", "text", found, "Put it in quotes.")
    if found is not None and "${" in found:
        raise shape.wrong(f"{path}.{key}", "a value", f"{found}, known to the collector only", "Give the value, to foretell what it does.")
    return default if found is None else str(found)


def _texts(block: Raw, key: str, path: str) -> tuple[str, ...]:
    found = shape.sequence(block.get(key) or [], f"{path}.{key}", empty=True)
    return tuple(_text({key: one}, key, f"{path}[{index}]") for index, one in enumerate(found))


def _seconds(found: object, path: str) -> float:
    """A duration as Go writes it (``1m30s``); a bare number is nanoseconds, as the collector takes it."""
    if isinstance(found, str) and (match := DURATION.match(found)):
        seconds = sum(float(number) * SECONDS[unit] for number, unit in PART.findall(found))
        return -seconds if match[1] == "-" else seconds
    if found == "0":
        return 0.0
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return shape.number(found, path) / 1_000_000_000
    raise shape.wrong(path, "a duration such as 30s", found, "Write a number and its unit.")
