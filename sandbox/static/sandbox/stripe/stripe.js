import { Api } from "./api.js";
import { Element } from "./element.js";
import { Elements } from "./elements.js";
import { IntegrationError } from "./errors.js";
import { Intents, KINDS, readSecret, returnTo } from "./intents.js";

/** What `Stripe(publishableKey, options)` returns. */
class StripeObject {
  #intents;

  constructor(key, { stripeAccount, locale } = {}) {
    this._base = BASE;
    this._settings = { base: BASE, key, account: stripeAccount, locale };
    this._api = new Api(BASE, key, stripeAccount);
    this.#intents = new Intents(this._api, BASE);
  }

  elements(options = {}) {
    return new Elements(this, options);
  }

  async confirmSetup(options) {
    return this.#confirmIntent(KINDS.setup, "stripe.confirmSetup()", options);
  }

  async confirmPayment(options) {
    return this.#confirmIntent(KINDS.payment, "stripe.confirmPayment()", options);
  }

  async #confirmIntent(kind, method, { elements, clientSecret, confirmParams = {}, redirect = "always" } = {}) {
    if (redirect === "always" && !confirmParams.return_url) {
      throw new IntegrationError(
        `${method}: the \`confirmParams.return_url\` argument is required unless passing \`redirect: 'if_required'\`.`,
      );
    }
    const element = elements && this.#typedIn(elements, method, confirmParams.payment_method_data);
    const secret = clientSecret ?? elements?._clientSecret;
    const { id } = readSecret(secret, method.replace("()", ""), kind);
    const result = await this.#intents.confirm({ kind, id, secret, params: confirmParams, element });
    if (redirect !== "always" || result.error) return result;
    return returnTo(confirmParams.return_url, kind, result[kind.key]);
  }

  async confirmCardSetup(clientSecret, data, options) {
    return this.#confirmCard(KINDS.setup, "stripe.confirmCardSetup", clientSecret, data, options);
  }

  async confirmCardPayment(clientSecret, data, options) {
    return this.#confirmCard(KINDS.payment, "stripe.confirmCardPayment", clientSecret, data, options);
  }

  async #confirmCard(kind, method, secret, data = {}, options = {}) {
    const { id } = readSecret(secret, method, kind);
    const { payment_method: chosen, ...rest } = data;
    const call = { kind, id, secret, handleActions: options.handleActions !== false };
    if (!chosen) return this.#intents.resume({ ...call, params: rest });
    if (typeof chosen === "string") return this.#intents.confirm({ ...call, params: data });
    const { card, ...details } = chosen;
    const params = { ...rest, payment_method_data: { type: "card", ...details } };
    if (card instanceof Element) return this.#intents.confirm({ ...call, params, element: this.#own(card) });
    params.payment_method_data.card = tokenOnly(card, method);
    return this.#intents.confirm({ ...call, params });
  }

  async handleNextAction({ clientSecret } = {}) {
    return this.#intents.handle(clientSecret, "handleNextAction");
  }

  async handleCardAction(clientSecret) {
    return this.#intents.handle(clientSecret, "handleCardAction", KINDS.payment);
  }

  async retrieveSetupIntent(clientSecret) {
    return this.#intents.retrieve(clientSecret, "stripe.retrieveSetupIntent", KINDS.setup);
  }

  async retrievePaymentIntent(clientSecret) {
    return this.#intents.retrieve(clientSecret, "stripe.retrievePaymentIntent", KINDS.payment);
  }

  /** Three shapes: {type, card, billing_details}, {elements, params}, {element, params}. */
  async createPaymentMethod(options = {}) {
    const { object, error } = await this.#createPaymentMethod(options);
    return error ? { error } : { paymentMethod: object };
  }

  async #createPaymentMethod({ elements, element, params = {}, ...data }) {
    const method = "stripe.createPaymentMethod()";
    if (elements) return this.#typedIn(elements, method, params)._call("createPaymentMethod", params);
    if (element) return this.#own(element)._call("createPaymentMethod", params);
    const { card, ...rest } = data;
    if (data.type !== "card") {
      throw new IntegrationError(`The sandbox creates payment methods of type card only, not ${data.type}.`);
    }
    if (card instanceof Element) return this.#own(card)._call("createPaymentMethod", rest);
    return this._api.post("payment_methods", { ...rest, card: tokenOnly(card, method) });
  }

  /** @param {Element} element a card Element; the other kinds of token are not in the sandbox */
  async createToken(element, data = {}) {
    if (!(element instanceof Element) || element._type !== "card") {
      throw new IntegrationError("stripe.createToken() in the sandbox makes tokens from a card Element only.");
    }
    const { object, error } = await this.#own(element)._call("createToken", data);
    return error ? { error } : { token: object };
  }

  async createConfirmationToken() {
    throw new IntegrationError("The sandbox does not have stripe.createConfirmationToken().");
  }

  /** @stripe/stripe-js announces itself through these two; there is nobody to tell. */
  _registerWrapper() {}
  registerAppInfo() {}

  /** The group's Payment Element, once everything that Stripe.js demands before a confirmation is there. */
  #typedIn(elements, method, given = {}) {
    if (!(elements instanceof Elements)) {
      throw new IntegrationError(`Invalid value for ${method}: elements should be an Elements group.`);
    }
    const element = this.#own(elements._payment(method));
    if (elements._deferred && !elements._submitted) {
      throw new IntegrationError(
        `elements.submit() must be called before ${method}. Call elements.submit() as soon as your customer presses ` +
          "pay, prior to any asynchronous work.",
      );
    }
    checkOptedOut(element._options.fields?.billingDetails, given.billing_details, method);
    return element;
  }

  #own(element) {
    if (element._belongsTo(this)) return element;
    throw new IntegrationError("Please use the same instance of `Stripe` you used to create this Element.");
  }
}

