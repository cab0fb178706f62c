"""The first wall: what every queryset of a company's rows is narrowed by before anything else."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class Scope(Protocol):
    """What narrows: `companies.access.Viewer`, which this low layer may not import."""

    @property
    def company_id(self) -> int: ...

    @property
    def establishment_ids(self) -> frozenset[int] | None: ...


class VisibleQuerySet(models.QuerySet[Row]):
    """Rows with a company. `establishment_path` leads to the establishment they belong to."""

    establishment_path: ClassVar[str] = "establishment_id"

    def visible_to(self, viewer: Scope) -> Self:
        """Keep what the viewer's company has, in the establishments that the viewer sees."""
        rows = self.filter(company_id=viewer.company_id)
        if viewer.establishment_ids is None:
            return rows
        return rows.filter(**{f"{self.establishment_path}__in": viewer.establishment_ids})


def visible_sql(
    viewer: Scope, table: str, *, establishment_of: str = ""
) -> tuple[str, dict[str, Any]]:
    """Build the very condition of `visible_to` for written SQL, and its parameters.

    `table` is an alias; `establishment_of` that of the order on which its rows hang.
    """
    sql = f"{table}.company_id = %(company)s"
    params: dict[str, Any] = {"company": viewer.company_id}
    if viewer.establishment_ids is None:
        return sql, params
    return (
        f"{sql} AND {establishment_of or table}.establishment_id = ANY(%(establishments)s)",
        params | {"establishments": sorted(viewer.establishment_ids)},
    )


class OfOrderQuerySet(VisibleQuerySet[Row]):
    """Rows that hang on an order."""

    establishment_path = "order__establishment_id"


class OfRecordQuerySet(VisibleQuerySet[Row]):
    """Rows that hang on a source record."""

    establishment_path = "record__order__establishment_id"
