import { brandOf, MESSAGES } from "./cards.js";
import { Field } from "./field.js";

const ORDER = ["number", "expiry", "cvc", "postal"];

/** The four fields of a card as one thing: what an Element tells the page about them, and what the API is sent. */
export class CardForm {
  /** Which country's postal code is asked for; undefined: any. */
  country;
  /** Fields that are not shown are neither asked for nor sent. */
  hidden = new Set();
  busy = false;
  #onchange;

  /**
   * @param {Record<string, HTMLInputElement>} inputs by ORDER's names
   * @param {{onchange: () => void, retreats?: boolean}} options retreats: Backspace in an empty field goes back one
   */
  constructor(inputs, { onchange, retreats = false }) {
    this.#onchange = onchange;
    this.fields = Object.fromEntries(ORDER.map((name) => [name, this.#field(name, inputs[name], retreats)]));
  }

  #field(name, input, retreats) {
    return new Field(input, name, {
      context: () => ({ brand: this.brand, country: this.country }),
      onchange: () => this.#changed(name),
      onfull: () => this.#neighbour(name, 1)?.input.focus(),
      onretreat: () => retreats && this.#neighbour(name, -1)?.input.focus(),
    });
  }

  #neighbour(name, step) {
    const shown = this.shown;
    return shown[shown.indexOf(this.fields[name]) + step];
  }

  #changed(name) {
    // A number of another brand may allow a longer or shorter security code.
    if (name === "number") this.fields?.cvc.refresh();
    this.#onchange();
  }

  get shown() {
    return ORDER.filter((name) => !this.hidden.has(name)).map((name) => this.fields[name]);
  }

  get brand() {
    return brandOf(this.fields?.number.text ?? "");
  }

  get empty() {
    return this.shown.every((field) => field.text === "");
  }

  get complete() {
    return this.shown.every((field) => !field.problem);
  }

  /** @returns {{type: string, code: string, message: string} | undefined} the first thing to tell the customer */
  get error() {
    const code = this.shown.map((field) => field.shownProblem).find(Boolean);
    return code && { type: "validation_error", code, message: MESSAGES[code] };
  }

  /** Say everything that is missing, and go to the first of it. @returns {{error?: object}} */
  validate() {
    for (const field of this.shown) field.reveal();
    this.shown.find((field) => field.problem)?.input.focus();
    this.#onchange();
    return this.error ? { error: this.error } : {};
  }

  clear() {
    for (const field of Object.values(this.fields)) field.clear();
    this.#onchange();
  }

  /** While a call with the card is under way the fields stand still. */
  lock(busy) {
    this.busy = busy;
    this.#onchange();
  }

  /** @returns {object} the `card` parameter of the API */
  card() {
    const [month, year] = this.fields.expiry.text.split(" / ");
    return {
      number: this.fields.number.text.replaceAll(" ", ""),
      exp_month: Number(month),
      exp_year: 2000 + Number(year),
      cvc: this.fields.cvc.text,
    };
  }

  /** @returns {object} the `billing_details[address]` that was typed */
  address() {
    return {
      ...(this.country && { country: this.country }),
      ...(!this.hidden.has("postal") && { postal_code: this.fields.postal.text.trim() }),
    };
  }
}
