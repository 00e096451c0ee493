"""The pages of the sign-in, in English and Chinese, as plain HTML that works without scripts."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lotkin.errors import Language

FILES = Path(__file__).parent / "static" / "signin"
_PAGE = Template((FILES / "page.html").read_text(encoding="utf-8"))

# Each text in English and Chinese.
_TEXTS: dict[str, tuple[str, str]] = {
    "sign_in": ("Sign in", "登录"),
    "for_client": ("To continue to {client}", "登录后将进入 {client}"),
    "login": ("Login", "登录名"),
    "password": ("Password", "密码"),
    "code": ("One-time code", "一次性验证码"),
    "code_hint": (
        "Six digits from your authenticator app; leave empty if you have not set one up.",
        "身份验证器应用中的六位数字;尚未设置的请留空。",
    ),
    "wrong": (
        "That did not work. Check login, password and code. After five failures wait 15 minutes.",
        "登录未成功。请核对登录名、密码和验证码。连续失败五次后请等待 15 分钟。",
    ),
    "choose": ("Choose a new password", "设置新密码"),
    "choose_why": (
        "Your password was given to you by somebody else. Choose one that only you know.",
        "当前密码由他人设置。请设置只有您本人知道的密码。",
    ),
    "old": ("Present password", "当前密码"),
    "new": ("New password", "新密码"),
    "again": ("New password again", "再次输入新密码"),
    "new_hint": ("At least 12 characters.", "至少 12 个字符。"),
    "differ": ("The two new passwords differ.", "两次输入的新密码不一致。"),
    "weak": (
        "Choose a password of at least 12 different enough characters, without your login.",
        "请设置至少 12 个字符、变化足够且不含登录名的密码。",
    ),
    "save": ("Save", "保存"),
    "account": ("Your account", "您的账户"),
    "signed_in_as": ("Signed in as {person} ({login})", "当前登录:{person}({login})"),
    "phone": ("One-time codes", "一次性验证码"),
    "phone_on": ("An authenticator app is set up.", "已设置身份验证器应用。"),
    "phone_off": ("No authenticator app is set up.", "尚未设置身份验证器应用。"),
    "phone_set": ("Set up an authenticator app", "设置身份验证器应用"),
    "phone_how": (
        "Enter this key into your authenticator app, or open the address below on your phone. "
        "Then enter the code it shows.",
        "请将此密钥输入身份验证器应用,或在手机上打开下方地址,然后输入应用显示的验证码。",
    ),
    "key": ("Key", "密钥"),
    "address": ("Address", "地址"),
    "done": ("Saved.", "已保存。"),
    "sign_out": ("Sign out", "退出登录"),
    "signed_out": ("You are signed out", "您已退出登录"),
    "close": ("You can close this page.", "您可以关闭此页面。"),
    "not_possible": ("This is not possible", "无法继续"),
    "go_back": (
        "Go back to the application and start again. What is wrong: {reason}",
        "请返回应用程序重新开始。原因:{reason}",
    ),
    "stale": (
        "This page was open too long or came from elsewhere. Load it again.",
        "页面已过期或来源不正确。请重新加载。",
    ),
}


@dataclass(frozen=True, slots=True)
class Form:
    """One form. fields: names of `FIELDS`; hidden: the value that shows the page is ours."""

    action: str
    hidden: str
    fields: Sequence[str]
    button: str
    focus: bool = True


# name -> attributes for the browser, and the name of a hint.
FIELDS: dict[str, tuple[str, str | None]] = {
    "login": ('autocomplete="username" autocapitalize="none" spellcheck="false" required', None),
    "password": ('type="password" autocomplete="current-password" required', None),
    "code": ('inputmode="numeric" autocomplete="one-time-code" maxlength="12"', "code_hint"),
    "old": ('type="password" autocomplete="current-password" required', None),
    "new": ('type="password" autocomplete="new-password" minlength="12" required', "new_hint"),
    "again": ('type="password" autocomplete="new-password" minlength="12" required', None),
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes pages in one language. here: this page's address but for the language, with a `?`
    or `&` at its end."""

    language: Language
    here: str

    def text(self, name: str, **facts: str) -> str:
        """Return a text, escaped for HTML."""
        found = _TEXTS[name][0 if self.language == "en" else 1]
        return html.escape(found.format_map(facts))

    def page(self, title: str, *parts: str) -> str:
        """Return a whole page. title: name of a text; parts: HTML."""
        other, lang = ("English", "en") if self.language == "zh" else ("中文", "zh-CN")
        return _PAGE.substitute(
            lang="zh-CN" if self.language == "zh" else "en",
            title=self.text(title),
            body="\n".join(part for part in parts if part),
            other=other,
            other_lang=lang,
            other_href=html.escape(f"{self.here}ui_locales={lang}"),
        )

    def paragraph(self, name: str, **facts: str) -> str:
        """Return a paragraph of a text."""
        return f"<p>{self.text(name, **facts)}</p>"

    def heading(self, name: str) -> str:
        """Return a heading within the page."""
        return f"<h2>{self.text(name)}</h2>"

    def alert(self, name: str, *, good: bool = False) -> str:
        """Return a text that is read out at once."""
        kind = "good" if good else "bad"
        return f'<p class="{kind}" role="{"status" if good else "alert"}">{self.text(name)}</p>'

    def shown(self, name: str, value: str) -> str:
        """Return a value with its name, to be copied."""
        return f"<p>{self.text(name)}<br><code>{html.escape(value)}</code></p>"

    def form(self, form: Form) -> str:
        """Return a form."""
        lines = [
            f'<form method="post" action="{html.escape(form.action)}" autocomplete="on">',
            f'<input type="hidden" name="csrf" value="{html.escape(form.hidden)}">',
        ]
        for place, name in enumerate(form.fields):
            attributes, hint = FIELDS[name]
            focus = " autofocus" if form.focus and place == 0 else ""
            told = f' aria-describedby="{name}-hint"' if hint else ""
            lines += [
                f'<label for="{name}">{self.text(name)}</label>',
                f'<input id="{name}" name="{name}" {attributes}{told}{focus}>',
            ]
            if hint:
                lines.append(f'<p class="hint" id="{name}-hint">{self.text(hint)}</p>')
        lines += [f'<button type="submit">{self.text(form.button)}</button>', "</form>"]
        return "\n".join(lines)
