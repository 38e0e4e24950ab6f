import { showBrand } from "../elements/brands.js";
import { CardForm } from "../elements/card-form.js";
import { MESSAGES } from "../elements/cards.js";
import { listCountries, WITH_POSTAL_CODE } from "../elements/countries.js";
import { CHECKS, Entry } from "./entry.js";
import { listRegions } from "./regions.js";

const by = (id) => document.getElementById(id);
const POSTAL = { US: "ZIP", GB: "Postal code" };

/** The card and the address it is billed to. */
export class Card {
  #inputs = { number: by("cardNumber"), expiry: by("cardExpiry"), cvc: by("cardCvc"), postal: by("billingPostalCode") };
  #country = by("billingCountry");
  #region = by("billingAdministrativeArea");
  #whole = by("billingAddressLine1") !== null;

  constructor(locale) {
    this.form = new CardForm(this.#inputs, { onchange: () => this.#render() });
    this.name = new Entry("billingName");
    const address = ["billingAddressLine1", "billingLocality", "billingAdministrativeArea"];
    const message = "address-error";
    const postal = new Entry("billingPostalCode", { message, check: (input) => this.#checkPostal(input) });
    this.entries = [this.name, ...address.map((id) => new Entry(id, { message })), postal];
    for (const field of Object.values(this.form.fields)) field.refresh(); // what a browser has put back on a reload
    listCountries(this.#country, locale);
    this.#country.addEventListener("change", () => this.#arrange());
    this.#arrange();
  }

  /** The American code has a format; elsewhere something has to be there. */
  #checkPostal(input) {
    const code = this.form.country === "US" ? this.form.fields.postal.problem : undefined;
    return CHECKS.required(input) || (code ? MESSAGES[code] : "");
  }

  #arrange() {
    const country = this.#country.value;
    this.form.country = country;
    this.form.hidden = new Set(["postal"]); // it is one of the address's fields here
    const { postal } = this.#inputs;
    postal.hidden = !this.#whole && !WITH_POSTAL_CODE.has(country);
    postal.placeholder = POSTAL[country] ?? "Postal code";
    postal.setAttribute("aria-label", postal.placeholder);
    if (this.#region) listRegions(this.#region, country);
    this.#render();
  }

  #render() {
    if (!this.form) return; // while it is being made
    for (const name of ["number", "expiry", "cvc"]) {
      const input = this.#inputs[name];
      input.setAttribute("aria-invalid", String(Boolean(this.form.fields[name].shownProblem)));
      input.readOnly = this.form.busy;
    }
    this.say(this.form.error?.message ?? "");
    showBrand(by("card-brands"), this.form.brand.name);
  }

  say(message) {
    if (by("card-error").textContent !== message) by("card-error").textContent = message;
  }

  /** Show what the bank or the API has found wrong with one of the fields. */
  blame(param, message) {
    const name = { number: "number", cvc: "cvc", exp_month: "expiry", exp_year: "expiry" }[param];
    if (!name) return false;
    this.#inputs[name].setAttribute("aria-invalid", "true");
    this.say(message);
    this.#inputs[name].focus();
    return true;
  }

  /** @returns {boolean} whether card, name and address can be right; says what is not */
  tell() {
    const { error } = this.form.validate();
    return [!error, ...this.entries.map((entry) => entry.tell())].every(Boolean);
  }

  address() {
    const text = (id) => (by(id) && !by(id).hidden && by(id).value.trim()) || undefined;
    return {
      city: text("billingLocality"),
      country: this.#country.value,
      line1: text("billingAddressLine1"),
      line2: text("billingAddressLine2"),
      postal_code: text("billingPostalCode"),
      state: text("billingAdministrativeArea"),
    };
  }
}
