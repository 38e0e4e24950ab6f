import { CHECKS, Entry } from "./entry.js";

const by = (id) => document.getElementById(id);
const UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");
/** Which number a business has, where Checkout asks for one. */
const TYPES = {
  ...Object.fromEntries(UNION.map((country) => [country, "eu_vat"])),
  ...{ AU: "au_abn", CA: "ca_bn", CH: "ch_vat", GB: "gb_vat", IN: "in_gst", NO: "no_vat", NZ: "nz_gst" },
  ...{ SG: "sg_gst", US: "us_ein", ZA: "za_vat" },
};

/** Name and tax id of a customer who buys for a business; absent where the session does not collect them. */
export class Business {
  #box = by("purchasesAsBusiness");
  #country = by("billingCountry");

  constructor() {
    const asked = () => this.asked;
    this.entries = [
      new Entry("businessName", { asked }),
      new Entry("taxId", { asked: () => asked() && this.#box.disabled && Boolean(this.#type), check: CHECKS.required }),
    ];
    this.#box?.addEventListener("change", () => (by("business-fields").hidden = !this.asked));
    if (this.#box) this.#country.addEventListener("change", () => this.#arrange());
    if (this.#box) this.#arrange();
  }

  get asked() {
    return Boolean(this.#box?.checked);
  }

  get #type() {
    return TYPES[this.#country.value];
  }

  #arrange() {
    by("taxId-field").hidden = !this.#type;
  }

  /** @returns {boolean} whether nothing is missing; says what is */
  tell() {
    return this.entries.map((entry) => entry.tell()).every(Boolean);
  }

  /** @returns {{name?: string, tax_id?: {type: string, value: string}}} what of it is sent */
  details() {
    const [name, number] = this.entries.map(({ text }) => text);
    if (!this.asked) return {};
    return { name, ...(this.#type && number && { tax_id: { type: this.#type, value: number } }) };
  }
}
