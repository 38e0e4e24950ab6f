/** `on`, `once` and `off`, chainable, as every Element and every Elements group has them. */
export class Emitter {
  #handlers = new Map();

  on(event, handler) {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), { handler }]);
    return this;
  }

  once(event, handler) {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), { handler, once: true }]);
    return this;
  }

  /** Without a handler, every handler of the event goes. */
  off(event, handler) {
    const left = (this.#handlers.get(event) ?? []).filter((known) => handler && known.handler !== handler);
    this.#handlers.set(event, left);
    return this;
  }

  _emit(event, payload) {
    for (const { handler, once } of this.#handlers.get(event) ?? []) {
      if (once) this.off(event, handler);
      handler(payload);
    }
  }
}
