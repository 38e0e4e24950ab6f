import { applyStyle } from "./appearance.js";
import { showBrand } from "./brands.js";
import { listen } from "./channel.js";
import { ElementFrame } from "./element-frame.js";

const box = document.querySelector(".CardField");
const icon = box.querySelector(".CardBrand");
const find = (name) => box.querySelector(`[name=${name}]`);

/** The Card Element: all fields in one line, errors told to the page only, looks from the `style` option. */
class CardFrame extends ElementFrame {
  constructor(greeting, send) {
    const inputs = { number: find("cardnumber"), expiry: find("exp-date"), cvc: find("cvc"), postal: find("postal") };
    super(greeting, send, inputs, { retreats: true });
    inputs.number.addEventListener("focus", () => this.#fold());
    this.onupdate({ options: greeting.options });
  }

  onupdate({ options }) {
    this.options = { ...this.options, ...options };
    const { hidePostalCode, hideIcon, iconStyle, style } = this.options;
    if (options.value?.postalCode !== undefined) this.form.fields.postal.text = options.value.postalCode;
    this.form.hidden = new Set(hidePostalCode ? ["postal"] : []);
    this.inputs.postal.hidden = Boolean(hidePostalCode);
    icon.hidden = Boolean(hideIcon);
    icon.classList.toggle("is-solid", iconStyle === "solid");
    applyStyle(style);
    this.render();
  }

  render() {
    for (const name of Object.keys(this.inputs)) this.#renderField(name);
    const { empty, complete, error, brand } = this.form;
    icon.classList.toggle("is-invalid", Boolean(error));
    showBrand(icon, brand.name);
    this.#fold();
    const postalCode = this.form.address().postal_code ?? "";
    this.tell({ empty, complete, error, value: { postalCode }, brand: brand.name });
  }

  #renderField(name) {
    const input = this.inputs[name];
    const field = this.form.fields[name];
    const invalid = Boolean(field.shownProblem);
    input.setAttribute("aria-invalid", String(invalid));
    input.classList.toggle("is-invalid", invalid);
    input.classList.toggle("is-empty", field.text === "");
    input.classList.toggle("is-complete", !field.problem);
    input.disabled = Boolean(this.options.disabled);
    input.readOnly = this.form.busy;
  }

  /** Where there is no room for all, the number makes way once it is typed: its last digits stay in sight. */
  #fold() {
    const { number } = this.inputs;
    const folded = !this.form.fields.number.problem && document.activeElement !== number;
    box.classList.toggle("is-folded", folded);
    number.scrollLeft = folded ? number.scrollWidth : 0;
  }
}

listen((greeting, send) => new CardFrame(greeting, send));
