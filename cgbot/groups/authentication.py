"""
Who wrote an errand's message, as far as it is proven (pure rules).

Authentication-Results count when a server that the settings trust wrote them, and only on mail that such a server
brought: whoever talks to us directly could write the field too (RFC 8601 section 5). Beside them counts what our own
check has found, where it is on (mail.authenticity, posts.verifying).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from cgbot.errand import Errand
from cgbot.mail import authentication_results
from cgbot.mail.authentication_results import Authentication
from cgbot.settings import Settings


def of(errand: Errand, settings: Settings, also: Iterable[str] = ()) -> Authentication:
    """What passed; `also` are further authserv-ids, such as a companion's host."""
    own = errand.checked.proven() if errand.checked else Authentication()
    trusted = {*settings.authentication.trusted, *filter(None, also)}
    if not trusted or not is_from_front(errand, settings):
        return own
    told = authentication_results.results(errand.message, trusted)
    return Authentication(told.dkim | own.dkim, told.spf | own.spf, told.dmarc)


def is_available(settings: Settings) -> bool:
    """
    Say whether anything here authenticates mail at all: where nothing does, no post could prove its author.

    Members' posts are held for want of a proof only then, so whatever `of` learns to ask belongs in here as well.
    """
    return bool(settings.authentication.trusted) or settings.authentication.check == "own"


def is_from_front(errand: Errand, settings: Settings) -> bool:
    """A server in front of us brought it: over a Unix socket of this machine, or from an address that is trusted."""
    return errand.peer == "local" or any(is_within(errand.peer, one) for one in settings.authentication.trusted_peers)


def is_within(peer: str, network: str) -> bool:
    """Say whether an address is this one or in this network; a Unix socket is no network."""
    try:
        return ipaddress.ip_address(peer) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
