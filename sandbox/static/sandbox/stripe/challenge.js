import { frameName } from "./frame.js";

/**
 * Lay a 3-D Secure challenge over the page until the customer has passed, failed or closed it.
 *
 * @param {URL} url the outer frame's document
 * @returns {Promise<void>} settled when it is gone; the outcome is read from the intent, never from a message
 */
export function showChallenge(url) {
  const focused = document.activeElement;
  const iframe = Object.assign(document.createElement("iframe"), { name: frameName(), src: url.href });
  iframe.title = "Secure 3D Secure challenge frame";
  iframe.allow = "payment *";
  Object.assign(iframe.style, {
    position: "fixed",
    inset: "0",
    width: "100%",
    height: "100%",
    border: "0",
    zIndex: "2147483647",
    colorScheme: "light",
    background: "transparent",
  });
  const release = hold(document.body);
  document.body.append(iframe);
  return outcome(iframe, url.origin).finally(() => {
    iframe.remove();
    release();
    focused?.focus?.({ preventScroll: true });
  });
}

/** Settled when the frame says that it is over, or says nothing at all: what failed to load cannot close itself. */
function outcome(iframe, origin) {
  return new Promise((resolve) => {
    const told = ({ data, origin: from, source }) => {
      if (source !== iframe.contentWindow || from !== origin || data?.type !== "stripe.challenge") return;
      clearTimeout(silence);
      if (data.state === "over") finish();
    };
    const finish = () => {
      removeEventListener("message", told);
      resolve();
    };
    const silence = setTimeout(finish, 15000);
    addEventListener("message", told);
    iframe.addEventListener("load", () => iframe.focus());
  });
}

/** Keep focus and scrolling off the page behind. @returns {() => void} what undoes it */
function hold(body) {
  const held = [...body.children].filter((child) => !child.inert);
  const overflow = body.style.overflow;
  for (const child of held) child.inert = true;
  body.style.overflow = "hidden";
  return () => {
    for (const child of held) child.inert = false;
    body.style.overflow = overflow;
  };
}
