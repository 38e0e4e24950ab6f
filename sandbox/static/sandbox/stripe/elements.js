import { Element } from "./element.js";
import { Emitter } from "./emitter.js";
import { IntegrationError } from "./errors.js";
import { readSecret } from "./intents.js";

const BUILT = ["payment", "card"];
const UNBUILT = (
  "cardNumber cardExpiry cardCvc address linkAuthentication linkSignup expressCheckout currencySelector iban " +
  "auBankAccount paymentMethodMessaging paymentForm contactDetails taxId terms"
).split(" ");
const MODES = ["payment", "setup", "subscription"];
const OVER = ["succeeded", "canceled", "processing", "requires_capture"];

/** A group of Elements that belong to one payment: `stripe.elements(options)`. */
export class Elements extends Emitter {
  #live = new Map();
  #options;
  #intent;
  /** In deferred mode nothing is confirmed before submit() found the card complete. */
  _submitted = false;

  constructor(stripe, options) {
    super();
    this._stripe = stripe;
    this.#options = checked(options);
  }

  create(type, options = {}) {
    if (UNBUILT.includes(type)) throw new IntegrationError(`The sandbox does not have the ${type} Element.`);
    if (!BUILT.includes(type)) {
      throw new IntegrationError(
        `A valid Element name must be provided. Valid Elements are:\n${BUILT.join(", ")}; you passed: ${type}.`,
      );
    }
    if (this.#live.has(type)) throw new IntegrationError(`Can only create one Element of type ${type}.`);
    if (type === "payment" && !this.#options.mode && !this.#options.clientSecret) {
      throw new IntegrationError(
        "In order to create a payment element, you must pass a clientSecret or mode when creating the Elements group.",
      );
    }
    const element = new Element(this, type, options);
    this.#live.set(type, element);
    return element;
  }

  /** @returns {Element | null} */
  getElement(type) {
    return this.#live.get(type) ?? null;
  }

  async update(options = {}) {
    this.#options = checked({ ...this.#options, ...options });
    const { setup } = await this._session("payment");
    for (const element of this.#live.values()) element._send({ type: "group", ...this._greeting(), setup });
    this._emit("update-end");
  }

  /** Look at the intent again, after the server changed its amount. @returns {Promise<{error?: object}>} */
  async fetchUpdates() {
    if (!this.#options.clientSecret) return {};
    this.#intent = undefined;
    const { error } = await this._session("payment");
    return error ? { error: { message: error.message, ...(error.status && { status: error.status }) } } : {};
  }

  /**
   * Show what is missing in the Payment Element.
   *
   * @returns {Promise<{error?: object, selectedPaymentMethod?: string}>}
   */
  async submit() {
    const payment = this._payment("elements.submit()");
    const { error } = await payment._call("validate");
    if (error) return { error };
    this._submitted = true;
    return { selectedPaymentMethod: "card" };
  }

  get _deferred() {
    return !this.#options.clientSecret;
  }

  get _clientSecret() {
    return this.#options.clientSecret;
  }

  /** The mounted Payment Element, for the method that asks. */
  _payment(method) {
    const payment = this.#live.get("payment");
    if (payment?._mounted) return payment;
    throw new IntegrationError(
      `Invalid value for ${method}: elements should have a mounted Payment Element or Express Checkout Element.`,
    );
  }

  _frameUrl(type) {
    return new URL(`elements/elements-inner-${type}.html`, this._stripe._base);
  }

  /** What every frame of the group has to know before it can show itself. */
  _greeting() {
    const { appearance, locale } = this.#options;
    const { base, key, account, locale: fallback } = this._stripe._settings;
    return { base, key, account, locale: locale ?? fallback ?? "auto", appearance };
  }

  /** What the Payment Element is for. @returns {Promise<{error?: object, setup?: boolean}>} setup: the card is kept */
  async _session(type) {
    const { clientSecret, mode, setupFutureUsage } = this.#options;
    if (type !== "payment" || !clientSecret) return { setup: mode !== "payment" || Boolean(setupFutureUsage) };
    this.#intent ??= readIntent(this._stripe._api, clientSecret);
    return this.#intent;
  }

  _forget(element) {
    this.#live.delete(element._type);
    if (element._type === "payment") this._submitted = false;
  }
}

async function readIntent(api, clientSecret) {
  const { kind, id } = readSecret(clientSecret, "elements()");
  const { object, error } = await api.get(`${kind.path}/${id}`, { client_secret: clientSecret });
  if (error) return { error };
  const { status } = object;
  if (!OVER.includes(status)) return { setup: kind.path === "setup_intents" || Boolean(object.setup_future_usage) };
  const message = `This ${kind.name} is in a terminal state and cannot be used to initialize Elements.`;
  return { error: { type: "invalid_request_error", code: `${kind.field}_unexpected_state`, message, status } };
}

/** Refuse what Stripe.js refuses. @returns {object} the options */
function checked(options) {
  const { clientSecret, mode, amount, currency } = options;
  if (options.paymentMethodTypes) {
    throw new IntegrationError(
      "elements() no longer accepts paymentMethodTypes. Use allowedPaymentMethodTypes or excludedPaymentMethodTypes.",
    );
  }
  if (clientSecret !== undefined) {
    if (mode) throw new IntegrationError("Invalid value for elements(): pass either clientSecret or mode, not both.");
    readSecret(clientSecret, "elements()");
  }
  if (mode !== undefined && !MODES.includes(mode)) {
    throw new IntegrationError(
      `Invalid value for elements(): mode should be one of: ${MODES.join(", ")}. You specified: ${mode}.`,
    );
  }
  if (mode === "payment" || mode === "subscription") needsMoney(mode, amount, currency);
  return options;
}

function needsMoney(mode, amount, currency) {
  const floor = mode === "payment" ? 1 : 0; // a subscription may start free
  if (!Number.isInteger(amount) || amount < floor) {
    throw new IntegrationError(
      `Invalid value for elements(): amount must be ${floor ? "greater than 0" : "0 or greater"}, in the smallest ` +
        `currency unit, when mode is ${mode}. You specified: ${amount}.`,
    );
  }
  if (!/^[a-z]{3}$/.test(currency ?? "")) {
    throw new IntegrationError(
      `Invalid value for elements(): currency should be a three-letter code in lower case. You specified: ${currency}.`,
    );
  }
}
