"""Work on texts that goes on after a request was answered."""

import structlog
from celery import shared_task
from redis import Redis
from redis.exceptions import RedisError

from ..settings import load_settings
from .figures import measure

LONG_QUEUE = 100

logger = structlog.stdlib.get_logger(__name__)


@shared_task
def measure_text(text: str) -> dict[str, int]:
    """Measure a text."""
    return measure(text).model_dump()


@shared_task(autoretry_for=(RedisError,), retry_backoff=True, retry_backoff_max=30, max_retries=5)
def watch_backlog() -> int:
    """Log how many tasks wait, with a warning if the workers cannot keep up."""
    with Redis.from_url(str(load_settings().broker_url)) as broker:
        waiting: int = broker.llen("celery")
    log = logger.warning if waiting > LONG_QUEUE else logger.info
    log("backlog", waiting=waiting)
    return waiting
