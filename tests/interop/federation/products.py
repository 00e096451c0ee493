"""The schema that Apollo's suite asks every subgraph library for, behind our own endpoint."""

from dataclasses import dataclass
from typing import Any

import strawberry
from starlette.requests import Request
from starlette.websockets import WebSocket
from strawberry import federation
from strawberry.extensions.tracing.apollo_federation import ApolloFederationTracingExtension
from strawberry.federation.schema_directives import Key
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directive import Location

from lotkin.resolvers.context import Context
from lotkin.schema.columnar import ColumnarExecutor
from lotkin.schema.endpoint import EXTENSIONS, GraphQLEndpoint
from lotkin.schema.problem import Schema

EMAIL = "support@apollographql.com"


@federation.schema_directive(
    locations=[Location.OBJECT],
    name="custom",
    compose=True,
    import_url="https://myspecs.dev/myCustomDirective/v1.0",
)
class Custom:
    """A directive that the suite wants composed."""


@strawberry.type
class CaseStudy:
    case_number: strawberry.ID
    description: str | None = None


@federation.type(keys=["study { caseNumber }"])
class ProductResearch:
    study: CaseStudy
    outcome: str | None = None

    @classmethod
    def resolve_reference(cls, study: dict[str, str]) -> "ProductResearch | None":
        found = (each for each in RESEARCH if each.study.case_number == study["caseNumber"])
        return next(found, None)


@strawberry.type
class ProductVariation:
    id: strawberry.ID


@federation.type(shareable=True)
class ProductDimension:
    size: str | None
    weight: float | None
    unit: str | None = federation.field(inaccessible=True)


@federation.type(keys=["email"], extend=True)
class User:
    email: strawberry.ID = federation.field(external=True)
    name: str | None = federation.field(override="users")
    total_products_created: int | None = federation.field(external=True)
    years_of_employment: int = federation.field(external=True)

    @federation.field(requires=["totalProductsCreated yearsOfEmployment"])
    def average_products_created_per_year(self) -> int | None:
        if self.total_products_created is None:
            return None
        return round(self.total_products_created / self.years_of_employment)

    @classmethod
    def resolve_reference(cls, **told: Any) -> "User | None":
        if told["email"] != EMAIL:
            return None
        return cls(
            email=told["email"],
            name="Jane Smith",
            total_products_created=told.get("totalProductsCreated", 1337),
            years_of_employment=told.get("yearsOfEmployment", 10),
        )


@federation.type(keys=["sku package"])
class DeprecatedProduct:
    sku: str
    package: str
    reason: str | None
    created_by: User | None

    @classmethod
    def resolve_reference(cls, sku: str, package: str) -> "DeprecatedProduct | None":
        return OLD if (sku, package) == (OLD.sku, OLD.package) else None


@federation.type(keys=["id", "sku package", "sku variation { id }"], directives=[Custom()])
class Product:
    id: strawberry.ID
    sku: str | None
    package: str | None
    variation: ProductVariation | None
    dimensions: ProductDimension | None
    created_by: User | None = federation.field(provides=["totalProductsCreated"])
    notes: str | None = federation.field(tags=["internal"])
    research: list[ProductResearch]

    @classmethod
    def resolve_reference(cls, **told: Any) -> "Product | None":
        for each in PRODUCTS:
            assert each.variation is not None
            if (
                told.get("id") == each.id
                or (told.get("sku"), told.get("package")) == (each.sku, each.package)
                or (told.get("sku"), told.get("variation")) == (each.sku, {"id": each.variation.id})
            ):
                return each
        return None


@federation.interface_object(keys=[Key(fields="id", resolvable=True)])
class Inventory:
    id: strawberry.ID
    deprecated_products: list[DeprecatedProduct]

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Inventory":
        return cls(id=id, deprecated_products=[OLD])


@federation.type(extend=True)
class Query:
    @strawberry.field
    def product(self, id: strawberry.ID) -> Product | None:
        return Product.resolve_reference(id=id)

    @strawberry.field(deprecation_reason="Use product query instead")
    def deprecated_product(self, sku: str, package: str) -> DeprecatedProduct | None:
        return DeprecatedProduct.resolve_reference(sku, package)


def _user() -> User:
    return User(
        email=strawberry.ID(EMAIL), name="Jane Smith", total_products_created=1337,
        years_of_employment=10,
    )  # fmt: skip


RESEARCH = [
    ProductResearch(
        study=CaseStudy(case_number=strawberry.ID("1234"), description="Federation Study")
    ),
    ProductResearch(study=CaseStudy(case_number=strawberry.ID("1235"), description="Studio Study")),
]
OLD = DeprecatedProduct(
    sku="apollo-federation-v1", package="@apollo/federation-v1",
    reason="Migrate to Federation V2", created_by=_user(),
)  # fmt: skip
PRODUCTS = [
    Product(
        id=strawberry.ID(id), sku=sku, package=package,
        variation=ProductVariation(id=strawberry.ID(variation)),
        dimensions=ProductDimension(size="small", weight=1, unit="kg"),
        created_by=_user(), notes=None, research=[research],
    )
    for id, sku, package, variation, research in (
        ("apollo-federation", "federation", "@apollo/federation", "OSS", RESEARCH[0]),
        ("apollo-studio", "studio", "", "platform", RESEARCH[1]),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Traced(Context):
    """A context from which the suite's tracing reads the request."""

    request: Request | WebSocket | None = None


class Endpoint(GraphQLEndpoint):
    """Our endpoint, with the request in the context."""

    async def get_context(self, request: Request | WebSocket, response: object) -> Context:
        """Return the context of a request."""
        made = await super().get_context(request, response)
        return Traced(made.actor, made.services, address=made.address, request=request)


def build() -> Schema:
    """Return the suite's schema."""
    return Schema(
        query=Query,
        types=[Inventory, ProductResearch, User],
        extensions=[*EXTENSIONS, ApolloFederationTracingExtension],
        config=StrawberryConfig(),
        execution_context_class=ColumnarExecutor,
        federation_version="2.3",
    )
