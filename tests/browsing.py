"""A browser's navigation without a browser: redirects, meta refreshes, and cookies sent as SameSite asks
(RFC 6265bis section 5.2): a navigation that another site began, or passed on, brings no ``Strict`` cookie."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import requests

_HOPS = 12


@dataclass(frozen=True)
class Cookie:
    value: str
    same_site: str
    secure: bool
    text: str
    """The header that set it."""


@dataclass
class Browser:
    """``places`` maps what addresses begin with to where a server really is; ``page`` is the last answer,
    ``url`` its address, ``trail`` all that were opened on the way."""

    places: dict[str, str]
    cookies: dict[str, dict[str, Cookie]] = field(default_factory=dict)
    page: requests.Response = field(default_factory=requests.Response)
    url: str = ""
    trail: list[str] = field(default_factory=list)
    halt: str = ""
    """Stop before opening an address that holds this; it is left in ``url``."""

    def open(self, url: str, *, cross_site: bool = False) -> requests.Response:
        """Type an address in, or follow another site's link to it."""
        return self._go("GET", url, None, "cross-site" if cross_site else "none")

    def submit(self, fields: dict[str, str] | None = None, number: int = 0) -> requests.Response:
        """Send a form of this page as it stands, with ``fields`` put over."""
        form = re.findall(r"(?s)<form([^>]*)>(.*?)</form>", self.page.text)[number]
        found = re.search(r'action="([^"]*)"', form[0])
        inputs = re.findall(r"<input[^>]*>", form[1])
        values = {
            name[1]: html.unescape(value[1]) if value else ""
            for one in inputs
            if (name := re.search(r'name="([^"]*)"', one))
            for value in [re.search(r'value="([^"]*)"', one)]
        }
        target = urljoin(self.url, html.unescape(found[1]) if found else self.url)
        return self._go("POST", target, {**values, **(fields or {})}, self._relation(self.url, target))

    def post(self, url: str, fields: dict[str, str], *, site: str) -> requests.Response:
        """A form that some page sends; ``site`` is what Sec-Fetch-Site says about it."""
        return self._go("POST", url, fields, site)

    @property
    def text(self) -> str:
        """What the page says, with single spaces."""
        body = re.sub(r"(?s)<head>.*?</head>", " ", self.page.text)
        return " ".join(html.unescape(re.sub(r"(?s)<[^>]+>", " ", body)).split())

    def cookie(self, name: str) -> Cookie | None:
        """A cookie of whatever host."""
        return next((jar[name] for jar in self.cookies.values() if name in jar), None)

    def _go(self, method: str, url: str, form: dict[str, str] | None, relation: str) -> requests.Response:
        self.trail = []
        for _ in range(_HOPS):
            if self.halt and self.halt in url:
                self.url = url
                return self.page
            self.page, self.url = self._once(method, url, form, relation), url
            self.trail.append(url)
            refresh = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', self.page.text)
            if self.page.is_redirect:
                following = urljoin(url, self.page.headers["Location"])
                if relation != "cross-site":
                    relation = self._relation(url, following)
            elif refresh:
                following = urljoin(url, html.unescape(refresh[1]))
                relation = self._relation(url, following)
            else:
                return self.page
            method, url, form = "GET", following, None
        raise AssertionError(f"no end to it: {self.trail}")

    def _once(self, method: str, url: str, form: dict[str, str] | None, relation: str) -> requests.Response:
        jar = self.cookies.setdefault(urlsplit(url).hostname or "", {})
        sent = {name: one.value for name, one in jar.items() if self._goes(one, method, url, relation)}
        headers = {
            "Host": urlsplit(url).netloc,
            "Sec-Fetch-Site": relation,
            "Cookie": "; ".join(f"{name}={value}" for name, value in sent.items()),
        }
        answer = requests.request(
            method, self._real(url), data=form, headers=headers, allow_redirects=False, timeout=30
        )
        for text in answer.raw.headers.getlist("Set-Cookie"):
            self._keep(jar, text)
        return answer

    def _goes(self, cookie: Cookie, method: str, url: str, relation: str) -> bool:
        if cookie.secure and not url.startswith("https:"):
            return False
        if relation != "cross-site":
            return True
        return cookie.same_site == "Lax" and method == "GET"

    def _keep(self, jar: dict[str, Cookie], text: str) -> None:
        for name, morsel in SimpleCookie(text).items():
            if "2000" in morsel["expires"]:
                jar.pop(name, None)
            else:
                jar[name] = Cookie(morsel.value, morsel["samesite"], bool(morsel["secure"]), text)

    def _real(self, url: str) -> str:
        for start, place in self.places.items():
            if url.startswith(start):
                return place + url[len(start) :]
        return url

    @staticmethod
    def _relation(here: str, there: str) -> str:
        return "same-origin" if urlsplit(here)[:2] == urlsplit(there)[:2] else "cross-site"
