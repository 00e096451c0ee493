"""GraphQL shape: types, fields, conversion. No rule and no query lives here."""

from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from lotkin.schema.columnar import ColumnarExecutor
from lotkin.schema.endpoint import EXTENSIONS
from lotkin.schema.federation import ANY
from lotkin.schema.item import Container, Lot, Serial
from lotkin.schema.mutation import Mutation
from lotkin.schema.problem import PlainProblem, Schema
from lotkin.schema.query import Query
from lotkin.schema.scalars import SCALARS
from lotkin.schema.signature import SignatureProblem
from lotkin.schema.subscription import Subscription
from lotkin.schema.timeline import TimelineEvent


def build() -> Schema:
    """Return the whole schema, with limits and the executor that knows columns."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Lot, Serial, Container, PlainProblem, SignatureProblem, TimelineEvent],
        extensions=list(EXTENSIONS),
        scalar_overrides={FederationAny: ANY},
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
        execution_context_class=ColumnarExecutor,
    )
