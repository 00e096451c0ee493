"""Permissions, `resource:action`, and which role holds which (trust.md 8d). Default deny."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a use case may ask for; alphabetical."""

    ALERT_READ = "alert:read"
    EVENT_CAPTURE = "event:capture"
    ITEM_READ = "item:read"
    RECALL_RUN = "recall:run"
    SCAN_READ = "scan:read"
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
_READER = _EVERYONE | {
    Permission.ITEM_READ,
    Permission.TRACE_READ,
    Permission.RECALL_RUN,
    Permission.ALERT_READ,
}

# Supplier and regulator see nothing of the genealogy until their scope is enforced inside the
# walk; an administrator runs the service and reads no product data.
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset(_READER),
    Role.OPERATOR: frozenset(_READER | {Permission.EVENT_CAPTURE}),
    Role.QUALITY_ENGINEER: frozenset(_READER | {Permission.EVENT_CAPTURE}),
    Role.QA_RELEASER: frozenset(_READER),
    Role.CHANGE_APPROVER: frozenset(_READER),
    Role.RECALL_COORDINATOR: frozenset(_READER),
    Role.SUPPLIER: frozenset(_EVERYONE),
    Role.REGULATOR: frozenset(_EVERYONE),
    Role.AUDITOR: frozenset(_READER),
    Role.ADMINISTRATOR: frozenset(_EVERYONE),
}
