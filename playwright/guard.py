"""Watches what a flow does not look at: console errors, uncaught exceptions, CSP violations, failed requests."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Request, Response, WebError

# The browser says these once more on the console; the guard has them from the response itself.
_ECHO = "Failed to load resource: the server responded with a status of "

_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || "inline"} on ${event.documentURI}`));
"""


class Guard:
    """Collects whatever goes wrong in the browser during one flow.

    A flow that means to be refused says so beforehand: `guard.expect(402)`. What is expected must then happen.
    """

    def __init__(self, origin: str, *, only_origin: bool) -> None:
        self._origin, self._only_origin = origin, only_origin
        self._contexts: list[BrowserContext] = []
        self._found: list[str] = []
        self.expected: Counter[int] = Counter()
        self._met: set[int] = set()

    def expect(self, *statuses: int) -> None:
        """Let answers of these HTTP statuses pass, any number of times, and ask for at least one of each."""
        self.expected.update(statuses)

    def watch(self, context: BrowserContext) -> BrowserContext:
        """Begin to listen to every page and frame of a context."""
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_exception)
        context.on("response", self._on_response)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failure)
        self._contexts.append(context)
        return context

    def take(self) -> list[str]:
        """Return what has gone wrong since the last time, and forget it."""
        self._catch_up()
        absent = [f"no answer with status {status} came, and one was expected" for status in self._absent()]
        found, self._found = [*dict.fromkeys(self._found), *absent], []
        return found

    def _absent(self) -> list[int]:
        return sorted(self.expected.keys() - self._met)

    def _catch_up(self) -> None:
        """Let events that are still on their way from the browser arrive: one round trip per page."""
        for page in [page for context in self._contexts for page in context.pages]:
            try:
                page.evaluate("0")
            except Error:  # a page that is closing or between documents has said what it had to say
                continue

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ECHO):
            self._found.append(f"console: {message.text} ({message.location['url']})")

    def _on_exception(self, error: WebError) -> None:
        self._found.append(f"uncaught: {error.error}")

    def _on_response(self, response: Response) -> None:
        if response.status < 400:
            return
        self._met.add(response.status)
        if response.status not in self.expected:
            self._found.append(f"{response.status} for {response.request.method} {response.url}")

    def _on_request(self, request: Request) -> None:
        scheme = urlsplit(request.url).scheme
        if self._only_origin and scheme in {"http", "https"} and not request.url.startswith(self._origin + "/"):
            self._found.append(f"a request left the site: {request.method} {request.url}")

    def _on_failure(self, request: Request) -> None:
        # Aborted is what a browser calls the requests of a page that was left.
        if request.failure != "net::ERR_ABORTED":
            self._found.append(f"failed: {request.method} {request.url}: {request.failure}")
