/** The frame between the page and the bank's: it closes when the bank is done, or when the customer gives up. */

const bank = document.querySelector("iframe");
const tell = (state) => window.parent.postMessage({ type: "stripe.challenge", state }, location.origin);

tell("open");

addEventListener("message", ({ data, origin, source }) => {
  if (source === bank.contentWindow && origin === location.origin && data?.type === "bank.done") tell("over");
});

document.querySelector(".LightboxModalClose").addEventListener("click", async ({ currentTarget }) => {
  currentTarget.disabled = true;
  // Giving up is failing. Where not even that can be told, stripe.js finds the intent still waiting.
  const body = new URLSearchParams({ outcome: "failed" });
  await fetch(bank.src, { method: "POST", body }).catch(() => undefined);
  tell("over");
});

bank.addEventListener("load", () => bank.focus());
