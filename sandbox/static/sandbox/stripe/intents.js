import { showChallenge } from "./challenge.js";
import { connectionError, IntegrationError } from "./errors.js";

const SETUP = {
  path: "setup_intents",
  name: "SetupIntent",
  key: "setupIntent",
  field: "setup_intent",
  lastError: "last_setup_error",
};
const PAYMENT = {
  path: "payment_intents",
  name: "PaymentIntent",
  key: "paymentIntent",
  field: "payment_intent",
  lastError: "last_payment_error",
};
export const KINDS = { setup: SETUP, payment: PAYMENT };

/** The wording for customers, where the API's own is for developers. */
const AUTHENTICATION_FAILED =
  "We are unable to authenticate your payment method. Please choose a different payment method and try again.";

/** A navigation is under way: the promise of the call that caused it is never settled. */
const LEAVING = new Promise(() => {});

/**
 * @param {string} secret
 * @param {string} method the caller, named in the error
 * @param {object} [expected] SETUP or PAYMENT
 * @returns {{kind: object, id: string}}
 */
export function readSecret(secret, method, expected) {
  const [, id, prefix] = /^((seti|pi)_\w+?)_secret_\w+$/.exec(secret) ?? [];
  const label = method === "elements()" ? "elements(): clientSecret should" : `${method} intent secret: value should`;
  if (!id) {
    throw new IntegrationError(
      `Invalid value for ${label} be a client secret of the form \${id}_secret_\${secret}. You specified: ${secret}.`,
    );
  }
  const kind = prefix === "seti" ? SETUP : PAYMENT;
  if (expected && expected !== kind) {
    throw new IntegrationError(
      `Invalid value for ${label} be a ${expected.name} client secret. You specified: a ${kind.name} client secret.`,
    );
  }
  return { kind, id };
}

/** Confirming, authenticating and reading intents on behalf of one `Stripe` object. */
export class Intents {
  #api;
  #base;
  #underway = new Map();

  constructor(api, base) {
    this.#api = api;
    this.#base = base;
    // Back from a bank's page: what was under way when the page was frozen will never be settled.
    addEventListener("pageshow", (event) => event.persisted && this.#underway.clear());
  }

  async retrieve(secret, method, expected) {
    const { kind, id } = readSecret(secret, method, expected);
    const { object, error } = await this.#api.get(`${kind.path}/${id}`, { client_secret: secret });
    return error ? { error } : { [kind.key]: object };
  }

  /**
   * Confirm, then do what the bank asks for.
   *
   * A second call for the same intent while one is under way joins it: two clicks never become two confirmations.
   *
   * @param {object} params of the confirm call
   * @param {import("./element.js").Element} [element] the one that holds the card, if a card was typed
   * @param {boolean} [handleActions] false: leave authentication to the caller
   */
  confirm({ kind, id, secret, params, element, handleActions = true }) {
    return this.#once(id, async () => {
      const path = `${kind.path}/${id}/confirm`;
      const sent = { client_secret: secret, use_stripe_sdk: true, ...params };
      const { object, error } = element
        ? await element._call("confirm", { path, params: sent })
        : await this.#api.post(path, sent);
      if (error) return { error };
      return handleActions ? this.#settle(kind, secret, object) : { [kind.key]: object };
    });
  }

  /** Confirm without new card data, or go on with an authentication that is already due. */
  async resume({ kind, id, secret, params, handleActions = true }) {
    const { object, error } = await this.#api.get(`${kind.path}/${id}`, { client_secret: secret });
    if (error) return { error };
    if (object.status !== "requires_action") return this.confirm({ kind, id, secret, params, handleActions });
    return handleActions ? this.#once(id, () => this.#settle(kind, secret, object)) : { [kind.key]: object };
  }

  /** `handleNextAction` and `handleCardAction`: only for an intent that waits for its customer. */
  async handle(secret, method, expected) {
    const { kind, id } = readSecret(secret, `stripe.${method}`, expected);
    const { object, error } = await this.#api.get(`${kind.path}/${id}`, { client_secret: secret });
    if (error) return { error };
    if (object.status !== "requires_action") {
      throw new IntegrationError(`${method}: The ${kind.name} supplied is not in the requires_action state.`);
    }
    return this.#once(id, () => this.#settle(kind, secret, object));
  }

  async #settle(kind, secret, intent) {
    const action = intent.next_action;
    if (intent.status !== "requires_action" || !action) return { [kind.key]: intent };
    if (action.type === "redirect_to_url") {
      window.location.assign(action.redirect_to_url.url);
      return LEAVING;
    }
    if (action.use_stripe_sdk?.type !== "three_d_secure_redirect") {
      throw new IntegrationError(`The sandbox does not have the next action ${action.type}.`);
    }
    await showChallenge(new URL(action.use_stripe_sdk.stripe_js, this.#base));
    const { object, error } = await this.#api.get(`${kind.path}/${intent.id}`, { client_secret: secret });
    return error ? { error } : afterChallenge(kind, object);
  }

  #once(id, work) {
    if (!this.#underway.has(id)) {
      this.#underway.set(id, work().finally(() => this.#underway.delete(id)));
    }
    return this.#underway.get(id);
  }
}

function afterChallenge(kind, intent) {
  // The challenge closed without telling its outcome: its own call got lost.
  if (intent.status === "requires_action") return { error: connectionError() };
  const cause = intent[kind.lastError];
  if (intent.status !== "requires_payment_method" || !cause) return { [kind.key]: intent };
  const failed = cause.code === `${kind.field}_authentication_failure`;
  return { error: { ...cause, ...(failed && { message: AUTHENTICATION_FAILED }), [kind.field]: intent } };
}

/** Go to the merchant's page as Stripe does after a confirmation, with the intent in the query string. */
export function returnTo(url, kind, intent) {
  const target = new URL(url);
  target.searchParams.set(kind.field, intent.id);
  target.searchParams.set(`${kind.field}_client_secret`, intent.client_secret);
  target.searchParams.set("redirect_status", intent.status === "processing" ? "pending" : "succeeded");
  window.location.assign(target);
  return LEAVING;
}
