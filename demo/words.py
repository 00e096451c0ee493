"""The sentences of the story, in English and Chinese."""

from typing import Literal

Language = Literal["en", "zh"]

RULES: dict[str, tuple[str, str]] = {
    "SUSPECT": ("is the suspect itself", "即可疑对象本身"),
    "MEMBER_OF_LOT": ("belongs to the lot", "属于该批次"),
    "PART_INSTALLED": ("still has the part in it", "部件仍装在其中"),
    "ALL_SUPPLY_TAINTED": ("all of this input was suspect", "该投入全部可疑"),
    "ALL_CONSUMED_IN_IT": ("all of it went into this one", "全部用于此件"),
    "MIXED_SUPPLY": ("suspect and good supply were mixed", "可疑与合格物料混用"),
    "TOO_FEW_PIECES": ("fewer suspect pieces than units made", "可疑件少于产出件"),
    "WINDOWED_SUSPECT": ("perhaps outside the suspect window", "可能在可疑时段之外"),
    "UNCERTAIN_TIME": ("times are not sure enough to say no", "时间不够可靠,无法排除"),
    "PART_REMOVED": ("the suspect part was taken out", "可疑部件已拆除"),
    "AFTER_PART_REMOVED": ("made after the part was taken out", "部件拆除后制造"),
    "DRAWN_BEFORE_EXPOSURE": ("used before it was exposed", "领用早于受影响时间"),
    "PRODUCED_BEFORE_EXPOSURE": ("made before suspect material came in", "产出早于可疑物料投入"),
    "DRAWN_AFTER_WINDOW": ("used after the suspect window", "领用晚于可疑时段"),
    "REMOVED_BEFORE_EXPOSURE": ("taken out before it was exposed", "拆除早于受影响时间"),
    "UPSTREAM_EXCLUDED": ("what it was made of is out", "其来源已排除"),
}

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("A recall, told by the record", "一次召回:由记录讲述"),
    "captured": (
        "{events} events captured in {documents} documents ({duplicates} were known already), "
        "about {lots} lots, {serials} serials and {containers} containers.",
        "已采集 {documents} 份文档中的 {events} 个事件(其中 {duplicates} 个已存在),"
        "涉及 {lots} 个批次、{serials} 个序列号和 {containers} 个容器。",
    ),
    "suspect": (
        "Suspect: lot {lot} of {name} ({quantity}). Its supplier gave notice on {since}; "
        "it was moulded into cassettes of infusion sets and into housings of pump drive modules.",
        "可疑批次:{name} 的 {lot}({quantity})。供应商于 {since} 发出通知;"
        "该料注塑为输液器卡盒和输液泵驱动模块外壳。",
    ),
    "answer": (
        "Answered by {engine} in {ms} ms ({first} ms the first time; {http} ms over HTTP) at "
        "journal position {position}; {visited} items visited.",
        "由 {engine} 在 {ms} 毫秒内回答(首次 {first} 毫秒;经 HTTP {http} 毫秒),"
        "日志位置 {position};访问 {visited} 个对象。",
    ),
    "reach": (
        "{serials} devices are hit. Of all exposed items {shipped} went out to {consignees} "
        "consignees, {in_stock} are in stock, {consumed} are used up; {containers} containers "
        "hold some.",
        "{serials} 件器械受影响。全部受影响对象中,{shipped} 项已发往 {consignees} 个收货方,"
        "{in_stock} 项在库,{consumed} 项已耗用;{containers} 个容器装有其中部分。",
    ),
    "class": ("class", "类别"),
    "timed": ("devices, by time", "器械(计时间)"),
    "untimed": ("devices, outer bound", "器械(不计时间)"),
    "CERTAIN": ("certain", "确定"),
    "POSSIBLE": ("possible", "可能"),
    "PREVIOUSLY_EXPOSED": ("previously exposed", "曾受影响"),
    "EXCLUDED": ("excluded by measured times", "由实测时间排除"),
    "consignee": ("consignee", "收货方"),
    "devices": ("devices", "器械"),
    "from": ("first sent", "首次发货"),
    "until": ("last sent", "最近发货"),
    "where": (
        "Where is {name} {serial} now? {place}.",
        "{name} {serial} 现在何处?{place}。",
    ),
    "inside": ("in carton {0}", "在纸箱 {0} 中"),
    "on": ("on pallet {0}", "位于托盘 {0} 上"),
    "at": ("at {0}", "位于 {0}"),
    "held": ("held by {0}", "持有方 {0}"),
    "transit": ("on the way to {0}", "运往 {0} 途中"),
    "why": ("Why is it in?", "为何在召回范围内?"),
    "why_not": (
        "Why is {name} {serial} out, though it came from the same run?",
        "{name} {serial} 出自同一生产单,为何不在范围内?",
    ),
    "replaced": (
        "Pump {serial} at {holder}: its suspect drive module was replaced, the removal was "
        "measured, so it is previously exposed, not exposed now ({rule}).",
        "{holder} 的输液泵 {serial}:可疑驱动模块已更换,拆除时间为实测,"
        "因此属于曾受影响,现已不受影响({rule})。",
    ),
    "by_hand": (
        "Pump {serial} at {holder}: its module was replaced too, but the time was only written "
        "down. A declared removal proves nothing, so it stays in ({rule}).",
        "{holder} 的输液泵 {serial}:模块同样已更换,但时间仅为手工申报,不能作为证明,"
        "因此仍在范围内({rule})。",
    ),
    "returned": (
        "Pump {serial} came back, was checked and went out again; {holder} holds it now.",
        "输液泵 {serial} 曾退回、检验后再次发出;现由 {holder} 持有。",
    ),
    "renumbered": (
        "Pump {old} got a new number, {new}; both names find it.",
        "输液泵 {old} 已改号为 {new};两个编号均可查到。",
    ),
    "bound": (
        "And component lot {lot} ({name}): {certain} devices certain, {possible} possible; "
        "the pieces drawn bound it: at most {at_most} of {unit}.",
        "另有元件批次 {lot}({name}):确定 {certain} 件器械,可能 {possible} 件;"
        "领用件数给出上限:{unit} 至多 {at_most} 件。",
    ),
    "open": ("Ask it yourself: {0}", "自行查询:{0}"),
    "roles": (
        "Users are the roles {0}; their tokens are in {1} until this demo ends.",
        "用户即角色 {0};演示结束前令牌保存在 {1}。",
    ),
    "capture": (
        "Capture your own file: .venv/bin/lotkin capture FILE.json",
        "采集您自己的文件:.venv/bin/lotkin capture FILE.json",
    ),
    "stop": ("Ctrl-C stops everything.", "按 Ctrl-C 停止全部服务。"),
}


def text(language: Language, name: str, /, *values: object, **facts: object) -> str:
    """Return a sentence or a word of the story, filled in."""
    return TEXTS[name][language == "zh"].format(*values, **facts)


def rule(language: Language, code: str) -> str:
    """Return what a rule says; an unknown code says itself."""
    return RULES.get(code, (code, code))[language == "zh"]
