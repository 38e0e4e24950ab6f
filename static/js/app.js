// What every page needs beside htmx: theme, time zone, busy panels, messages. Behaviour of card forms is in payment.js.
(() => {
  const toasts = () => document.getElementById("toasts");

  function toast(text) {
    const note = document.createElement("div");
    note.className = "toast-note is-error";
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "toast-close", textContent: "×", ariaLabel: "Dismiss this message" });
    close.dataset.dismiss = "";
    note.append(words, close);
    toasts().replaceChildren(note);
  }

  // Theme: auto, light, dark, in turn. theme.js applies the choice, also in other tabs.
  const CHOICES = ["auto", "light", "dark"];
  const toggle = document.querySelector("[data-theme-toggle]");
  const choice = () => document.documentElement.dataset.themeChoice;
  const nameToggle = () => (toggle.ariaLabel = `Colour theme: ${choice()}. Change it`);
  if (toggle) {
    toggle.hidden = false;
    nameToggle();
    toggle.addEventListener("click", () => {
      const next = CHOICES[(CHOICES.indexOf(choice()) + 1) % CHOICES.length];
      if (next === "auto") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
      dispatchEvent(new Event("theme:chosen"));
      nameToggle();
    });
  }

  // The server writes dates; it has to know in which zone.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax`;

  document.addEventListener("click", (event) => {
    event.target.closest?.("[data-dismiss]")?.closest(".toast-note").remove();
  });
  const leave = (note) => setTimeout(() => note.matches(":hover, :focus-within") ? leave(note) : note.remove(), 10000);
  const leaveSoon = () => toasts().querySelectorAll(".is-success:not([data-leaving])").forEach((note) => {
    note.dataset.leaving = "";
    leave(note);
  });
  leaveSoon();
  new MutationObserver(leaveSoon).observe(toasts(), { childList: true });

  const busy = (event, state) => {
    const target = event.detail.ctx.target;
    if (target instanceof Element) target.ariaBusy = state;
  };
  document.addEventListener("htmx:before:request", (event) => busy(event, "true"));
  document.addEventListener("htmx:finally:request", (event) => busy(event, null));
  const UNREACHED = "We could not reach the server. Check your connection; what was charged is listed under Invoices.";
  document.addEventListener("htmx:error", (event) => event.detail.ctx?.request && toast(UNREACHED));
  // Our own errors bring their message with them; a proxy's page is not shown.
  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    if (ctx.response.status >= 429 && !ctx.text.includes("<hx-partial")) toast(UNREACHED);
  });

  // A page that comes back from the browser's own cache has dead buttons and yesterday's amounts.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
