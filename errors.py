"""The whole error tree: what can go wrong, what the client reads, what to do next.

    LotkinError
    ├── Problem    expected by the business: becomes an entry of a payload's `problems`
    └── Refusal    no answer is possible: becomes `errors[]` with `extensions.code`

Every code has one English and one Chinese text here and a row in `docs/errors.md`; a test keeps
the three in step. Anything that is not a LotkinError is a bug: masked and logged at the edge.
Texts are `str.format` templates over the error's facts and end by saying what to do.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal

Language = Literal["en", "zh"]


class ProblemCode(StrEnum):
    """Codes of expected failures, stable for clients."""

    BAD_DOCUMENT = "BAD_DOCUMENT"
    BAD_EVENT = "BAD_EVENT"
    BAD_IDENTIFIER = "BAD_IDENTIFIER"
    BAD_CHECK_DIGIT = "BAD_CHECK_DIGIT"
    BAD_DATE = "BAD_DATE"
    BAD_QUANTITY = "BAD_QUANTITY"
    BAD_TIME_QUALITY = "BAD_TIME_QUALITY"
    BAD_ACTIVITY_KIND = "BAD_ACTIVITY_KIND"
    AMBIGUOUS_SCAN = "AMBIGUOUS_SCAN"
    UNKNOWN_SCHEME = "UNKNOWN_SCHEME"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    DOCUMENT_TOO_DEEP = "DOCUMENT_TOO_DEEP"
    TOO_MANY_EVENTS = "TOO_MANY_EVENTS"
    CONTAINMENT_CYCLE = "CONTAINMENT_CYCLE"
    EVENT_ID_CONFLICT = "EVENT_ID_CONFLICT"
    ROLLED_BACK = "ROLLED_BACK"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    # Remarks on captured events: stored, flagged, never refused (ruling 15).
    CONTAINMENT_CONFLICT = "CONTAINMENT_CONFLICT"
    CONTENTS_MISMATCH = "CONTENTS_MISMATCH"
    FUTURE_EVENT = "FUTURE_EVENT"
    MASS_BALANCE = "MASS_BALANCE"
    OVERDRAWN = "OVERDRAWN"
    UNKNOWN_ORIGINAL = "UNKNOWN_ORIGINAL"
    UNKNOWN_SENSOR_TYPE = "UNKNOWN_SENSOR_TYPE"
    UNREGISTERED_SOURCE = "UNREGISTERED_SOURCE"
    USED_AFTER_END = "USED_AFTER_END"
    # Signatures.
    SIG_STEP_UP_REQUIRED = "SIG_STEP_UP_REQUIRED"
    SIG_NOT_FOUND = "SIG_NOT_FOUND"
    SIG_EXPIRED = "SIG_EXPIRED"
    SIG_REVOKED = "SIG_REVOKED"
    SIG_CONSUMED = "SIG_CONSUMED"
    SIG_PROOF_INVALID = "SIG_PROOF_INVALID"
    SIG_LOCKED = "SIG_LOCKED"
    SIG_CONTEXT_CHANGED = "SIG_CONTEXT_CHANGED"
    SIG_RECORD_CHANGED = "SIG_RECORD_CHANGED"
    SIG_FORBIDDEN = "SIG_FORBIDDEN"
    SIG_SOD_CONFLICT = "SIG_SOD_CONFLICT"
    SIG_PREREQUISITE = "SIG_PREREQUISITE"
    SIG_FACTOR_MISSING = "SIG_FACTOR_MISSING"
    SIG_TOO_MANY_PENDING = "SIG_TOO_MANY_PENDING"


class RefusalCode(StrEnum):
    """Values of `errors[].extensions.code`, stable for clients (ruling 23)."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    AMBIGUOUS_SUSPECT = "AMBIGUOUS_SUSPECT"
    AMBIGUOUS_ITEM = "AMBIGUOUS_ITEM"
    AS_OF_CONFLICT = "AS_OF_CONFLICT"
    BAD_INPUT = "BAD_INPUT"
    GRAPH_UNAVAILABLE = "GRAPH_UNAVAILABLE"
    PROJECTION_LAG = "PROJECTION_LAG"
    WALK_TOO_LARGE = "WALK_TOO_LARGE"
    WALK_TIMEOUT = "WALK_TIMEOUT"
    RATE_LIMITED = "RATE_LIMITED"
    COST_LIMIT = "COST_LIMIT"
    DOCUMENT_LIMIT = "DOCUMENT_LIMIT"
    UNTRUSTED_DOCUMENT = "UNTRUSTED_DOCUMENT"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class LotkinError(Exception):
    """A failure with a stable code, facts for its text, and a detail for the log only."""

    def __init__(self, code: ProblemCode | RefusalCode, *, detail: str = "", **facts: Any) -> None:
        super().__init__(code.value, facts, detail)
        self.code = code
        self.facts = facts
        self.detail = detail

    def message(self, language: Language = "en") -> str:
        """Return the client's text in `language`; it never contains `detail`."""
        return TEXTS[self.code][0 if language == "en" else 1].format_map(_Facts(self.facts))


