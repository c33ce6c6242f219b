"""A claim is told from the database as it is from the recording itself."""

from __future__ import annotations

import pytest

from sandboxes.lifecycle import from_json
from sandboxes.models import Claim
from sandboxes.store import IMPORTED, save_changes
from tests.sandboxes.lifecycle.told import SCENARIOS, changes_of, lifecycle_of, true_claims


@pytest.mark.django_db(transaction=True)
@pytest.mark.one_database
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_store_tells_every_recorded_claim_as_the_recording_does(scenario: str) -> None:
    changes = list(changes_of(scenario))
    for position in range(0, len(changes), 50):  # as a watch brings them, not all at once
        save_changes(IMPORTED, changes[position : position + 50])
    for key, true in true_claims(scenario).items():
        stored, read = from_json(Claim.objects.get(uid=true["uid"]).lifecycle), lifecycle_of(scenario, key)
        assert stored.moments == read.moments
        assert stored.stages == read.stages
        assert stored == read
