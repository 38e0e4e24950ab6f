import { connectionError } from "./errors.js";

let serial = 1000;

/** @returns {string} a name as Stripe gives its frames: __privateStripeFrame and four digits */
export function frameName() {
  serial += 1;
  return `__privateStripeFrame${serial}`;
}

/**
 * An Element's iframe seen from the page. Each load of its document opens a fresh MessageChannel, over which events and
 * results come out; what the customer types never does.
 */
export class Frame {
  #port;
  #pending = new Map();
  #calls = 0;
  #silence;

  /**
   * @param {{src: URL, title: string, greeting: () => object, onmessage: (message: object) => void}} options
   *   `greeting` is asked at each load for what the frame has to know before it can show itself.
   */
  constructor({ src, title, greeting, onmessage }) {
    this.iframe = Object.assign(document.createElement("iframe"), { name: frameName(), title, src: src.href });
    this.iframe.allow = "payment *";
    this.onmessage = onmessage;
    this.iframe.addEventListener("load", () => this.#connect(src.origin, greeting()));
  }

  #connect(origin, greeting) {
    this.abandon();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => this.#receive(data);
    this.iframe.contentWindow.postMessage({ type: "stripe.connect", ...greeting }, origin, [port2]);
    // A frame that failed to load cannot say so itself.
    this.#silence = setTimeout(() => this.onmessage({ type: "silent", error: connectionError() }), 8000);
  }

  #receive(message) {
    clearTimeout(this.#silence);
    if (message.type !== "result") return this.onmessage(message);
    this.#pending.get(message.id)?.(message.result);
    this.#pending.delete(message.id);
  }

  send(message) {
    this.#port?.postMessage(message);
  }

  /** Ask the frame to do something with the card it holds. @returns {Promise<object>} what it answers */
  call(method, params) {
    return new Promise((resolve) => {
      this.#calls += 1;
      this.#pending.set(this.#calls, resolve);
      this.send({ type: "call", id: this.#calls, method, params });
    });
  }

  /** The document is gone. A call under way may still be carried out, so it ends as a lost connection does. */
  abandon() {
    clearTimeout(this.#silence);
    for (const resolve of this.#pending.values()) resolve({ error: connectionError() });
    this.#pending.clear();
    this.#port?.close();
    this.#port = undefined;
  }
}
