"""What a server process has one of: settings, recommenders, the queue, limits, and what visitors' photos gave."""

import math
import threading
import time
from collections.abc import Hashable
from functools import partial

from lookalike.search.assessment import Assessment
from lookalike.search.loading import load_recommender
from lookalike.search.query import DecodedPhoto, View
from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit
from lookalike.serving.clicks import Clicks
from lookalike.serving.expiring_cache import ExpiringCache
from lookalike.serving.garbage import GarbageCollection
from lookalike.serving.health_server import HealthServer, start_health_server
from lookalike.serving.live_index import LiveRecommender, open_recommender
from lookalike.serving.photo_budget import PhotoBudget
from lookalike.settings import Settings, usable_cores
from lookalike.types import StrPath

# What was computed from visitors' photos is kept this long for follow-up questions.
KEPT_SECONDS = 3600.0
# New questions that a visitor may ask at once, before queries_per_minute counts, where that allows as many.
BURST = 20
# What a visitor's network may report as done with answers.
CLICKS_AT_ONCE, CLICKS_PER_MINUTE = 200, 200
# Guesses of the staff's password: so many at once, then so many a minute, from one network.
GUESSES, GUESSES_PER_MINUTE = 5, 1
# All visitors' photos together; a visitor's browser can give a photo again that was given up.
MAX_HELD_BYTES = 1_000_000_000
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
        clicks: counts what shoppers do with answers; None unless start_clicks was called and the settings want it.
        click_limit: how much of that is believed from one network.
        guess_limit: how often the staff's password may be guessed.
        photo_budget: keeps the photos of all sessions within MAX_HELD_BYTES.
        decoded_photos: visitors' photos that took a turn to decode, until they are embedded.
        photo_views: the Views of visitors' photos.
        assessments: the Assessments of queries.
        thumbnails: JPEG bytes of visitors' photos, and of products of whose pictures parts were asked for.
        garbage: collects garbage every few seconds.
        health_server: the running HealthServer, None without one.
    """

    def __init__(self, settings: Settings) -> None:
        telemetry.declare_series()
        self.settings = settings
        self.live_recommenders: dict[str, LiveRecommender] = {}
        self.queue, self.decoder_queue = FairQueue(usable_cores()), FairQueue(usable_cores())
        per_minute = settings.queries_per_minute
        self.rate_limit = RateLimit(per_minute, min(BURST, per_minute)) if per_minute else None
        self.clicks: Clicks | None = None
        self.click_limit = RateLimit(CLICKS_PER_MINUTE, CLICKS_AT_ONCE)
        self.guess_limit = RateLimit(GUESSES_PER_MINUTE, GUESSES)
        self.photo_budget = PhotoBudget(MAX_HELD_BYTES)
        self.decoded_photos: ExpiringCache[Hashable, DecodedPhoto] = ExpiringCache(24, KEPT_SECONDS)
        self.photo_views: ExpiringCache[Hashable, View] = ExpiringCache(24, KEPT_SECONDS)
        self.assessments: ExpiringCache[Hashable, Assessment] = ExpiringCache(100, KEPT_SECONDS)
        self.thumbnails: ExpiringCache[Hashable, bytes] = ExpiringCache(100, KEPT_SECONDS)
        self.garbage = GarbageCollection()
        self.health_server: HealthServer | None = None
        self._tried_at = -math.inf
        self._lock = threading.Lock()

    def live(self, folder: StrPath) -> LiveRecommender:
        """Return the LiveRecommender of a folder or an address: always the same one."""
        opened = self.live_recommenders.get(str(folder))
        if opened is None:
            load = partial(load_recommender, ranking=self.settings.ranking)
            open_ranked = (
                open_recommender if self.settings.ranking == "default" else partial(open_recommender, load=load)
            )
            opened = self.live_recommenders.setdefault(str(folder), LiveRecommender(folder, open_ranked))
        return opened

    def start_clicks(self) -> None:
        """Count what shoppers do with answers from now on, if the settings name a folder for that."""
        with self._lock:
            if self.settings.clicks_in and self.clicks is None:
                self.clicks = Clicks(self.settings.clicks_in).start()

    def flush_clicks(self) -> None:
        """Write what has been counted, at the end of a server: a signal ends it without Python's own end."""
        if self.clicks:
            self.clicks.flush()

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
