"""Seed once, put back before every flow: the rows of all databases, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class Snapshot:
    """Every row of every table that belongs to a model, as the database itself writes it."""

    def __init__(self) -> None:
        self._rows = {
            alias: {table: _read(connections[alias], table) for table in _tables(alias)} for alias in connections
        }

    def restore(self) -> None:
        """Make the tables hold these rows and no others."""
        for alias, tables in self._rows.items():
            connection = connections[alias]
            # In one transaction, because the foreign keys are checked at its end: the order of tables is free.
            with transaction.atomic(using=alias), connection.cursor() as cursor:
                for table in tables:
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own tables
                for table, (columns, rows) in tables.items():
                    cursor.executemany(_insert(connection, table, columns), rows)
                for statement in _sequences(connection):
                    cursor.execute(statement)
        ContentType.objects.clear_cache()  # a flush may have numbered them anew since


def _tables(alias: str) -> list[str]:
    return connections[alias].introspection.django_table_names(only_existing=True, include_views=False)


def _read(connection: BaseDatabaseWrapper, table: str) -> tuple[list[str], list[Sequence[Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own tables
        return [column[0] for column in cursor.description], cursor.fetchall()


def _insert(connection: BaseDatabaseWrapper, table: str, columns: list[str]) -> str:
    names = ", ".join(map(connection.ops.quote_name, columns))
    places = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {connection.ops.quote_name(table)} ({names}) VALUES ({places})"  # noqa: S608  our own tables


def _sequences(connection: BaseDatabaseWrapper) -> list[str]:
    return connection.ops.sequence_reset_sql(
        no_style(), connection.introspection.installed_models(_tables(connection.alias))
    )
