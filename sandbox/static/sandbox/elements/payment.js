import { applyAppearance } from "./appearance.js";
import { showBrand } from "./brands.js";
import { MESSAGES } from "./cards.js";
import { listen } from "./channel.js";
import { listCountries, WITH_POSTAL_CODE } from "./countries.js";
import { ElementFrame } from "./element-frame.js";

const NAMES = { number: "number", expiry: "expiry", cvc: "cvc", postal: "postalCode" };
const find = (id) => document.getElementById(`payment-${id}`);

/** `option` is "never" for all parts, or an object that says so for some. */
const isNever = (option, part) => (typeof option === "object" ? option[part] : option) === "never";

/** The Payment Element: labelled fields, each with its error under it. A card is the sandbox's only method. */
class PaymentFrame extends ElementFrame {
  #country = find("countryInput");
  #setup = true;

  constructor(greeting, send) {
    const inputs = Object.entries(NAMES).map(([name, id]) => [name, find(`${id}Input`)]);
    super(greeting, send, Object.fromEntries(inputs));
    this.#country.addEventListener("change", () => this.#arrange());
    this.ongroup(greeting);
    this.onupdate({ options: greeting.options });
  }

  onshow({ setup }) {
    this.#setup = setup;
    super.onshow();
    this.#arrange();
  }

  onupdate({ options }) {
    this.options = { ...this.options, ...options };
    const { country, postal_code: postalCode } = options.defaultValues?.billingDetails?.address ?? {};
    if (country) this.#country.value = country;
    this.#arrange();
    if (postalCode) this.form.fields.postal.text = postalCode;
    this.render();
  }

  ongroup({ appearance, locale, setup = this.#setup }) {
    this.#setup = setup;
    applyAppearance(appearance);
    listCountries(this.#country, locale);
    this.#arrange();
  }

  #arrange() {
    const { fields, terms, business } = this.options;
    const address = typeof fields?.billingDetails === "object" ? fields.billingDetails.address : fields?.billingDetails;
    const country = this.#country.value;
    const asksPostal = WITH_POSTAL_CODE.has(country) && !isNever(address, "postalCode");
    this.form.country = isNever(address, "country") ? undefined : country;
    this.form.hidden = new Set(asksPostal ? [] : ["postal"]);
    find("countryField").hidden = isNever(address, "country");
    find("postalCodeField").hidden = !asksPostal;
    find("terms").hidden = terms?.card === "never" || !(this.#setup || terms?.card === "always");
    find("business").textContent = business?.name ?? "this business";
    this.render();
  }

  render() {
    for (const [name, id] of Object.entries(NAMES)) this.#renderField(name, find(`${id}Error`));
    this.#country.disabled = this.form.busy || Boolean(this.options.readOnly);
    this.#renderBrand(this.form.brand.name);
    const { empty, complete } = this.form;
    const { country = null, postal_code: postalCode = null } = this.form.address();
    const billingDetails = { address: { country, postalCode } };
    this.tell({ empty, complete, collapsed: false, value: { type: "card", billingDetails } });
  }

  #renderField(name, message) {
    const input = this.inputs[name];
    const code = this.form.fields[name].shownProblem;
    const text = code ? MESSAGES[code] : "";
    if (message.textContent !== text) message.textContent = text; // an alert is read out each time it is written
    input.setAttribute("aria-invalid", String(Boolean(code)));
    input.classList.toggle("Input--invalid", Boolean(code));
    input.classList.toggle("Input--empty", input.value === "");
    input.readOnly = this.form.busy || Boolean(this.options.readOnly);
  }

  #renderBrand(name) {
    if (!showBrand(find("brands"), name)) return;
    this.emit("carddetailschange", {
      loading: false,
      details: { brands: name === "unknown" ? null : [name], funding: null },
    });
  }
}

listen((greeting, send) => new PaymentFrame(greeting, send));
