import { Api } from "../stripe/api.js";

const CONFIRM = /^(setup|payment)_intents\/\w+\/confirm$/;

/**
 * What the page may ask of a frame: to carry the card to the API, which is the only place it ever goes. The answers are
 * Stripe's objects, without the number.
 *
 * @param {import("./card-form.js").CardForm} form
 * @param {{base: string, key: string, account?: string}} greeting
 * @returns {(message: {method: string, params: object}) => Promise<{object?: object, error?: object}>}
 */
export function answering(form, { base, key, account }) {
  const api = new Api(base, key, account);

  const methodData = ({ billing_details: given = {}, ...rest } = {}) => ({
    type: "card",
    ...rest,
    card: form.card(),
    billing_details: { ...given, address: { ...form.address(), ...given.address } },
  });

  const calls = {
    confirm({ path, params: { payment_method_data, ...params } }) {
      if (!CONFIRM.test(path)) throw new TypeError(`a card is not sent to ${path}`);
      return api.post(path, { ...params, payment_method_data: methodData(payment_method_data) });
    },
    createPaymentMethod: (params) => api.post("payment_methods", methodData(params)),
    createToken: (details) =>
      api.post("tokens", { card: { ...form.card(), address_zip: form.address().postal_code, ...details } }),
  };

  return async ({ method, params }) => {
    const { error } = form.validate();
    if (error || method === "validate") return { error };
    form.lock(true);
    try {
      return await calls[method](params);
    } finally {
      form.lock(false);
    }
  };
}
