import { Emitter } from "./emitter.js";
import { IntegrationError } from "./errors.js";
import { Frame } from "./frame.js";

const TITLES = { payment: "Secure payment input frame", card: "Secure card payment input frame" };
const CLASSES = {
  base: "StripeElement",
  complete: "StripeElement--complete",
  empty: "StripeElement--empty",
  focus: "StripeElement--focus",
  invalid: "StripeElement--invalid",
  webkitAutofill: "StripeElement--webkit-autofill",
};
const PASSED_ON = new Set(["change", "focus", "blur", "escape", "carddetailschange"]);

/** One field, or one group of fields, in a frame of its own. */
export class Element extends Emitter {
  #group;
  #frame;
  #box;
  #host;
  #labels = [];
  #classes = CLASSES;
  #state = { empty: true };
  #ready = false;
  #destroyed = false;
  #focus = () => this.focus();

  constructor(group, type, options) {
    super();
    this.#group = group;
    this._type = type;
    this._options = options;
    this.#box = document.createElement("div");
    this.#box.className = "__PrivateStripeElement";
    this.#restyle(options);
  }

  mount(target) {
    this.#alive();
    const host = findHost(target);
    if (host === this.#host && this.#box.isConnected) return;
    if (this.#box.isConnected) {
      throw new IntegrationError(
        "This Element is already mounted. Use `unmount()` to unmount the Element before re-mounting.",
      );
    }
    if (host.children.length) {
      console.warn("[Stripe.js] This Element will be mounted to a DOM element that contains child nodes.");
    }
    if (!host.isConnected) {
      throw new IntegrationError(`${this._type} Element didn't mount normally: its place is not in the document.`);
    }
    this.unmount();
    this.#attach(host);
  }

  #attach(host) {
    this.#host = host;
    this.#labels = [...document.querySelectorAll("label")].filter(
      (label) => label.contains(host) || (host.id && label.htmlFor === host.id),
    );
    for (const part of [host, ...this.#labels]) part.addEventListener("click", this.#focus);
    this.#frame = new Frame({
      src: this.#group._frameUrl(this._type),
      title: TITLES[this._type],
      greeting: () => ({ options: frameOptions(this._options), ...this.#group._greeting() }),
      onmessage: (message) => this.#receive(message),
    });
    this.#dress();
    this.#box.append(this.#frame.iframe);
    host.append(this.#box);
    this.#paint();
    // In a microtask, so that a handler added after mount() still hears it.
    if (this._type === "payment") queueMicrotask(() => this._emit("loaderstart", this.#named()));
  }

  unmount() {
    this.#alive();
    for (const part of [this.#host, ...this.#labels]) part?.removeEventListener("click", this.#focus);
    this.#host?.classList.remove(...this.#names(Object.keys(CLASSES)));
    this.#box.remove();
    this.#frame?.abandon();
    this.#frame?.iframe.remove();
    this.#frame = this.#host = undefined;
    this.#labels = [];
    this.#state = { empty: true };
    this.#ready = false;
    return this;
  }

  /** A destroyed Element cannot come back; another of its type can be created. */
  destroy() {
    this.unmount();
    this.#destroyed = true;
    this.#group._forget(this);
    return this;
  }

  update(options = {}) {
    this.#alive();
    this._options = { ...this._options, ...options };
    this.#restyle(options);
    this.#frame?.send({ type: "update", options: frameOptions(options) });
    return this;
  }

  focus() {
    this.#alive();
    this.#frame?.iframe.focus();
    this.#frame?.send({ type: "focus" });
    return this;
  }

  blur() {
    this.#alive();
    this.#frame?.send({ type: "blur" });
    this.#frame?.iframe.blur();
    return this;
  }

  clear() {
    this.#alive();
    this.#frame?.send({ type: "clear" });
    return this;
  }

  /** Back to the list of payment methods: where a card is the only one, there is nothing to go back to. */
  collapse() {
    this.#alive();
    return this;
  }

  /** Ask the frame to act with the card in it. @returns {Promise<{object?: object, error?: object}>} */
  _call(method, params) {
    if (!this._mounted) {
      throw new IntegrationError(
        "We could not retrieve data from the specified Element. Please make sure the Element you are attempting to " +
          "use is still mounted.",
      );
    }
    return this.#frame.call(method, params);
  }

  /** Tell the frame what changed around it: theme, locale. */
  _send(message) {
    this.#frame?.send(message);
    this.#dress();
  }

  get _mounted() {
    return this.#box.isConnected && this.#ready;
  }

  _belongsTo(stripe) {
    return this.#group._stripe === stripe;
  }

  async #receive(message) {
    const { type } = message;
    if (type === "connected") return this.#open();
    if (type === "silent") return this.#fail(message.error);
    if (type === "height") this.#frame.iframe.style.height = `${message.height}px`;
    if (type === "enter") submitForm(this.#host);
    if (type === "state") this.#paint({ ...this.#state, ...message.state });
    if (type === "event" && PASSED_ON.has(message.event)) this._emit(message.event, this.#named(message.payload));
  }

  async #open() {
    const frame = this.#frame;
    const { error, setup } = await this.#group._session(this._type);
    if (frame !== this.#frame) return; // unmounted meanwhile
    if (error) return this.#fail(error);
    frame.send({ type: "show", setup });
    this.#ready = true;
    this._emit("ready", this.#named());
  }

  #fail(error) {
    this.#frame.abandon();
    this.#frame.iframe.remove();
    this._emit("loaderror", this.#named({ error }));
  }

  /** Style set through the CSSOM, which `style-src 'self'` allows. */
  #dress() {
    const payment = this._type === "payment";
    // The focus ring of the outermost fields needs room outside the box that the page gave us.
    const bleed = payment ? 4 : 0;
    const night = payment && this.#group._greeting().appearance?.theme === "night";
    Object.assign(this.#frame?.iframe.style ?? {}, {
      border: "0",
      display: "block",
      width: `calc(100% + ${2 * bleed}px)`,
      margin: `-${bleed}px`,
      // A frame whose colour scheme differs from its document's is painted opaque.
      colorScheme: night ? "dark" : "light",
    });
  }

  #named(payload = {}) {
    return { elementType: this._type, ...payload };
  }

  #restyle({ classes }) {
    if (!classes) return;
    this.#host?.classList.remove(...this.#names(Object.keys(CLASSES)));
    this.#classes = { ...this.#classes, ...classes };
    this.#paint();
  }

  #names(states) {
    return states.flatMap((state) => (this.#classes[state] ?? "").split(" ")).filter(Boolean);
  }

  #paint(state = this.#state) {
    this.#state = state;
    this.#host?.classList.remove(...this.#names(Object.keys(CLASSES)));
    this.#host?.classList.add(...this.#names(["base", ...Object.keys(CLASSES).filter((name) => state[name])]));
  }

  #alive() {
    if (this.#destroyed) {
      throw new IntegrationError("This Element has already been destroyed. Please create a new one.");
    }
  }
}

function findHost(target) {
  if (!target) {
    throw new IntegrationError("Missing argument. Make sure to call mount() with a valid DOM element or selector.");
  }
  if (typeof target === "string") {
    const found = document.querySelector(target);
    if (found) return found;
    throw new IntegrationError(
      `The selector you specified (${target}) applies to no DOM elements that are currently on the page.\n` +
        "Make sure the element exists on the page before calling mount().",
    );
  }
  if (target.nodeName === "INPUT") {
    throw new IntegrationError("Stripe Elements must be mounted in a DOM element that can contain child nodes.");
  }
  if (target.appendChild) return target;
  throw new IntegrationError("Invalid DOM element. Make sure to call mount() with a valid DOM element or selector.");
}

/** What the frame may know: classes belong to the page. */
function frameOptions({ classes, ...options }) {
  return JSON.parse(JSON.stringify(options));
}

/** Enter in a frame submits the form around it the way the real one does: a bare event, without HTML validation. */
function submitForm(host) {
  host?.closest("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}
