"""Permissions, `resource:action`, and which role holds which (trust.md 8d). Default deny."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a use case may ask for; alphabetical."""

    ACCESS_GRANT = "access:grant"
    ACCESS_READ = "access:read"
    ACCOUNT_MANAGE = "account:manage"
    ALERT_READ = "alert:read"
    CHANGE_APPROVE = "change:approve"
    CHANGE_RAISE = "change:raise"
    CHANGE_READ = "change:read"
    EVENT_CAPTURE = "event:capture"
    FACTOR_ENROL = "factor:enrol"
    FACTOR_RESET = "factor:reset"
    HOLD_PLACE = "hold:place"
    ITEM_READ = "item:read"
    JOURNAL_PROVE = "journal:prove"
    JOURNAL_READ = "journal:read"
    LOT_RELEASE = "lot:release"
    RECALL_RUN = "recall:run"
    RELEASE_READ = "release:read"
    SCAN_READ = "scan:read"
    SIGNATURE_READ = "signature:read"
    SIGNATURE_REQUEST = "signature:request"
    TRACE_READ = "trace:read"
    VIEWER_READ = "viewer:read"


class Role(StrEnum):
    """Roles of the product; values are what tokens carry."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    QUALITY_ENGINEER = "quality_engineer"
    QA_RELEASER = "qa_releaser"
    CHANGE_APPROVER = "change_approver"
    RECALL_COORDINATOR = "recall_coordinator"
    SUPPLIER = "supplier"
    REGULATOR = "regulator"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


_EVERYONE = {Permission.VIEWER_READ, Permission.SCAN_READ}
# What is told of items and their genealogy; a partner gets it within its scope only, which the
# database holds for it (`records.access`).
_GENEALOGY = {Permission.ITEM_READ, Permission.TRACE_READ}
_READER = (
    _EVERYONE
    | _GENEALOGY
    | {
        Permission.RECALL_RUN,
        Permission.ALERT_READ,
        Permission.RELEASE_READ,
        Permission.SIGNATURE_READ,
        Permission.JOURNAL_PROVE,
    }
)
_QUALITY = _READER | {Permission.CHANGE_READ}
_STAFF = _QUALITY | {Permission.CHANGE_RAISE, Permission.JOURNAL_READ, Permission.HOLD_PLACE}
_SIGNER = {Permission.SIGNATURE_REQUEST, Permission.FACTOR_ENROL}

# An administrator runs the service and reads no product data.
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset(_READER),
    Role.OPERATOR: frozenset(
        _QUALITY | {Permission.CHANGE_RAISE, Permission.EVENT_CAPTURE, Permission.HOLD_PLACE}
    ),
    Role.QUALITY_ENGINEER: frozenset(_STAFF | {Permission.EVENT_CAPTURE}),
    Role.QA_RELEASER: frozenset(_STAFF | _SIGNER | {Permission.LOT_RELEASE}),
    Role.CHANGE_APPROVER: frozenset(_STAFF | _SIGNER | {Permission.CHANGE_APPROVE}),
    Role.RECALL_COORDINATOR: frozenset(_QUALITY | _SIGNER),
    Role.SUPPLIER: frozenset(_EVERYONE | _GENEALOGY),
    Role.REGULATOR: frozenset(_EVERYONE | _GENEALOGY | {Permission.RECALL_RUN}),
    Role.AUDITOR: frozenset(_QUALITY | {Permission.JOURNAL_READ, Permission.ACCESS_READ}),
    Role.ADMINISTRATOR: frozenset(
        _EVERYONE
        | {
            Permission.ACCESS_GRANT,
            Permission.ACCESS_READ,
            Permission.ACCOUNT_MANAGE,
            Permission.FACTOR_RESET,
        }
    ),
}

# Whom the record answers through a database role of their own, within a scope.
PARTNERS = frozenset({Role.SUPPLIER, Role.REGULATOR})
# Roles whose signature lets something happen.
SIGNING = frozenset({Role.QA_RELEASER, Role.CHANGE_APPROVER, Role.RECALL_COORDINATOR})
# Permissions that change the record.
WRITING = frozenset(
    {
        Permission.ACCESS_GRANT,
        Permission.ACCOUNT_MANAGE,
        Permission.CHANGE_APPROVE,
        Permission.CHANGE_RAISE,
        Permission.EVENT_CAPTURE,
        Permission.FACTOR_ENROL,
        Permission.FACTOR_RESET,
        Permission.HOLD_PLACE,
        Permission.LOT_RELEASE,
        Permission.SIGNATURE_REQUEST,
    }
)
