"""The two kinds of expectation that the suites are made of, and the rows that fail them, by the expectation's own SQL.

Great Expectations' own `UnexpectedRowsExpectation` runs a rule's query twice and fetches every failing row into the process.
A million bad rows must cost no more memory than none, so here only counts leave the database; and all rules that look at
single rows are counted in one pass over the load, by one select that Great Expectations bundles.
"""

from typing import Any, ClassVar

import great_expectations.expectations as gxe
from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider


class RowsThatMeet(TableMetricProvider):
    """How many rows of the batch meet a condition; null counts as not."""

    metric_name = "table.rows_that_meet"
    value_keys = ("condition",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,  # noqa: N805 -- Great Expectations makes a class method of it
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Any:
        meets: Any = sa.literal_column(f"({metric_value_kwargs['condition']})")
        return sa.func.count(sa.case((meets, 1))), metric_domain_kwargs, {}


class ExpectNoRowToMeet(BatchExpectation):
    """No row of the batch meets `condition`: SQL over the columns of one row, without subqueries."""

    condition: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.rows_that_meet",)
    success_keys: ClassVar[tuple[str, ...]] = ("condition",)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def failing_rows(self, table: str) -> str:
        """The select whose rows are those that fail; `table` is the table of the load, quoted."""
        return f"select * from {table} as subselect where {self.condition}"

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        count = int(metrics["table.rows_that_meet"])
        return {"success": count == 0, "result": {"observed_value": count}}


class ExpectQueryToFindNothing(gxe.UnexpectedRowsExpectation):
    """The query, in which {batch} is the load under the name `subselect`, finds nothing: for rules that look beyond one row."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def failing_rows(self, table: str) -> str:
        """The select whose rows are those that fail; `table` is the table of the load, quoted."""
        return str(self.unexpected_rows_query).format(batch=f"(select * from {table}) as subselect")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        count = int(metrics["unexpected_rows_query.row_count"])
        return {"success": count == 0, "result": {"observed_value": count}}
