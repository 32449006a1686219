"""Work on notes that goes on after a request was answered."""

import math

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError, OperationalError

from ..database import db
from .models import Note, NoteFigures

WORDS_PER_MINUTE = 240
BATCH = 1000
EXPIRY = 60  # seconds, after which the schedule tries again

logger = structlog.stdlib.get_logger(__name__)


def request_figures(note_id: int) -> None:
    """Have a note measured; where the broker is away, the schedule makes up for it."""
    try:
        measure_note.delay(note_id)
    except BrokerError as error:
        logger.warning("broker does not answer", error=repr(error))


@shared_task(
    autoretry_for=(OperationalError, IntegrityError),
    retry_backoff=True,
    retry_backoff_max=30,
    max_retries=5,
)
def measure_note(note_id: int) -> None:
    """Keep the figures of a note; to do it twice changes nothing."""
    # Locked, so that nobody changes the note before its figures are kept.
    note = db.session.get(Note, note_id, with_for_update=True)
    if note is None:
        return
    words = len(note.body.split())
    db.session.merge(
        NoteFigures(
            note_id=note.id,
            characters=len(note.body),
            words=words,
            reading_seconds=math.ceil(words * 60 / WORDS_PER_MINUTE),
        )
    )
    db.session.commit()


@shared_task
def measure_missing_notes() -> None:
    """Enqueue the notes without figures: the broker was away, or a task failed."""
    measured = exists().where(NoteFigures.note_id == Note.id)
    missing = db.session.scalars(select(Note.id).where(~measured).limit(BATCH)).all()
    for note_id in missing:
        measure_note.apply_async((note_id,), expires=EXPIRY)
    logger.info("looked for notes without figures", found=len(missing))