class Problem(LotkinError):  # noqa: N818  (the API's own word)
    """An expected failure of a mutation or of one event; `path` points into the input."""

    code: ProblemCode

    def __init__(
        self, code: ProblemCode, *, path: Sequence[str | int] = (), detail: str = "", **facts: Any
    ) -> None:
        super().__init__(code, detail=detail, **facts)
        self.path = tuple(str(part) for part in path)


class Refusal(LotkinError):  # noqa: N818  (the API's own word)
    """No answer is possible; nothing was read or written on the caller's behalf."""

    code: RefusalCode


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


TEXTS: dict[ProblemCode | RefusalCode, tuple[str, str]] = {
    ProblemCode.BAD_DOCUMENT: (
        "Not an EPCIS 2.0 document: {reason}. Correct it and send it again.",
        "不是有效的 EPCIS 2.0 文档:{reason}。请更正后重新发送。",
    ),
    ProblemCode.BAD_EVENT: (
        "The event breaks EPCIS 2.0: {reason}. Correct it and send it again.",
        "事件不符合 EPCIS 2.0:{reason}。请更正后重新发送。",
    ),
    ProblemCode.BAD_IDENTIFIER: (
        "{value} is not an identifier we can read: {reason}. Check the label or the sender.",
        "无法识别标识符 {value}:{reason}。请核对标签或发送方。",
    ),
    ProblemCode.BAD_CHECK_DIGIT: (
        "The check digit of {value} is wrong; {expected} was expected. Scan the label again.",
        "{value} 的校验位错误,应为 {expected}。请重新扫描标签。",
    ),
    ProblemCode.BAD_DATE: (
        "{value} is not a date: {reason}. Give year, month and day as the scheme asks.",
        "{value} 不是有效日期:{reason}。请按规则提供年、月、日。",
    ),
    ProblemCode.BAD_QUANTITY: (
        "{value} is not a quantity: {reason}. Give a number and a unit code.",
        "{value} 不是有效数量:{reason}。请提供数值和单位代码。",
    ),
    ProblemCode.BAD_TIME_QUALITY: (
        "{value} is not a time quality. Use MEASURED, DECLARED or BACKFLUSHED.",
        "{value} 不是有效的时间质量。请使用 MEASURED、DECLARED 或 BACKFLUSHED。",
    ),
    ProblemCode.BAD_ACTIVITY_KIND: (
        "{value} is not a kind of activity. Use one of {allowed}.",
        "{value} 不是有效的活动类型。请使用 {allowed} 之一。",
    ),
    ProblemCode.AMBIGUOUS_SCAN: (
        "The scan can be read in more than one way: {reason}. Scan with separators (FNC1) or "
        "choose a candidate.",
        "扫描内容有多种读法:{reason}。请带分隔符(FNC1)重新扫描或选择候选项。",
    ),
    ProblemCode.UNKNOWN_SCHEME: (
        "{value} follows no identification scheme we know. Look it up by its exact key instead.",
        "{value} 不属于已知的标识体系。请改用其精确键值查询。",
    ),
    ProblemCode.DOCUMENT_TOO_LARGE: (
        "The document has {size} bytes; at most {limit} are accepted. Split it by events.",
        "文档有 {size} 字节,最多接受 {limit} 字节。请按事件拆分。",
    ),
    ProblemCode.DOCUMENT_TOO_DEEP: (
        "The document is nested deeper than {limit} levels. Flatten its extensions.",
        "文档嵌套超过 {limit} 层。请精简扩展内容。",
    ),
    ProblemCode.TOO_MANY_EVENTS: (
        "The document has {count} events; at most {limit} are accepted. Split it.",
        "文档有 {count} 个事件,最多接受 {limit} 个。请拆分。",
    ),
    ProblemCode.CONTAINMENT_CYCLE: (
        "{child} would contain itself through {parent} in this document. Correct the packing.",
        "本文档中 {child} 将通过 {parent} 包含其自身。请更正装箱数据。",
    ),
    ProblemCode.EVENT_ID_CONFLICT: (
        "Event {event_id} is already recorded with other content. Correct it by an error "
        "declaration and a new event.",
        "事件 {event_id} 已以不同内容记录。请使用错误声明并发送新事件来更正。",
    ),
    ProblemCode.ROLLED_BACK: (
        "Nothing of this document was kept because event {index} was refused. Correct that event, "
        "or send with PROCEED.",
        "因事件 {index} 被拒绝,整份文档均未保存。请更正该事件,或使用 PROCEED 发送。",
    ),
    ProblemCode.IDEMPOTENCY_CONFLICT: (
        "The idempotency key was used for another document. Use a new key.",
        "该幂等键已用于另一份文档。请使用新的键。",
    ),
    ProblemCode.CONTAINMENT_CONFLICT: (
        "{child} was still in {older} when it was put into {parent}; the older one was closed. "
        "Check whether an unpacking event is missing.",
        "{child} 放入 {parent} 时仍在 {older} 中;旧的包含关系已关闭。请检查是否缺少拆箱事件。",
    ),
    ProblemCode.CONTENTS_MISMATCH: (
        "What was told of {parent} does not match its recorded contents: {reason}. Count again.",
        "{parent} 的申报内容与记录不符:{reason}。请重新清点。",
    ),
    ProblemCode.FUTURE_EVENT: (
        "The event time {at} lies in the future; it counts from then on. Check the sender's clock.",
        "事件时间 {at} 在未来,将从该时刻起生效。请检查发送方时钟。",
    ),
    ProblemCode.MASS_BALANCE: (
        "Activity {activity} drew {drawn} and produced {produced} {unit}, outside its tolerance. "
        "Check the quantities and the scrap.",
        "活动 {activity} 投入 {drawn}、产出 {produced} {unit},超出容差。请核对数量与报废。",
    ),
    ProblemCode.OVERDRAWN: (
        "More was drawn from {item} than was ever made or received. Check the quantities.",
        "{item} 的领用量超过其生产或接收量。请核对数量。",
    ),
    ProblemCode.UNKNOWN_ORIGINAL: (
        "The event declared wrong is not known yet; it will be retracted when it comes.",
        "被声明错误的事件尚未收到;收到后将被撤回。",
    ),
    ProblemCode.UNKNOWN_SENSOR_TYPE: (
        "Sensor type {value} is not in the GS1 list; the reading is kept as sent. Check its "
        "spelling.",
        "传感器类型 {value} 不在 GS1 列表中;读数已按原样保存。请核对拼写。",
    ),
    ProblemCode.UNREGISTERED_SOURCE: (
        "Source {source} is not registered; its times count as declared. Register it in "
        "LOTKIN_SOURCES.",
        "来源 {source} 未注册,其时间按申报时间处理。请在 LOTKIN_SOURCES 中注册。",
    ),
    ProblemCode.USED_AFTER_END: (
        "{item} was used after it was decommissioned or destroyed. Check both events.",
        "{item} 在停用或销毁后仍被使用。请核对两个事件。",
    ),
    ProblemCode.SIG_STEP_UP_REQUIRED: (
        "Signing needs a log-in not older than {max_age} s, of the strength asked for "
        "[{acr_values}]. Sign in again and ask for the signature anew.",
        "签名要求登录不超过 {max_age} 秒,且达到所需强度 [{acr_values}]。请重新登录后再次申请签名。",
    ),
    ProblemCode.SIG_NOT_FOUND: (
        "There is nothing for you to sign under that id. Ask for a new signature.",
        "该编号下没有可供您签署的内容。请重新申请签名。",
    ),
    ProblemCode.SIG_EXPIRED: (
        "The signature challenge has expired. Ask for a new one and sign within its time.",
        "签名挑战已过期。请重新申请并在有效期内签署。",
    ),
    ProblemCode.SIG_REVOKED: (
        "The signature challenge was replaced by a newer one. Use the newer one.",
        "签名挑战已被更新的挑战取代。请使用新的挑战。",
    ),
    ProblemCode.SIG_CONSUMED: (
        "This challenge was used for signature {signatureId}. Ask for a new one for another "
        "signature.",
        "该挑战已用于签名 {signatureId}。如需再次签名,请重新申请。",
    ),
    ProblemCode.SIG_PROOF_INVALID: (
        "The proof is not valid; {attemptsLeft} attempts are left. Check the factor and try again.",
        "证明无效,剩余 {attemptsLeft} 次尝试。请检查验证因素后重试。",
    ),
    ProblemCode.SIG_LOCKED: (
        "Too many wrong proofs; signing is locked. Try again in {retryAfter} s and tell an "
        "administrator if it was not you.",
        "错误证明过多,签名已锁定。请在 {retryAfter} 秒后重试;若非本人操作,请告知管理员。",
    ),
    ProblemCode.SIG_CONTEXT_CHANGED: (
        "The session, key or browser differs from the one that asked. Ask for the signature "
        "where you sign.",
        "会话、密钥或浏览器与申请时不同。请在签署处重新申请签名。",
    ),
    ProblemCode.SIG_RECORD_CHANGED: (
        "The record is not what was shown to you; it stands at version {currentVersion}. "
        "Review it and ask again.",
        "记录与向您展示的内容不同,当前版本为 {currentVersion}。请重新审核后再申请。",
    ),
    ProblemCode.SIG_FORBIDDEN: (
        "Your role does not include {permission}, which this signature needs. Ask somebody "
        "whose role does.",
        "您的角色不包含此签名所需的 {permission}。请由具备该权限的人员签署。",
    ),
    ProblemCode.SIG_SOD_CONFLICT: (
        "Segregation of duties forbids it (rule {rule}). Ask another person to sign.",
        "违反职责分离规则({rule})。请由其他人员签署。",
    ),
    ProblemCode.SIG_PREREQUISITE: (
        "Something must come first: {missing}. See to it, then ask for the signature.",
        "尚有前置条件未满足:{missing}。请先完成,再申请签名。",
    ),
    ProblemCode.SIG_FACTOR_MISSING: (
        "No signing factor is enrolled for you. Enrol one in your own session first.",
        "您尚未登记签名验证因素。请先在本人会话中登记。",
    ),
    ProblemCode.SIG_TOO_MANY_PENDING: (
        "{limit} signatures wait for you already. Sign them or let them expire first.",
        "您已有 {limit} 个待签名请求。请先签署或等待其过期。",
    ),
    RefusalCode.UNAUTHENTICATED: (
        "A valid bearer token is needed. Sign in and try again.",
        "需要有效的访问令牌。请登录后重试。",
    ),
    RefusalCode.FORBIDDEN: (
        "Your role does not include {permission}. Ask an administrator for a role that does.",
        "您的角色不包含 {permission}。请向管理员申请相应角色。",
    ),
    RefusalCode.NOT_FOUND: (
        "Nothing is known under entry {index} of the request. Check the identifier.",
        "请求中的第 {index} 项无匹配记录。请核对标识符。",
    ),
    RefusalCode.AMBIGUOUS_SUSPECT: (
        "Suspect {index} names more than one lot or serial. Choose among the candidates.",
        "可疑项 {index} 对应多个批次或序列号。请从候选项中选择。",
    ),
    RefusalCode.AMBIGUOUS_ITEM: (
        "The look-up names more than one item. Choose among the candidates.",
        "查询对应多个对象。请从候选项中选择。",
    ),
    RefusalCode.AS_OF_CONFLICT: (
        "Give either asOf.position or asOf.recordTime, not both.",
        "asOf.position 与 asOf.recordTime 只能提供其一。",
    ),
    RefusalCode.BAD_INPUT: ("{reason}. Correct the input.", "{reason}。请更正输入。"),
    RefusalCode.GRAPH_UNAVAILABLE: (
        "Neo4j does not answer. Leave out `engine` to be answered from PostgreSQL.",
        "Neo4j 无响应。请省略 engine 参数,由 PostgreSQL 回答。",
    ),
    RefusalCode.PROJECTION_LAG: (
        "Position {wanted} is not reached yet; the answer would stand at {reached}. Try again in a "
        "second.",
        "尚未到达位置 {wanted},当前为 {reached}。请稍后重试。",
    ),
    RefusalCode.WALK_TOO_LARGE: (
        "The walk passes its bound of {limit} {what}. Ask from fewer items, or ask an "
        "administrator to raise the bound of your role.",
        "遍历超过上限 {limit} {what}。请减少起点,或请管理员提高您角色的上限。",
    ),
    RefusalCode.WALK_TIMEOUT: (
        "The walk took longer than {seconds} s. Ask from fewer items, or try again later.",
        "遍历超过 {seconds} 秒。请减少起点或稍后重试。",
    ),
    RefusalCode.RATE_LIMITED: (
        "Too many operations; try again in {seconds} s.",
        "操作过于频繁,请在 {seconds} 秒后重试。",
    ),
    RefusalCode.COST_LIMIT: (
        "The operation costs {cost}; at most {limit} is allowed. Ask for smaller pages or fewer "
        "fields.",
        "操作代价为 {cost},上限为 {limit}。请减小分页或字段数量。",
    ),
    RefusalCode.DOCUMENT_LIMIT: (
        "The document has more than {limit} {what}. Ask in smaller operations.",
        "文档超过上限:{limit} {what}。请拆分为较小的操作。",
    ),
    RefusalCode.UNTRUSTED_DOCUMENT: (
        "Only listed documents are answered here. Send the documentId of one.",
        "此处仅接受已登记的文档。请发送其 documentId。",
    ),
    RefusalCode.TIMEOUT: (
        "The operation took longer than {seconds} s. Ask for less, or try again later.",
        "操作超过 {seconds} 秒。请减少请求内容或稍后重试。",
    ),
    RefusalCode.UNAVAILABLE: (
        "The service cannot reach its database. Try again shortly.",
        "服务暂时无法连接数据库。请稍后重试。",
    ),
    RefusalCode.INTERNAL: (
        "Something failed on our side. Quote {correlation} when you report it.",
        "服务内部发生错误。报告时请提供编号 {correlation}。",
    ),
}
