"""Lotkin tells a medical-device maker where every lot and serial came from and where it went.

Events come in as EPCIS 2.0, PostgreSQL keeps the record, Neo4j answers the genealogy, and a
GraphQL API says which devices a suspect lot reaches, why, and who must be told.
"""

__version__ = "0.1.0"
