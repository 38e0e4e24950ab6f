import { apiError, connectionError } from "../stripe/errors.js";
import { encode } from "../stripe/api.js";

/** What the page asks of its own address. Never rejects: what goes wrong is in `error`. */
export class Desk {
  #base = `${location.pathname}/`;

  post(path, params) {
    return this.#send(path, { method: "POST", body: encode(params) });
  }

  get(path) {
    return this.#send(path, { method: "GET" });
  }

  async #send(path, request) {
    try {
      const response = await fetch(this.#base + path, { ...request, credentials: "omit", cache: "no-store" });
      const answer = await response.json().catch(() => ({ error: apiError() }));
      return response.ok || answer.error ? answer : { error: apiError() };
    } catch {
      return { error: connectionError() };
    }
  }
}
