"""Corrected roles, remembered for every later study of the same protocol: a hospital names its sequences the same way.

What is kept is a hash of how a series was acquired (``Series.protocol``) and a role; nothing of any patient. Series of
one study that cannot be told apart by it (a T1 before and after contrast may be) are counted in their order.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from tumorview.core.study import Role, Series, Study

LIMIT = 400  # protocols; the one corrected last is the first
Lines = tuple[str, ...]


def remembered(lines: Sequence[str], study: Study) -> Study:
    """This very study (same id) with the roles that were given before to series of the same protocol."""
    known = dict(_parsed(lines))
    for series, key in _keys(study):
        role = known.get(key)
        if role is not None and role is not series.role and series.uid not in study.roles:
            study = study.with_role(series, role)
    return study


def sentence(study: Study) -> str:
    """What ``remembered`` has changed in ``study``, for the user."""
    named = ", ".join(str(study.role_of(one)) for one in study.series if one.uid in study.roles)
    return f"Roles as you corrected them for this protocol before: {named}"


def with_correction(lines: Sequence[str], study: Study, series: Series, role: Role) -> Lines:
    """``lines`` with ``role`` for the protocol of ``series``; a protocol that is recognised rightly is forgotten."""
    key = next((key for one, key in _keys(study) if one.uid == series.uid), "")
    if not key:
        return tuple(lines)
    others = [line for line in lines if not line.startswith(f"{key}=")]
    return tuple(others) if role is series.role else (f"{key}={role}", *others)[:LIMIT]


def _keys(study: Study) -> Iterable[tuple[Series, str]]:
    """Each series whose protocol is known, with what its role is remembered by."""
    count = Counter(series.protocol for series in study.series)
    seen: Counter[str] = Counter()
    for series in study.series:
        protocol = series.protocol
        if protocol:
            seen[protocol] += 1
            yield series, f"{protocol}/{seen[protocol]}of{count[protocol]}"


def _parsed(lines: Sequence[str]) -> Iterable[tuple[str, Role]]:
    for line in lines:
        key, _, name = line.partition("=")
        if name in set(Role):
            yield key, Role(name)
