"""What repeats is stored once, and remembered no longer than its row lives."""

from __future__ import annotations

import pytest
from django.db import transaction

from collector import intern
from collector.ingest import save_now
from collector.models import Epoch, Operation, Resource
from collector.records import OperationRecord, ResourceRecord
from tests.factories import batch, make_span

pytestmark = pytest.mark.django_db


def test_equal_records_have_one_id_and_different_ones_have_their_own() -> None:
    a, b = OperationRecord("shop", "GET", 1), OperationRecord("shop", "GET", 2)
    first, second, third = intern.operations.resolve([a, b, a])
    assert first == third != second
    assert intern.operations.resolve([b]) == [second]
    assert Operation.objects.count() == 2


def test_ids_are_those_of_the_rows_another_process_made() -> None:
    record = ResourceRecord("shop", "{}")
    mine = intern.resources.resolve([record])
    intern.forget()
    assert intern.resources.resolve([ResourceRecord("till", "{}"), record])[1:] == mine
    assert Resource.objects.count() == 2


def test_a_resource_is_told_by_its_schema_and_entities_too() -> None:
    records = [
        ResourceRecord("shop", "{}"),
        ResourceRecord("shop", "{}", schema_url="https://schema"),
        ResourceRecord("shop", "{}", dropped_attributes_count=1),
        ResourceRecord("shop", "{}", entity_refs="[]"),
    ]
    assert len(set(intern.resources.resolve(records))) == 4


def test_it_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intern, "MAX_REMEMBERED", 10)
    names = [OperationRecord("shop", f"GET /{n}", 1) for n in range(35)]
    found = [intern.operations.resolve(names[start : start + 7]) for start in range(0, 35, 7)]
    assert len(intern.operations.ids) <= 10
    assert intern.operations.resolve(names) == [row_id for part in found for row_id in part]


def test_more_records_than_are_remembered_are_resolved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intern, "MAX_REMEMBERED", 10)
    intern.operations.resolve([OperationRecord("shop", "known", 1)])
    names = [OperationRecord("shop", "known", 1), *(OperationRecord("shop", f"GET /{n}", 1) for n in range(25))]
    assert len(set(intern.operations.resolve(names))) == 26


def test_a_moved_epoch_makes_a_writer_forget() -> None:
    save_now(batch(make_span()))
    with transaction.atomic():
        Operation.objects.all().delete()
        Resource.objects.all().delete()
        Epoch.objects.update_or_create(id=1, defaults={"number": 1_000})
    save_now(batch(make_span()))
    assert [operation.name for operation in Operation.objects.all()] == ["GET /"]
    assert [resource.service for resource in Resource.objects.all()] == ["shop"]
