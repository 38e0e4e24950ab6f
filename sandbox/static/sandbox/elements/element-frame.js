import { answering } from "./calls.js";
import { CardForm } from "./card-form.js";

/**
 * What the frames of all Elements have in common: the fields, and what the page is told of them. Messages of the page
 * arrive at the `on…` methods; `listen` calls them by name.
 */
export class ElementFrame {
  #told;
  #focused = false;

  /**
   * @param {{options: object, base: string, key: string, account?: string}} greeting
   * @param {(message: object) => void} send
   * @param {Record<string, HTMLInputElement>} inputs
   * @param {{retreats?: boolean}} [behaviour] of the CardForm
   */
  constructor(greeting, send, inputs, behaviour) {
    this.send = send;
    this.inputs = inputs;
    this.options = greeting.options;
    this.form = new CardForm(inputs, { ...behaviour, onchange: () => this.render() });
    this.oncall = answering(this.form, greeting);
    addEventListener("focusin", () => this.#focus(true));
    addEventListener("focusout", ({ relatedTarget }) => relatedTarget || this.#focus(false));
    addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#measure()).observe(document.body);
  }

  onshow() {
    document.documentElement.classList.remove("is-loading");
  }

  onclear() {
    this.form.clear();
  }

  onfocus() {
    this.inputs.number.focus();
  }

  onblur() {
    document.activeElement?.blur();
  }

  emit(event, payload) {
    this.send({ type: "event", event, payload });
  }

  /** The page hears of a change only when what it hears differs. `payload` is the change event's, without its type. */
  tell(payload) {
    const { empty, complete, error } = this.form;
    const state = { empty, complete, invalid: Boolean(error), webkitAutofill: this.inputs.number.matches(":autofill") };
    this.send({ type: "state", state });
    const news = JSON.stringify(payload);
    if (this.#told !== undefined && this.#told !== news) this.emit("change", payload);
    this.#told = news;
  }

  /** Focus and blur are the frame's as a whole: moving between two of its fields is neither. */
  #focus(inside) {
    if (inside === this.#focused) return;
    this.#focused = inside;
    this.send({ type: "state", state: { focus: inside } });
    this.emit(inside ? "focus" : "blur");
  }

  #key(event) {
    if (event.key === "Escape") this.emit("escape");
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    this.send({ type: "enter" });
  }

  #measure() {
    this.send({ type: "height", height: Math.ceil(document.body.getBoundingClientRect().height) });
  }
}
