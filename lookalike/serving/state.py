"""What a server process has one of: settings, recommenders, the queue, limits, and what visitors' photos gave."""

import math
import threading
import time
from collections.abc import Hashable

from lookalike.search.assessment import Assessment
from lookalike.search.query import DecodedPhoto, View
from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit
from lookalike.serving.expiring_cache import ExpiringCache
from lookalike.serving.health_server import HealthServer, start_health_server
from lookalike.serving.live_index import LiveRecommender, open_recommender
from lookalike.settings import Settings, usable_cores
from lookalike.types import StrPath

# What was computed from visitors' photos is kept this long for follow-up questions.
KEPT_SECONDS = 3600.0
# New questions that a visitor may ask at once, before queries_per_minute counts, where that allows as many.
BURST = 20
# Seconds after which a health server that could not be started is tried again: its port may be free by then.
RETRY_SECONDS = 30.0


class ServerState:
    """Everything that all visitors of one process share.

    Attributes:
        settings: what the environment said when the state was made.
        live_recommenders: folder or address → its LiveRecommender; see live.
        queue: grants as many turns to compute at a time as there are cores.
        decoder_queue: grants turns to decode photos that may take long, in processes of their own: quick questions
            must not wait for those.
        rate_limit: how many new questions each visitor may ask, None for no limit.
        decoded_photos: visitors' photos that took a turn to decode, until they are embedded.
        photo_views: the Views of visitors' photos.
        assessments: the Assessments of queries.
        thumbnails: JPEG bytes of visitors' photos.
        health_server: the running HealthServer, None without one.
    """

    def __init__(self, settings: Settings) -> None:
        telemetry.declare_series()
        self.settings = settings
        self.live_recommenders: dict[str, LiveRecommender] = {}
        self.queue, self.decoder_queue = FairQueue(usable_cores()), FairQueue(usable_cores())
        per_minute = settings.queries_per_minute
        self.rate_limit = RateLimit(per_minute, min(BURST, per_minute)) if per_minute else None
        self.decoded_photos: ExpiringCache[Hashable, DecodedPhoto] = ExpiringCache(24, KEPT_SECONDS)
        self.photo_views: ExpiringCache[Hashable, View] = ExpiringCache(24, KEPT_SECONDS)
        self.assessments: ExpiringCache[Hashable, Assessment] = ExpiringCache(100, KEPT_SECONDS)
        self.thumbnails: ExpiringCache[Hashable, bytes] = ExpiringCache(100, KEPT_SECONDS)
        self.health_server: HealthServer | None = None
        self._tried_at = -math.inf
        self._lock = threading.Lock()

    def live(self, folder: StrPath) -> LiveRecommender:
        """Return the LiveRecommender of a folder or an address: always the same one."""
        return self.live_recommenders.setdefault(str(folder), LiveRecommender(folder, open_recommender))

    def start_health_server(self) -> HealthServer | None:
        """Return the health server of the settings' index, or None if they name no port or it cannot be had.

        Only the first call starts it, or tries to; a later one does if that failed RETRY_SECONDS ago.
        """
        with self._lock:
            is_due = time.monotonic() - self._tried_at > RETRY_SECONDS
            if self.settings.metrics_port and self.health_server is None and is_due:
                self._tried_at = time.monotonic()
                live = self.live(self.settings.index)
                self.health_server = start_health_server(
                    lambda: live.current()[0], self.settings.metrics_port, self.settings.metrics_address
                )
            return self.health_server


_state: ServerState | None = None
_state_lock = threading.Lock()


def server_state() -> ServerState:
    """Return the ServerState of this process, made from the environment at first use."""
    global _state
    with _state_lock:
        if _state is None:
            _state = ServerState(Settings.from_environment())
        return _state