/** Card numbers are typed into an Element or not at all. */
function tokenOnly(card, method) {
  if (card?.token) return { token: card.token };
  throw new IntegrationError(`Invalid value for ${method}: card should be a card Element or an object with a token.`);
}

/** A detail the Payment Element was told never to ask for has to come with the call. */
function checkOptedOut(fields, details = {}, method) {
  const option = (part, all) => (typeof all === "object" ? all[part] : all);
  const address = option("address", fields);
  const asked = {
    name: [option("name", fields), details.name],
    email: [option("email", fields), details.email],
    phone: [option("phone", fields), details.phone],
    "address.country": [option("country", address), details.address?.country],
    "address.postal_code": [option("postalCode", address), details.address?.postal_code],
  };
  const path = method.includes("createPaymentMethod") ? "params" : "confirmParams.payment_method_data";
  for (const [name, [choice, given]] of Object.entries(asked)) {
    if (choice !== "never" || given !== undefined) continue;
    throw new IntegrationError(
      `You specified "never" for fields.billing_details.${name} when creating the payment Element, but did not pass ` +
        `${path}.billing_details.${name} when calling ${method}.`,
    );
  }
}

/** The one global. Works with and without `new`. */
function Stripe(key, options) {
  if (typeof key !== "string" || key === "") {
    throw new IntegrationError("Please call Stripe() with your publishable key. You used an empty string.");
  }
  if (/^[sr]k_/.test(key)) {
    throw new IntegrationError(
      "You should not use your secret key with Stripe.js. Please pass a publishable key instead.",
    );
  }
  if (!key.startsWith("pk_test_")) {
    throw new IntegrationError("The sandbox takes publishable keys that begin with pk_test_ only.");
  }
  return new StripeObject(key, options);
}
Stripe.version = "endive";

/** Where this sandbox lives, learnt from the address that the script came from. */
const BASE = new URL(".", document.currentScript.src).href;
window.Stripe ??= Stripe;
