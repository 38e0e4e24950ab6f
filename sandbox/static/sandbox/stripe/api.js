import { apiError, connectionError } from "./errors.js";

/** Stripe's form encoding: {card: {number: "4242"}} becomes card[number]=4242; undefined and null are left out. */
export function encode(value, name, into = new URLSearchParams()) {
  if (value === undefined || value === null) return into;
  if (typeof value !== "object") {
    into.append(name, String(value));
    return into;
  }
  for (const [key, inner] of Object.entries(value)) encode(inner, name ? `${name}[${key}]` : key, into);
  return into;
}

/** The API as a publishable key sees it. Used by the page for look-ups, and by the frames for what carries a card. */
export class Api {
  #base;
  #headers;

  /**
   * @param {string} base the sandbox's address, such as http://localhost:8000/sandbox/
   * @param {string} key the publishable key
   * @param {string} [account] id of a connected account
   */
  constructor(base, key, account) {
    this.#base = new URL("v1/", base);
    this.#headers = { Authorization: `Bearer ${key}`, ...(account && { "Stripe-Account": account }) };
  }

  /** @returns {Promise<{object?: object, error?: import("./errors.js").StripeError}>} never rejects */
  get(path, params) {
    const url = new URL(path, this.#base);
    url.search = encode(params);
    return this.#send(url, { method: "GET" });
  }

  /** @returns {Promise<{object?: object, error?: import("./errors.js").StripeError}>} never rejects */
  post(path, params) {
    return this.#send(new URL(path, this.#base), { method: "POST", body: encode(params) });
  }

  async #send(url, request) {
    let response;
    try {
      // No cookies: the API knows us by the key, and the site's session is none of its business.
      response = await fetch(url, { ...request, headers: this.#headers, credentials: "omit", cache: "no-store" });
    } catch {
      return { error: connectionError() };
    }
    const answer = await response.json().catch(() => ({}));
    return response.ok && answer.object ? { object: answer } : { error: answer.error ?? apiError() };
  }
}
